"""Untrimmed videos as they are read, and the buffers of training that are cut from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from sceneproof.data import transforms
from sceneproof.data.dataset import Videos, unreadable
from sceneproof.data.manifest import Manifest
from sceneproof.data.segments import UntrimmedVideo, lengths, refuse_problems, untrimmed
from sceneproof.data.timing import Timing
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError
from sceneproof.machine import refuse_if_gone
from sceneproof.tasks.localization.buffers import BufferSettings, Timeline, Times, inside, starts_of_training
from sceneproof.types import Clip, Sample


@dataclass(frozen=True)
class UntrimmedVideos:
    """Untrimmed videos, with what is done in them.

    Attributes:
        videos: with their segments.
        timelines: of each; None where it cannot be read.
        problems: why, by the video's name.
        frames: how they are decoded; a row each.
        name: what to call them in messages.
        length: float64 (R,), how long the video of each row of the manifest is, in seconds; infinity where unknown.
    """

    videos: list[UntrimmedVideo]
    timelines: list[Timeline | None]
    problems: dict[str, str]
    frames: Videos
    name: str
    length: NDArray[np.float64]

    @classmethod
    def gather(
        cls, manifest: Manifest, rate: float | None, *, memory: bool = False, check: bool = False
    ) -> "UntrimmedVideos":
        """Looks into every video of a manifest of segments; a segment without an end lasts to its video's.

        Args:
            manifest: of segments.
            rate: of the buffers; None: each video's own.
            memory: decode every video once and keep it.
            check: refuse wrong annotations, as `sceneproof index check` finds them.

        Raises:
            InputError: a malformed manifest of segments, or wrong annotations.
        """
        videos, timing = untrimmed(manifest), Timing(manifest)
        length = lengths(manifest.rows)
        timelines: list[Timeline | None] = []
        problems = {}
        for video in videos:
            try:
                timeline = Timeline.of(timing.info(int(video.rows[0])), rate)
            except VideoError as error:
                refuse_if_gone(manifest.root, video.path)
                timelines.append(None)
                problems[video.name] = str(error) or "unreadable"
                continue
            timelines.append(timeline)
            length[video.rows] = timeline.seconds
        if check:
            refuse_problems(manifest, length=length)
        videos = untrimmed(manifest, length=length)
        rows = manifest.rows.iloc[[int(video.rows[0]) for video in videos]].reset_index(drop=True)
        rows = rows.drop(columns=[name for name in ("start", "end") if name in rows])  # whole files
        return cls(
            videos, timelines, problems, Videos(Manifest(rows, manifest.root, manifest.name), memory=memory),
            manifest.name, length,
        )  # fmt: skip


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

    footage: UntrimmedVideos
    settings: BufferSettings
    seed: int
    places: NDArray[np.int64]
    times: list[Times]
    actions: list[NDArray[np.int64]]
    scenes = 0

    @classmethod
    def cut(
        cls, footage: UntrimmedVideos, settings: BufferSettings, seed: int, actions: Sequence[str]
    ) -> "TrainingBuffers":
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

    def __getitem__(self, key: tuple[int, ...]) -> Sample:
        _, row, *_ = key
        rng = np.random.default_rng((self.seed, *key))
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
        return Sample(row, crop.clip(Clip(frames)), crop.flip, flow=self.footage.frames.flow)

    def real(self, row: int) -> int:
        """How many of a buffer's frames are of the video."""
        which, start = (int(value) for value in self.places[row])
        timeline = self.footage.timelines[which]
        assert timeline is not None
        return min(len(timeline) - start, self.settings.length)
