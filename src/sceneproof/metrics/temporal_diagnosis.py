"""What is wrong with false detections, after Alwassel et al., Diagnosing Error in Temporal Action Detectors, ECCV 2018.

A detection that matches no true segment (in ActivityNet's reading, at the threshold alpha) is told by the true segment
of its video, of *any* class, that it overlaps most:

    tIoU >= alpha, its own class       double detection: that segment is another detection's
    tIoU >= alpha, another class       wrong label
    .1 <= tIoU < alpha, its own class  localization
    .1 <= tIoU < alpha, another class  confusion
    tIoU < .1                          background

As in the released code (DETAD, false_positive_analysis.py), detections are looked at class by class, each class's best
first: the G_c best of each class c, G_c being its number of true segments, are "1G", the next G_c "2G", and so on to
10G.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.matching import Matches, Numbers, pairs
from sceneproof.metrics.temporal_segments import Detections, TrueSegments, temporal_iou

NEAR = 0.1
"""The tIoU below which a detection has nothing to do with a true segment (their section 4)."""


class SegmentKind(IntEnum):
    """What a detection is."""

    TRUE_POSITIVE = 0
    DOUBLE_DETECTION = 1
    WRONG_LABEL = 2
    LOCALIZATION = 3
    CONFUSION = 4
    BACKGROUND = 5


def kinds(
    truth: TrueSegments, detections: Detections, matches: Matches, threshold: float, *, k: int = 0
) -> NDArray[np.int64]:
    """What each detection is, a `SegmentKind`: int64 (N,), in the order of the detections.

    Of true segments that it overlaps alike the first tells what it is.

    Args:
        truth: the annotations.
        detections: what was matched.
        matches: of these detections, in the reading "activitynet", without suppression by threshold.
        threshold: alpha, the tIoU that `matches` has at its place `k`.
        k: that place.
    """
    detection, segment = pairs(detections.video, truth.video)
    overlap = temporal_iou(detections.times[detection], truth.times[segment])
    order = np.lexsort((segment, -overlap, detection))
    heads = order[np.flatnonzero(np.diff(detection[order], prepend=-1))]
    nearest, own = np.zeros(len(detections)), np.zeros(len(detections), np.bool_)
    nearest[detection[heads]] = overlap[heads]
    own[detection[heads]] = truth.action[segment[heads]] == detections.action[detection[heads]]
    right = np.zeros(len(detections), np.bool_)
    right[matches.order] = matches.right[k]
    kind = np.select(
        [right, nearest >= threshold, nearest >= NEAR],
        [
            np.full(len(own), SegmentKind.TRUE_POSITIVE),
            np.where(own, SegmentKind.DOUBLE_DETECTION, SegmentKind.WRONG_LABEL),
            np.where(own, SegmentKind.LOCALIZATION, SegmentKind.CONFUSION),
        ],
        SegmentKind.BACKGROUND,
    )
    return kind.astype(np.int64)


def kind_counts(of: Numbers, matches: Matches, *, slices: int = 10) -> NDArray[np.int64]:
    """How many detections of each kind there are among the best: int64 (slices, 6).

    Row j holds those between the j·G_c and the (j + 1)·G_c best of each class c, as the released code draws them; the
    cumulated sum over rows holds all of the best (j + 1)·G_c. Shares are these over their sums.

    Args:
        of: int64 (N,), what `kinds` says.
        matches: that it was said with.
        slices: how many.
    """
    place = np.arange(len(of)) - np.searchsorted(matches.action, matches.action)
    positives = matches.positives.sum(axis=0)[matches.action]
    known = positives > 0
    row = place[known] // positives[known]
    within = row < slices
    cells = row[within] * len(SegmentKind) + of[matches.order[known]][within]
    return np.bincount(cells, minlength=slices * len(SegmentKind)).reshape(slices, len(SegmentKind))
