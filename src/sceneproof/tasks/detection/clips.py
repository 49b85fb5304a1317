"""Clips in which people are followed by boxes: how they are cut, drawn for training, and brought to the device."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from sceneproof.backbones.base import Backbone
from sceneproof.data.batches import RawBatch, normalised, to_batch
from sceneproof.data.clips import refuse_huge_clips
from sceneproof.data.dataset import Videos, unreadable
from sceneproof.data.people import PeopleTable
from sceneproof.data.transforms import Crop
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError
from sceneproof.optical_flow import ZERO
from sceneproof.tasks.detection.augmentation import cut, moved_boxes, random_distortion, random_window
from sceneproof.types import BoxBatch, Clip, People, Sample

NO_MOVE = (ZERO, ZERO, ZERO)
"""The colour of optical flow where nothing moves."""


@dataclass(frozen=True)
class BoxClipSettings:
    """How clips are cut for detection. Whole frames are stretched to squares, as SSD does it.

    Args:
        length: frames of a clip of training: as many as the detector's tubelets have, or any number where it sees
            frames alone.
        size: height and width of a clip, in pixels.
        step: frames from one clip of testing to the next, for a detector of tubelets: 1 is the most thorough, the
            tubelets' length the quickest.
        augment: draw colours, zoom, crop and mirroring in training (SSD's augmentation; of optical flow no colours);
            else frames as they are.
        zoom: how many times as high and wide as the frame the canvas becomes at most; 1: no zooming out.
        smallest: square root of the least area of a crop, in parts of the frame.
    """

    length: int = 1
    size: int = 300
    step: int = 1
    augment: bool = True
    zoom: float = 4.0
    smallest: float = 0.3

    def __post_init__(self) -> None:
        """Refuses what no clip can be cut with."""
        for name in ("length", "size", "step", "zoom"):
            if getattr(self, name) < 1:
                raise InputError(f"clip.{name}: must be at least 1, not {getattr(self, name)}")
        refuse_huge_clips("clip.length, clip.size", self.length, self.size, self.size)
        if not 0 < self.smallest <= 1:
            raise InputError(f"clip.smallest: must be above 0 and up to 1, not {self.smallest}")

    def check(self, frames: int) -> None:
        """Refuses another length than that of the detector's tubelets, where it has any.

        Raises:
            InputError: says which lengths go together.
        """
        if frames > 1 and self.length != frames:
            raise InputError(f"clip.length: must be {frames}, the length of the detector's tubelets, not {self.length}")


@dataclass(frozen=True)
class TrainingBoxes(Dataset[Sample]):
    """One random clip of a video that shows people, drawn from (seed, epoch, row) alone. Index it with (epoch, row).

    Attributes:
        videos: how they are decoded.
        people: of each video, in all its frames.
        rows: int64 (N,), the videos that show someone.
        settings: how clips are cut.
        seed: of clips, crops, colours and flips.
        fill: RGB, what lies beyond the frame; of optical flow nothing moves there.
        problems: why a video could not be read, by its name.
        outside: how many boxes lie before or behind their clips, where these have a start and an end.
    """

    videos: Videos
    people: list[People]
    rows: NDArray[np.int64]
    settings: BoxClipSettings
    seed: int
    fill: tuple[float, float, float]
    problems: dict[str, str]
    outside: int
    scenes = 0

    @classmethod
    def gather(
        cls,
        videos: Videos,
        table: PeopleTable,
        actions: Sequence[str],
        settings: BoxClipSettings,
        *,
        seed: int,
        fill: tuple[float, float, float],
    ) -> "TrainingBoxes":
        """Joins videos with their boxes. One that cannot be read is no row, but a problem.

        Raises:
            InputError: not one readable video shows anybody, an unknown action, or boxes of frames that a video lacks.
        """
        seen = people_of(videos, table, actions)
        people, problems = seen.people, seen.problems
        rows = np.flatnonzero([of_video.present.any() for of_video in people])
        if not len(rows):
            first = "".join(f"\n  {name}: {problem}" for name, problem in list(problems.items())[:3])
            raise InputError(f"{videos.manifest.name}: no readable video has a box in {table.source}{first}")
        return cls(videos, people, rows, settings, seed, fill, problems, seen.outside)

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, row: int) -> str:
        """The video of a row."""
        return str(self.videos.manifest.rows["video"].iat[self.rows[row]])

    def __getitem__(self, key: tuple[int, ...]) -> Sample:
        _, row, *_ = key
        rng = np.random.default_rng((self.seed, *key))
        video = int(self.rows[row])
        everyone = self.people[video]
        which = clip_around(np.any(everyone.present, axis=0), self.settings.length, rng)
        try:
            frames = self.videos.frames(video, which)
        except VideoError as error:
            return unreadable(row, error)
        people, size = everyone.at(which), self.settings.size
        window = Crop(0, 0, *frames.shape[1:3])
        if self.settings.augment:
            shape = (frames.shape[1], frames.shape[2])
            zoom, smallest = self.settings.zoom, self.settings.smallest
            window = random_window(people.boxes, people.present, shape, rng=rng, zoom=zoom, smallest=smallest)
            frames = cut(frames, window, NO_MOVE if self.videos.flow else self.fill)
            if not self.videos.flow:  # other colours would be other moves
                frames = random_distortion(rng=rng).frames(frames)
        boxes, present = moved_boxes(people.boxes, people.present, window, size)
        left = present.any(axis=1)
        inside = People(boxes[left], present[left], people.action[left])
        return Sample(row, Clip(frames), window.flip, people=inside, flow=self.videos.flow)


@dataclass(frozen=True)
class VideosWithBoxes:
    """Videos joined with their boxes.

    Attributes:
        people: of each video, in all frames of its clip; nobody in one that cannot be read.
        frames: of its file, that are its clip; None where it cannot be read.
        problems: why, by its name.
        outside: how many boxes lie before or behind their clips, where these have a start and an end.
    """

    people: list[People]
    frames: list[range | None]
    problems: dict[str, str]
    outside: int


def people_of(videos: Videos, table: PeopleTable, actions: Sequence[str]) -> VideosWithBoxes:
    """Who is where in all frames of each video.

    Raises:
        InputError: an unknown action, or boxes of frames that a video lacks.
    """
    rows = videos.manifest.rows
    cut = rows.reindex(columns=["start", "end"]).notna().any(axis=1).to_numpy()
    people: list[People] = []
    frames: list[range | None] = []
    problems: dict[str, str] = {}
    outside = 0
    for row, name in enumerate(rows["video"].astype(str)):
        try:
            first, length = videos.offset(row), videos.length(row)
        except VideoError as error:
            problems[name] = str(error) or "unreadable"
            first, length = 0, 0
        clip, boxed = range(first, first + length), table.frames(name)
        beyond = int(((boxed < clip.start) | (boxed >= clip.stop)).sum()) if length else 0
        if beyond and not cut[row]:
            raise InputError(
                f"{table.source}: {name}: a box in frame {boxed.max()}, but its file has {length} frames, whatever "
                f"{videos.manifest.name} says: index the videos again"
            )
        outside += beyond
        people.append(table.of(name, clip, actions))
        frames.append(clip if length else None)
    return VideosWithBoxes(people, frames, problems, outside)


def clip_around(shown: NDArray[np.bool_], length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Frame numbers (T,) of a clip whose middle frame shows someone; the video's ends repeat where it is short.

    Args:
        shown: bool (frames,), which frames show someone; at least one does.
        length: T.
        rng: what is drawn from.
    """
    last = max(len(shown) - length, 0)
    middles = np.minimum(np.arange(last + 1) + length // 2, len(shown) - 1)
    starts = np.flatnonzero(shown[middles])
    if not len(starts):  # only ends show someone: a clip that repeats one
        starts = np.flatnonzero(shown) - length // 2
    start = int(rng.choice(starts))
    return np.arange(start, start + length).clip(0, len(shown) - 1)


def to_boxes(raw: RawBatch, backbone: Backbone, size: int, device: torch.device) -> BoxBatch:
    """A batch of clips on the device, with the people in them."""
    video = normalised(to_batch(raw, size, device), backbone).video
    assert video is not None
    return BoxBatch(
        video=video,
        boxes=[torch.from_numpy(people.boxes).to(device) for people in raw.people],
        present=[torch.from_numpy(people.present).to(device) for people in raw.people],
        actions=[torch.from_numpy(people.action).to(device) for people in raw.people],
        row=raw.row.to(device),
    )
