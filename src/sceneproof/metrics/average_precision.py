"""Average precision of detections that are matched already, and its mean over classes.

Evaluators sum the area under the curve of precision over recall in three ways:

    steps        precision at each true positive (THUMOS-14's toolkit)
    envelope     at each true positive the best precision from there on (PASCAL VOC from 2010 on, ActivityNet)
    trapezoids   at each true positive the mean of the precision before and after it; before the first detection it
                 is 1 (the ACT detector's code)
"""

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.matching import Area, Matches, Numbers

Floats = NDArray[np.float64]


def average_precision(matches: Matches) -> Floats:
    """Average precision of each class at each threshold: float64 (K, A), 0 to 1.

    A class with nothing to find gets NaN, and `mean_average_precision` leaves it out; one of which nothing is detected
    gets 0.
    """
    classes = matches.positives.shape[1]
    starts = np.searchsorted(matches.action, np.arange(classes))
    total = matches.positives.sum(axis=0)
    values = np.full((len(matches.right), classes), np.nan)
    for k, (right, counted) in enumerate(zip(matches.right, matches.counted, strict=True)):
        hits = np.flatnonzero(right)
        action = matches.action[hits]
        here = since(right, starts)[hits].astype(np.float64), since(counted, starts)[hits].astype(np.float64)
        precision = heights(*here, np.ones(len(hits)), action=action, area=matches.area)
        sums = np.bincount(action, precision, minlength=classes)
        np.divide(sums, total, out=values[k], where=total > 0)
    return values


def mean_average_precision(values: Floats) -> Floats:
    """The mean over the classes that have one, (..., ): of average precisions (..., A); NaN where none has."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    sums = np.where(known, values, 0.0).sum(axis=-1)
    return np.asarray(np.divide(sums, count, out=np.full(count.shape, np.nan), where=count > 0))


def heights(right: Floats, counted: Floats, weight: Floats, *, action: Numbers, area: Area) -> Floats:
    """What the area adds up at each true positive, float64 (..., n), for each step that the recall makes there.

    Args:
        right: (..., n), true positives of its class up to and with each.
        counted: (..., n), detections of its class up to and with each.
        weight: (..., n) or (n,), how often each counts.
        action: int64 (n,), ascending.
        area: how the area is summed.
    """
    precision = np.divide(right, counted, out=np.zeros_like(right), where=counted > 0)
    if area == "envelope":
        return best_from_here(precision, action)
    if area == "trapezoids":
        others = counted - weight
        before = np.divide(right - weight, others, out=np.ones_like(right), where=others > 0)
        return np.asarray((before + precision) / 2)
    return precision


def best_from_here(precision: Floats, action: Numbers) -> Floats:
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


def since(flags: NDArray[np.bool_], starts: Numbers) -> Numbers:
    """How many are True from the start of one's class up to here: int64 (N,).

    Args:
        flags: bool (N,), classes one after the other.
        starts: int64 (A,), where each class starts.
    """
    before = np.concatenate([[0], np.cumsum(flags)])
    lengths = np.diff(np.append(starts, len(flags)))
    return np.asarray(before[1:] - np.repeat(before[starts], lengths), dtype=np.int64)
