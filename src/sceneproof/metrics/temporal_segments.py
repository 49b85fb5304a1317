"""Segments of many videos as arrays, how much two overlap, and which stay where many do.

Letters: V videos, A actions, M true segments, Q ambiguous ones, N detections, K thresholds on the temporal intersection
over union (tIoU). Videos and actions are numbers from 0. Times are in one unit, seconds usually.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.matching import Annotations, Numbers, check_fit, check_scores, kept_in_groups, take_numbers

Times = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrueSegments(Annotations):
    """What is done when: the annotations that detections are held against.

    Attributes:
        video: int64 (M,), from 0 to V - 1.
        action: int64 (M,), from 0 to A - 1.
        times: float64 (M, 2), start and end.
        videos: V; a video without a segment counts too: what is detected there is false.
        actions: A; a class without a segment has no average precision.
        ambiguous_video: int64 (Q,), where THUMOS' annotators could not tell: see `temporal_matching`.
        ambiguous_times: float64 (Q, 2).

    Raises:
        ValueError: lengths that differ, or a number outside its range.
    """

    video: Numbers
    action: Numbers
    times: Times
    videos: int
    actions: int
    ambiguous_video: Numbers = field(default_factory=lambda: np.empty(0, np.int64))
    ambiguous_times: Times = field(default_factory=lambda: np.empty((0, 2)))

    def __post_init__(self) -> None:
        """Takes arrays of any kind of number, lists and tensors; refuses those that do not fit together."""
        take_numbers(self, whole=("video", "action", "ambiguous_video"), real=("times", "ambiguous_times"))
        _fit(self.video, self.times, "video")
        _fit(self.action, self.times, "action")
        _fit(self.ambiguous_video, self.ambiguous_times, "ambiguous_video")
        self.check(self.video, self.action)
        self.check(self.ambiguous_video)


@dataclass(frozen=True, slots=True)
class Detections:
    """What a model says is done when.

    Attributes:
        video: int64 (N,), numbered as the true segments' videos.
        action: int64 (N,), numbered as theirs.
        times: float64 (N, 2), start and end.
        score: float64 (N,), higher is surer.

    Raises:
        ValueError: lengths that differ, or a score that is not a number.
    """

    video: Numbers
    action: Numbers
    times: Times
    score: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Takes arrays of any kind of number, lists and tensors; refuses those that do not fit together."""
        take_numbers(self, whole=("video", "action"), real=("times", "score"))
        for name in ("video", "action", "score"):
            _fit(getattr(self, name), self.times, name)
        check_scores(self.score)

    def __len__(self) -> int:
        return len(self.video)

    def take(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> "Detections":
        """Those of these numbers, in this order, or those where it is True."""
        return Detections(self.video[which], self.action[which], self.times[which], self.score[which])


def temporal_iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of segments a (..., 2) and b (..., 2), broadcast against each other: 0 to 1.

    The union is the sum of the lengths less the intersection, as in ActivityNet's evaluation; 0 where it is empty.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    shared = intersection(a, b)
    union = (a[..., 1] - a[..., 0]) + (b[..., 1] - b[..., 0]) - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def intersection(a: Times, b: Times) -> NDArray[np.float64]:
    """How long segments a (..., 2) and b (..., 2) share, from 0."""
    return np.asarray(np.maximum(np.minimum(a[..., 1], b[..., 1]) - np.maximum(a[..., 0], b[..., 0]), 0.0))


def _fit(numbers: NDArray[np.int64] | NDArray[np.float64], times: Times, name: str) -> None:
    if times.ndim != 2 or times.shape[1] != 2:
        raise ValueError(f"times has the shape {times.shape}, not (N, 2)")
    check_fit(numbers, times, name, "times")


def temporal_nms(times: Times, scores: NDArray[np.float64], threshold: float) -> Numbers:
    """Which segments of one group stay: int64 (n,), places of those kept, best first.

    Greedy: the best stays and drops all whose intersection over union with it is *above* the threshold, then the best
    of the rest. Among equal scores the last comes first, as in the code of S-CNN (Shou et al. 2016, nms_temporal.m).

    Args:
        times: float64 (N, 2), start and end.
        scores: float64 (N,).
        threshold: on the intersection over union, from 0.
    """
    kept = grouped_nms(times, scores, np.zeros(len(scores), np.int64), threshold)
    best_first = np.argsort(scores, kind="stable")[::-1]
    return best_first[kept[best_first]]


def grouped_nms(times: Times, scores: NDArray[np.float64], groups: Numbers, threshold: float) -> NDArray[np.bool_]:
    """`temporal_nms` within each group, such as one class in one video, for all groups at once: bool (N,), who stays.

    Args:
        times: float64 (N, 2), start and end.
        scores: float64 (N,).
        groups: int64 (N,), which group each belongs to.
        threshold: on the intersection over union, from 0.
    """
    return kept_in_groups(lambda a, b: temporal_iou(times[a], times[b]), scores, groups, threshold)
