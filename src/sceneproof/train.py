"""The main job: manifest + labels + backbone + method -> run."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from sceneproof.addresses import Address
from sceneproof.backbones import Backbone, ResNet3D
from sceneproof.data.batches import RawBatch, normalised, steps_in_epoch, to_batch
from sceneproof.data.dataset import ClipSettings, Labelled, TrainingClips
from sceneproof.data.digests import weights_digests
from sceneproof.data.manifest import Manifest, refuse_out_of_context
from sceneproof.data.plausibility import tell
from sceneproof.labels import TrainingLabels, load, tell_what_is_known
from sceneproof.methods import Facts, Method, Plain
from sceneproof.methods.base import augmented
from sceneproof.optimisation import Optimisation
from sceneproof.run import Run, TrainingFacts
from sceneproof.spec import Spec, named, plain
from sceneproof.start import start_from
from sceneproof.tasks.classification import Validation
from sceneproof.training import OUTSIDE, Batches, Material, carry_out, check_seed
from sceneproof.types import Batch


def train(
    manifest: Address,
    out: Path,
    *,
    backbone: Callable[[], Backbone] = ResNet3D,
    method: Callable[[Backbone, Facts], Method] = Plain,
    scenes: Address | None = None,
    humans: Address | None = None,
    weights: Path | None = None,
    shuffle_scenes: bool = False,
    freeze_backbone: bool = False,
    train_split: str = "train",
    validation_split: str | None = "validation",
    validation_clips: int = 3,
    root: Address | None = None,
    clip: ClipSettings = ClipSettings(),
    optimisation: Optimisation = Optimisation(),
    seed: int = 0,
    workers: int = 0,
    memory: bool = False,
    trust: Sequence[str] | None = None,
    quiet: bool = False,
) -> Run:
    """Trains a model and writes a run folder. The same command goes on with a run that was cut short.

    It trains a classifier; `--task localization` trains a localizer, and has options of its own (with --help).

    Args:
        manifest: the table of videos that `sceneproof index` or `sceneproof mall` wrote. It, the tables of labels and
            the root may be addresses (s3://, gs://, hf://).
        out: the run folder to write, on this machine.
        backbone: the network that turns clips into features, for example ResNet3D or TorchvisionVideo.
        method: how it is trained: Plain, SDN, GroupDRO, LfF, VideoMix, or one of your own.
        scenes: table of soft scene labels, from `sceneproof label scenes`; SDN's scene adversary needs it.
        humans: table of person boxes or masks; SDN's confusion loss needs it.
        weights: start from these: a run folder, or an official .pth checkpoint. Heads come along only where the
            classes are the same.
        shuffle_scenes: a control: give every training video the scene label of another one, drawn by the seed.
        freeze_backbone: train the heads alone: the transfer protocol's linear evaluation.
        train_split: split of the manifest to train on; its actions are the model's classes.
        validation_split: split to validate on, and to pick the weights that are kept. It must be in context; null: no
            validation, the last weights are kept.
        validation_clips: evenly spaced clips a validation video is judged by.
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        clip: how clips are cut.
        optimisation: how the losses are minimised.
        seed: of the weights, the order of the clips, and every crop and flip.
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
    table = Manifest.read(manifest, root)
    if validation_split is not None and (optimisation.keep == "best" or optimisation.schedule == "plateau"):
        refuse_out_of_context(table.split(validation_split))
    labels = TrainingLabels.read(table.split(train_split), scenes, humans, shuffled=seed if shuffle_scenes else None)
    facts = labels.facts(steps_in_epoch(len(labels.part), optimisation.batch))
    known = TrainingFacts(labels.groups.names, facts.rows, facts.steps)
    run = Run(Path(out), config, labels.part.actions, labels.scene_names, known=known, trust=named(config))
    torch.manual_seed(seed)
    network = run.build(facts)
    network.backbone.check(clip.length, clip.size, clip.size)
    labels.refuse_missing(network, config["method"]["class_path"])

    def material(network: Method, accelerator: Accelerator, quiet: bool) -> Material:
        second = next(iter({"second_clip", "other_clip"} & network.needs), "")
        clips = TrainingClips(labels.gather(network, memory=memory, quiet=quiet), clip, seed, second)
        if accelerator.is_main_process:
            tell(clips.labelled.doubts)
        tell_what_is_known(clips.labelled, network, quiet=quiet)
        validate = None
        if validation_split is not None:
            held_out = Labelled.gather(table.split(validation_split), run.actions, memory=memory)
            load(held_out, quiet=quiet)
            validate = Validation(held_out, network, accelerator, clip=clip, clips=validation_clips, workers=workers)
        groups = facts.group_of_row

        def to_device(raw: RawBatch, rng: np.random.Generator) -> Batch:
            batch = to_batch(raw, clip.size, accelerator.device, needs=network.needs)
            if groups is not None and "group" in network.needs:
                batch = replace(batch, group=groups[raw.row].to(accelerator.device))
            return normalised(augmented(batch, network, rng), network.backbone)

        videos = clips.labelled.manifest.rows["video"]
        batches = Batches(clips, lambda row: str(videos.iat[row]), to_device, accelerator, optimisation, workers)
        return Material(batches, batches.loader.steps, len(videos), batches.unreadable, validate)

    return carry_out(
        run,
        network,
        optimisation,
        material,
        data=labels.digests(table, validation_split) | weights_digests(weights),
        rows=len(labels.part),
        loaded=start_from(network, weights, run.actions, run.scenes) if weights is not None else set(),
        freeze_backbone=freeze_backbone,
        seed=seed,
        name=labels.part.name,
        quiet=quiet,
    )


def _config(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `train` as plain values, without those that cannot change the result."""
    config = {key: value for key, value in arguments.items() if key not in OUTSIDE}
    config["backbone"] = Spec.of(config["backbone"]).config(positional=0, kind=Backbone)
    config["method"] = Spec.of(config["method"]).config(positional=2, kind=Method)
    config["clip"], config["optimisation"] = asdict(config["clip"]), asdict(config["optimisation"])
    values: dict[str, Any] = plain(config)
    return values
