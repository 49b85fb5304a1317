"""What is wrong with false boxes, after Kalogeiton et al., Action Tubelet Detector, ICCV 2017.

As in the released code (frameAP_error of ACT.py), a detection that matches no true box is told by what its frame and
its video show:

    localization     its frame shows its class: the box is not where it should be, or found twice
    classification   its frame shows other classes only, and it overlaps one of them by the threshold or more
    time             its frame shows nothing, but its video shows its class at other times
    other            anything else

Each kind's share among the detections, as a function of recall, has an area as average precision is the area under the
share of right ones. These areas and the share of true boxes that no detection finds ("missed") sum to 1: they say where
the average precision went.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.average_precision import since
from sceneproof.metrics.boxes import FoundBoxes, TrueBoxes, box_iou, frame_keys
from sceneproof.metrics.matching import Matches, Numbers, pairs


class BoxKind(IntEnum):
    """What a detection is; MISSED is what a true box is that none finds."""

    RIGHT = 0
    LOCALIZATION = 1
    CLASSIFICATION = 2
    TIME = 3
    OTHER = 4
    MISSED = 5


def kinds(truth: TrueBoxes, detections: FoundBoxes, matches: Matches, threshold: float, *, k: int = 0) -> Numbers:
    """What each detection is, a `BoxKind` other than MISSED: int64 (N,), in the order of the detections.

    Args:
        truth: the annotations.
        detections: what was matched.
        matches: of these detections, in the reading "act".
        threshold: the intersection over union that `matches` has at its place `k`.
        k: that place.
    """
    frames = int(max(truth.frame.max(initial=0), detections.frame.max(initial=0))) + 1
    shown, looked_at = (frame_keys(boxes.video, boxes.frame, frames=frames) for boxes in (truth, detections))
    own = np.isin(looked_at * truth.actions + detections.action, shown * truth.actions + truth.action)
    some = np.isin(looked_at, shown)
    foreign = np.flatnonzero(some & ~own)
    detection, box = pairs(looked_at[foreign], shown)
    close = box_iou(detections.boxes[foreign[detection]], truth.boxes[box]) >= threshold
    confused = np.zeros(len(detections), np.bool_)
    confused[foreign[detection[close]]] = True
    right = np.zeros(len(detections), np.bool_)
    right[matches.order] = matches.right[k]
    in_time = matches.positives[detections.video, detections.action] > 0
    told = np.select(
        [right, own, confused, in_time & ~some],
        [BoxKind.RIGHT, BoxKind.LOCALIZATION, BoxKind.CLASSIFICATION, BoxKind.TIME],
        BoxKind.OTHER,
    )
    return told.astype(np.int64)


def error_areas(of: Numbers, matches: Matches, *, k: int = 0) -> NDArray[np.float64]:
    """Average precision and where the rest of it went, class by class: float64 (A, 6), by `BoxKind`, rows sum to 1.

    The first column is average precision in the reading "act". A class without a true box has NaN.

    Args:
        of: int64 (N,), what `kinds` says.
        matches: that it was said with.
        k: the place of the threshold in it.
    """
    classes = matches.positives.shape[1]
    starts = np.searchsorted(matches.action, np.arange(classes))
    hits = np.flatnonzero(matches.right[k])
    action = matches.action[hits]
    place = hits - starts[action]  # how many stand before it
    total = matches.positives.sum(axis=0)
    areas = np.full((classes, len(BoxKind)), np.nan)
    for kind in BoxKind:
        if kind is BoxKind.MISSED:
            sums = (total - np.bincount(action, minlength=classes)).astype(np.float64)
        else:
            with_it = since(of[matches.order] == kind, starts)[hits]
            before = with_it - (kind is BoxKind.RIGHT)
            # as precision is, the share of right ones is 1 before the first detection
            nothing = np.full(len(hits), float(kind is BoxKind.RIGHT))
            share = with_it / (place + 1) + np.divide(before, place, out=nothing, where=place > 0)
            sums = np.bincount(action, share / 2, minlength=classes)
        np.divide(sums, total, out=areas[:, kind], where=total > 0)
    return areas
