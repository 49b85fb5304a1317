"""Tubes, which are boxes in consecutive frames, as arrays, and how much two overlap.

Letters: V videos, A actions, M true tubes, N detected ones, L boxes of all tubes, P pairs. Frames are numbers from 0;
boxes as in `metrics.boxes`. A tube has a box in each frame from its first to its last.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.boxes import Corners, box_area, iou_of_areas
from sceneproof.metrics.matching import (
    Annotations,
    Numbers,
    check_fit,
    check_scores,
    kept_in_groups,
    real_numbers,
    take_numbers,
    whole_numbers,
)

ROWS = 1_000_000  # pairs of boxes compared at once, to bound the memory


@dataclass(frozen=True, slots=True)
class Tubes:
    """Boxes of N tubes, one tube after the other.

    Attributes:
        first: int64 (N,), the first frame of each.
        length: int64 (N,), how many frames it has, 1 or more.
        boxes: float64 (L, 4), L being the sum of the lengths.
        areas: float64 (L,), of the boxes.

    Raises:
        ValueError: lengths that differ, a tube without a frame, or a frame before 0.
    """

    first: Numbers
    length: Numbers
    boxes: Corners
    areas: Corners = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Takes arrays of any kind of number, lists and tensors; refuses those that do not fit together."""
        take_numbers(self, whole=("first", "length"), real=("boxes",))
        check_fit(self.first, self.length, "first", "length")
        if len(self.length) and (self.length.min() < 1 or self.first.min() < 0):
            raise ValueError(f"tubes of {self.length.min()} frames and more, from frame {self.first.min()} on")
        if self.boxes.shape != (self.length.sum(), 4):
            raise ValueError(f"boxes has the shape {self.boxes.shape}, not ({self.length.sum()}, 4)")
        object.__setattr__(self, "areas", box_area(self.boxes))  # known once: a box is compared with many

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def stacked(cls, first: Sequence[int], boxes: Sequence[ArrayLike]) -> "Tubes":
        """Of each tube's first frame and its boxes (frames, 4)."""
        each = [real_numbers(corners, "boxes").reshape(-1, 4) for corners in boxes]
        length = np.array([len(corners) for corners in each], np.int64)
        return cls(whole_numbers(first, "first").reshape(-1), length, np.concatenate([np.zeros((0, 4)), *each]))

    @property
    def starts(self) -> Numbers:
        """Where each tube's boxes start: int64 (N,)."""
        return np.asarray(np.cumsum(self.length) - self.length)

    def take(self, which: Numbers | NDArray[np.bool_]) -> "Tubes":
        """Those of these numbers, in this order, or those where it is True."""
        length = self.length[which]
        within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        return Tubes(self.first[which], length, self.boxes[np.repeat(self.starts[which], length) + within])


@dataclass(frozen=True, slots=True)
class TrueTubes(Annotations):
    """Who does what where, from when to when: the annotations that tubes are held against.

    Attributes:
        video: int64 (M,), from 0 to V - 1.
        action: int64 (M,), from 0 to A - 1.
        tubes: M tubes.
        videos: V; a video without a tube counts too: what is detected there is false.
        actions: A; a class without a tube has no average precision.

    Raises:
        ValueError: lengths that differ, or a number outside its range.
    """

    video: Numbers
    action: Numbers
    tubes: Tubes
    videos: int
    actions: int

    def __post_init__(self) -> None:
        """Takes arrays of any kind of number, lists and tensors; refuses those that do not fit together."""
        take_numbers(self, whole=("video", "action"))
        for name in ("video", "action"):
            check_fit(getattr(self, name), self.tubes.first, name, "tubes")
        self.check(self.video, self.action)


@dataclass(frozen=True, slots=True)
class FoundTubes:
    """What a model says is done where, from when to when.

    Attributes:
        video: int64 (N,), numbered as the true tubes' videos.
        action: int64 (N,), numbered as theirs.
        tubes: N tubes.
        score: float64 (N,), higher is surer.

    Raises:
        ValueError: lengths that differ, or a score that is not a number.
    """

    video: Numbers
    action: Numbers
    tubes: Tubes
    score: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Takes arrays of any kind of number, lists and tensors; refuses those that do not fit together."""
        take_numbers(self, whole=("video", "action"), real=("score",))
        for name in ("video", "action", "score"):
            check_fit(getattr(self, name), self.tubes.first, name, "tubes")
        check_scores(self.score)

    def __len__(self) -> int:
        return len(self.video)

    def take(self, which: Numbers | NDArray[np.bool_]) -> "FoundTubes":
        """Those of these numbers, in this order, or those where it is True."""
        return FoundTubes(self.video[which], self.action[which], self.tubes.take(which), self.score[which])


def tube_iou(a: Tubes, of_a: Numbers, b: Tubes, of_b: Numbers, *, least_shared: int = 1) -> NDArray[np.float64]:
    """Spatio-temporal intersection over union of pairs of tubes: float64 (P,), 0 to 1.

    The temporal intersection over union times the mean spatial one over the frames that both have (iou3dt of the ACT
    detector's code; compute_spatio_temporal_iou.m of Singh et al. 2017): the mean over all frames that one of them has,
    with 0 where only one is there.

    Args:
        a: tubes.
        of_a: int64 (P,), which of them.
        b: tubes.
        of_b: int64 (P,), which of them.
        least_shared: pairs that share fewer frames do not overlap.
    """
    begin = np.maximum(a.first[of_a], b.first[of_b])
    last_a, last_b = a.first[of_a] + a.length[of_a], b.first[of_b] + b.length[of_b]
    shared = np.minimum(last_a, last_b) - begin
    union = np.maximum(last_a, last_b) - np.minimum(a.first[of_a], b.first[of_b])
    values = np.zeros(len(of_a))
    # from a frame to the place of its box, for each pair
    shift_a, shift_b = (a.starts - a.first)[of_a], (b.starts - b.first)[of_b]
    meeting = np.flatnonzero(shared >= max(least_shared, 1))
    parts = np.cumsum(shared[meeting]) // ROWS
    for part in np.split(meeting, np.flatnonzero(np.diff(parts)) + 1) if len(meeting) else []:
        count = shared[part]
        starts = np.cumsum(count) - count
        row_a = np.repeat(begin[part] + shift_a[part] - starts, count)
        row_a += np.arange(len(row_a))
        row_b = row_a + np.repeat((shift_b - shift_a)[part], count)
        of_frames = iou_of_areas(
            a.boxes.take(row_a, axis=0), b.boxes.take(row_b, axis=0), a.areas.take(row_a), b.areas.take(row_b)
        )
        values[part] = np.add.reduceat(of_frames, starts) / count * (count / union[part])
    return values


def tube_nms(detections: FoundTubes, threshold: float = 0.3) -> NDArray[np.bool_]:
    """Which tubes stay after suppression within each video and class: bool (N,).

    What overlaps a better tube of its video and class by *more* than the threshold goes (nms3dt of the ACT detector's
    code, which takes .3).

    Args:
        detections: in any order.
        threshold: on the spatio-temporal intersection over union, from 0.
    """
    actions = int(detections.action.max(initial=0)) + 1
    return kept_in_groups(
        lambda a, b: tube_iou(detections.tubes, a, detections.tubes, b),
        detections.score,
        detections.video * actions + detections.action,
        threshold,
    )
