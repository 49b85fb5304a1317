"""What a table of scenes says of each clip, read a piece at a time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneproof.addresses import Address
from sceneproof.data.scenes import checked, list_of_names
from sceneproof.errors import InputError
from sceneproof.labelling.check.tables import LabelledClips, LabelTable
from sceneproof.labelling.places365 import scene_is_indoor, scene_names

COLUMNS = {"scenes": ("video", "probabilities")}
SHOWN = 3
"""The likeliest scenes that are kept of each clip."""
PIECE = 4096  # rows; of 365 scenes 6 MB


@dataclass(frozen=True)
class Scenes:
    """Figures of the scene labels of N clips.

    Attributes:
        table: where they come from.
        names: S scene names.
        labelled: bool (N,), whether a clip has a label.
        entropy: float64 (N,), in nats, 0 to ln S.
        top: int64 (N, at most 3), the likeliest scenes, the first the likeliest.
        probabilities: float32, likewise: theirs.
        indoor: float64 (N,), the probability of all indoor scenes; None where the names are not Places365's.
        mean: float64 (S,), each scene's probability, the mean over the labels.
        failures: why a clip has no label, by its row.
    """

    table: LabelTable
    names: list[str]
    labelled: NDArray[np.bool_]
    entropy: NDArray[np.float64]
    top: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    indoor: NDArray[np.float64] | None
    mean: NDArray[np.float64]
    failures: dict[int, str]

    @classmethod
    def read(cls, path: Address, clips: LabelledClips) -> "Scenes":
        """Reads a table of scenes in one pass.

        Raises:
            InputError: no such table, no scene names in it, vectors that are no probabilities, two rows for one video,
                or a table of another data set.
        """
        table = LabelTable.open(path, COLUMNS)
        names = list_of_names(table.metadata.get("names", []), str(table.path))
        if not names:
            raise InputError(f"{path}: the table does not name its scenes: make it with `sceneproof label scenes`")
        inside = indoor_scenes(names)
        kept = min(SHOWN, len(names))
        labelled, entropy = np.zeros(len(clips), np.bool_), np.full(len(clips), np.nan)
        top, best = np.zeros((len(clips), kept), np.int64), np.zeros((len(clips), kept), np.float32)
        indoor, total, first_row = np.full(len(clips), np.nan), np.zeros(len(names)), 0
        for group in table.groups:
            for piece in table.pieces(group, COLUMNS["scenes"], rows=PIECE):
                rows = piece.to_pandas()
                vectors = checked(rows["probabilities"], rows["video"], len(names), str(path), first=first_row)
                clip = clips.rows(piece["video"])
                first_row += len(piece)
                clip, vectors = clip[clip >= 0], vectors[clip >= 0]
                if labelled[clip].any() or len(np.unique(clip)) < len(clip):
                    raise InputError(
                        f"{path}: two rows for one video, up to row {first_row - 1}: leave one of them out"
                    )
                labelled[clip], entropy[clip] = True, entropies(vectors)
                top[clip] = np.argsort(-vectors, axis=1, kind="stable")[:, :kept]
                best[clip] = np.take_along_axis(vectors, top[clip], axis=1)
                if inside is not None:
                    indoor[clip] = vectors[:, inside].sum(1, dtype=np.float64)
                total += vectors.sum(0, dtype=np.float64)
        failures = clips.known(table.failures())
        table.refuse_other_data(len(clips), int(labelled.sum()) + len(failures))
        mean = total / max(total.sum(), 1)  # each vector sums to 1
        return cls(table, names, labelled, entropy, top, best, indoor if inside is not None else None, mean, failures)


def entropies(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Shannon's entropy of each probability vector (N, S), in nats: float64 (N,)."""
    exact = vectors.astype(np.float64)
    logs = np.log(exact, out=np.zeros_like(exact), where=exact > 0)
    return np.asarray(-(exact * logs).sum(1) + 0.0)  # never -0


def indoor_scenes(names: list[str]) -> NDArray[np.bool_] | None:
    """Which scenes are indoors, bool (S,), where all of them are Places365's; else None."""
    known = dict(zip(scene_names(), scene_is_indoor(), strict=True))
    if not set(names) <= set(known):
        return None
    return np.array([known[name] for name in names], np.bool_)
