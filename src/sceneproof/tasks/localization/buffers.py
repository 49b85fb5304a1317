"""Buffers: stretches of an untrimmed video at one frame rate, which a localizer sees whole (Xu et al. 2017, 3.4).

Times inside are counted in frames of the buffers' rate: frame k is shown from k to k + 1. The video's own frames are
sampled by when they are shown, so a buffer's seconds are the video's, whatever its rate is and however it varies.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sceneproof.data.clips import refuse_huge_clips
from sceneproof.data.times import FrameTimes
from sceneproof.data.video import VideoInfo
from sceneproof.errors import InputError

Times = NDArray[np.float64]


@dataclass(frozen=True)
class BufferSettings:
    """How untrimmed videos are cut into buffers. The defaults are the released R-C3D's for THUMOS-14.

    Args:
        length: frames in a buffer.
        step: frames from the start of a buffer to the next one's, in training; buffers are laid from the video's start
            and from its end.
        test_step: the same in testing, from the start; the last buffer ends with the video.
        rate: frames a second that videos are sampled at; null: each video's own, on average where it varies.
        size: height and width of a buffer after cropping, in pixels.
        scales: sizes of the random crop in training, as shares of the video's short side; testing takes the largest
            square in the middle.
        augment: whether buffers of training are cropped and mirrored at random; false: as in testing. A frozen backbone
            then looks at each buffer once, and what it makes of it is kept in memory.
        least_share: a buffer of training knows a segment of which at least this share lies in it.
        shortest: and which is at least this many frames long.
    """

    length: int = 768
    step: int = 192
    test_step: int = 384
    rate: float | None = 25.0
    size: int = 112
    scales: tuple[float, ...] = (0.875,)  # 112 of 128 pixels
    augment: bool = True
    least_share: float = 0.7
    shortest: int = 3

    def __post_init__(self) -> None:
        """Refuses what no buffer can be cut with."""
        for name in ("length", "step", "test_step", "size"):
            if getattr(self, name) < 1:
                raise InputError(f"buffer.{name}: must be at least 1, not {getattr(self, name)}")
        if self.test_step > self.length or self.step > self.length:
            raise InputError(
                f"buffer.step, buffer.test_step: {self.step}, {self.test_step}: with steps of more than the length "
                f"({self.length}), parts of a video would lie in no buffer"
            )
        if self.rate is not None and not 0 < self.rate <= 1000:
            raise InputError(f"buffer.rate: must be above 0 frames a second and at most 1000, not {self.rate}")
        if not self.scales or not all(0 < scale <= 1 for scale in self.scales):
            raise InputError(f"buffer.scales: must be one share or more, above 0 and up to 1, not {list(self.scales)}")
        refuse_huge_clips("buffer.length, buffer.size", self.length, self.size, self.size)
        if not 0 <= self.least_share <= 1:
            raise InputError(f"buffer.least_share: must be from 0 to 1, not {self.least_share}")


@dataclass(frozen=True, slots=True)
class Timeline:
    """A video's frames at the buffers' rate, from second 0 (`sceneproof.data.times`).

    Attributes:
        source: frames in the file, and `source_rate`, how many of them a second.
        rate: of the buffers.
        times: when the file's frames are shown; None: evenly spaced from second 0 on.
    """

    source: int
    source_rate: float
    rate: float
    times: FrameTimes | None = field(default=None, compare=False)

    @classmethod
    def of(cls, info: VideoInfo, rate: float | None) -> "Timeline":
        """The time line of a file.

        Raises:
            VideoError: the file does not say its rate.
        """
        times = info.clock
        return cls(times.frames, times.rate, times.rate if rate is None else rate, times)

    def __len__(self) -> int:
        return max(1, math.floor(self.seconds * self.rate + 1e-6))

    @property
    def seconds(self) -> float:
        """How long the video is, from second 0 to the end of its last frame."""
        return self._clock.end

    def frames(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The file's frames that are shown in the middle of these frames.

        Before the first one, that; behind the end, the last one.
        """
        return self._clock.shown_at(np.asarray((numbers + 0.5) / self.rate, np.float64))

    @property
    def _clock(self) -> FrameTimes:
        return self.times if self.times is not None else FrameTimes.even(self.source, self.source_rate)


def starts_of_training(frames: int, length: int, step: int) -> list[int]:
    """Where buffers start in training: every `step` frames from the start of the video, and backwards from its end."""
    forwards = range(0, max(1, frames - length + 1), step)
    return sorted({*forwards, *(end - length for end in range(frames, length - 1, -step))})


def starts_of_testing(frames: int, length: int, step: int) -> list[int]:
    """Where buffers start in testing: every `step` frames, the last one moved back to end with the video."""
    last = max(frames - length, 0)
    return [*range(0, last, step), last]


def inside(times: Times, start: int, settings: BufferSettings) -> tuple[NDArray[np.intp], Times]:
    """The segments that a buffer of training knows.

    Args:
        times: (N, 2), in frames of the video.
        start: the buffer's first frame.
        settings: its length, and what it takes to be known.

    Returns:
        Their numbers (n,), and their times (n, 2) in frames of the buffer, cut at its ends.
    """
    low, high = times[:, 0] - start, times[:, 1] - start
    cut = np.stack([low.clip(0, settings.length), high.clip(0, settings.length)], axis=1)
    share = (cut[:, 1] - cut[:, 0]) / np.maximum(high - low, 1e-9)
    known = np.flatnonzero((share >= settings.least_share) & (high - low >= settings.shortest) & (share > 0))
    return known, cut[known]
