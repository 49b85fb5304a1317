"""How far a figure can be trusted: percentile bootstrap over videos and over training seeds (Efron 1979)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 10_000  # the ends of a 95 % interval then move by about a hundredth of its width from seed to seed
CELLS = 4_000_000  # numbers drawn at once, to bound the memory


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the interval around it, all in the figure's own unit."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0

    @property
    def negative(self) -> "Interval":
        """That of the figure with the other sign: what is gained, of what is lost."""
        return Interval(-self.value, -self.high, -self.low)


def mean_interval(values: ArrayLike, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0) -> Interval:
    """The mean of one value a video, with a percentile bootstrap interval over videos.

    Args:
        values: (N,), finite: for accuracy 1 where right and 0 where wrong or missed.
        level: the interval's confidence.
        draws: how many resamples.
        seed: of the resampling; the same seed gives the same interval.

    Raises:
        ValueError: no values.
    """
    values = np.asarray(values, dtype=np.float64)
    return _crossed(values[None, :], level, draws, seed)


def median_interval(values: ArrayLike, *, level: float = 0.95, draws: int = 2_000, seed: int = 0) -> Interval:
    """The median of one value a video, with a percentile bootstrap interval over videos.

    Args:
        values: (N,), finite.
        level: the interval's confidence.
        draws: how many resamples.
        seed: of the resampling.

    Raises:
        ValueError: no values.
    """
    values = np.asarray(values, dtype=np.float64)
    if not values.size:
        raise ValueError("no values to take the median of")
    generator = np.random.default_rng(seed)
    drawn = np.array([np.median(values[generator.integers(len(values), size=len(values))]) for _ in range(draws)])
    return percentile_interval(float(np.median(values)), drawn, level)


def unpaired_interval(
    a: ArrayLike, b: ArrayLike, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """mean(a) - mean(b) of the same training seeds on different videos, with a percentile bootstrap interval.

    Each resample draws R seeds, the same ones for both, and of either side's videos as many as it has.

    Args:
        a: (R, N), a row a training seed, a column a video.
        b: (R, M), of the same seeds in the same order, on other videos.
        level: the interval's confidence.
        draws: how many resamples.
        seed: of the resampling.

    Raises:
        ValueError: other seeds, or nothing in them.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or len(a) != len(b) or not a.size or not b.size:
        raise ValueError(f"values on different videos need the same seeds, not {a.shape} and {b.shape}")
    generator = np.random.default_rng(seed)
    drawn: list[NDArray[np.float64]] = []
    step = max(1, CELLS // max(a.shape[1], b.shape[1]))
    for start in range(0, draws, step):
        count = min(step, draws - start)
        seeds = resampled(generator, count, len(a)) / len(a)
        sides = [resampled(generator, count, side.shape[1]) @ side.T / side.shape[1] for side in (a, b)]
        drawn.append(((sides[0] - sides[1]) * seeds).sum(axis=1))
    return percentile_interval(float(a.mean() - b.mean()), np.concatenate(drawn), level)


def class_interval(
    values: ArrayLike, classes: ArrayLike, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """The mean over classes of each one's mean value, with a percentile bootstrap interval over videos.

    A class that a resample lacks is left out of that resample's mean.

    Args:
        values: (N,), one a video.
        classes: int64 (N,), each video's class.
        level: the interval's confidence.
        draws: how many resamples.
        seed: of the resampling.
    """
    values = np.asarray(values, dtype=np.float64)
    _, number = np.unique(np.asarray(classes), return_inverse=True)
    member = np.eye(int(number.max()) + 1)[number.ravel()]

    def mean(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        sizes = counts @ member
        shares = (counts @ (member * values[:, None])) / np.where(sizes > 0, sizes, 1)
        return np.asarray(shares.sum(axis=1) / (sizes > 0).sum(axis=1))

    generator, step = np.random.default_rng(seed), max(1, CELLS // len(values))
    drawn = [mean(resampled(generator, min(step, draws - start), len(values))) for start in range(0, draws, step)]
    return percentile_interval(float(mean(np.ones((1, len(values))))[0]), np.concatenate(drawn), level)


def paired_interval(a: ArrayLike, b: ArrayLike, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0) -> Interval:
    """mean(a) - mean(b), with a percentile bootstrap interval over seeds and videos.

    Each resample draws R seeds and N videos with replacement, crossed: every drawn seed sees every drawn video, and
    `a` and `b` see the same ones. So what is hard for both methods cancels, and the interval speaks of new
    trainings on new videos. With one seed it speaks of new videos alone; with a handful of seeds it is somewhat too
    narrow, as every bootstrap of few units is.

    Args:
        a: (R, N), a row a training seed, a column a video: 1 where right, 0 where wrong or missed.
        b: (R, N), of the method compared with: the same seeds and videos, in the same order.
        level: the interval's confidence.
        draws: how many resamples.
        seed: of the resampling.

    Raises:
        ValueError: shapes that differ, or nothing in them.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 2:
        raise ValueError(f"paired values need one shape (seeds, videos), not {a.shape} and {b.shape}")
    return _crossed(a - b, level, draws, seed)


def mean_and_std(values: ArrayLike) -> tuple[float, float]:
    """Mean and sample standard deviation (divisor R - 1) of one figure a seed, (R,); the deviation of one is NaN."""
    values = np.asarray(values, dtype=np.float64)
    if not len(values):
        return float("nan"), float("nan")
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _crossed(values: NDArray[np.float64], level: float, draws: int, seed: int) -> Interval:
    """The mean of values (R, N) with its interval under resampling of rows and columns."""
    if not values.size:
        raise ValueError("no values to take the mean of")
    generator = np.random.default_rng(seed)
    rows, columns = values.shape
    means: list[NDArray[np.float64]] = []
    step = max(1, CELLS // columns)
    for start in range(0, draws, step):
        count = min(step, draws - start)
        row_counts, column_counts = resampled(generator, count, rows), resampled(generator, count, columns)
        means.append(((column_counts @ values.T) * row_counts).sum(axis=1) / values.size)
    return percentile_interval(float(values.mean()), np.concatenate(means), level)


def percentile_interval(value: float, drawn: NDArray[np.float64], level: float) -> Interval:
    """The interval between the percentiles of a figure's resampled values (draws,)."""
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def resampled(generator: np.random.Generator, draws: int, size: int) -> NDArray[np.float64]:
    """How often each of `size` things comes up in each resample: float (draws, size), each row sums to `size`."""
    if size == 1:
        return np.ones((draws, 1))
    picks = generator.integers(size, size=(draws, size)) + np.arange(draws)[:, None] * size
    return np.bincount(picks.ravel(), minlength=draws * size).reshape(draws, size).astype(np.float64)
