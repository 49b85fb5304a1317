"""How far a difference in mean average precision can be trusted: a bootstrap over videos and training seeds.

Average precision is no mean over videos, so each resample needs it anew. Detections are matched once; a resample only
changes how often what each video shows, true positives and false ones count.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.average_precision import heights, mean_average_precision
from sceneproof.metrics.bootstrap import CELLS, Interval, percentile_interval, resampled
from sceneproof.metrics.matching import Area, Matches, Numbers

DRAWS = 2_000  # the ends of a 95 % interval then move by some hundredths of its width from seed to seed
Draws = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """The n true positives at one threshold, and what stands before each in its class: V videos, A actions.

    Attributes:
        video: int64 (n,).
        action: int64 (n,), ascending.
        right: float64 (n, V), how many true positives of each video there are up to this one.
        counted: float64 (n, V), how many detections, right or false.
        positives: float64 (V, A), how much there is to find.
        area: how the area under the curve is summed.
    """

    video: Numbers
    action: Numbers
    right: Draws
    counted: Draws
    positives: Draws
    area: Area


def paired_map_interval(
    a: Sequence[Matches], b: Sequence[Matches], *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> tuple[list[Interval], Interval]:
    """How much higher the mean average precision of `a` is than that of `b`, with percentile bootstrap intervals.

    Each resample draws R seeds and V videos with replacement, crossed, the same for `a` and `b`, as `paired_interval`
    does; the mean is taken over the classes that have something to find in the videos drawn. One drawn twice has its
    detections twice, and equal ones stand together: precision is taken after the last of them.

    Args:
        a: R training seeds' matches, at the same K thresholds, of the same videos and the same truth.
        b: of the method compared with, the same seeds in the same order.
        level: the intervals' confidence.
        draws: how many resamples.
        seed: of the resampling.

    Returns:
        K intervals, one a threshold, and one for the mean over the thresholds; all as shares, from -1 to 1.

    Raises:
        ValueError: not one match for each seed on both sides, or another truth.
    """
    every = [*a, *b]
    if not a or len(a) != len(b):
        raise ValueError(f"paired matches need the same seeds, one or more, not {len(a)} and {len(b)}")
    positives, thresholds = every[0].positives, len(every[0].right)
    if any(not np.array_equal(matches.positives, positives) or len(matches.right) != thresholds for matches in every):
        raise ValueError("paired matches must be of the same truth at the same thresholds")
    generator = np.random.default_rng(seed)
    of_seeds, of_videos = resampled(generator, draws, len(a)), resampled(generator, draws, len(positives))
    weights = np.concatenate([np.ones((1, len(positives))), of_videos])  # the first is of the videos as they are
    of_seeds = np.concatenate([np.ones((1, len(a))), of_seeds])
    gains = np.zeros((thresholds, draws + 1))
    for k in range(thresholds):
        for r, (plus, minus) in enumerate(zip(a, b, strict=True)):
            gain = weighted_map(curve(plus, k), weights) - weighted_map(curve(minus, k), weights)
            gains[k] += of_seeds[:, r] * gain / len(a)
    each = [percentile_interval(float(row[0]), row[1:], level) for row in gains]
    average = gains.mean(axis=0)
    return each, percentile_interval(float(average[0]), average[1:], level)


def unpaired_map_interval(
    a: Sequence[Matches], b: Sequence[Matches], *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """How much higher the mean average precision of `a` is than that of `b`, on different videos: their mean over K.

    Each resample draws R seeds, the same ones for both, and of either side's videos as many as it has.

    Args:
        a: R training seeds' matches, at K thresholds.
        b: of the same seeds in the same order, on other videos.
        level: the interval's confidence.
        draws: how many resamples.
        seed: of the resampling.

    Raises:
        ValueError: not one match for each seed on both sides.
    """
    if not a or len(a) != len(b):
        raise ValueError(f"matches on different videos need the same seeds, one or more, not {len(a)} and {len(b)}")
    generator = np.random.default_rng(seed)
    of_seeds = np.concatenate([np.ones((1, len(a))), resampled(generator, draws, len(a))]) / len(a)
    lost = np.zeros(draws + 1)
    for sign, side in ((1, a), (-1, b)):
        videos = len(side[0].positives)
        weights = np.concatenate([np.ones((1, videos)), resampled(generator, draws, videos)])
        for r, matches in enumerate(side):
            maps = [weighted_map(curve(matches, k), weights) for k in range(len(matches.right))]
            lost += sign * of_seeds[:, r] * np.mean(maps, axis=0)
    return percentile_interval(float(lost[0]), lost[1:][np.isfinite(lost[1:])], level)


def weighted_map(curve: Curve, weights: Draws) -> Draws:
    """Mean average precision with each video counted as often as said: (draws,) of weights (draws, V), 0 to 1.

    With all weights 1 it is `mean_average_precision`; NaN where no video drawn has anything to find.
    """
    values = np.empty(len(weights))
    step = max(1, CELLS // max(1, len(curve.video)))
    classes = np.eye(curve.positives.shape[1])[curve.action]
    for start in range(0, len(weights), step):
        part = weights[start : start + step]
        right, counted = part @ curve.right.T, part @ curve.counted.T
        weight = part[:, curve.video]
        precision = heights(right, counted, weight, action=curve.action, area=curve.area)
        sums, total = (precision * weight) @ classes, part @ curve.positives
        of_classes = np.divide(sums, total, out=np.full_like(sums, np.nan), where=total > 0)
        values[start : start + step] = mean_average_precision(of_classes)
    return values


def curve(matches: Matches, k: int) -> Curve:
    """What a resample needs of the matches at their threshold number k."""
    hits = np.flatnonzero(matches.right[k])
    action = matches.action[hits]
    return Curve(
        matches.video[hits],
        action,
        _up_to(hits, matches, matches.right[k]),
        _up_to(hits, matches, matches.counted[k]),
        matches.positives.astype(np.float64),
        matches.area,
    )


def _up_to(hits: Numbers, matches: Matches, flags: NDArray[np.bool_]) -> Draws:
    """How many flagged detections of each video stand at or before each of `hits` in its class: float64 (n, V)."""
    videos = len(matches.positives)
    flagged = np.flatnonzero(flags)
    nearest = np.searchsorted(hits, flagged)  # the first true positive at or behind each
    within = nearest < len(hits)
    flagged, nearest = flagged[within], nearest[within]
    within = matches.action[flagged] == matches.action[hits[nearest]]
    cells = nearest[within] * videos + matches.video[flagged[within]]
    counts = np.bincount(cells, minlength=len(hits) * videos).reshape(len(hits), videos).astype(np.float64)
    starts = np.flatnonzero(np.diff(matches.action[hits], prepend=-1))
    for start, end in zip(starts, np.append(starts[1:], len(hits)), strict=False):
        np.cumsum(counts[start:end], axis=0, out=counts[start:end])
    return counts
