"""Geometry of boxes: rows of x1, y1, x2, y2 in pixels, x2 and y2 exclusive."""

import numpy as np
from numpy.typing import NDArray

from sceneproof.data.tracks import intersection_over_union


def suppressed(found: NDArray[np.float32], overlap: float) -> NDArray[np.float32]:
    """Non-maximum suppression: the boxes of which no better one is left that they overlap by more than `overlap`.

    Args:
        found: (K, 5): x1, y1, x2, y2, score.
        overlap: the IoU that two boxes may have.

    Returns:
        float32 (at most K, 5), the best score first; of equal ones, the first given.
    """
    waiting = found[np.argsort(-found[:, 4], kind="stable")]
    kept = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        waiting = waiting[intersection_over_union(best[None, :4], waiting[:, :4])[0] <= overlap]
    return np.stack(kept) if kept else found[:0]


def clipped(boxes: NDArray[np.float32], height: float, width: float) -> NDArray[np.float32]:
    """The parts of boxes (K, 4 or more columns) inside a picture; those without any area there are left out."""
    inside = boxes.copy()
    inside[:, :4] = boxes[:, :4].clip(0, (width, height, width, height))
    kept: NDArray[np.float32] = inside[(inside[:, 2] > inside[:, 0]) & (inside[:, 3] > inside[:, 1])]
    return kept
