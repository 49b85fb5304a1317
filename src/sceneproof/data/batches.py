"""Samples to batches: collated by loader workers as uint8, then resized, masked and normalised on the device."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from sceneproof.backbones.base import Backbone
from sceneproof.data.transforms import fill_humans, mirrored, resize, resize_regions, standardise
from sceneproof.errors import MachineError
from sceneproof.interrupts import work_for_parent
from sceneproof.types import CLIPS, Batch, Need, People, Sample

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Stack:
    """Samples of a batch whose crops have one shape, so that the device can treat them together.

    Attributes:
        place: int64 (N,), their places in the batch.
        frames: uint8 (N, T, H, W, 3).
        humans: bool (N, T, H, W), or None where nothing is known of people.
        fill: uint8 (N, T, 3), or None where the videos have no masked twin.
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

    `flow` says whether the frames are optical flow. `people` are those of each clip, where boxes are learnt; else it is
    empty. `second` holds the second clips, of the clips at `second_of` (int64), where there are any. Where features
    were kept in place of frames there are no stacks, but `features` (float16, B clips'), `twins`, those of the masked
    twins of the clips at `twin_of` (int64), and `swapped`, those of composites of the clips at `swapped_of`.
    """

    stacks: list[Stack]
    flip: Tensor
    action: Tensor
    scene: Tensor
    has_scene: Tensor
    row: Tensor
    problems: list[tuple[int, str]]
    people: list[People] = field(default_factory=list)
    second: "RawBatch | None" = None
    second_of: Tensor | None = None
    features: Tensor | None = None
    twins: Tensor | None = None
    twin_of: Tensor | None = None
    swapped: Tensor | None = None
    swapped_of: Tensor | None = None
    flow: bool = False

    def __len__(self) -> int:
        return len(self.row)

    def pin_memory(self) -> "RawBatch":
        """The same batch with its frames in page-locked memory; PyTorch's loader calls this."""
        second = self.second and self.second.pin_memory()
        return replace(self, stacks=[stack.pin_memory() for stack in self.stacks], second=second)


def collate(samples: Sequence[Sample], scenes: int) -> RawBatch:
    """Stacks samples; with no `scenes` the scene tensor is (B, 0)."""
    good = [sample for sample in samples if not sample.problem]
    by_shape: dict[tuple[tuple[int, ...], bool, bool], list[int]] = {}
    for place, sample in enumerate(good):
        clip = sample.clip
        if sample.kept is not None:
            continue
        by_shape.setdefault((clip.frames.shape, clip.humans is not None, clip.fill is not None), []).append(place)
    seconds = {place: sample.second for place, sample in enumerate(good) if sample.second and not sample.second.problem}
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
        second=collate(list(seconds.values()), scenes) if seconds else None,
        second_of=torch.tensor(list(seconds)) if seconds else None,
        flow=any(sample.flow for sample in good),
        **_kept(good),
    )


def _kept(samples: Sequence[Sample]) -> dict[str, Tensor]:
    """The features that were kept of a batch's clips, of their masked twins and composites, where they were."""
    kept = [sample.kept for sample in samples if sample.kept is not None]
    if not kept:
        return {}
    clips = [each.clip for each in kept]
    fields = {"features": torch.from_numpy(np.stack(clips))}
    for name, views, places in (
        ("twin", [each.twin for each in kept], "twins"),
        ("swapped", [each.swapped for each in kept], "swapped"),
    ):
        known = {place: view for place, view in enumerate(views) if view is not None}
        fields[places] = torch.from_numpy(np.stack(list(known.values()) or [clips[0]])[: len(known)])
        fields[f"{name}_of"] = torch.tensor(list(known), dtype=torch.int64)
    return fields


def _stack(samples: Sequence[Sample], places: Sequence[int]) -> Stack:
    def stacked(arrays: Sequence[NDArray[np.generic] | None]) -> Tensor | None:
        if arrays[0] is None:
            return None
        return torch.from_numpy(np.stack(cast(Sequence[NDArray[np.generic]], arrays)))

    frames = stacked([sample.clip.frames for sample in samples])
    assert frames is not None
    humans, fill = (stacked([getattr(sample.clip, name) for sample in samples]) for name in ("humans", "fill"))
    return Stack(torch.tensor(places), frames, humans, fill)


def to_batch(raw: RawBatch, size: int, device: torch.device, *, needs: Collection[Need] = ()) -> Batch:
    """Carries a batch to the device and does there what costs arithmetic: masking, resizing, mirroring.

    Returns:
        The batch with what is needed; its clips are float pixels from 0 to 255, for `normalised`.
    """
    video, masked, people = _empty(raw, size, device, needs)
    twin, known = (torch.zeros(len(raw), dtype=torch.bool) for _ in range(2))
    for stack in raw.stacks:
        place = stack.place.to(device)
        frames = stack.frames.to(device, non_blocking=True)
        video[place] = resize(frames, size)
        if stack.humans is None:
            continue
        humans = stack.humans.to(device, non_blocking=True)
        if people is not None:
            people[place] = resize_regions(humans, size)
            known[stack.place] = True
        if masked is not None and stack.fill is not None:
            masked[place] = resize(fill_humans(frames, humans, stack.fill.to(device, non_blocking=True)), size)
            twin[stack.place] = True
    batch = Batch(video=mirrored(video, raw.flip, flow=raw.flow), action=raw.action.to(device), row=raw.row.to(device))
    fields: dict[str, Any] = {}
    has: dict[str, Tensor] = {}
    if "scene" in needs:
        fields["scene"], has["scene"] = raw.scene.to(device), raw.has_scene.to(device)
    if people is not None:
        turned = raw.flip.to(device)
        fields["people"] = torch.where(turned[:, None, None, None], people.flip(-1), people)
        has["people"] = known.to(device)
    if masked is not None:
        twins = torch.nonzero(twin).flatten()
        fields["without_humans"] = mirrored(masked[twins.to(device)], raw.flip[twins], flow=raw.flow)
        has["without_humans"] = twin.to(device)
    if {"second_clip", "other_clip"} & set(needs):
        fields["second"], fields["second_action"], has["second"] = _second(raw, batch, size)
    return replace(batch, **fields, has=has)


def features_batch(raw: RawBatch, device: torch.device, *, needs: Collection[Need] = ()) -> Batch:
    """A batch of kept features in place of clips, on the device: float32, for a backbone that starts from them."""
    assert raw.features is not None
    batch = Batch(video=raw.features.to(device).float(), action=raw.action.to(device), row=raw.row.to(device))
    has: dict[str, Tensor] = {}
    if "scene" in needs:
        batch = replace(batch, scene=raw.scene.to(device))
        has["scene"] = raw.has_scene.to(device)
    views: list[tuple[Need, str, Tensor | None, Tensor | None]] = [
        ("without_humans", "without_humans", raw.twins, raw.twin_of),
        ("swapped", "second", raw.swapped, raw.swapped_of),
    ]
    for need, name, values, places in views:
        if need in needs:
            assert values is not None
            assert places is not None
            batch = replace(batch, **cast(dict[str, Any], {name: values.to(device).float()}))
            has[name] = torch.zeros(len(raw), dtype=torch.bool).index_fill(0, places, True).to(device)
    return replace(batch, has=has)


def ready_batch(
    raw: RawBatch, size: int, device: torch.device, backbone: Backbone, *, needs: Collection[Need] = ()
) -> Batch:
    """A batch as a network is asked about it: clips, normalised; or kept features, as they are."""
    if raw.features is not None:
        return features_batch(raw, device, needs=needs)
    return normalised(to_batch(raw, size, device, needs=needs), backbone)


def normalised(batch: Batch, backbone: Backbone) -> Batch:
    """The batch with its clips less the backbone's mean, over its standard deviation; in place."""
    for name in CLIPS:
        if (clips := getattr(batch, name)) is not None:
            standardise(clips, backbone.mean, backbone.std)
    return batch


def _empty(
    raw: RawBatch, size: int, device: torch.device, needs: Collection[Need]
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Room for the clips and, where they are needed, their masked twins and their people."""
    length = raw.stacks[0].frames.shape[1]
    video = torch.empty((len(raw), length, 3, size, size), dtype=torch.uint8, device=device)
    masked = torch.empty_like(video) if "without_humans" in needs else None
    shape = (len(raw), length, size, size)
    return video, masked, torch.zeros(shape, dtype=torch.bool, device=device) if "people" in needs else None


def _second(raw: RawBatch, batch: Batch, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The second clips (B, C, T, H, W), their actions (B,), and which there are (B,)."""
    assert batch.video is not None
    clips, actions = torch.zeros_like(batch.video), torch.full_like(batch.action, -1)
    known = torch.zeros_like(batch.action, dtype=torch.bool)
    if raw.second is not None and raw.second_of is not None:
        second, place = to_batch(raw.second, size, clips.device), raw.second_of.to(clips.device)
        assert second.video is not None
        clips[place], actions[place], known[place] = second.video, second.action, True
    return clips, actions, known


def epoch_order(rows: int, seed: int, epoch: int, weights: NDArray[np.float64] | None = None) -> list[tuple[int, int]]:
    """The rows of an epoch, in order, each with how often it was drawn before in this epoch.

    Without weights it is a permutation; with them, (rows,), that many draws with replacement in proportion to them. It
    follows from the arguments alone.
    """
    rng = np.random.default_rng((seed, epoch))
    if weights is None:
        return [(int(row), 0) for row in rng.permutation(rows)]
    times: Counter[int] = Counter()
    order = []
    for row in rng.choice(rows, size=rows, p=weights / weights.sum()).tolist():
        order.append((row, times[row]))
        times[row] += 1
    return order


def steps_in_epoch(rows: int, batch: int) -> int:
    """Full batches an epoch holds; what is left over is dropped (another part each epoch). At least one."""
    return max(rows // batch, 1)


class Drawn(Protocol):
    """Training samples that follow from (epoch, row) alone; from (epoch, row, n) the n-th more of it in the epoch."""

    @property
    def seed(self) -> int:
        """Of the order of the rows."""

    @property
    def scenes(self) -> int:
        """How many scenes the samples' labels speak of; 0 without labels."""

    def __len__(self) -> int: ...
    def __getitem__(self, key: tuple[int, ...]) -> Sample: ...


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

    def epoch(self, epoch: int, *, start: int = 0, weights: NDArray[np.float64] | None = None) -> Iterator[RawBatch]:
        """Batches `start`, `start` + 1, … of an epoch: this process's part of each; `weights`: see `epoch_order`."""
        order = epoch_order(len(self.clips), self.clips.seed, epoch, weights)
        keys = [
            [
                (epoch, row, again) if again else (epoch, row)
                for row, again in order[step * self.batch : (step + 1) * self.batch][self.rank :: self.processes]
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
