"""Two models on the same videos: is one right more often than chance would have it?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest

from sceneproof.metrics.bootstrap import Interval, mean_interval, paired_interval


@dataclass(frozen=True, slots=True)
class McNemar:
    """The exact test of McNemar (1947), on the videos on which only one of two models is right.

    Attributes:
        only_a: how many only the first names rightly.
        only_b: how many only the second does.
        p: how probable so lopsided a split, or a more lopsided one to either side, is if both are equally good.
    """

    only_a: int
    only_b: int
    p: float


@dataclass(frozen=True, slots=True)
class PairedAccuracy:
    """Accuracy of two models on the same N videos, 0 to 1.

    Attributes:
        a: of the first.
        b: of the second.
        difference: a less b, paired.
        test: whether they differ.
        videos: N.
    """

    a: Interval
    b: Interval
    difference: Interval
    test: McNemar
    videos: int


def paired_accuracy(a: ArrayLike, b: ArrayLike) -> PairedAccuracy:
    """Compares two models, with 95 % bootstrap intervals over videos and the exact test.

    Args:
        a: bool (N,), where the first model is right; False for a video that could not be read.
        b: bool (N,), of the second, in the same order.

    Raises:
        ValueError: no videos, or unequal lengths.
    """
    a, b = np.asarray(a, dtype=np.bool_), np.asarray(b, dtype=np.bool_)
    difference = paired_interval(a[None], b[None])
    return PairedAccuracy(mean_interval(a), mean_interval(b), difference, mcnemar(a, b), len(a))


def mcnemar(a: ArrayLike, b: ArrayLike) -> McNemar:
    """The exact two-sided test: only the videos on which one of both is right speak, each a fair coin.

    p = min(1, 2 P(X <= min(only_a, only_b))), X binomial of only_a + only_b tosses; 1 where they never differ.

    Args:
        a: bool (N,), where the first model is right.
        b: bool (N,), of the second.

    Raises:
        ValueError: unequal lengths.
    """
    a, b = np.asarray(a, dtype=np.bool_), np.asarray(b, dtype=np.bool_)
    if a.shape != b.shape:
        raise ValueError(f"both models must have seen the same videos, not {len(a)} and {len(b)}")
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    differ = only_a + only_b
    return McNemar(only_a, only_b, float(binomtest(only_a, differ).pvalue) if differ else 1.0)
