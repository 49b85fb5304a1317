"""Features of clips, kept once: a frozen network's lower stages are run here, and training runs the rest."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from sceneproof import locks
from sceneproof.addresses import Address
from sceneproof.backbones import Backbone, ResNet3D
from sceneproof.data.batches import RawBatch, collate, from_workers, normalised, to_batch
from sceneproof.data.dataset import ClipSettings, Labelled, TestClips, TrainingClips
from sceneproof.data.humans import people_of_split, read_humans
from sceneproof.data.kept import PLAN, KeptFeatures, Shard, digests_of, intact, lower_digest, settings_of
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import tell
from sceneproof.errors import InputError
from sceneproof.interrupts import work_for_parent
from sceneproof.jobs.parts import claim, clear
from sceneproof.methods import Plain
from sceneproof.methods.base import Facts
from sceneproof.methods.placeswap import composed
from sceneproof.numerics import Numerics, device_named
from sceneproof.progress import progress
from sceneproof.spec import Spec
from sceneproof.start import start_from
from sceneproof.terminal import visible
from sceneproof.types import Batch, Need, Sample
from sceneproof.wording import bytes_in_words, counted

SHARD_BYTES = 2**26
MOST = 65504.0
"""The largest number in half precision."""


@locks.alone(locks.out)
def features(
    manifest: Address,
    out: Path,
    *,
    backbone: Callable[[], Backbone] = ResNet3D,
    weights: Path | None = None,
    humans: Address | None = None,
    train_split: str | None = "train",
    splits: Sequence[str] = ("validation", "test"),
    draws: int = 4,
    clips: int = 1,
    swaps: bool = False,
    clip: ClipSettings = ClipSettings(),
    root: Address | None = None,
    seed: int = 0,
    precision: Literal["auto", "bf16", "fp32"] = "auto",
    batch: int = 16,
    workers: int = 0,
    device: str = "auto",
    dry_run: bool = False,
    trust: Sequence[str] | None = None,
    quiet: bool = False,
) -> KeptFeatures | None:
    """Keeps what a backbone's lower stages say of clips, once, so that training what lies above takes minutes.

    `sceneproof train --features OUT` then trains the rest (the backbone's last stages and the heads) and leaves the
    lower stages as they are; `sceneproof evaluate --features OUT` tests it. What comes of it is a whole network, which
    evaluate, audit and app also ask about videos. Where the lower stages end, the backbone says: `--backbone.split` of
    I3D; a network without stages is kept whole, and its heads are trained.

    Epoch e of a training meets draw e of each clip, and the first again after the last: with as many draws as epochs,
    and its seed, it is the training that `sceneproof train --freeze lower` does on videos, to rounding (half
    precision). Stopped at any moment, the same command goes on.

    Args:
        manifest: the table of videos.
        out: the folder to write: plan.json, and shards of about 64 MB.
        backbone: the network, given as `train` takes it.
        weights: start from these: a run folder, or an official checkpoint.
        humans: table of person boxes or masks: features of the masked twins are kept, too.
        train_split: split to train on: clips are drawn at random, as training draws them; null: none.
        splits: splits to validate and to test on: evenly spaced clips, centre crop.
        draws: random clips of each training video.
        swaps: keep of each training clip a composite, too: its people in the place of another training clip, which
            methods take with --method.composites kept (PlaceSwap). Needs --humans.
        clips: test clips of each other video; training needs --task.validation-clips, testing --clips as many.
        clip: how clips are cut; training must cut them alike.
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        seed: of every crop and flip. The training's own seed may be another one.
        precision: what the network computes in; auto: as training would, what is quickest on this machine.
        batch: clips at a time.
        workers: loader processes.
        device: 'auto', 'cpu' or 'cuda'.
        dry_run: only say how large the folder will be.
        trust: modules or classes that a file given with --config may name besides sceneproof's own.
        quiet: show no progress.

    Returns:
        The features; None after a dry run.

    Raises:
        InputError: bad input; names the file, row or key; or a folder of other features, and what differs.
    """
    for name, value in (("draws", draws), ("clips", clips), ("batch", batch)):
        if value < 1:
            raise InputError(f"--{name}: must be at least 1, not {value}")
    table = Manifest.read(manifest, root)
    people = read_humans(humans) if humans is not None else None
    if swaps and (people is None or train_split is None):
        raise InputError("--swaps: composites show the people of training clips: give --humans TABLE and --train-split")
    names = [*([train_split] if train_split else []), *splits]
    if twice := {name for name in names if names.count(name) > 1}:
        raise InputError(f"--splits: {sorted(twice)[0]!r} is named twice, or is the split that is trained on")
    parts = {name: table.split(name) for name in names}
    where = device_named(device)
    torch.manual_seed(seed)
    if weights is None:
        tell(["no --weights: these are features of a network that has learnt nothing, and stays so"])
    network = _network(backbone, weights)
    network.check(clip.length, clip.size, clip.size)
    _refuse_no_parts(network.eval(), clip)
    numerics = Numerics.quickest(where, precision=precision)
    maker = _Maker(numerics.arrange(network.to(where)), numerics, where, clip, people is not None)
    shape, size = maker.shape(), maker.bytes_a_clip()
    count = sum(len(part) * (draws if name == train_split else clips) for name, part in parts.items())
    said = f"features of {' x '.join(map(str, shape))} behind the lower stages, {bytes_in_words(size)} a clip"
    if dry_run or not quiet:
        twins = ", and as much again for masked twins" if people is not None else ""
        print(f"{said}: {counted(count, 'clip')}, {bytes_in_words(size * count)}{twins}{' and composites' * swaps}")
    if dry_run:
        return None
    each = size * max(draws, clips) * (1 + (people is not None) + swaps)
    plan = {
        "backbone": Spec.of(backbone).config(positional=0, kind=Backbone),
        "lower": lower_digest(network),
        "precision": numerics.precision,
        "clip": settings_of(clip),
        **{"train_split": train_split, "draws": draws, "clips": clips, "seed": seed, "people": people is not None},
        **({"swaps": True} if swaps else {}),
        "rows_a_shard": max(int(SHARD_BYTES // each), 1),
        "splits": {
            name: {"rows": len(part), "tables": digests_of(table, name, people)} for name, part in parts.items()
        },
    }
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    if not (out / PLAN).is_file() and (orphan := next(out.glob("*.safetensors"), None)) is not None:
        raise InputError(
            f"{orphan}: is there, and no {PLAN} that says of what it is: give another folder, or delete it"
        )
    claim(out / PLAN, plan, "features", more={"weights": None if weights is None else str(weights)})
    clear(out)
    kept = KeptFeatures(out, plan)
    for name, part in parts.items():
        own = people_of_split(people, table, name) if people is not None else None
        labelled = Labelled.gather(part, part.actions, humans=own)
        tell(labelled.doubts)
        source = TrainingClips(labelled, clip, seed) if name == train_split else TestClips(labelled, clip, clips)
        partners = _partners(labelled, draws, seed) if swaps and name == train_split else None
        _keep(kept, name, _Rows(source, draws, partners), maker, batch, workers, quiet=quiet)
    if not quiet:
        print(visible(f"written: {out}"))
    return KeptFeatures.open(out)


def _network(backbone: Callable[[], Backbone], weights: Path | None) -> Backbone:
    """The backbone with its first weights."""
    network = Plain(backbone(), Facts(actions=1))
    if weights is not None:
        start_from(network, weights, [])
    return network.backbone


@torch.no_grad()
def _refuse_no_parts(network: Backbone, clip: ClipSettings) -> None:
    """Raises InputError for a network that is more than its lower stages and what it says lies above them."""
    video = torch.randn(1, 3, clip.length, clip.size, clip.size, generator=torch.Generator().manual_seed(0))
    whole, parts = network(video), network.upper(network.lower(video))
    if whole.shape != parts.shape or not torch.allclose(whole, parts, rtol=1e-3, atol=1e-3 * float(whole.abs().max())):
        raise InputError(
            f"{type(network).__name__}: its `upper` of its `lower` is not what it gives as a whole: the class changes "
            f"`forward` and not its parts, so that training on kept features would leave something out"
        )


def _partners(labelled: Labelled, draws: int, seed: int) -> NDArray[np.int64]:
    """In whose place each row's people are put, (draws, N): of those with a masked twin everyone once; -1: nowhere."""
    known = np.flatnonzero([labelled.has_readable_twin(row) for row in range(len(labelled.manifest))])
    partners = np.full((draws, len(labelled.manifest)), -1)
    if len(known) > 1:
        for draw in range(draws):
            circle = np.random.default_rng((seed, draw)).permutation(known)
            partners[draw, circle] = np.roll(circle, 1)
    return partners


@dataclass(frozen=True)
class _Rows:
    """All clips of a row, as a loader's item; each with the clip whose place its composite is in, if there is one."""

    source: TrainingClips | TestClips
    draws: int
    partners: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, row: int) -> list[Sample]:
        if isinstance(self.source, TestClips):
            return self.source[row]
        return [self._drawn(self.source, draw, row) for draw in range(self.draws)]

    def _drawn(self, source: TrainingClips, draw: int, row: int) -> Sample:
        sample, other = source[draw, row], -1 if self.partners is None else int(self.partners[draw, row])
        return sample if other < 0 or sample.problem else replace(sample, second=source[draw, other])


@dataclass(frozen=True)
class _Maker:
    """The lower stages, ready to be asked."""

    network: Backbone
    numerics: Numerics
    device: torch.device
    clip: ClipSettings
    people: bool

    @torch.no_grad()
    def lower(self, video: Tensor) -> Tensor:
        """Features in half precision, on the processor.

        Raises:
            InputError: one that half precision cannot hold.
        """
        with (
            torch.autocast("cpu" if self.device.type == "cpu" else "cuda", torch.bfloat16)
            if (self.numerics.dtype is not None)
            else nullcontext()
        ):
            values = self.network.lower(video)
        if not (values.abs().amax() <= MOST):
            raise InputError(
                f"{type(self.network).__name__}: gives features that are no numbers, or that half precision cannot "
                f"hold (up to {MOST:g}): are these its weights?"
            )
        return values.to(torch.float16).cpu()

    def shape(self) -> tuple[int, ...]:
        """Of the features of one clip."""
        clip = self.clip
        return tuple(self.lower(torch.zeros(1, 3, clip.length, clip.size, clip.size, device=self.device)).shape[1:])

    def bytes_a_clip(self) -> int:
        """How much the features of a clip take."""
        return 2 * int(torch.tensor(self.shape()).prod())

    def __call__(self, raw: RawBatch) -> tuple[Tensor, dict[int, Tensor], dict[int, Tensor]]:
        """The features of a batch's clips; of their masked twins and of their composites by the clip's place in it."""
        needs: list[Need] = ["without_humans"] if self.people else []
        if raw.second is not None:
            needs.append("people")
        batch = to_batch(raw, self.clip.size, self.device, needs=needs)
        batch = normalised(self._with_composites(batch, raw), self.network)
        assert batch.video is not None
        return (
            self.lower(batch.video),
            self._by_place(batch, "without_humans", batch.without_humans),
            self._by_place(batch, "second", batch.second),
        )

    def _with_composites(self, batch: Batch, raw: RawBatch) -> Batch:
        """A batch of pixels with the composites of the clips that have a second one, whose place they are in."""
        if raw.second is None or raw.second_of is None:
            return batch
        others = to_batch(raw.second, self.clip.size, self.device, needs=["without_humans"])
        assert batch.video is not None
        assert batch.people is not None
        assert others.without_humans is not None
        own = raw.second_of.to(self.device)[others.has["without_humans"]]
        second = composed(batch.video[own], batch.people[own], others.without_humans)
        has = torch.zeros_like(batch.action, dtype=torch.bool).index_fill(0, own, True)
        return replace(batch, second=second, has={**batch.has, "second": has})

    def _by_place(self, batch: Batch, name: str, clips: Tensor | None) -> dict[int, Tensor]:
        """The features of the clips of a field that `has` speaks of."""
        if clips is None or not len(clips):
            return {}
        return dict(zip(torch.nonzero(batch.has[name].cpu()).flatten().tolist(), self.lower(clips), strict=True))


def _keep(kept: KeptFeatures, split: str, rows: _Rows, maker: _Maker, batch: int, workers: int, *, quiet: bool) -> None:
    """Makes the shards of a split that are not there yet, or were damaged."""
    shards = [(numbers, kept.folder / name) for numbers, name in kept.shards(split)]
    missing = [(numbers, path) for numbers, path in shards if not intact(path)]
    total = sum(len(numbers) for numbers, _ in shards)
    done = total - sum(len(numbers) for numbers, _ in missing)
    problems: dict[int, str] = {}
    with progress(f"features of {split}", total, done=done, quiet=quiet) as advance:
        for numbers, path in missing:
            shard = Shard()
            for samples in _samples(rows, numbers, workers):
                row = samples[0].row
                if problem := next((sample.problem for sample in samples if sample.problem), ""):
                    shard.problems[row] = problem
                else:
                    _ask(shard, samples, maker, batch)
                advance(1)
            shard.write(path)
            problems |= shard.problems
    if problems:
        first = next(iter(problems))
        video = rows.source.labelled.manifest.rows["video"].iat[first]
        print(f"{split}: {counted(len(problems), 'video')} could not be read, the first: {video}: {problems[first]}")


def _samples(rows: _Rows, numbers: range, workers: int) -> Iterator[list[Sample]]:
    loader: DataLoader[list[Sample]] = DataLoader(
        cast("Dataset[list[Sample]]", rows),
        sampler=list(numbers),
        batch_size=None,
        num_workers=workers,
        worker_init_fn=work_for_parent,
        generator=torch.Generator().manual_seed(0),
    )
    yield from from_workers(loader)


def _ask(shard: Shard, samples: Sequence[Sample], maker: _Maker, batch: int) -> None:
    """Adds the features of a row's clips to a shard."""
    for start in range(0, len(samples), batch):
        part = samples[start : start + batch]
        values, twins, swapped = maker(collate(part, 0))
        first = len(shard.clips)
        shard.clips += list(values)
        shard.rows += [sample.row for sample in part]
        shard.draws += list(range(start, start + len(part)))
        shard.twins |= {first + place: twin for place, twin in twins.items()}
        shard.swapped |= {first + place: clip for place, clip in swapped.items()}
