"""Which frames make a clip: arithmetic on frame numbers, no video is touched here.

A clip is `length` frames, `stride` apart. A video too short for one is looped: its frames are repeated from the clip's
first on, as the released code of SDN does. Without a stride a clip spreads over the whole video: one frame of each of
`length` equal parts (temporal segments, Wang et al., ECCV 2016).
"""

import numpy as np
from numpy.typing import NDArray

from sceneproof.errors import InputError

Frames = NDArray[np.int64]

MOST_FRAMES = 2**14  # of a clip; eleven minutes at 25 frames a second
MOST_BYTES = 2**31  # of a clip's pixels, 8 bits a channel


def refuse_huge_clips(name: str, length: int, height: int, width: int) -> None:
    """Raises InputError for clips that no machine holds: a slip of the keyboard must not take all memory.

    Args:
        name: of the settings, for the message.
        length: frames.
        height: pixels.
        width: pixels.
    """
    pixels = length * height * width * 3
    if length > MOST_FRAMES or pixels > MOST_BYTES:
        raise InputError(
            f"{name}: a clip of {length} frames of {height} x {width} pixels takes {pixels / 1e9:.3g} GB; at most "
            f"{MOST_FRAMES} frames and {MOST_BYTES / 1e9:.3g} GB are taken"
        )


def random_clip(frames: int, length: int, *, stride: int | None = 1, rng: np.random.Generator) -> Frames:
    """Frame numbers (T,) of a clip that starts anywhere it fits; without a stride, anywhere in each part."""
    if stride is None:
        return _of_parts(frames, rng.random(length))
    start = int(rng.integers(0, max(frames - _span(length, stride), 0) + 1))
    return _clip(frames, length, stride, start)


def windows(frames: int, length: int, *, stride: int | None = 1) -> list[Frames]:
    """Every non-overlapping clip of a video, the last one looped where it runs out: the paper's test protocol."""
    if stride is None:
        return evenly_spaced(frames, length, stride=None, count=1)
    return [_clip(frames, length, stride, start) for start in range(0, frames, _span(length, stride))]


def evenly_spaced(frames: int, length: int, *, stride: int | None = 1, count: int) -> list[Frames]:
    """`count` clips whose starts are evenly spaced over the video; a single one is the middle.

    Without a stride, their frames are evenly spaced in each part: together they are `count` · `length` frames at equal
    distances.
    """
    if stride is None:
        return [_of_parts(frames, np.full(length, (number + 0.5) / count)) for number in range(count)]
    last = max(frames - _span(length, stride), 0)
    starts = [last / 2] if count == 1 else np.linspace(0, last, count)
    return [_clip(frames, length, stride, int(start)) for start in starts]


def _of_parts(frames: int, where: NDArray[np.float64]) -> Frames:
    """A frame of each of T equal parts of a video, at a share (T,) of the part, from 0 to below 1."""
    numbers = ((np.arange(len(where)) + where) * frames / len(where)).astype(np.int64)
    return np.minimum(numbers, frames - 1)


def _span(length: int, stride: int) -> int:
    return (length - 1) * stride + 1


def _clip(frames: int, length: int, stride: int, start: int) -> Frames:
    numbers = np.arange(start, min(start + _span(length, stride), frames), stride)
    return np.resize(numbers, length)
