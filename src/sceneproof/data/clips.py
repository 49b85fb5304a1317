"""Which frames make a clip: arithmetic on frame numbers, no video is touched here.

A clip is `length` frames, `stride` apart. A video too short for one is looped: its frames are repeated from the clip's
first on, as the released code of SDN does.
"""

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.int64]


def random_clip(frames: int, length: int, *, stride: int = 1, rng: np.random.Generator) -> Frames:
    """Frame numbers (T,) of a clip that starts anywhere it fits."""
    start = int(rng.integers(0, max(frames - _span(length, stride), 0) + 1))
    return _clip(frames, length, stride, start)


def windows(frames: int, length: int, *, stride: int = 1) -> list[Frames]:
    """Every non-overlapping clip of a video, the last one looped where it runs out: the paper's test protocol."""
    return [_clip(frames, length, stride, start) for start in range(0, frames, _span(length, stride))]


def evenly_spaced(frames: int, length: int, *, stride: int = 1, count: int) -> list[Frames]:
    """`count` clips whose starts are evenly spaced over the video; a single one is the middle."""
    last = max(frames - _span(length, stride), 0)
    starts = [last / 2] if count == 1 else np.linspace(0, last, count)
    return [_clip(frames, length, stride, int(start)) for start in starts]


def _span(length: int, stride: int) -> int:
    return (length - 1) * stride + 1


def _clip(frames: int, length: int, stride: int, start: int) -> Frames:
    there = np.arange(start, min(start + _span(length, stride), frames), stride)
    return np.resize(there, length)
