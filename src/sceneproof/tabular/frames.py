"""Frames of one clip, decoded in a process of its own; apart from the page, so that such processes start quickly."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneproof.data.video import decode, frame_range, probe

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class ClipPlace:
    """Where a clip is: its file, start and end in seconds (NaN: the file's), and frames that are liked best, if any."""

    path: str
    start: float
    end: float
    liked: tuple[int, ...] = ()


def first_middle_last(clip: ClipPlace) -> list[tuple[int, Picture]]:
    """Three frames of a clip with their numbers in the file: the first, a middle one and the last.

    The middle one is the liked frame that is nearest to the middle, where there is any.

    Raises:
        VideoError: a frame cannot be read.
    """
    frames = frame_range(probe(clip.path), clip.start, clip.end)
    middle = (frames.start + frames.stop - 1) // 2
    inside = [frame for frame in clip.liked if frame in frames]
    middle = min(inside, key=lambda frame: abs(frame - middle), default=middle)
    chosen = sorted({frames.start, middle, frames.stop - 1})
    return list(zip(chosen, decode(clip.path, chosen, short_side=480), strict=True))
