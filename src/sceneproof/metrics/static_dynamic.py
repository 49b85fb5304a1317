"""How much of a representation encodes what stands still, and how much what moves.

Kowal, Siam, Islam, Bruce, Wildes and Derpanis, "A Deeper Dive Into What Deep Spatiotemporal Networks Encode:
Quantifying Static vs. Dynamic Information", CVPR 2022; code YorkUCVIL/Static-Dynamic-Interpretability at commit
f552b31: `dim_est` in `utils.py`, pairs in `dataset_factory/StylizedActivityNet.py`. The paper's text was not at hand.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.bootstrap import Interval, percentile_interval, resampled

DRAWS = 1000
JOINT = 0.5
"""Correlation above which a channel counts as encoding a factor: `joint_encoding_thresh` in their code."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class StaticDynamic:
    """What D channels encode, estimated from pairs of clips.

    Attributes:
        static: share of dimensions that encodes what clips of one look and different motion have in common.
        dynamic: share that encodes what clips of one motion and different looks have in common.
        residual: the rest.
        channels: float64 (2, D), each channel's correlation over static and over dynamic pairs, -1 to 1; NaN where it
            is constant in them.
    """

    static: Interval
    dynamic: Interval
    residual: Interval
    channels: Array

    def kinds(self, threshold: float = JOINT) -> dict[str, float]:
        """Shares of channels, 0 to 1, that encode what is 'static', 'dynamic', both ('joint') or 'none'.

        A channel encodes a factor where its correlation is above the threshold.
        """
        static, dynamic = np.nan_to_num(self.channels) > threshold
        kinds = {"static": static & ~dynamic, "dynamic": dynamic & ~static, "joint": static & dynamic}
        return {name: float(encoded.mean()) for name, encoded in kinds.items()} | {
            "none": float((~(static | dynamic)).mean())
        }


def static_dynamic(
    static: tuple[ArrayLike, ArrayLike], dynamic: tuple[ArrayLike, ArrayLike], *, seed: int = 0
) -> StaticDynamic:
    """Estimates shares of dimensions from pairs of clips.

    A factor's score is the covariance of its pairs' two sides about their common mean, summed over channels, over the
    variance of all clips, also summed; the residual's score is 1. Shares are the softmax of the three scores. As these
    lie between about -1 and 1, no share is near 0 or 1: where nothing encodes either factor each still gets .21, and
    one that all channels encode alone gets .42. Compare models; `kinds` counts channels.

    Theirs rounds shares down to whole dimensions; ours does not. Which pairs are given is the caller's choice. Theirs
    are of videos painted in four styles: dynamic, one video in two styles; static, videos of two actions in one style,
    or (`app_shuffle`) a video and its frames shuffled. An audit's static pairs are a clip and its frames shuffled,
    without any style; its dynamic pairs are the person of one clip on two backgrounds, so that what the person looks
    like counts as dynamic there. Its figures are therefore not to be set beside theirs. Where the two kinds of pairs
    differ as a whole, the variance of all clips holds that difference, and both scores are the lower for it.

    Args:
        static: features (N, D) of clips, and of clips that look alike and move in another way, in the same order.
        dynamic: features (M, D) of clips, and of clips that move alike and look otherwise.
        seed: of the resampling of pairs, static and dynamic ones apart, for 95 % intervals.

    Raises:
        ValueError: fewer than two pairs of a kind, other widths, or features that are all the same.
    """
    sides = [np.asarray(side, dtype=np.float64) for side in (*static, *dynamic)]
    if any(side.ndim != 2 or side.shape[1] != sides[0].shape[1] for side in sides) or any(
        len(a) != len(b) for a, b in (sides[:2], sides[2:])
    ):
        raise ValueError(f"pairs need two sides of one shape (pairs, channels), not {[side.shape for side in sides]}")
    if min(map(len, sides)) < 2:
        raise ValueError("at least two pairs of each kind are needed")
    every = np.concatenate(sides)
    if not every.var(axis=0).sum() > 0:
        raise ValueError("the features of all clips are the same: there is nothing to encode")
    static_a, static_b, dynamic_a, dynamic_b = (
        side - every.mean(axis=0) for side in sides
    )  # so squares lose no digits
    pairs = (_ClipPairs(static_a, static_b), _ClipPairs(dynamic_a, dynamic_b))
    generator = np.random.default_rng(seed)
    whole = _shares(pairs, [np.ones((1, len(factor))) for factor in pairs])[:, 0]
    drawn = _shares(pairs, [resampled(generator, DRAWS, len(factor)) for factor in pairs])
    still, moving, rest = (
        percentile_interval(float(value), row, 0.95) for value, row in zip(whole, drawn, strict=True)
    )
    return StaticDynamic(still, moving, rest, np.stack([factor.correlations() for factor in pairs]))


class _ClipPairs:
    """Representations a and b (N, D) of pairs, with what weighted moments are taken of."""

    def __init__(self, a: Array, b: Array) -> None:
        self.a, self.b = a, b
        self.middle = (a + b) / 2
        self.product = (a * b).sum(axis=1)
        self.squares = (a**2 + b**2).sum(axis=1) / 2

    def __len__(self) -> int:
        return len(self.a)

    def correlations(self) -> Array:
        """Of each channel: the covariance of a and b about their common mean, over their common variance."""
        mean = self.middle.mean(axis=0)
        every = np.concatenate([self.a, self.b])
        varying = np.ptp(every, axis=0) > 0
        covariance = ((self.a - mean) * (self.b - mean)).mean(axis=0)
        correlations: Array = np.divide(covariance, every.var(axis=0), out=np.full_like(mean, np.nan), where=varying)
        return correlations


def _shares(pairs: tuple[_ClipPairs, _ClipPairs], counts: list[Array]) -> Array:
    """Shares of static, dynamic and residual, (3, draws), of pairs that come up `counts` (draws, N) times."""
    sizes = [len(factor) for factor in pairs]
    centres = [(count @ factor.middle) / len(factor) for factor, count in zip(pairs, counts, strict=True)]
    mean = (centres[0] * sizes[0] + centres[1] * sizes[1]) / sum(sizes)
    squares = sum(count @ factor.squares for factor, count in zip(pairs, counts, strict=True)) / sum(sizes)
    variance = squares - (mean**2).sum(axis=1)
    scores = []
    for factor, count, centre in zip(pairs, counts, centres, strict=True):
        covariance = (count @ factor.product) / len(factor) - (centre**2).sum(axis=1)
        # a resample may hold copies of one clip only: then nothing varies, and no factor is encoded
        scores.append(np.divide(covariance, variance, out=np.zeros_like(variance), where=variance > 1e-12))
    powers = np.exp(np.stack([*scores, np.ones(len(variance))]))
    return np.asarray(powers / powers.sum(axis=0))
