"""Training of localizers: manifest of segments + backbone + localizer -> run."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from sceneproof.addresses import Address
from sceneproof.backbones import Backbone, ResNet3D
from sceneproof.data.batches import RawBatch
from sceneproof.data.digests import SEGMENTS, manifest_digests, weights_digests
from sceneproof.data.manifest import Manifest, refuse_out_of_context
from sceneproof.data.segments import BACKGROUND
from sceneproof.errors import InputError
from sceneproof.optimisation import Optimisation
from sceneproof.run import Run
from sceneproof.spec import Spec, named, plain
from sceneproof.start import start_from
from sceneproof.tasks.localization.buffers import BufferSettings
from sceneproof.tasks.localization.feeding import Known, to_segments
from sceneproof.tasks.localization.footage import Footage, TrainingBuffers
from sceneproof.tasks.localization.localizer import Localizer
from sceneproof.tasks.localization.rc3d import RC3D
from sceneproof.tasks.localization.validation import Validation
from sceneproof.training import OUTSIDE, Batches, Material, carry_out, check_seed
from sceneproof.types import SegmentBatch

OPTIMISATION = Optimisation(batch=1, freeze_batch_norm=True, schedule="cosine")
"""The released R-C3D's batch of one buffer, batch normalisation as it came; no plateau, since no loss is watched."""


def train_localization(
    manifest: Address,
    out: Path,
    *,
    task: Literal["localization"] = "localization",
    backbone: Callable[[], Backbone] = ResNet3D,
    method: Callable[[Backbone, int], Localizer] = RC3D,
    weights: Path | None = None,
    freeze_backbone: bool = False,
    train_split: str = "train",
    validation_split: str | None = "validation",
    root: Address | None = None,
    buffer: BufferSettings = BufferSettings(),
    optimisation: Optimisation = OPTIMISATION,
    seed: int = 0,
    workers: int = 0,
    memory: bool = False,
    trust: Sequence[str] | None = None,
    quiet: bool = False,
) -> Run:
    """Trains a localizer, which says when something is done in untrimmed videos, and writes a run folder.

    The same command goes on with a run that was cut short. `sceneproof train` without --task trains a classifier, from
    whose run a localizer may start.

    Args:
        manifest: a table of segments: one row each, with start and end in seconds; rows of one `group` (or of one
            path, where there is none) are one video. It and the root may be addresses (s3://, gs://, hf://).
        out: the run folder to write, on this machine.
        task: what this command trains; `sceneproof train` looks here, or into the recipe, to find it.
        backbone: the network that turns buffers into features, for example ResNet3D or TorchvisionVideo; one whose
            features have a step in time.
        method: how segments are found: RC3D, ActionFormer or PerFrame.
        weights: start from these: a run folder of any task, or an official .pth checkpoint. Heads come along only
            where they fit and the classes are the same.
        freeze_backbone: train the heads alone.
        train_split: split of the manifest to train on; its actions are the model's classes.
        validation_split: split to validate on (mAP at tIoU 0.5), and to pick the weights that are kept. It must be in
            context; null: no validation, the last weights are kept.
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        buffer: how videos are cut into buffers.
        optimisation: how the losses are minimised; a batch is counted in buffers.
        seed: of the weights, the order of the buffers, and every crop and flip.
        workers: loader processes; 0 loads in the training process.
        memory: decode every video once and keep it in memory.
        trust: modules or classes (mypackage, mypackage.models.Net) that a file given with --config may name besides
            sceneproof's own. To import them executes their code.
        quiet: show no progress.

    Raises:
        InputError: bad input; names the file, row or key.
        TrainingError: training cannot go on; says why, and where the last checkpoint is.
    """
    config = _config(locals())
    check_seed(seed)
    if optimisation.schedule == "plateau":
        raise InputError(
            "optimisation.schedule: plateau: validation of a localizer has no loss to watch: give cosine or constant"
        )
    table = Manifest.read(manifest, root)
    if validation_split is not None and optimisation.keep == "best":
        refuse_out_of_context(table.split(validation_split))
    part = table.split(train_split)
    _refuse_whole_clips(part)
    actions = [action for action in part.actions if action != BACKGROUND]
    footage = Footage.gather(part, buffer.rate, memory=memory, check=True)
    clips = TrainingBuffers.cut(footage, buffer, seed, actions)
    run = Run(Path(out), config, actions, [], trust=named(config))
    torch.manual_seed(seed)
    network = run.build_localizer()
    network.backbone.check(buffer.length, buffer.size, buffer.size)

    def material(network: Localizer, accelerator: Accelerator, quiet: bool) -> Material:
        footage.frames.load(quiet=quiet)
        validate = None
        if validation_split is not None:
            held_out = Footage.gather(table.split(validation_split), buffer.rate)
            validate = Validation(held_out, network, accelerator, actions=run.actions, settings=buffer)

        drawn: TrainingBuffers | Known = clips
        if (freeze_backbone or not learns(network.backbone.lower_parts)) and not buffer.augment:
            drawn = Known.look(clips, network.backbone, accelerator.device, quiet=quiet)

        def to_device(raw: RawBatch, _: np.random.Generator) -> SegmentBatch:
            if isinstance(drawn, Known):
                return drawn.to_segments(raw.row.tolist(), accelerator.device)
            return to_segments(raw, clips, network.backbone, accelerator.device)

        batches = Batches(drawn, lambda row: clips.video(row).name, to_device, accelerator, optimisation, workers)
        batches.unreadable.update(footage.problems)
        videos = len(footage.videos)
        return Material(batches, batches.loader.steps, videos, batches.unreadable, validate, Validation.criterion)

    return carry_out(
        run,
        network,
        optimisation,
        material,
        data={"manifest": manifest_digests(table, [train_split, validation_split], SEGMENTS)}
        | weights_digests(weights),
        rows=len(clips),
        loaded=start_from(network, weights, run.actions) if weights is not None else set(),
        freeze_backbone=freeze_backbone,
        seed=seed,
        name=part.name,
        quiet=quiet,
    )


def learns(parts: Sequence[nn.Module]) -> bool:
    """Whether any parameter of the modules is trained."""
    return any(parameter.requires_grad for part in parts for parameter in part.parameters())


def _refuse_whole_clips(part: Manifest) -> None:
    """Raises InputError where no row is a segment: clips that were cut to their action teach nothing about time."""
    if not any(name in part.rows and part.rows[name].notna().any() for name in ("start", "end")):
        raise InputError(
            f"{part.name}: no row of split {part.rows['split'].iat[0]!r} has a start or an end: every video is one "
            f"action from start to end, and there is nothing to localize. If `prepare` wrote it, "
            f"give it --segments keep"
        )


def _config(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as plain values, without those that cannot change the result."""
    config = {key: value for key, value in arguments.items() if key not in OUTSIDE}
    config["backbone"] = Spec.of(config["backbone"]).config(positional=0, kind=Backbone)
    config["method"] = Spec.of(config["method"]).config(positional=2, kind=Localizer)
    config["buffer"], config["optimisation"] = asdict(config["buffer"]), asdict(config["optimisation"])
    values: dict[str, Any] = plain(config)
    return values
