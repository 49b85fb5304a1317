"""The main job: manifest + labels + backbone + method -> run."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from sceneproof.addresses import Address
from sceneproof.backbones import Backbone, ResNet3D
from sceneproof.data.batches import Loader, to_batch
from sceneproof.data.dataset import ClipSettings, Labelled, TrainingClips
from sceneproof.data.manifest import Manifest, refuse_out_of_context
from sceneproof.engine import Job, fit
from sceneproof.errors import InputError
from sceneproof.labels import TrainingLabels, load, tell_what_is_known
from sceneproof.launch import accelerator_for, place, refuse_small_batches
from sceneproof.methods import Method, Plain
from sceneproof.optimisation import Optimisation
from sceneproof.run import Run
from sceneproof.spec import Spec, plain
from sceneproof.start import start_from
from sceneproof.tasks.classification import Validation
from sceneproof.types import Batch


def train(
    manifest: Address,
    out: Path,
    *,
    backbone: Callable[[], Backbone] = ResNet3D,
    method: Callable[[Backbone, int, int], Method] = Plain,
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
    quiet: bool = False,
) -> Run:
    """Trains a model and writes a run folder. The same command goes on with a run that was cut short.

    Args:
        manifest: the table of videos that `sceneproof index` or `sceneproof mall` wrote. It, the tables of labels and
            the root may be addresses (s3://, gs://, hf://).
        out: the run folder to write, on this machine.
        backbone: the network that turns clips into features, for example ResNet3D or TorchvisionVideo.
        method: how it is trained: Plain, or SDN.
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
        quiet: show no progress.

    Raises:
        InputError: bad input; names the file, row or key.
        TrainingError: training cannot go on; says why, and where the last checkpoint is.
    """
    config = _config(locals())
    if seed < 0:
        raise InputError(f"seed: must be at least 0, not {seed}")
    table = Manifest.read(manifest, root)
    if validation_split is not None and (optimisation.keep == "best" or optimisation.schedule == "plateau"):
        refuse_out_of_context(table.split(validation_split))
    labels = TrainingLabels.read(table.split(train_split), scenes, humans, shuffled=seed if shuffle_scenes else None)
    run = Run(Path(out), config, labels.part.actions, labels.scene_names)
    torch.manual_seed(seed)
    network = run.build()
    network.backbone.check(clip.length, clip.size, clip.size)
    labels.refuse_missing(network, config["method"]["class_path"])
    loaded = start_from(network, weights, run.actions, run.scenes) if weights is not None else set()
    parts = set(network.groups())
    accelerator = accelerator_for(run, optimisation)
    refuse_small_batches(min(optimisation.batch, len(labels.part)), accelerator, optimisation)
    with accelerator.main_process_first():
        run.begin()
    if run.done:
        return run
    accelerator.init_trackers("sceneproof")
    network = place(network, accelerator, optimisation)
    torch.manual_seed(seed + 1 + accelerator.process_index)  # dropout differs between processes, weights do not

    quiet_here = quiet or not accelerator.is_main_process
    clips = TrainingClips(labels.gather(network, memory=memory, quiet=quiet_here), clip, seed)
    tell_what_is_known(clips.labelled, network, quiet=quiet_here)
    validate = None
    if validation_split is not None:
        held_out = Labelled.gather(table.split(validation_split), run.actions, memory=memory)
        load(held_out, quiet=quiet_here)
        validate = Validation(held_out, network, accelerator, clip=clip, clips=validation_clips, workers=workers)
    batches = _Batches(clips, network, accelerator, optimisation, workers)
    job = Job(
        run=run,
        method=network,
        batches=batches,
        steps=batches.loader.steps,
        validate=validate,
        accelerator=accelerator,
        new=sorted(parts - loaded),
        frozen=("backbone",) if freeze_backbone else (),
        unreadable=batches.unreadable,
        quiet=quiet,
    )
    skipped = fit(job, optimisation).skipped
    if accelerator.is_main_process:
        _tell(batches.unreadable, skipped, labels.part)
    accelerator.end_training()
    return run


class _Batches:
    """Each epoch's batches on the device; remembers which videos could not be read, and why."""

    def __init__(
        self, clips: TrainingClips, method: Method, accelerator: Accelerator, settings: Optimisation, workers: int
    ) -> None:
        self.unreadable: dict[str, str] = {}
        self.loader = Loader(
            clips,
            settings.batch,
            accelerator.process_index,
            accelerator.num_processes,
            workers,
            pin=accelerator.device.type == "cuda",
        )
        self._clips, self._method, self._device = clips, method, accelerator.device
        self._least = 1 if settings.freeze_batch_norm else 2  # clips: batch normalisation needs two

    def __call__(self, epoch: int, start: int) -> Iterator[Batch | None]:
        """Batches of an epoch from step `start` on; None where too few clips could be read."""
        rows, size = self._clips.labelled.manifest.rows, self._clips.settings.size
        for raw in self.loader.epoch(epoch, start=start):
            for row, problem in raw.problems:
                self.unreadable[str(rows["video"].iat[row])] = problem
            if len(raw) < self._least:
                yield None
            else:
                yield to_batch(raw, self._method.backbone, size, self._device, twins=self._method.needs_humans)


def _config(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `train` as plain values, without those that cannot change the result."""
    config = {key: value for key, value in arguments.items() if key not in ("out", "workers", "memory", "quiet")}
    config["backbone"] = Spec.of(config["backbone"]).config(positional=0)
    config["method"] = Spec.of(config["method"]).config(positional=3)
    config["clip"], config["optimisation"] = asdict(config["clip"]), asdict(config["optimisation"])
    values: dict[str, Any] = plain(config)
    return values


def _tell(unreadable: dict[str, str], skipped: int, part: Manifest) -> None:
    """Says which videos were skipped, and why, and how many steps."""
    if skipped:
        print(f"{part.name}: {skipped} steps were left out: too few readable clips in the batch", file=sys.stderr)
    if unreadable:
        print(
            f"{part.name}: {len(unreadable)} of {len(part)} training videos could not be read and were skipped:",
            file=sys.stderr,
        )
        for video, problem in sorted(unreadable.items()):
            print(f"  {video}: {problem}", file=sys.stderr)
