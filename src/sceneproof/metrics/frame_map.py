"""Frame-mAP: mean average precision of boxes, frame by frame, in the readings of two official evaluators.

Both take detections by score; each takes the free true box of its class and frame that it overlaps most, if their
intersection over union is *at least* the threshold, else it is false. They differ in how average precision is summed:

"act" (frameAP of ACT.py, the ACT detector's code: Kalogeiton et al. 2017; MOC's is a copy): trapezoids under the curve
as it is, which starts at precision 1.

"voc" (utils/evaluation.py of Singh et al. 2017): PASCAL VOC's way from 2010 on: at each recall the best precision from
there on. (The frameAp.m beside it lets a detection take a true box of another class, where its own is in the frame
too.)

So name the reading beside a figure. Ties of scores: the earlier detection first; of boxes that it overlaps alike it
takes the first. Suppression is apart: `boxes.box_nms`.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.average_precision import average_precision
from sceneproof.metrics.boxes import FoundBoxes, TrueBoxes, box_iou, frame_keys
from sceneproof.metrics.matching import Area, Matches, Numbers, finders, pairs

Reading = Literal["act", "voc"]
AREAS: dict[Reading, Area] = {"act": "trapezoids", "voc": "envelope"}


def frame_average_precision(
    truth: TrueBoxes, detections: FoundBoxes, thresholds: Sequence[float], *, reading: Reading
) -> NDArray[np.float64]:
    """Average precision of each class at each threshold: float64 (K, A), 0 to 1.

    A class without a true box gets NaN, and `mean_average_precision` leaves it out (the ACT detector's code cannot have
    one, Singh's counts it as 0); one that has boxes and no detection gets 0.

    Args:
        truth: the annotations.
        detections: in any order.
        thresholds: K values of the intersection over union; .5 in most papers.
        reading: "act" or "voc", which give different figures: name it beside them.

    Raises:
        ValueError: an unknown reading, or a detection of an unknown video or class.
    """
    return average_precision(match_boxes(truth, detections, thresholds, reading=reading))


def match_boxes(truth: TrueBoxes, detections: FoundBoxes, thresholds: Sequence[float], *, reading: Reading) -> Matches:
    """Matches detections with true boxes of their class and frame, at each threshold.

    Args:
        truth: the annotations.
        detections: in any order.
        thresholds: K values of the intersection over union.
        reading: whose official way, see above.

    Raises:
        ValueError: an unknown reading, or a detection of an unknown video or class.
    """
    area = area_of(reading)
    truth.check(detections.video, detections.action)
    order = ranked(detections.action, detections.score)
    frames = int(max(truth.frame.max(initial=0), detections.frame.max(initial=0))) + 1
    cells = frame_keys(truth.video, truth.frame, frames=frames) * truth.actions + truth.action
    looked_in = frame_keys(detections.video, detections.frame, frames=frames) * truth.actions + detections.action
    detection, box = pairs(looked_in[order], cells)
    overlap = box_iou(detections.boxes[order[detection]], truth.boxes[box])
    right = finders(detection, box, overlap, thresholds, detections=len(detections), truths=len(truth.video))
    positives = count_positives(truth.video, truth.action, truth.videos, truth.actions)
    return Matches(
        order, detections.video[order], detections.action[order], right, np.ones_like(right), positives, area
    )


def area_of(reading: Reading) -> Area:
    """How a reading sums average precision; raises ValueError where it is unknown."""
    if reading not in AREAS:
        raise ValueError(f"reading {reading!r}: must be act or voc")
    return AREAS[reading]


def ranked(action: Numbers, score: NDArray[np.float64]) -> Numbers:
    """Places of detections by class, in each the best first and of equal ones the earlier: int64 (N,)."""
    return np.lexsort((-score, action))


def count_positives(video: Numbers, action: Numbers, videos: int, actions: int) -> Numbers:
    """How much there is to find of each class in each video: int64 (V, A)."""
    return np.bincount(video * actions + action, minlength=videos * actions).reshape(videos, actions)
