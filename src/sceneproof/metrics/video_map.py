"""Video-mAP: mean average precision of tubes, in the readings of two official evaluators.

Both take tubes by score; each takes the free true tube of its class and video that it overlaps most, if that is enough,
else it is false. How much two tubes overlap: `tubes.tube_iou`.

"act" (videoAP of ACT.py, the ACT detector's code: Kalogeiton et al. 2017; MOC's is a copy): *at least* the threshold is
enough; trapezoids under the curve as it is, which starts at precision 1.

"voc" (get_PR_curve.m of Singh et al. 2017): *above* the threshold; tubes that share a single frame do not overlap; at
each recall the best precision from there on, as PASCAL VOC does it from 2010 on.

So name the reading beside a figure. Ties of scores: the earlier tube first; of true tubes that it overlaps alike it
takes the first. Suppression is apart: `tubes.tube_nms`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.average_precision import average_precision
from sceneproof.metrics.frame_map import Reading, area_of, count_positives, ranked
from sceneproof.metrics.matching import Matches, finders, pairs
from sceneproof.metrics.tubes import FoundTubes, TrueTubes, tube_iou

THRESHOLDS = (0.2, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
"""What papers report: .2, .5, .75, and the mean over .5 to .95."""


def video_average_precision(
    truth: TrueTubes, detections: FoundTubes, thresholds: Sequence[float] = THRESHOLDS, *, reading: Reading
) -> NDArray[np.float64]:
    """Average precision of each class at each threshold: float64 (K, A), 0 to 1.

    A class without a true tube gets NaN, and `mean_average_precision` leaves it out (the ACT detector's code cannot
    have one, Singh's counts it as 0); one that has tubes and no detection gets 0.

    Args:
        truth: the annotations.
        detections: in any order.
        thresholds: K values of the spatio-temporal intersection over union.
        reading: "act" or "voc", which give different figures: name it beside them.

    Raises:
        ValueError: an unknown reading, or a tube of an unknown video or class.
    """
    return average_precision(match_tubes(truth, detections, thresholds, reading=reading))


def match_tubes(
    truth: TrueTubes, detections: FoundTubes, thresholds: Sequence[float] = THRESHOLDS, *, reading: Reading
) -> Matches:
    """Matches tubes with true ones of their class and video, at each threshold.

    Args:
        truth: the annotations.
        detections: in any order.
        thresholds: K values of the spatio-temporal intersection over union.
        reading: whose official way, see above.

    Raises:
        ValueError: an unknown reading, or a tube of an unknown video or class.
    """
    area, voc = area_of(reading), reading == "voc"
    truth.check(detections.video, detections.action)
    order = ranked(detections.action, detections.score)
    cells = truth.video * truth.actions + truth.action
    detection, tube = pairs((detections.video * truth.actions + detections.action)[order], cells)
    overlap = tube_iou(detections.tubes, order[detection], truth.tubes, tube, least_shared=2 if voc else 1)
    right = finders(
        detection, tube, overlap, thresholds, detections=len(detections), truths=len(truth.video), above=voc
    )
    positives = count_positives(truth.video, truth.action, truth.videos, truth.actions)
    return Matches(
        order, detections.video[order], detections.action[order], right, np.ones_like(right), positives, area
    )
