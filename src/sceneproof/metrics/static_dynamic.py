"""How much of a representation encodes what stands still, and how much what moves.

Kowal, Siam, Islam, Bruce, Wildes and Derpanis, "A Deeper Dive Into What Deep Spatiotemporal Networks Encode", CVPR 2022;
code YorkUCVIL/Static-Dynamic-Interpretability, `dim_est` in utils.py at commit 747fff2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.bootstrap import Interval, percentile_interval, resampled

DRAWS = 1000
JOINT = 0.5
"""Correlation above which a channel counts as encoding a factor; the paper's joint encoding tries several."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class StaticDynamic:
    """Shares of D dimensions.

    Attributes:
        static: share that encodes what two clips of the same look and another motion have in common.
        dynamic: share that encodes what two clips of the same motion and another look have in common.
        residual: the rest.
        channels: float64 (2, D), each channel's correlation over static and over dynamic pairs; NaN where it is constant.
    """

    static: Interval
    dynamic: Interval
    residual: Interval
    channels: Array

    def kinds(self, threshold: float = JOINT) -> dict[str, float]:
        """Shares of channels by what they encode: 'static', 'dynamic', 'joint' or 'none', 0 to 1."""
        static, dynamic = np.nan_to_num(self.channels) > threshold
        kinds = {"static": static & ~dynamic, "dynamic": dynamic & ~static, "joint": static & dynamic}
        return {name: float(there.mean()) for name, there in kinds.items()} | {
            "none": float((~static & ~dynamic).mean())
        }


def static_dynamic(
    static: tuple[ArrayLike, ArrayLike], dynamic: tuple[ArrayLike, ArrayLike], *, seed: int = 0
) -> StaticDynamic:
    """Estimates shares of dimensions from pairs of clips.

    A factor's score is the covariance of the pairs' representations, summed over channels, over the sum of the variances of
    all clips; the residual's is 1; shares are the softmax of the scores. An untrained network's lie near a third each, and
    none goes beyond .58 or below .13: compare models, do not read shares as they stand. Theirs are pairs of stylised videos
    (static: frames shuffled; dynamic: another style); which pairs are given here is the caller's choice.

    Args:
        static: features (N, D) of clips, and of clips that look alike and move in another way, in the same order.
        dynamic: features (M, D) of clips, and of clips that move alike and look otherwise.
        seed: of the resampling of pairs, 95 % intervals.

    Raises:
        ValueError: fewer than two pairs of a kind, or other widths.
    """
    (static_a, static_b), (dynamic_a, dynamic_b) = (
        tuple(np.asarray(one, dtype=np.float64) for one in pair) for pair in (static, dynamic)
    )
    if (
        static_a.shape != static_b.shape
        or dynamic_a.shape != dynamic_b.shape
        or static_a.shape[1:] != dynamic_a.shape[1:]
    ):
        raise ValueError("pairs need one shape (pairs, channels), and all the same channels")
    if min(len(static_a), len(dynamic_a)) < 2:
        raise ValueError("at least two pairs of each kind are needed")
    pairs = (_Pairs(static_a, static_b), _Pairs(dynamic_a, dynamic_b))
    generator = np.random.default_rng(seed)
    whole = _shares(pairs, [np.ones((1, len(one))) for one in pairs])[:, 0]
    drawn = _shares(pairs, [resampled(generator, DRAWS, len(one)) for one in pairs])
    intervals = [percentile_interval(float(value), row, 0.95) for value, row in zip(whole, drawn, strict=True)]
    return StaticDynamic(*intervals, np.stack([one.correlations() for one in pairs]))


class _Pairs:
    """Representations a and b (N, D) of pairs, with what weighted moments are taken of."""

    def __init__(self, a: Array, b: Array) -> None:
        self.a, self.b = a, b
        self.middle = (a + b) / 2
        self.product = (a * b).sum(1)
        self.squares = (a**2 + b**2).sum(1) / 2

    def __len__(self) -> int:
        return len(self.a)

    def correlations(self) -> Array:
        """Of each channel: the covariance of a and b about their common mean, over their common variance."""
        mean = self.middle.mean(0)
        variance = np.concatenate([self.a, self.b]).var(0)
        covariance = ((self.a - mean) * (self.b - mean)).mean(0)
        return np.asarray(np.where(variance > 0, covariance / np.where(variance > 0, variance, 1), np.nan))


def _shares(pairs: tuple[_Pairs, _Pairs], counts: list[Array]) -> Array:
    """Shares of static, dynamic and residual, (3, draws), of pairs that come up `counts` (draws, N) times."""
    sizes = [count.sum(1) for count in counts]
    means = [(count @ one.middle) / size[:, None] for one, count, size in zip(pairs, counts, sizes, strict=True)]
    joint = [(count @ one.product) / size for one, count, size in zip(pairs, counts, sizes, strict=True)]
    total = sizes[0] + sizes[1]
    mean = (means[0] * sizes[0][:, None] + means[1] * sizes[1][:, None]) / total[:, None]
    squares = sum(count @ one.squares for one, count in zip(pairs, counts, strict=True)) / total
    variance = squares - (mean**2).sum(1)
    scores = [
        (one - (centre**2).sum(1)) / np.maximum(variance, 1e-12) for one, centre in zip(joint, means, strict=True)
    ]
    powers = np.exp(np.stack([*scores, np.ones_like(scores[0])]))
    return np.asarray(powers / powers.sum(0))
