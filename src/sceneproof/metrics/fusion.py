"""What two models find in the same places, matched: late fusion of things that are not the same proposals."""

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.matching import Numbers, Overlap, pairs, takers


def partners(
    groups: Numbers, others: Numbers, score: NDArray[np.float64], overlap: Overlap, *, least: float = 0.5
) -> Numbers:
    """Which of M other things goes with each of N: places int64 (N,), -1 where none does. No other goes with two.

    The best of the N has the first turn. Each takes, of the free others of its group that it overlaps enough, the one
    that it overlaps most; of those that it overlaps alike, the first.

    Args:
        groups: int64 (N,), such as one class in one frame.
        others: int64 (M,), the others' groups.
        score: float64 (N,).
        overlap: of things of the N and others, by their places.
        least: overlap that is enough.
    """
    order = np.argsort(-score, kind="stable")
    turn, other = pairs(groups[order], others)
    iou = overlap(order[turn], other)
    close = iou >= least
    turn, other, iou = turn[close], other[close], iou[close]
    wanted = np.lexsort((other, -iou, turn))
    taker = takers(turn[wanted], other[wanted], len(others))
    partner = np.full(len(groups), -1)
    taken = np.flatnonzero(taker >= 0)
    partner[order[taker[taken]]] = taken
    return partner
