"""Tubes: one person's action in consecutive frames, and when in these it is done.

Boxes are x1, y1, x2, y2 in pixels, x2 and y2 exclusive. Legend: T frames, N boxes of a frame, V videos.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.boxes import box_iou
from sceneproof.metrics.matching import kept_in_groups, real_numbers
from sceneproof.metrics.tubes import FoundTubes, Tubes


class Trimmer:
    """Labels frames as they come so that, over all of them, the labelling is the best there is.

    The best labelling maximises the sum of `score` over frames of the action and `1 - score` over frames of the
    background, less `switch_cost` for each change (Saha et al. 2016; Singh et al. 2017; the
    released code labels by all classes at once). With two states it follows from one number, by how much the best
    labelling that ends in the action beats the best that ends in the background. Beyond the cost of a change, every
    best labelling of what may follow goes through this state here; within, this frame has the label of the next. So a
    frame waits for its label until the number leaves that band, and nothing but the number is kept.

    Args:
        switch_cost: from 0; 3 and 5 in the released code of Singh et al.
    """

    def __init__(self, switch_cost: float) -> None:
        self.switch_cost = switch_cost
        self._lead = 0.0

    def step(self, score: float) -> bool | None:
        """What this frame and all that wait are: True the action, False background, None not known yet.

        Args:
            score: of the class in this frame, 0 to 1.
        """
        cost = self.switch_cost
        self._lead = min(max(self._lead, -cost), cost) + 2 * score - 1
        if abs(self._lead) <= cost:
            return None
        return self._lead > 0

    @property
    def leads(self) -> bool:
        """What the frames that wait are if no more come: whether the action has the better labelling, and no tie."""
        return self._lead > 0


def trimmed(scores: Iterable[float], switch_cost: float) -> NDArray[np.bool_]:
    """The best labelling of a whole tube: bool (T,), where its action is done.

    Args:
        scores: (T,), of the class in each frame, 0 to 1.
        switch_cost: what each change of the label costs.
    """
    trimmer, labels, waiting = Trimmer(switch_cost), [], 0
    for score in scores:
        waiting += 1
        label = trimmer.step(score)
        if label is not None:
            labels += [label] * waiting
            waiting = 0
    return np.array([*labels, *[trimmer.leads] * waiting], np.bool_)


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
    """The stretches of a tube in which its action is done, as tubes of their own; see `Trimmer`."""
    on = trimmed(tube.scores.tolist(), switch_cost)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    return [
        make_tube(
            tube.number, tube.action, tube.first + start, tube.boxes[start:end], tube.scores[start:end], best=best
        )
        for start, end in edges.reshape(-1, 2).tolist()
    ]
