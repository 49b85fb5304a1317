"""The scene label table: one soft vector a video."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.addresses import Address, Place
from sceneproof.data.tables import read_table, write_table
from sceneproof.errors import InputError
from sceneproof.wording import counted


@dataclass(frozen=True)
class SceneTable:
    """Soft scene labels.

    Attributes:
        videos: ids, as in the manifest.
        probabilities: float32 (N, S), each row sums to 1: the mean over frames of the labeller's posteriors.
        names: S scene names.
        labeller: what made them.
        source: what to call the table in messages.

    Raises:
        InputError: names that are one text, or two rows of one video.
    """

    videos: Sequence[str]
    probabilities: NDArray[np.float32]
    names: Sequence[str]
    labeller: str
    source: str = "scenes"

    def __post_init__(self) -> None:
        """Takes lists and arrays of any kind of number; refuses names that are no list, and videos told twice."""
        object.__setattr__(self, "names", list_of_names(self.names, self.source))
        object.__setattr__(self, "probabilities", np.asarray(self.probabilities, np.float32))
        refuse_twice(self.videos, self.source)

    @classmethod
    def read(cls, path: Address | Place) -> "SceneTable":
        """Reads and checks a scene table.

        Raises:
            InputError: missing file or column, rows of unequal length, values that are no probabilities, two rows of
                one video, names that are no list.
        """
        rows, metadata = read_table(path, "scenes", ("video", "probabilities"))
        names = list_of_names(metadata.get("names", []), str(path))
        vectors = checked(rows["probabilities"], rows["video"], len(names), str(path))
        return cls(list(rows["video"]), vectors, names, str(metadata.get("labeller", "")), str(path))

    def write(self, path: Address | Place) -> None:
        """Writes the table, whole or not at all."""
        rows = pd.DataFrame({"video": list(self.videos), "probabilities": list(self.probabilities)})
        write_table(path, rows, "scenes", names=list(self.names), labeller=self.labeller)

    def shuffled(self, videos: Sequence[str], seed: int) -> "SceneTable":
        """A control: the labels of these videos, each given to another of them at random."""
        vectors, labelled = self.rows_for(videos)
        known = np.flatnonzero(labelled)
        moved = vectors[np.random.default_rng(seed).permutation(known)]
        return replace(self, videos=[videos[int(place)] for place in known], probabilities=moved)

    def rows_for(self, videos: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Vectors (N, S) in the order of `videos`, and which of them have one (the others are zero).

        Raises:
            InputError: not one of the videos has a label: the table is of another data set.
        """
        place = {video: row for row, video in enumerate(self.videos)}
        rows = np.array([place.get(video, -1) for video in videos])
        if len(videos) and not (rows >= 0).any():
            raise InputError(
                f"{self.source}: no video that is asked for ({counted(len(videos), 'video')}) is in this scene table "
                f"(it holds {', '.join(list(self.videos)[:2])}, …; asked for {', '.join(list(videos)[:2])}, …): "
                f"is it the table of another data set?"
            )
        vectors = np.where(rows[:, None] >= 0, self.probabilities[rows], np.float32(0))
        return vectors.astype(np.float32), rows >= 0


def list_of_names(names: object, source: str) -> list[str]:
    """The scene names of a table.

    Raises:
        InputError: one text, whose letters would pass for names, or anything else that is no list of texts.
    """
    several = list(names) if isinstance(names, list | tuple | np.ndarray | pd.Series | pd.Index) else None
    if several is None or not all(isinstance(name, str) for name in several):
        raise InputError(
            f"{source}: the scene names must be a list of texts, one a scene, not {type(names).__name__} "
            f"{str(names)[:60]!r}"
        )
    return [str(name) for name in several]


def refuse_twice(videos: Sequence[str], source: str) -> None:
    """Refuses two rows for one video, of which nobody knows the right one.

    Raises:
        InputError: names the second row.
    """
    twice = pd.Series(list(videos), dtype=object).duplicated().to_numpy()
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise InputError(
            f"{source}: row {row}: a second row for the video {videos[row]!r} ({int(twice.sum())} rows are such): a "
            f"video has one vector of scenes: leave the others out"
        )


def checked(
    vectors: "pd.Series[Any]", videos: "pd.Series[Any]", scenes: int, source: str, *, first: int = 0
) -> NDArray[np.float32]:
    """Scene vectors of a table as one array, float32 (N, S).

    Args:
        vectors: N sequences of S numbers.
        videos: the ids that they belong to.
        scenes: S.
        source: what to call the table in messages.
        first: the row of the table that the first of these is.

    Raises:
        InputError: a vector is missing or of another length, or its values are no probabilities; names the row.
    """
    for row, vector in enumerate(vectors):
        if vector is None or len(vector) != scenes:
            raise InputError(
                f"{source}: row {first + row} ({videos.iat[row]}): {0 if vector is None else len(vector)} "
                f"probabilities, but the table names {scenes} scenes"
            )
    array = np.array(vectors.tolist(), dtype=np.float32).reshape(len(vectors), scenes)
    bad = np.flatnonzero(~(np.isfinite(array).all(1) & (array >= 0).all(1) & (abs(array.sum(1) - 1) < 1e-2)))
    if len(bad):
        raise InputError(
            f"{source}: row {first + bad[0]} ({videos.iat[bad[0]]}): the values are no probabilities: "
            f"they must be finite, at least 0 and sum to 1"
        )
    return array
