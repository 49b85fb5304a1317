"""From a manifest to samples. What is drawn follows from (seed, epoch, row) alone: no state, so resuming is exact."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from sceneproof.data import transforms
from sceneproof.data.clips import Frames, evenly_spaced, random_clip, refuse_huge_clips, windows
from sceneproof.data.humans import HumanBoxes, HumanMasks, check_humans, has_twin, mean_colour
from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.data.timing import Timing
from sceneproof.data.video import VideoError, decode, frame_range
from sceneproof.errors import InputError
from sceneproof.machine import refuse_if_gone
from sceneproof.progress import progress
from sceneproof.types import Clip, Sample


@dataclass(frozen=True)
class ClipSettings:
    """How clips are cut.

    Args:
        length: frames in a clip.
        stride: distance between them, in frames of the video; null: a clip spreads over the whole video, a frame of
            each of `length` equal parts, a random one in training (temporal segments).
        size: height and width of a clip after cropping, in pixels.
        scales: sizes of the random crop, as shares of the video's short side.
    """

    length: int = 16
    stride: int | None = 1
    size: int = 112
    scales: tuple[float, ...] = transforms.SCALES

    def __post_init__(self) -> None:
        """Refuses what no clip can be cut with."""
        for name in ("length", "stride", "size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"clip.{name}: must be at least 1, not {value}")
        if not self.scales or not all(0 < scale <= 1 for scale in self.scales):
            raise InputError(f"clip.scales: must be one share or more, above 0 and up to 1, not {list(self.scales)}")
        refuse_huge_clips("clip.length, clip.size", self.length, self.size, self.size)


class Videos:
    """The videos of a manifest, decoded on demand; with `memory`, decoded once and kept.

    Attributes:
        manifest: the rows.
        flow: whether the videos are optical flow.
    """

    def __init__(self, manifest: Manifest, *, memory: bool = False) -> None:
        self.manifest, self.flow = manifest, manifest.shows == "flow"
        self._kept: dict[int, NDArray[np.uint8] | VideoError] | None = {} if memory else None
        self._ranges: dict[int, range] = {}
        self._timing = Timing(manifest)

    def load(self, *, quiet: bool = False) -> None:
        """Decodes all rows ahead, in threads, where videos are kept in memory."""
        if self._kept is None:
            return
        rows = range(len(self.manifest))
        with progress("reading videos", len(rows), quiet=quiet) as advance, ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in pool.map(self._keep, rows):
                advance()

    def length(self, row: int) -> int:
        """How many frames the row's clip has.

        Raises:
            VideoError: the video cannot be read.
        """
        if self._kept is not None:
            return len(self._whole(row))
        return len(self._range(row))

    def frames(self, row: int, which: Frames) -> NDArray[np.uint8]:
        """Frames (T, H, W, 3) of a row, counted from the start of its clip.

        Raises:
            VideoError: the video cannot be read.
        """
        if self._kept is not None:
            return self._whole(row)[which]
        shown = self._range(row)
        with self._reading(row):
            return decode(self.manifest.path(row), [shown[frame] for frame in which])

    def _range(self, row: int) -> range:
        if row not in self._ranges:
            rows = self.manifest.rows
            start, end = (rows[name].to_numpy(np.float64)[row] if name in rows else np.nan for name in ("start", "end"))
            with self._reading(row):
                self._ranges[row] = frame_range(self._timing.info(row), start, end)
        return self._ranges[row]

    @contextmanager
    def _reading(self, row: int) -> Iterator[None]:
        """Where a video cannot be read, looks whether the folder of all of them is still there."""
        try:
            yield
        except VideoError:
            refuse_if_gone(self.manifest.root, self.manifest.path(row))
            raise

    def offset(self, row: int) -> int:
        """The row's first frame, in frames of its file."""
        return self._range(row).start if self._has_segments else 0

    @property
    def _has_segments(self) -> bool:
        rows = self.manifest.rows
        return any(name in rows and bool(rows[name].notna().any()) for name in ("start", "end"))

    def _whole(self, row: int) -> NDArray[np.uint8]:
        assert self._kept is not None
        if row not in self._kept:
            self._keep(row)
        kept = self._kept[row]
        if isinstance(kept, VideoError):
            raise kept
        return kept

    def _keep(self, row: int) -> None:
        assert self._kept is not None
        try:
            with self._reading(row):
                frames = decode(self.manifest.path(row))
            self._timing.check(row, len(frames))
            if self._has_segments:
                frames = frames[self._range(row).start : self._range(row).stop]
            self._kept[row] = frames
        except VideoError as error:
            self._kept[row] = error


@dataclass(frozen=True)
class Labelled:
    """A manifest with what is known of its videos: the common ground of training and testing.

    Attributes:
        manifest: the rows.
        action: int64 (N,), -1 where the action is none of the model's.
        scene: float32 (N, S); rows without a label are zero.
        has_scene: bool (N,).
        humans: where people are, or None.
        videos: how the rows are decoded.
        doubts: what may be wrong with `humans`, a sentence each.
        everyone: whether people are wanted of the videos without a masked twin, too.
    """

    manifest: Manifest
    action: NDArray[np.int64]
    scene: NDArray[np.float32]
    has_scene: NDArray[np.bool_]
    humans: HumanBoxes | HumanMasks | None
    videos: Videos
    doubts: Sequence[str] = ()
    everyone: bool = False
    _twins: dict[int, bool] = field(default_factory=dict)

    @classmethod
    def gather(
        cls,
        manifest: Manifest,
        actions: Sequence[str],
        *,
        scenes: SceneTable | None = None,
        humans: HumanBoxes | HumanMasks | None = None,
        memory: bool = False,
        everyone: bool = False,
    ) -> "Labelled":
        """Joins a manifest with label tables by video id.

        Raises:
            InputError: an unknown action, a label table of another data set, or people that cannot be of these videos.
        """
        ids = list(manifest.rows["video"])
        action = np.array(manifest.action_numbers(actions))
        scene = np.zeros((len(ids), 0), np.float32), np.zeros(len(ids), bool)
        vectors, labelled = scenes.rows_for(ids) if scenes is not None else scene
        doubts = check_humans(humans, manifest) if humans is not None else []
        videos = Videos(manifest, memory=memory)
        return cls(manifest, action, vectors, labelled, humans, videos, doubts, everyone)

    def sample(
        self,
        row: int,
        which: Frames,
        crop: transforms.Crop | None,
        rng: np.random.Generator | None,
        scales: Sequence[float],
    ) -> Sample:
        """Decodes frames once and cuts them; `clip.fill` is there only where the video has a masked twin."""
        frames = self.videos.frames(row, which)
        height, width = frames.shape[1:3]
        if crop is None:
            crop = (
                transforms.centre_crop(height, width)
                if rng is None
                else transforms.random_crop(height, width, scales=scales, rng=rng)
            )
        clip = Clip(frames)
        twin = self.twin(row)
        if self.humans is not None and (twin or (self.everyone and self._id(row) in self.humans)):
            numbers = [int(frame) + self.videos.offset(row) for frame in which]
            regions = self.humans.regions(self._id(row), numbers, height, width)
            clip = Clip(frames, regions, mean_colour(frames) if twin else None)
        scene = self.scene[row] if self.has_scene[row] else None
        return Sample(row, crop.clip(clip), crop.flip, int(self.action[row]), scene, flow=self.videos.flow)

    def twin(self, row: int) -> bool:
        """Whether the video has a masked twin: people in at least 70 % of its frames."""
        if self.humans is None:
            return False
        if row not in self._twins:
            length, first = self.videos.length(row), self.videos.offset(row)
            self._twins[row] = has_twin(self.humans, self._id(row), length, first=first)
        return self._twins[row]

    def has_readable_twin(self, row: int) -> bool:
        """`twin`, and False where the video cannot be read."""
        try:
            return self.twin(row)
        except VideoError:
            return False

    def _id(self, row: int) -> str:
        return str(self.manifest.rows["video"].iat[row])


@dataclass(frozen=True)
class LabelledClips:
    """Clips of labelled videos, as many items as rows."""

    labelled: Labelled

    def __len__(self) -> int:
        return len(self.labelled.manifest)

    @property
    def scenes(self) -> int:
        """How many scenes the labels speak of; 0 without labels."""
        return int(self.labelled.scene.shape[1])


@dataclass(frozen=True)
class TrainingClips(LabelledClips, Dataset[Sample]):
    """One random clip of a row, drawn from (seed, epoch, row) alone. Index it with (epoch, row), or (epoch, row, n).

    Attributes:
        second: what a sample's second clip is of: "second_clip", the same row; "other_clip", another one; "": none.
    """

    settings: ClipSettings
    seed: int
    second: str = ""

    def __getitem__(self, key: tuple[int, ...]) -> Sample:
        _, row, *_ = key
        rng = np.random.default_rng((self.seed, *key))
        sample = self._drawn(row, rng)
        if not self.second or sample.problem:
            return sample
        other = row if self.second == "second_clip" else (row + int(rng.integers(1, max(len(self), 2)))) % len(self)
        return replace(sample, second=self._drawn(other, rng))

    def _drawn(self, row: int, rng: np.random.Generator) -> Sample:
        clip = self.settings
        try:
            which = random_clip(self.labelled.videos.length(row), clip.length, stride=clip.stride, rng=rng)
            return self.labelled.sample(row, which, None, rng, clip.scales)
        except VideoError as error:
            return unreadable(row, error)


@dataclass(frozen=True)
class TestClips(LabelledClips, Dataset[list[Sample]]):
    """All test clips of a row: the paper's windows (`clips=0`), or `clips` evenly spaced ones; centre crop."""

    settings: ClipSettings
    clips: int = 0

    def __getitem__(self, row: int) -> list[Sample]:
        clip = self.settings
        try:
            length = self.labelled.videos.length(row)
            several = (
                evenly_spaced(length, clip.length, stride=clip.stride, count=self.clips)
                if self.clips
                else windows(length, clip.length, stride=clip.stride)
            )
            return [self.labelled.sample(row, which, None, None, clip.scales) for which in several]
        except VideoError as error:
            return [unreadable(row, error)]


def unreadable(row: int, error: VideoError) -> Sample:
    """The sample that stands for a video that cannot be read."""
    return Sample(row, Clip(np.zeros((0, 0, 0, 3), np.uint8)), problem=str(error) or "unreadable")
