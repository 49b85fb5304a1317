"""Non-maximum suppression within groups, whatever it is that overlaps: of what overlaps much, the best stays."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.matching import Numbers

Overlap = Callable[[Numbers, Numbers], NDArray[np.float64]]
"""The intersection over union, float64 (P,), of things with these places and things with those, int64 (P,) each."""


def kept_in_groups(
    overlap: Overlap, scores: NDArray[np.float64], groups: Numbers, threshold: float
) -> NDArray[np.bool_]:
    """Which of N things stay: bool (N,).

    Greedy, in each group: the best stays and drops all whose overlap with it is *above* the threshold, then the best of
    the rest. Among equal scores the last comes first, as in the code of Girshick's nms.m, from which most others stem.

    Args:
        overlap: of pairs of them.
        scores: float64 (N,).
        groups: int64 (N,), which group each belongs to, such as one class in one video.
        threshold: on the overlap, from 0.
    """
    kept = np.zeros(len(scores), np.bool_)
    left = np.lexsort((-np.arange(len(scores)), -scores, groups))
    while len(left):  # one round keeps the best that is left of each group
        heads = np.flatnonzero(np.diff(groups[left], prepend=groups[left[0]] - 1))
        best = left[heads]
        kept[best] = True
        over = overlap(left, np.repeat(best, np.diff(heads, append=len(left)))) > threshold
        over[heads] = True
        left = left[~over]
    return kept
