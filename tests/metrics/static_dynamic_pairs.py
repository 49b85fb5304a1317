"""Pairs of representations by formula, for the estimate of static and dynamic channels."""

import numpy as np
from numpy.typing import NDArray

CHANNELS = 5


def _pairs(rows: int, shared: float, start: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two sides (rows, CHANNELS) that share the part `shared` of a wave, the less the further a channel is behind."""
    row, channel = np.arange(rows)[:, None], np.arange(CHANNELS)[None]
    common = np.sin(start + 1.7 * row + 0.9 * channel)
    own = [np.sin(start + step * row * (channel + 1) + 2.3 * channel) for step in (2.9, 4.3)]
    keep = shared / (1 + channel)
    first, second = (keep * common + (1 - keep) * one + 0.3 * channel for one in own)
    return first, second


STATIC = _pairs(11, 0.9, 0.0)
DYNAMIC = _pairs(7, 0.5, 1.0)
