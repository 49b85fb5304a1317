"""Ratios of sums over videos, which no mean of one value a video gives: bootstrap of both sums together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.bootstrap import CELLS, DRAWS, Interval, percentile_interval, resampled


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio, or a difference of two.

    Attributes:
        interval: None where a sum below the line is 0.
        left_out: share of the resamples that were left out, since a sum below the line was 0 in them.
    """

    interval: Interval | None
    left_out: float


def ratio_interval(
    above: ArrayLike, below: ArrayLike, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Ratio:
    """sum(above) / sum(below), with a percentile bootstrap interval: both sums are of the same resampled videos.

    Args:
        above: (N,), one value a video.
        below: (N,), at least 0.
        level: the interval's confidence.
        draws: how many resamples.
        seed: of the resampling.

    Raises:
        ValueError: no values, or unequal lengths.
    """
    sums = resampled_sums([above, below], draws=draws, seed=seed)
    return _interval(sums[:, 0], sums[:, 1], sums[:, 1] > 0, level)


def ratio_difference(
    a: tuple[ArrayLike, ArrayLike],
    b: tuple[ArrayLike, ArrayLike],
    *,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> Ratio:
    """One ratio of sums less another, of the same videos: all four sums are resampled together.

    Args:
        a: above and below the line, (N,) each, as in `ratio_interval`.
        b: of what is compared with, the same videos in the same order.
        level: the interval's confidence.
        draws: how many resamples; those in which either ratio has nothing below the line are left out.
        seed: of the resampling.
    """
    sums = resampled_sums([*a, *b], draws=draws, seed=seed)
    known = (sums[:, 1] > 0) & (sums[:, 3] > 0)
    return _interval(sums[:, 0] * sums[:, 3] - sums[:, 2] * sums[:, 1], sums[:, 1] * sums[:, 3], known, level)


def resampled_sums(columns: list[ArrayLike], *, draws: int, seed: int) -> NDArray[np.float64]:
    """Sums of K columns (N,) over the videos, then over each resample of them: float64 (1 + draws, K).

    Raises:
        ValueError: no values, or unequal lengths.
    """
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    if len({array.shape for array in arrays}) != 1 or not len(arrays[0]):
        raise ValueError(f"sums need columns of one length, one or more, not {[array.shape for array in arrays]}")
    values = np.stack(arrays, axis=1)
    generator, step = np.random.default_rng(seed), max(1, CELLS // len(values))
    parts = [resampled(generator, min(step, draws - done), len(values)) @ values for done in range(0, draws, step)]
    return np.concatenate([values.sum(axis=0, keepdims=True), *parts])


def _interval(above: NDArray[np.float64], below: NDArray[np.float64], known: NDArray[np.bool_], level: float) -> Ratio:
    """Of values (1 + draws,), the first being of the videos as they are."""
    left_out = 1 - float(known[1:].mean())
    if not known[0] or left_out == 1:
        return Ratio(None, left_out)
    drawn = known[1:]
    return Ratio(percentile_interval(float(above[0] / below[0]), above[1:][drawn] / below[1:][drawn], level), left_out)
