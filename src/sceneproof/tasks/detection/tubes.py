"""Tubes: one person's action in consecutive frames.

Boxes are x1, y1, x2, y2 in pixels, x2 and y2 exclusive. Legend: T frames, N boxes of a frame, V videos.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.boxes import box_iou
from sceneproof.metrics.matching import real_numbers
from sceneproof.metrics.suppression import kept_in_groups
from sceneproof.metrics.tubes import FoundTubes, Tubes
from sceneproof.tasks.detection.trimming import trimmed

Floats = NDArray[np.float32]
Boxes = NDArray[np.float32] | NDArray[np.float64]
Numbers = NDArray[np.int64]
BEST = 40
"""How many of a tube's scores make its score: convert2eval.m of Singh et al."""
LEAST_FRAMES = 10
"""Shorter tubes are left out (as there; ACT's code leaves out those under 15)."""


@dataclass(frozen=True, slots=True)
class Tube:
    """One person's action in T consecutive frames.

    Attributes:
        number: of the path that it is a part of: tubes that trimming cut out of one path share it.
        action: class number.
        first: its first frame.
        boxes: float32 (T, 4).
        scores: float32 (T,), of the class in each frame.
        score: the mean of its highest scores.
    """

    number: int
    action: int
    first: int
    boxes: Floats
    scores: Floats
    score: float


def make_tube(number: int, action: int, first: int, boxes: ArrayLike, scores: ArrayLike, *, best: int = BEST) -> Tube:
    """A tube of boxes (T, 4) and scores (T,); its score is the mean of its `best` highest ones."""
    corners, each = real_numbers(boxes, "boxes").reshape(-1, 4), real_numbers(scores, "scores")
    highest = np.sort(np.asarray(scores))[::-1][:best]
    return Tube(
        number, action, first, corners.astype(np.float32), each.astype(np.float32), float(highest.mean(dtype=float))
    )  # fmt: skip


def found_tubes(videos: Sequence[Sequence[Tube]]) -> FoundTubes:
    """The tubes of V videos, in their order, as the metrics take them."""
    every = [tube for tubes in videos for tube in tubes]
    return FoundTubes(
        np.repeat(np.arange(len(videos)), [len(tubes) for tubes in videos]),
        np.array([tube.action for tube in every], np.int64),
        Tubes.stacked([tube.first for tube in every], [tube.boxes for tube in every]),
        np.array([tube.score for tube in every], np.float64),
    )


def best_boxes(boxes: Boxes, action: Numbers, score: Boxes, *, most: int, nms: float) -> Numbers:
    """Places of the boxes of one frame that stay, int64 (n,): the `most` best of each class after suppression.

    Args:
        boxes: (N, 4).
        action: int64 (N,).
        score: (N,).
        most: how many of each class.
        nms: what overlaps a better box of its class by more goes.
    """
    kept = np.flatnonzero(
        kept_in_groups(lambda a, b: box_iou(boxes[a], boxes[b]), np.asarray(score, np.float64), action, nms)
    )
    kept = kept[np.lexsort((-score[kept], action[kept]))]
    return kept[np.arange(len(kept)) - np.searchsorted(action[kept], action[kept]) < most]


def trimmed_tubes(tube: Tube, switch_cost: float, *, best: int = BEST) -> list[Tube]:
    """The stretches of a tube in which its action is done, as tubes of their own; see `trimming`."""
    on = trimmed(tube.scores.tolist(), switch_cost)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    return [
        make_tube(
            tube.number, tube.action, tube.first + start, tube.boxes[start:end], tube.scores[start:end], best=best
        )
        for start, end in edges.reshape(-1, 2).tolist()
    ]
