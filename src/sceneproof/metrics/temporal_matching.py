"""Which detections find a true segment: THUMOS-14's and ActivityNet's official ways, which differ.

"thumos" (TH14evalDet_Updated.m of the THUMOS-14 toolkit, as S-CNN carries it): each true segment in turn, in the order
of the annotations, takes the free detection of its class and video that overlaps it most, if their tIoU is *above* the
threshold. Of detections that overlap a segment alike the better one is taken. A detection that is left over and touches
an ambiguous segment does not count; else it is false. Average precision is not interpolated.

"activitynet" (eval_detection.py of ActivityNet): each detection in turn, the best first, takes the free true segment
that it overlaps most, if their tIoU is *at least* the threshold, else it is false; of segments that it overlaps alike
the last. Ambiguous segments are not known. Average precision is interpolated.

Ties of scores: "thumos" sorts stably by video (by name: number your videos so), then by place; in "activitynet" the
later detection comes first, as in the official code wherever its sort is stable.

Recall of proposals, counted as ActivityNet's eval_proposal.py does: classes play no part, a true segment is found by a
proposal of its video whose tIoU with it is at least the threshold, and of equal scores the later stands first.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.average_precision import average_precision
from sceneproof.metrics.matching import Matches, Numbers, pairs, takers
from sceneproof.metrics.temporal_segments import (
    Detections,
    Times,
    TrueSegments,
    grouped_nms,
    intersection,
    temporal_iou,
)

Reading = Literal["thumos", "activitynet"]
BELOW = 0.1
"""How far below the evaluated tIoU the threshold of `nms_by_threshold` lies (S-CNN, R-C3D)."""


def match(
    truth: TrueSegments,
    detections: Detections,
    thresholds: Sequence[float],
    *,
    reading: Reading,
    nms_by_threshold: bool = False,
) -> Matches:
    """Matches detections with true segments of their class and video, at each tIoU threshold.

    Args:
        truth: the annotations.
        detections: in any order; of other videos or classes than the truth knows: an error.
        thresholds: K values of tIoU.
        reading: whose official way, see above.
        nms_by_threshold: for each threshold suppress first, within class and video, what overlaps a better detection
            by more than the threshold less 0.1.

    Raises:
        ValueError: an unknown reading, or a detection of an unknown video or class.
    """
    if reading not in ("thumos", "activitynet"):
        raise ValueError(f"reading {reading!r}: must be thumos or activitynet")
    truth.check(detections.video, detections.action)
    order = _ranked(detections, reading)
    ranked = detections.take(order)
    groups = detections.video * truth.actions + detections.action
    detection, segment = pairs(groups[order], truth.video * truth.actions + truth.action)
    measure = _iou_by_hull if reading == "thumos" else temporal_iou
    overlap = measure(ranked.times[detection], truth.times[segment])
    sorting = (detection, -overlap, segment) if reading == "thumos" else (-segment, -overlap, detection)
    by_turn = np.lexsort(sorting)
    detection, segment, overlap = detection[by_turn], segment[by_turn], overlap[by_turn]
    ignored = _touches_ambiguous(truth, ranked) if reading == "thumos" else np.zeros(len(ranked), np.bool_)
    right = np.zeros((len(thresholds), len(ranked)), np.bool_)
    counted = np.ones_like(right)
    for k, threshold in enumerate(thresholds):
        if nms_by_threshold:
            counted[k] = left_at(detections, truth.actions, threshold)[order]
        close = (overlap > threshold if reading == "thumos" else overlap >= threshold) & counted[k, detection]
        if reading == "thumos":
            right[k] = takers(segment[close], detection[close], len(ranked)) >= 0
        else:
            taker = takers(detection[close], segment[close], len(truth.video))
            right[k, taker[taker >= 0]] = True
        counted[k] &= right[k] | ~ignored
    positives = np.bincount(truth.video * truth.actions + truth.action, minlength=truth.videos * truth.actions)
    return Matches(
        order, ranked.video, ranked.action, right, counted, positives.reshape(truth.videos, truth.actions),
        area="envelope" if reading == "activitynet" else "steps",
    )  # fmt: skip


def left_at(detections: Detections, actions: int, threshold: float) -> NDArray[np.bool_]:
    """Which detections (N,) stay, of those that still want suppression, where they are evaluated at this tIoU."""
    groups = detections.video * actions + detections.action
    return grouped_nms(detections.times, detections.score, groups, max(threshold - BELOW, 0.0))


def _ranked(detections: Detections, reading: Reading) -> Numbers:
    """Places of the detections by class, then score, then as the reading breaks ties."""
    place = np.arange(len(detections))
    ties = (place, detections.video) if reading == "thumos" else (-place,)
    return np.lexsort((*ties, -detections.score, detections.action))


def _iou_by_hull(a: Times, b: Times) -> NDArray[np.float64]:
    """The THUMOS toolkit's tIoU, which divides by the hull of both: the same number but for its last digits.

    These decide where times are rounded and the tIoU is the threshold itself.
    """
    shared = intersection(a, b)
    hull = np.maximum(a[..., 1], b[..., 1]) - np.minimum(a[..., 0], b[..., 0])
    return np.asarray(np.divide(shared, hull, out=np.zeros_like(shared), where=shared > 0))


def _touches_ambiguous(truth: TrueSegments, ranked: Detections) -> NDArray[np.bool_]:
    detection, segment = pairs(ranked.video, truth.ambiguous_video)
    touched = intersection(ranked.times[detection], truth.ambiguous_times[segment]) > 0
    return np.bincount(detection[touched], minlength=len(ranked)) > 0


def temporal_average_precision(
    truth: TrueSegments,
    detections: Detections,
    thresholds: Sequence[float],
    *,
    reading: Reading,
    nms_by_threshold: bool = False,
) -> NDArray[np.float64]:
    """Average precision of each class at each threshold: float64 (K, A), 0 to 1.

    A class without a true segment gets NaN, and `mean_average_precision` leaves it out; one that has segments and no
    detection gets 0.

    Args:
        truth: the annotations.
        detections: in any order.
        thresholds: K values of tIoU.
        reading: "thumos" or "activitynet", which give different figures: name it beside them (`temporal_matching`).
        nms_by_threshold: for each threshold suppress first what overlaps by more than the threshold less 0.1.

    Raises:
        ValueError: an unknown reading, or a detection of an unknown video or class.
    """
    return average_precision(match(truth, detections, thresholds, reading=reading, nms_by_threshold=nms_by_threshold))


NEVER = np.iinfo(np.int64).max
"""The place of what no proposal finds."""


def recall_at(
    truth: TrueSegments,
    proposals: Detections,
    thresholds: Sequence[float] | NDArray[np.float64],
    *,
    counts: Sequence[int],
    nms_by_threshold: bool = False,
) -> NDArray[np.float64]:
    """Share of the true segments found by the N best proposals of their video: float64 (K, len(counts)), 0 to 1.

    The mean over the thresholds is AR@N as papers on THUMOS-14 report it.

    Args:
        truth: the annotations.
        proposals: scored segments; their action is not looked at.
        thresholds: K values of tIoU.
        counts: the values of N.
        nms_by_threshold: for each threshold suppress first, within class and video, what overlaps a better proposal by
            more than the threshold less 0.1: else near-copies of the best ones take the N places.
    """
    if nms_by_threshold:
        left = [proposals.take(left_at(proposals, truth.actions, threshold)) for threshold in thresholds]
        ranks = np.concatenate(
            [first_hits(truth, *each) for each in zip(left, np.reshape(thresholds, (-1, 1)), strict=True)]
        )
    else:
        ranks = first_hits(truth, proposals, thresholds)
    return np.stack([(ranks < count).mean(axis=1) for count in counts], axis=1)


def first_hits(truth: TrueSegments, proposals: Detections, thresholds: ArrayLike) -> Numbers:
    """The place, from 0, of the best proposal that finds each true segment: int64 (K, M); NEVER where none does."""
    order = np.lexsort((-np.arange(len(proposals)), -proposals.score, proposals.video))
    ranked = proposals.take(order)
    place = np.arange(len(ranked)) - np.searchsorted(ranked.video, ranked.video)
    segment, proposal = pairs(truth.video, ranked.video)
    overlap = temporal_iou(ranked.times[proposal], truth.times[segment])
    thresholds = np.asarray(thresholds, dtype=np.float64)
    ranks = np.full((len(thresholds), len(truth.video)), NEVER)
    for k, threshold in enumerate(thresholds):
        close = overlap >= threshold
        np.minimum.at(ranks[k], segment[close], place[proposal[close]])
    return ranks
