"""Boxes in frames of many videos as arrays, and how much two overlap: what the metrics of frames share.

Letters: V videos, A actions, M true boxes, N detections. Videos, frames and actions are numbers from 0. Boxes are x1,
y1, x2, y2 in pixels; x2 and y2 are exclusive, so a box of one pixel has the area 1. Evaluators whose corners are both
inside the box add 1 to each side: they see the same areas when they are given x2 - 1 and y2 - 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.matching import Annotations, Numbers, check_fit, check_scores, kept_in_groups, take_numbers

Corners = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrueBoxes(Annotations):
    """Who does what where in which frame: the annotations that detections are held against.

    Attributes:
        video: int64 (M,), from 0 to V - 1.
        frame: int64 (M,), from 0.
        action: int64 (M,), from 0 to A - 1.
        boxes: float64 (M, 4).
        videos: V; a video without a box counts too: what is detected there is false.
        actions: A; a class without a box has no average precision.

    Raises:
        ValueError: lengths that differ, or a number outside its range.
    """

    video: Numbers
    frame: Numbers
    action: Numbers
    boxes: Corners
    videos: int
    actions: int

    def __post_init__(self) -> None:
        """Takes arrays of any kind of number, lists and tensors; refuses those that do not fit together."""
        take_numbers(self, whole=("video", "frame", "action"), real=("boxes",))
        _check(self.boxes, video=self.video, frame=self.frame, action=self.action)
        self.check(self.video, self.action)


@dataclass(frozen=True, slots=True)
class FoundBoxes:
    """What a model says is done where in which frame.

    Attributes:
        video: int64 (N,), numbered as the true boxes' videos.
        frame: int64 (N,), from 0.
        action: int64 (N,), numbered as theirs.
        boxes: float64 (N, 4).
        score: float64 (N,), higher is surer.

    Raises:
        ValueError: lengths that differ, or a score that is not a number.
    """

    video: Numbers
    frame: Numbers
    action: Numbers
    boxes: Corners
    score: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Takes arrays of any kind of number, lists and tensors; refuses those that do not fit together."""
        take_numbers(self, whole=("video", "frame", "action"), real=("boxes", "score"))
        _check(self.boxes, video=self.video, frame=self.frame, action=self.action, score=self.score)
        check_scores(self.score)

    def __len__(self) -> int:
        return len(self.video)

    def take(self, which: Numbers | NDArray[np.bool_]) -> "FoundBoxes":
        """Those of these numbers, in this order, or those where it is True."""
        return FoundBoxes(
            self.video[which], self.frame[which], self.action[which], self.boxes[which], self.score[which]
        )


def box_iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of boxes a (..., 4) and b (..., 4), broadcast against each other: 0 to 1.

    A box whose corners are the wrong way round has no area; 0 where the union is empty.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return iou_of_areas(a, b, box_area(a), box_area(b))


def iou_of_areas(a: Corners, b: Corners, area_a: Corners, area_b: Corners) -> NDArray[np.float64]:
    """`box_iou` of boxes whose areas (...) are known: that is quicker where each box is compared with many."""
    # column by column: NumPy is slow along an axis of two
    shared = np.asarray(np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0]))
    height = np.asarray(np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1]))
    np.maximum(shared, 0.0, out=shared)
    shared *= np.maximum(height, 0.0, out=height)
    union = area_a + area_b - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def box_area(boxes: Corners) -> Corners:
    """The area of boxes (..., 4), in pixels: (...)."""
    width, height = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    return np.asarray(np.maximum(width, 0.0) * np.maximum(height, 0.0))


def box_nms(detections: FoundBoxes, threshold: float) -> NDArray[np.bool_]:
    """Which detections stay after suppression within each frame and class: bool (N,).

    What overlaps a better box of its frame and class by *more* than the threshold goes. Frame-mAP is usually taken
    after suppression at .3 (ACT's code).

    Args:
        detections: in any order.
        threshold: on the intersection over union, from 0.
    """
    groups = frame_keys(detections.video, detections.frame)
    actions = int(detections.action.max(initial=0)) + 1
    return kept_in_groups(
        lambda a, b: box_iou(detections.boxes[a], detections.boxes[b]),
        detections.score,
        groups * actions + detections.action,
        threshold,
    )


def frame_keys(video: Numbers, frame: Numbers, *, frames: int | None = None) -> Numbers:
    """One number for each frame of each video, int64 (N,): video * frames + frame.

    Args:
        video: int64 (N,).
        frame: int64 (N,), from 0.
        frames: more than the largest number of a frame; by default one more.
    """
    return np.asarray(video * (int(frame.max(initial=0)) + 1 if frames is None else frames) + frame)


def _check(boxes: Corners, **columns: NDArray[np.int64] | NDArray[np.float64]) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes has the shape {boxes.shape}, not (N, 4)")
    for name, numbers in columns.items():
        check_fit(numbers, boxes, name, "boxes")
    if len(columns["frame"]) and columns["frame"].min() < 0:
        raise ValueError(f"frame numbers from {columns['frame'].min()}: they start from 0")
