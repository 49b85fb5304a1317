"""Training of detectors: manifest + table of boxes + backbone + detector -> run."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator

from sceneproof.addresses import Address
from sceneproof.backbones import Backbone
from sceneproof.backbones.vgg16 import VGG16
from sceneproof.data.batches import RawBatch
from sceneproof.data.dataset import Videos
from sceneproof.data.digests import manifest_digests, people_digests, weights_digests
from sceneproof.data.manifest import Manifest, refuse_out_of_context
from sceneproof.data.people import PeopleTable
from sceneproof.data.plausibility import tell
from sceneproof.errors import InputError
from sceneproof.optimisation import Optimisation
from sceneproof.run import Run
from sceneproof.spec import Spec, named, plain
from sceneproof.start import start_from
from sceneproof.tasks.detection.clips import BoxClipSettings, TrainingBoxes, to_boxes
from sceneproof.tasks.detection.detector import Detector
from sceneproof.tasks.detection.linking import TubeSettings
from sceneproof.tasks.detection.ssd import SSD
from sceneproof.tasks.detection.validation import Validation
from sceneproof.training import OUTSIDE, Batches, Material, carry_out, check_seed
from sceneproof.types import BoxBatch

OPTIMISATION = Optimisation(lr=5e-4, weight_decay=5e-4, schedule="cosine")
"""The rate and decay of the released SSD on J-HMDB (Singh et al. 2017); no plateau, since no loss is watched."""


def train_detection(
    manifest: Address,
    out: Path,
    *,
    humans: Address,
    task: Literal["detection"] = "detection",
    backbone: Callable[[], Backbone] = VGG16,
    method: Callable[[Backbone, int], Detector] = SSD,
    weights: Path | None = None,
    freeze_backbone: bool = False,
    train_split: str = "train",
    validation_split: str | None = "validation",
    root: Address | None = None,
    clip: BoxClipSettings = BoxClipSettings(),
    tubes: TubeSettings = TubeSettings(),
    optimisation: Optimisation = OPTIMISATION,
    seed: int = 0,
    workers: int = 0,
    memory: bool = False,
    trust: Sequence[str] | None = None,
    quiet: bool = False,
) -> Run:
    """Trains a detector, which says who does what where in each frame, and writes a run folder.

    The same command goes on with a run that was cut short. `sceneproof train` without --task trains a classifier, from
    whose run a detector may start.

    Args:
        manifest: the table of videos that `sceneproof index` or `sceneproof mall` wrote. It, the table of boxes and the
            root may be addresses (s3://, gs://, hf://).
        out: the run folder to write, on this machine.
        humans: table of boxes of the people who act, as `sceneproof index jhmdb` and `sceneproof mall` write it; with a
            column `action` where people of one video do different things, and `track` where it shows several.
        task: what this command trains; `sceneproof train` looks here, or into the recipe, to find it.
        backbone: the network below the detector: VGG16, or a 3D one for MOC.
        method: how boxes are found: SSD, which sees each frame alone, or MOC, which finds tubelets of several frames.
        weights: start from these: a run folder of any task, or an official .pth checkpoint. Heads come along only
            where they fit and the classes are the same.
        freeze_backbone: train the heads alone.
        train_split: split of the manifest to train on; its actions are the model's classes.
        validation_split: split to validate on (frame-mAP at IoU 0.5), and to pick the weights that are kept. It must be
            in context; null: no validation, the last weights are kept.
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        clip: how clips are cut.
        tubes: how boxes are linked to tubes when the run is tested.
        optimisation: how the losses are minimised.
        seed: of the weights, the order of the clips, and every crop, colour and flip.
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
            "optimisation.schedule: plateau: validation of a detector has no loss to watch: give cosine or constant"
        )
    table = Manifest.read(manifest, root)
    if validation_split is not None and optimisation.keep == "best":
        refuse_out_of_context(table.split(validation_split))
    part = table.split(train_split)
    people = PeopleTable.read(humans, table)
    run = Run(Path(out), config, people.actions(part), [], trust=named(config))
    torch.manual_seed(seed)
    network = run.build_detector()
    network.backbone.check(clip.length, clip.size, clip.size)
    clip.check(network.frames)
    validated = [] if validation_split is None else list(table.split(validation_split).rows["video"])
    watched = [*part.rows["video"], *validated]
    shown = sum(video in people for video in part.rows["video"])
    if not shown:
        raise InputError(f"{part.name}: none of the {len(part)} videos of {train_split!r} has a box in {humans}")

    def material(network: Detector, accelerator: Accelerator, quiet: bool) -> Material:
        videos = Videos(part, memory=memory)
        videos.load(quiet=quiet)
        clips = TrainingBoxes.gather(videos, people, run.actions, clip, seed=seed, fill=network.backbone.mean)
        if accelerator.is_main_process:
            tell(people.doubts)
            _tell_left_out(part, len(part) - shown, clips.outside)
        validate = None
        if validation_split is not None:
            held_out = Videos(table.split(validation_split))
            validate = Validation(held_out, people, network, accelerator, actions=run.actions, settings=clip)

        def to_device(raw: RawBatch, _: np.random.Generator) -> BoxBatch:
            return to_boxes(raw, network.backbone, clip.size, accelerator.device)

        batches = Batches(clips, clips.name, to_device, accelerator, optimisation, workers)
        batches.unreadable.update(clips.problems)
        return Material(batches, batches.loader.steps, len(part), batches.unreadable, validate, Validation.criterion)

    return carry_out(
        run,
        network,
        optimisation,
        material,
        data={
            "manifest": manifest_digests(table, [train_split, validation_split]),
            "humans": people_digests(people.rows, watched),
        }
        | weights_digests(weights),
        rows=shown,
        loaded=start_from(network, weights, run.actions) if weights is not None else set(),
        freeze_backbone=freeze_backbone,
        seed=seed,
        name=part.name,
        quiet=quiet,
    )


def _tell_left_out(part: Manifest, without: int, outside: int) -> None:
    """Says of what nothing is learnt."""
    if without:
        print(f"{part.name}: {without} of {len(part)} training videos have no box: left out", file=sys.stderr)
    if outside:
        print(f"{part.name}: {outside} boxes lie outside their training clips: left out", file=sys.stderr)


def _config(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as plain values, without those that cannot change the result."""
    config = {key: value for key, value in arguments.items() if key not in OUTSIDE}
    config["backbone"] = Spec.of(config["backbone"]).config(positional=0, kind=Backbone)
    config["method"] = Spec.of(config["method"]).config(positional=2, kind=Detector)
    for name in ("clip", "tubes", "optimisation"):
        config[name] = asdict(config[name])
    values: dict[str, Any] = plain(config)
    return values
