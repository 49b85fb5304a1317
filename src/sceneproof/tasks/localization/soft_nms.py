"""Soft non-maximum suppression: what overlaps a better segment loses score, not its place."""

import numpy as np

from sceneproof.types import Segments


def soft_nms(segments: Segments, *, sigma: float = 0.5, least: float = 0.001, most: int = 200) -> Segments:
    """The best segments, each action by itself: overlaps lower a score by exp(-tIoU² / sigma).

    The best segment of all is taken, then those of its action that overlap it are lowered, and so on. Actions do not
    meet, so this is each one's own suppression, and the first `most` taken are the best of all.

    Args:
        segments: N segments, in any order.
        sigma: how forgiving: the greater, the less is lost.
        least: segments that fall below this score are dropped.
        most: how many to keep.

    Returns:
        At most `most` segments with their lowered scores, best first.

    Source: Bodla et al., "Soft-NMS", ICCV 2017, the Gaussian one; as ActionFormer uses it.
    """
    order = np.argsort(segments.action, kind="stable")
    action, score = segments.action[order], segments.score[order].copy()
    start, end = segments.times[order].T
    length = end - start
    taken: list[int] = []
    scores: list[float] = []
    while len(taken) < min(most, len(score)):
        best = int(score.argmax())
        if score[best] < least:
            break
        taken.append(best)
        scores.append(float(score[best]))
        same = slice(*np.searchsorted(action, [action[best], action[best] + 1]))
        shared = np.clip(np.minimum(end[best], end[same]) - np.maximum(start[best], start[same]), 0, None)
        overlap = shared / np.maximum(length[best] + length[same] - shared, 1e-12)
        score[same] *= np.exp(-(overlap**2) / sigma)
        score[best] = -1.0  # not again; a product leaves it below zero
    return Segments(segments.times[order][taken], action[taken], np.asarray(scores, dtype=np.float64))
