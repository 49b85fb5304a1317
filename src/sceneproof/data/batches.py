"""Samples to batches: collated by loader workers as uint8, then resized, masked and normalised on the device."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from sceneproof.backbones.base import Backbone
from sceneproof.data.transforms import fill_humans, normalise, resize
from sceneproof.errors import MachineError
from sceneproof.interrupts import work_for_parent
from sceneproof.types import Batch, People, Sample

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Stack:
    """Samples of a batch whose crops have one shape, so that the device can treat them together.

    Attributes:
        place: int64 (N,), their places in the batch.
        frames: uint8 (N, T, H, W, 3).
        humans: bool (N, T, H, W) and `fill` uint8 (N, T, 3), or both None where the videos have no masked twin.
    """

    place: Tensor
    frames: Tensor
    humans: Tensor | None
    fill: Tensor | None

    def pin_memory(self) -> "Stack":
        """The same stack in page-locked memory."""
        humans = None if self.humans is None else self.humans.pin_memory()
        return replace(self, frames=self.frames.pin_memory(), humans=humans)


@dataclass(frozen=True, slots=True)
class RawBatch:
    """A batch before the device. `problems` lists the rows that could not be read, so are left out, with the reason.

    `people` are those of each clip, where boxes are learnt; else it is empty.
    """

    stacks: list[Stack]
    flip: Tensor
    action: Tensor
    scene: Tensor
    has_scene: Tensor
    row: Tensor
    problems: list[tuple[int, str]]
    people: list[People] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.row)

    def pin_memory(self) -> "RawBatch":
        """The same batch with its frames in page-locked memory; PyTorch's loader calls this."""
        return replace(self, stacks=[stack.pin_memory() for stack in self.stacks])


def collate(samples: Sequence[Sample], scenes: int) -> RawBatch:
    """Stacks samples; with no `scenes` the scene tensor is (B, 0)."""
    good = [sample for sample in samples if not sample.problem]
    by_shape: dict[tuple[tuple[int, ...], bool], list[int]] = {}
    for place, sample in enumerate(good):
        by_shape.setdefault((sample.clip.frames.shape, sample.clip.humans is not None), []).append(place)
    empty = np.zeros(scenes, np.float32)
    scene = [sample.scene if sample.scene is not None else empty for sample in good]
    return RawBatch(
        stacks=[_stack([good[place] for place in places], places) for places in by_shape.values()],
        flip=torch.tensor([sample.flip for sample in good], dtype=torch.bool),
        action=torch.tensor([sample.action for sample in good], dtype=torch.int64),
        scene=torch.from_numpy(np.array(scene, np.float32).reshape(len(good), scenes)),
        has_scene=torch.tensor([sample.scene is not None for sample in good], dtype=torch.bool),
        row=torch.tensor([sample.row for sample in good], dtype=torch.int64),
        problems=[(sample.row, sample.problem) for sample in samples if sample.problem],
        people=[sample.people for sample in good if sample.people is not None],
    )


def _stack(samples: Sequence[Sample], places: Sequence[int]) -> Stack:
    def stacked(arrays: Sequence[NDArray[np.generic] | None]) -> Tensor | None:
        if arrays[0] is None:
            return None
        return torch.from_numpy(np.stack(cast(Sequence[NDArray[np.generic]], arrays)))

    frames = stacked([sample.clip.frames for sample in samples])
    assert frames is not None
    humans, fill = (stacked([getattr(sample.clip, name) for sample in samples]) for name in ("humans", "fill"))
    return Stack(torch.tensor(places), frames, humans, fill)


def to_batch(raw: RawBatch, backbone: Backbone, size: int, device: torch.device, *, twins: bool = True) -> Batch:
    """Carries a batch to the device and does there what costs arithmetic: masking, resizing, mirroring, normalising."""
    length = raw.stacks[0].frames.shape[1]
    video = torch.empty((len(raw), length, 3, size, size), dtype=torch.uint8, device=device)
    masked = torch.empty_like(video) if twins else None
    has_twin = torch.zeros(len(raw), dtype=torch.bool)
    for stack in raw.stacks:
        place = stack.place.to(device)
        frames = stack.frames.to(device, non_blocking=True)
        video[place] = resize(frames, size)
        if masked is not None and stack.humans is not None and stack.fill is not None:
            humans, fill = stack.humans.to(device, non_blocking=True), stack.fill.to(device, non_blocking=True)
            masked[place] = resize(fill_humans(frames, humans, fill), size)
            has_twin[stack.place] = True
    twins_of = torch.nonzero(has_twin).flatten()
    return Batch(
        video=normalise(video, raw.flip, backbone.mean, backbone.std),
        action=raw.action.to(device),
        scene=raw.scene.to(device),
        has_scene=raw.has_scene.to(device),
        without_humans=(
            None
            if masked is None
            else normalise(masked[twins_of.to(device)], raw.flip[twins_of], backbone.mean, backbone.std)
        ),
        has_twin=has_twin.to(device),
        row=raw.row.to(device),
    )


def epoch_order(rows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of an epoch: a permutation that follows from (seed, epoch) alone."""
    return np.random.default_rng((seed, epoch)).permutation(rows)


def steps_in_epoch(rows: int, batch: int) -> int:
    """Full batches an epoch holds; what is left over is dropped (another part each epoch). At least one."""
    return max(rows // batch, 1)


class Drawn(Protocol):
    """Training samples that follow from (epoch, row) alone."""

    @property
    def seed(self) -> int:
        """Of the order of the rows."""

    @property
    def scenes(self) -> int:
        """How many scenes the samples' labels speak of; 0 without labels."""

    def __len__(self) -> int: ...
    def __getitem__(self, key: tuple[int, int]) -> Sample: ...


@dataclass(frozen=True)
class Loader:
    """Training batches, from any step of any epoch on.

    Attributes:
        clips: what to draw from.
        batch: the global batch: clips over all processes.
        rank: this process's number, and `processes`, how many there are: rank r takes clips r, r + processes, …
        workers: loader processes; 0 loads in this one.
    """

    clips: Drawn
    batch: int
    rank: int = 0
    processes: int = 1
    workers: int = 0
    pin: bool = False

    @property
    def steps(self) -> int:
        """Steps an epoch."""
        return steps_in_epoch(len(self.clips), self.batch)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[RawBatch]:
        """Batches `start`, `start` + 1, … of an epoch: this process's part of each."""
        order = epoch_order(len(self.clips), self.clips.seed, epoch)
        keys = [
            [
                (epoch, int(row))
                for row in order[step * self.batch : (step + 1) * self.batch][self.rank :: self.processes]
            ]
            for step in range(start, self.steps)
        ]
        return iter(_load(self.clips, keys, self.clips.scenes, workers=self.workers, pin=self.pin))


@dataclass(frozen=True)
class Collate:
    """`collate` with the number of scenes filled in, as loader workers need it."""

    scenes: int

    def __call__(self, samples: Sequence[Sample]) -> RawBatch:
        """Stacks samples."""
        return collate(samples, self.scenes)


def from_workers(loader: Iterable[Item]) -> Iterator[Item]:
    """What a loader gives.

    Raises:
        MachineError: one of its processes was ended from outside, most likely for want of memory.
    """
    try:
        yield from loader
    except RuntimeError as error:
        if "DataLoader worker" not in str(error) or isinstance(error, MachineError):
            raise
        raise MachineError(
            f"a loader's process was ended ({str(error).splitlines()[0]}): is memory short? Give fewer --workers"
        ) from error


def _load(
    clips: Drawn, keys: Sequence[Sequence[object]], scenes: int, *, workers: int, pin: bool
) -> DataLoader[RawBatch]:
    return DataLoader(
        cast("Dataset[RawBatch]", clips),
        batch_sampler=cast("Sequence[list[int]]", keys),
        collate_fn=Collate(scenes),
        num_workers=workers,
        worker_init_fn=work_for_parent,
        pin_memory=pin,
        generator=torch.Generator().manual_seed(0),  # else it draws from torch's random state, which dropout needs
    )
