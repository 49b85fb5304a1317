"""Mean average precision of temporal localization, in THUMOS-14's and in ActivityNet's official reading."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.average_precision import average_precision
from sceneproof.metrics.temporal_matching import Reading, match
from sceneproof.metrics.temporal_segments import Detections, TrueSegments


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
