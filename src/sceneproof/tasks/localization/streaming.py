"""A video of any length as buffers of testing, decoded once and kept no longer than a buffer."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneproof.addresses import Address, Place
from sceneproof.data import transforms
from sceneproof.data.video import decode_each, shrunk
from sceneproof.tasks.localization.buffers import BufferSettings, Timeline, starts_of_testing
from sceneproof.types import Clip


@dataclass(frozen=True, slots=True)
class Cut:
    """A buffer of testing.

    Attributes:
        start: its first frame.
        frames: uint8 (T, size, size, 3); behind the end of the video the last frame repeats.
        real: how many of the T frames are of the video.
    """

    start: int
    frames: NDArray[np.uint8]
    real: int


def stream(path: Address | Place, timeline: Timeline, settings: BufferSettings) -> Iterator[Cut]:
    """A video's buffers of testing, one after another, decoded once, however long it is.

    Frames of the file are taken by when they are shown: some several times, some not at all.

    Raises:
        VideoError: the video cannot be read, or not to its end.
    """
    size, length = settings.size, settings.length
    starts = starts_of_testing(len(timeline), length, settings.test_step)
    wanted = timeline.frames(np.arange(len(timeline)))
    pictures = decode_each(path, range(int(wanted[-1]) + 1), lambda height, width: shrunk(height, width, size))
    kept = np.zeros((length, size, size, 3), np.uint8)
    done = 0  # frames of the time line that have been put into `kept`, at their number modulo its length
    for number, picture in enumerate(pictures):
        if done < len(wanted) and wanted[done] == number:
            small = _square(picture, size)
            while done < len(wanted) and wanted[done] == number:
                kept[done % length] = small
                done += 1
                while starts and done == min(starts[0] + length, len(timeline)):
                    start, real = starts.pop(0), min(length, len(timeline))
                    which = np.minimum(np.arange(start, start + length), start + real - 1) % length
                    yield Cut(start, kept[which], real)


def _square(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The middle square of a picture (H, W, 3), at (size, size, 3)."""
    crop = transforms.centre_crop(*picture.shape[:2])
    clip = crop.clip(Clip(picture[None]))
    return np.asarray(transforms.square(clip.frames, size)[0])
