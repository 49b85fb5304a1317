"""Non-maximum suppression in time: of segments that overlap much, the best stays."""

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.matching import Numbers
from sceneproof.metrics.suppression import kept_in_groups
from sceneproof.metrics.temporal_segments import Times, temporal_iou


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
