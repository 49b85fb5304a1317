"""Buffers: stretches of an untrimmed video at one frame rate, which a localizer sees whole (Xu et al. 2017, 3.4).

Times inside are counted in frames of the buffers' rate: frame k is shown from k to k + 1.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from sceneproof.addresses import Address, Place
from sceneproof.data import transforms
from sceneproof.data.dataset import Videos, unreadable
from sceneproof.data.manifest import Manifest
from sceneproof.data.segments import UntrimmedVideo, untrimmed
from sceneproof.data.video import VideoError, VideoInfo, decode_each, probe, shrunk
from sceneproof.errors import InputError
from sceneproof.types import Clip, Sample

Times = NDArray[np.float64]


@dataclass(frozen=True)
class BufferSettings:
    """How untrimmed videos are cut into buffers. The defaults are the released R-C3D's for THUMOS-14.

    Args:
        length: frames in a buffer.
        step: frames from the start of a buffer to the next one's, in training; buffers are laid from the video's start
            and from its end.
        test_step: the same in testing, from the start; the last buffer ends with the video.
        rate: frames a second that videos are sampled at; null: each video's own.
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
        if not 0 <= self.least_share <= 1:
            raise InputError(f"buffer.least_share: must be from 0 to 1, not {self.least_share}")


@dataclass(frozen=True, slots=True)
class Timeline:
    """A video's frames at the buffers' rate.

    Attributes:
        source: frames in the file, and `source_rate`, how many of them a second.
        rate: of the buffers.
    """

    source: int
    source_rate: float
    rate: float

    @classmethod
    def of(cls, info: VideoInfo, rate: float | None) -> "Timeline":
        """The time line of a file.

        Raises:
            VideoError: the file does not say its rate.
        """
        if not info.rate > 0:
            raise VideoError("the file does not say its frame rate, so seconds cannot be turned into frames")
        return cls(info.frames, info.rate, info.rate if rate is None else rate)

    def __len__(self) -> int:
        return max(1, math.floor(self.seconds * self.rate + 1e-6))

    @property
    def seconds(self) -> float:
        """How long the video is."""
        return self.source / self.source_rate

    def frames(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The file's frames that are shown in the middle of these frames; behind the end, the last one."""
        shown = np.floor((numbers + 0.5) * (self.source_rate / self.rate) + 1e-9).astype(np.int64)
        return np.asarray(np.minimum(shown, self.source - 1), np.int64)


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


@dataclass(frozen=True)
class Footage:
    """Untrimmed videos, with what is done in them.

    Attributes:
        videos: with their segments.
        timelines: of each; None where it cannot be read.
        problems: why, by the video's name.
        frames: how they are decoded; a row each.
        name: what to call them in messages.
    """

    videos: list[UntrimmedVideo]
    timelines: list[Timeline | None]
    problems: dict[str, str]
    frames: Videos
    name: str

    @classmethod
    def gather(cls, manifest: Manifest, rate: float | None, *, memory: bool = False, check: bool = False) -> "Footage":
        """Looks into every video of a manifest of segments whose rate and length the manifest does not tell.

        Args:
            manifest: of segments.
            rate: of the buffers; None: each video's own.
            memory: decode every video once and keep it.
            check: refuse wrong annotations, as `sceneproof index check` finds them.

        Raises:
            InputError: a malformed manifest of segments, or wrong annotations.
        """
        videos = untrimmed(manifest, check=check)
        timelines: list[Timeline | None] = []
        problems = {}
        for video in videos:
            try:
                timelines.append(Timeline.of(_info(manifest, video), rate))
            except VideoError as error:
                timelines.append(None)
                problems[video.name] = str(error) or "unreadable"
        rows = manifest.rows.iloc[[int(video.rows[0]) for video in videos]].reset_index(drop=True)
        rows = rows.drop(columns=[name for name in ("start", "end") if name in rows])  # whole files
        return cls(
            videos, timelines, problems, Videos(Manifest(rows, manifest.root, manifest.name), memory=memory),
            manifest.name,
        )  # fmt: skip


def _info(manifest: Manifest, video: UntrimmedVideo) -> VideoInfo:
    row = manifest.rows.iloc[int(video.rows[0])]
    known = [float(row[name]) if name in row else np.nan for name in ("frames", "width", "height", "rate")]
    if all(value > 0 for value in known):
        frames, width, height, rate = known
        return VideoInfo(int(frames), int(width), int(height), rate)
    return probe(video.path)


@dataclass(frozen=True)
class TrainingBuffers(Dataset[Sample]):
    """Buffers that hold segments, cropped and mirrored by (seed, epoch, row) alone. Index them with (epoch, row).

    Attributes:
        footage: the videos.
        settings: how they are cut.
        seed: of crops and flips.
        places: video and first frame of each buffer: int64 (N, 2).
        times: N arrays (n, 2), the segments in frames of the buffer.
        actions: N arrays (n,).
    """

    footage: Footage
    settings: BufferSettings
    seed: int
    places: NDArray[np.int64]
    times: list[Times]
    actions: list[NDArray[np.int64]]
    scenes = 0

    @classmethod
    def cut(cls, footage: Footage, settings: BufferSettings, seed: int, actions: Sequence[str]) -> "TrainingBuffers":
        """All buffers of all videos that know a segment.

        Raises:
            InputError: there is none.
        """
        number = {name: place for place, name in enumerate(actions)}
        places, times, done = [], [], []
        for which, (video, timeline) in enumerate(zip(footage.videos, footage.timelines, strict=True)):
            if timeline is None:
                continue
            spans = np.minimum(video.times, timeline.seconds) * timeline.rate
            numbers = np.array([number[action] for action in video.actions], np.int64)
            for start in starts_of_training(len(timeline), settings.length, settings.step):
                known, cut = inside(spans, start, settings)
                if len(known):
                    places.append((which, start))
                    times.append(cut)
                    done.append(numbers[known])
        if not places:
            raise InputError(
                f"{footage.name}: no buffer of {settings.length} frames holds {settings.least_share:.0%} of a segment: "
                f"give longer ones (--buffer.length), or look at the manifest with `sceneproof index check`"
                + "".join(f"\n  {name}: {problem}" for name, problem in list(footage.problems.items())[:3])
            )
        return cls(footage, settings, seed, np.array(places, np.int64), times, done)

    def __len__(self) -> int:
        return len(self.places)

    def video(self, row: int) -> UntrimmedVideo:
        """The video of a buffer."""
        return self.footage.videos[int(self.places[row, 0])]

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, row = key
        rng = np.random.default_rng((self.seed, epoch, row))
        which, start = (int(value) for value in self.places[row])
        timeline = self.footage.timelines[which]
        assert timeline is not None
        try:
            frames = self.footage.frames.frames(which, timeline.frames(start + np.arange(self.settings.length)))
        except VideoError as error:
            return unreadable(row, error)
        height, width = frames.shape[1:3]
        crop = transforms.centre_crop(height, width)
        if self.settings.augment:
            crop = transforms.random_crop(height, width, scales=self.settings.scales, rng=rng)
        return Sample(row, crop.clip(Clip(frames)), crop.flip)

    def real(self, row: int) -> int:
        """How many of a buffer's frames are of the video."""
        which, start = (int(value) for value in self.places[row])
        timeline = self.footage.timelines[which]
        assert timeline is not None
        return min(len(timeline) - start, self.settings.length)


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
