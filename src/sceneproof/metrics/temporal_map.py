"""Mean average precision of temporal localization, in THUMOS-14's and in ActivityNet's official reading."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.temporal_matching import Matches, Reading, match
from sceneproof.metrics.temporal_segments import Detections, Numbers, TrueSegments


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


def average_precision(matches: Matches) -> NDArray[np.float64]:
    """Average precision of each class at each threshold, (K, A), of detections that are matched already."""
    classes = matches.positives.shape[1]
    starts = np.searchsorted(matches.action, np.arange(classes))
    total = matches.positives.sum(axis=0)
    values = np.full((len(matches.right), classes), np.nan)
    for k, (right, counted) in enumerate(zip(matches.right, matches.counted, strict=True)):
        found = np.flatnonzero(right)
        action = matches.action[found]
        precision = _since(right, starts)[found] / _since(counted, starts)[found]
        if matches.interpolated:
            precision = best_from_here(precision, action)
        sums = np.bincount(action, precision, minlength=classes)
        np.divide(sums, total, out=values[k], where=total > 0)
    return values


def mean_average_precision(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over the classes that have one, (..., ): of average precisions (..., A); NaN where none has."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    sums = np.where(known, values, 0.0).sum(axis=-1)
    return np.asarray(np.divide(sums, count, out=np.full(count.shape, np.nan), where=count > 0))


def best_from_here(precision: NDArray[np.float64], action: Numbers) -> NDArray[np.float64]:
    """The best precision at this and at all later true positives of a class: (..., n).

    Args:
        precision: (..., n), at each true positive, classes one after the other, the best score first.
        action: int64 (n,), ascending.
    """
    best = np.empty_like(precision)
    starts = np.flatnonzero(np.diff(action, prepend=-1))
    for start, end in zip(starts, np.append(starts[1:], len(action)), strict=False):
        best[..., start:end] = np.maximum.accumulate(precision[..., start:end][..., ::-1], axis=-1)[..., ::-1]
    return best


def _since(flags: NDArray[np.bool_], starts: Numbers) -> NDArray[np.int64]:
    """How many are True from the start of one's class up to here: int64 (N,)."""
    before = np.concatenate([[0], np.cumsum(flags)])
    lengths = np.diff(np.append(starts, len(flags)))
    return np.asarray(before[1:] - np.repeat(before[starts], lengths), dtype=np.int64)
