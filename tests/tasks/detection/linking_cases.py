"""Boxes made by a formula: the same numbers here and where others' code was run on them."""

import numpy as np
from numpy.typing import NDArray

FRAMES, ACTIONS = 60, 3
Floats = NDArray[np.float64]


def linking() -> list[tuple[Floats, Floats]]:
    """Sixty frames of boxes (K, 4) with scores for each of three classes (K, 3); people come and go."""
    n = np.arange(14)
    frames = []
    for t in range(FRAMES):
        there = (n * 7 + t // 9) % 5 > 1
        x = n * 37 % 110 + t * ((n % 3) - 1) * 1.2 + np.sin(n * 2.3 + t * 1.7) * 4
        y = n * 29 % 70 + np.cos(n + t * 0.9) * 3
        boxes = np.round(np.stack([x, y, x + 40 + n % 4 * 6, y + 45 + n % 3 * 9], axis=1), 1)
        score = [(n * 0.618 + t * 0.137 + action * 0.31) % 1 * 0.9 + 0.05 for action in range(ACTIONS)]
        frames.append((boxes[there], np.stack(score, axis=1)[there]))
    return frames


def rows(boxes: Floats, scores: Floats) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Boxes, actions and scores, one row a box and class: of boxes (K, 4) with scores (K, A)."""
    actions = scores.shape[1]
    return np.repeat(boxes, actions, axis=0), np.tile(np.arange(actions), len(boxes)), scores.ravel()
