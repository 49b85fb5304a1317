"""How many true segments are among the best proposals, counted as ActivityNet's eval_proposal.py does.

Classes play no part: a true segment is found by a proposal of its video whose tIoU with it is at least the threshold.
Proposals of equal score: the later first.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.matching import Numbers, pairs
from sceneproof.metrics.temporal_segments import Detections, TrueSegments, temporal_iou

NEVER = np.iinfo(np.int64).max
"""The place of what no proposal finds."""


def recall_at(
    truth: TrueSegments, proposals: Detections, thresholds: ArrayLike, *, counts: Sequence[int]
) -> NDArray[np.float64]:
    """Share of the true segments found by the N best proposals of their video: float64 (K, len(counts)), 0 to 1.

    The mean over the thresholds is AR@N as papers on THUMOS-14 report it.

    Args:
        truth: the annotations.
        proposals: scored segments; their action is not looked at.
        thresholds: K values of tIoU.
        counts: the values of N.
    """
    ranks = first_hits(truth, proposals, thresholds)
    return np.stack([(ranks < count).mean(axis=1) for count in counts], axis=1)


def first_hits(truth: TrueSegments, proposals: Detections, thresholds: ArrayLike) -> Numbers:
    """The place, from 0, of the best proposal that finds each true segment: int64 (K, M); NEVER where none does."""
    order = np.lexsort((-np.arange(len(proposals)), -proposals.score, proposals.video))
    ranked = proposals.take(order)
    place = np.arange(len(ranked)) - np.searchsorted(ranked.video, ranked.video)
    segment, proposal = pairs(truth.video, ranked.video)
    overlap = temporal_iou(ranked.times[proposal], truth.times[segment])
    thresholds = np.asarray(thresholds, dtype=np.float64)
    ranks = np.full((len(thresholds), len(truth.video)), NEVER)
    for k, threshold in enumerate(thresholds):
        close = overlap >= threshold
        np.minimum.at(ranks[k], segment[close], place[proposal[close]])
    return ranks
