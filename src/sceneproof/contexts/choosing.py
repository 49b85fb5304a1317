"""Which background goes with which clip: by the seed, the clip's id and the kind alone, never by order or process."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.errors import InputError

Swap = Literal["random", "close", "far", "same"]

CLOSE = 5
"""Actions that count as close: each action of HAT's released pairs (data/actionswap_close_*.pickle) has at most 5."""


def generator(seed: int, video: str, kind: str) -> np.random.Generator:
    """Random numbers that follow from these three alone."""
    digest = hashlib.sha256(f"{seed}\0{video}\0{kind}".encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, np.uint32).tolist())


@dataclass(frozen=True)
class Nobody:
    """Why there is no partner for a clip."""

    reason: str


class Partners:
    """The videos whose backgrounds a clip may get.

    A partner is never of the clip's own group, since clips of one film share their scene; and, but for a swap within
    the action, not of its scene where the manifest tells the scenes of both. First an action is drawn, then one of its
    videos: each action with equal chance, so that SBErr is not ruled by the most frequent one.

    Args:
        manifest: the clips; of one split, where a swap is not to cross splits.
        people: ids of the videos whose people are known: only these can be emptied, and be partners.
        distances: float (A, A) between the manifest's actions in sorted order, symmetric. None: from the manifest's
            scenes, where each row has one; else there is no close and no far.
    """

    def __init__(
        self, manifest: Manifest, people: Collection[str], *, distances: NDArray[np.float64] | None = None
    ) -> None:
        rows = manifest.rows
        self.actions = manifest.actions
        known = np.array([video in people for video in rows["video"]], bool)
        nothing = pd.Series([None] * len(rows), dtype=object)
        groups, scenes = (rows.get(name, nothing) for name in ("group", "scene"))
        self._facts = {
            str(video): (str(action), _text(group), _text(scene))
            for video, action, group, scene in zip(rows["video"], rows["action"], groups, scenes, strict=True)
        }
        self._of: dict[str, list[str]] = {action: [] for action in self.actions}
        for video in sorted(rows["video"][known]):
            self._of[self._facts[video][0]].append(video)
        if distances is None and all(scene for _, _, scene in self._facts.values()):
            distances = scene_distances(manifest)
        if distances is not None and distances.shape != (len(self.actions), len(self.actions)):
            raise InputError(
                f"{manifest.name}: the distances between actions are {'x'.join(map(str, distances.shape))}, but the "
                f"manifest has {len(self.actions)} actions: give a row and a column for each, in sorted order"
            )
        self._distances = distances

    def action(self, video: str) -> str:
        """What is done in a video."""
        return self._facts[video][0]

    def unable(self, swap: Swap) -> str:
        """Why no clip at all can have this swap; empty where some can."""
        if swap == "same":
            return ""
        if swap == "random":
            return self._alike()
        if self._distances is None:
            return "no distance between actions is known: give a table of scene labels, or scenes in the manifest"
        if len(self.actions) < 3:
            return "close and far need at least 3 actions"
        apart = self._distances[~np.eye(len(self.actions), dtype=bool)]
        return "" if np.ptp(apart) > 0 else "the places of all actions are equally far apart"

    def _alike(self) -> str:
        """What all clips have in common, where that forbids every swap across actions."""
        if len(self.actions) < 2:
            return "the manifest has one action only"
        for what, places in (("scene", 2), ("group", 1)):
            values = {fact[places] for fact in self._facts.values()}
            if len(values) == 1 and "" not in values:
                return f"all clips are of one {what} ({next(iter(values))})"
        return ""

    def among(self, action: str, swap: Swap) -> list[str]:
        """The actions that a partner may have, sorted.

        Close are the `CLOSE` nearest, or a quarter of the others where that is fewer; far is the farther half of the
        others, as HAT's released pairs have it: no action is both.
        """
        others = [other for other in self.actions if other != action]
        if swap == "same":
            return [action]
        if swap == "random" or self._distances is None:
            return others
        away = self._distances[self.actions.index(action)]
        # names break ties, so that the order of equal distances is the same everywhere
        ordered = sorted(others, key=lambda other: (float(away[self.actions.index(other)]), other))
        near = max(1, min(CLOSE, len(others) // 4))
        return sorted(ordered[:near] if swap == "close" else ordered[-max(1, len(others) // 2) :])

    def partner(self, video: str, swap: Swap, *, seed: int) -> str | Nobody:
        """The id of the video whose background a clip gets, or why there is none."""
        if reason := self.unable(swap):
            return Nobody(reason)
        action, group, scene = self._facts[video]
        elsewhere = "" if swap == "same" else scene
        allowed = {
            other: kept
            for other in self.among(action, swap)
            if (kept := [name for name in self._of[other] if name != video and self._apart(name, group, elsewhere)])
        }
        if not allowed:
            whose = {"same": "the same", "random": "another"}.get(swap, f"a {swap}")
            return Nobody(f"no other video of {whose} action has known people and is of another group and scene")
        rng = generator(seed, video, f"swap {swap}")
        chosen = sorted(allowed)[int(rng.integers(len(allowed)))]
        return allowed[chosen][int(rng.integers(len(allowed[chosen])))]

    def _apart(self, other: str, group: str, scene: str) -> bool:
        _, its_group, its_scene = self._facts[other]
        return not (group and group == its_group) and not (scene and scene == its_scene)


def scene_distances(manifest: Manifest, table: SceneTable | None = None) -> NDArray[np.float64]:
    """How far apart the places of two actions are: float64 (A, A), 0 to 1, for the manifest's actions in sorted order.

    The total variation distance between the actions' mean scene vectors: half of the sum of absolute differences.

    Args:
        manifest: the clips.
        table: their scene labels; videos that it lacks are left out. None: the manifest's own scenes.

    Raises:
        InputError: an action without a single label, or the table of another data set.
    """
    rows = manifest.rows
    if table is not None:
        vectors, known = table.rows_for([str(video) for video in rows["video"]])
    else:
        names = sorted(set(rows["scene"]))
        vectors = (rows["scene"].to_numpy()[:, None] == np.array(names, object)[None]).astype(np.float32)
        known = np.ones(len(rows), bool)
    means = []
    for action in manifest.actions:
        labelled = known & (rows["action"] == action).to_numpy()
        if not labelled.any():
            raise InputError(f"{manifest.name}: no video of the action {action!r} has a scene label: label them first")
        means.append(vectors[labelled].mean(0, dtype=np.float64))
    centres = np.stack(means)
    return np.asarray(np.abs(centres[:, None] - centres[None]).sum(-1) / 2)


def pick(items: Sequence[str], seed: int, video: str, kind: str) -> str:
    """One of the items, whatever their order."""
    ordered = sorted(items)
    return ordered[int(generator(seed, video, kind).integers(len(ordered)))]


def _text(value: object) -> str:
    """A cell's text; empty where nothing is known."""
    return "" if value is None or pd.isna(value) else str(value)  # type: ignore[call-overload]  # of any cell
