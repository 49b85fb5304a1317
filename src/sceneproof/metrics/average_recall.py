"""How many true segments are among the proposals: average recall against their number (ActivityNet, eval_proposal.py).

Classes play no part: a true segment is found by a proposal of its video whose tIoU with it is at least the threshold.
Proposals of equal score: the later first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.matching import Numbers, pairs
from sceneproof.metrics.temporal_segments import Detections, TrueSegments, temporal_iou

STEPS = 100
"""Points of the official curve."""
NEVER = np.iinfo(np.int64).max
"""The place of what no proposal finds."""


@dataclass(frozen=True, slots=True)
class RecallCurve:
    """Recall at a hundred numbers of proposals.

    Attributes:
        proposals: float64 (100,), the average number of proposals a video.
        recall: float64 (K, 100), share of the true segments that are found, at each threshold.
    """

    proposals: NDArray[np.float64]
    recall: NDArray[np.float64]

    @property
    def average(self) -> NDArray[np.float64]:
        """Average recall over the thresholds: float64 (100,)."""
        return np.asarray(self.recall.mean(axis=0))

    @property
    def area(self) -> float:
        """The area under the average, as a share of the largest: 0 to 1, ActivityNet's measure of proposals."""
        return float(np.trapezoid(self.average, self.proposals) / self.proposals[-1])


def average_recall(
    truth: TrueSegments, proposals: Detections, thresholds: ArrayLike, *, a_video: float | None = None
) -> RecallCurve:
    """Recall against the average number of proposals a video, exactly as ActivityNet's evaluation counts them.

    Each video gives the same *share* of its proposals, so long videos, with more of them, give more.

    Args:
        truth: the annotations; only videos with a segment count as videos here.
        proposals: scored segments; their action is not looked at.
        thresholds: K values of tIoU; officially .5, .55, …, .95.
        a_video: the largest average number of proposals a video; by default all there are.

    Raises:
        ValueError: no true segment, or no proposal to use.
    """
    if not len(truth.video) or not len(proposals):
        raise ValueError(f"recall needs true segments and proposals, not {len(truth.video)} and {len(proposals)}")
    videos = np.unique(truth.video)
    most = a_video or len(proposals) / len(videos)
    ratio = most * len(videos) / len(proposals)
    of_video = np.bincount(proposals.video, minlength=truth.videos)[videos]
    used = np.minimum((of_video * ratio).astype(np.int64), of_video)
    if not used.sum():
        raise ValueError(f"{most:g} proposals a video are less than one of each: give a larger number")
    shares = np.arange(1, STEPS + 1) / STEPS * (most * len(videos) / used.sum())
    limits = np.zeros((truth.videos, STEPS), np.int64)
    limits[videos] = np.minimum((used[:, None] * shares).astype(np.int64), used[:, None])
    ranks = first_hits(truth, proposals, thresholds)
    recall = np.stack([(rank[:, None] < limits[truth.video]).mean(axis=0) for rank in ranks])
    return RecallCurve(shares * (used.sum() / len(videos)), recall)


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
