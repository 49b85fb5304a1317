"""The main job: manifest + labels + backbone + method -> run."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.tracking import get_available_trackers
from accelerate.utils import ProjectConfiguration

from sceneproof.backbones import Backbone, ResNet3D
from sceneproof.data.batches import Loader, RawBatch, to_batch
from sceneproof.data.dataset import ClipSettings, Labelled, TrainingClips
from sceneproof.data.humans import read_humans
from sceneproof.data.manifest import Manifest, refuse_out_of_context
from sceneproof.data.scenes import SceneTable
from sceneproof.data.video import VideoError
from sceneproof.engine import Job, fit
from sceneproof.errors import InputError, TrainingError
from sceneproof.methods import Method, Plain
from sceneproof.optimisation import Optimisation
from sceneproof.run import Run
from sceneproof.spec import Spec, plain
from sceneproof.start import start_from
from sceneproof.tasks.classification import Validation
from sceneproof.types import Batch


def train(
    manifest: Path,
    out: Path,
    *,
    backbone: Callable[[], Backbone] = ResNet3D,
    method: Callable[[Backbone, int, int], Method] = Plain,
    scenes: Path | None = None,
    humans: Path | None = None,
    weights: Path | None = None,
    shuffle_scenes: bool = False,
    freeze_backbone: bool = False,
    train_split: str = "train",
    validation_split: str | None = "validation",
    validation_clips: int = 3,
    root: Path | None = None,
    clip: ClipSettings = ClipSettings(),
    optimisation: Optimisation = Optimisation(),
    seed: int = 0,
    workers: int = 0,
    memory: bool = False,
    quiet: bool = False,
) -> Run:
    """Trains a model and writes a run folder. The same command goes on with a run that was cut short.

    Args:
        manifest: the table of videos that `sceneproof index` or `sceneproof mall` wrote.
        out: the run folder to write.
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
        root: folder that the manifest's paths start from, where it is not the manifest's own.
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
    part = table.split(train_split)
    scene_table = SceneTable.read(scenes) if scenes is not None else None
    people = read_humans(humans) if humans is not None else None
    if scene_table is not None and shuffle_scenes:
        scene_table = scene_table.shuffled(list(part.rows["video"]), seed)
    run = Run(Path(out), config, part.actions, list(scene_table.names) if scene_table is not None else [])
    if validation_split is not None and (optimisation.keep == "best" or optimisation.schedule == "plateau"):
        refuse_out_of_context(table.split(validation_split))
    torch.manual_seed(seed)
    network = run.build()
    network.backbone.check(clip.length, clip.size, clip.size)
    if network.needs_scenes and scene_table is None:
        raise InputError(f"{config['method']['class_path']}: this method needs scene labels: give --scenes TABLE")
    if network.needs_humans and people is None:
        raise InputError(
            f"{config['method']['class_path']}: this method needs person boxes or masks: give --humans TABLE"
        )
    loaded = start_from(network, weights, run.actions, run.scenes) if weights is not None else set()
    parts = set(network.groups())
    accelerator = _accelerator(run, optimisation)
    _refuse_small_batches(min(optimisation.batch, len(part)), accelerator, optimisation)
    with accelerator.main_process_first():
        run.begin()
    if run.done:
        return run
    accelerator.init_trackers("sceneproof")
    network = _prepared(network, accelerator, optimisation)
    torch.manual_seed(seed + 1 + accelerator.process_index)  # dropout differs between processes, weights do not

    def gather(rows: Manifest) -> Labelled:
        gathered = Labelled.gather(
            rows,
            run.actions,
            scenes=scene_table if rows is part and network.needs_scenes else None,
            humans=people if rows is part and network.needs_humans else None,
            memory=memory,
        )
        gathered.videos.load(quiet=quiet or not accelerator.is_main_process)
        _refuse_if_nothing_is_there(gathered)
        return gathered

    clips = TrainingClips(gather(part), clip, seed)
    _tell_what_is_known(clips.labelled, network, quiet=quiet or not accelerator.is_main_process)
    loader = Loader(
        clips,
        optimisation.batch,
        accelerator.process_index,
        accelerator.num_processes,
        workers,
        pin=accelerator.device.type == "cuda",
    )
    validate = None
    if validation_split is not None:
        held_out = gather(table.split(validation_split))
        validate = Validation(held_out, network, accelerator, clip=clip, clips=validation_clips, workers=workers)
    unreadable: dict[str, str] = {}

    def batches(epoch: int, start: int) -> Iterator[Batch | None]:
        raw = loader.epoch(epoch, start=start)
        least = 1 if optimisation.freeze_batch_norm else 2
        return _on_device(raw, network, clip.size, accelerator.device, unreadable, part, least=least)

    job = Job(
        run=run,
        method=network,
        batches=batches,
        steps=loader.steps,
        validate=validate,
        accelerator=accelerator,
        new=sorted(parts - loaded),
        frozen=("backbone",) if freeze_backbone else (),
        unreadable=unreadable,
        quiet=quiet,
    )
    skipped = fit(job, optimisation).skipped
    if accelerator.is_main_process:
        _tell(unreadable, skipped, part)
    accelerator.end_training()
    return run


def _config(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `train` as plain values, without those that cannot change the result."""
    config = {key: value for key, value in arguments.items() if key not in ("out", "workers", "memory", "quiet")}
    config["backbone"] = Spec.of(config["backbone"]).config(positional=0)
    config["method"] = Spec.of(config["method"]).config(positional=3)
    config["clip"], config["optimisation"] = asdict(config["clip"]), asdict(config["optimisation"])
    values: dict[str, Any] = plain(config)
    return values


def _accelerator(run: Run, settings: Optimisation) -> Accelerator:
    precision = settings.precision
    if precision == "auto":
        precision = "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "fp32"
    available = [str(name) for name in get_available_trackers()]
    for name in settings.trackers:
        if name not in ("all", *available):  # accelerate would leave out what is not installed without a word
            raise InputError(
                f"optimisation.trackers: {name!r} is no tracker that is installed here; those are: "
                f"{', '.join(available) or 'none'}"
            )
    AcceleratorState._reset_state()  # accelerate keeps the first precision for good, a notebook may train twice
    accelerator = Accelerator(
        cpu=not torch.cuda.is_available(),  # without it, accelerate takes several CPU processes for as many single ones
        mixed_precision="bf16" if precision == "bf16" else "no",
        log_with=list(settings.trackers) or None,
        project_config=ProjectConfiguration(logging_dir=str(run.path / "trackers")),
    )
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if accelerator.num_processes != launched:
        raise TrainingError(f"{launched} processes were launched, but accelerate found {accelerator.num_processes}")
    return accelerator


def _prepared(network: Method, accelerator: Accelerator, settings: Optimisation) -> Method:
    """The method on its device, in its memory format; on several GPUs with synchronised batch normalisation."""
    if accelerator.num_processes > 1 and accelerator.device.type == "cuda":
        network = torch.nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]  # torch's
    on_gpu = accelerator.device.type == "cuda"
    channels_last = on_gpu if settings.channels_last is None else settings.channels_last
    network = network.to(accelerator.device)
    if channels_last:
        for tensor in (*network.parameters(), *network.buffers()):
            if tensor.ndim == 5:  # a network of one's own may convolve pictures, too
                tensor.data = tensor.data.contiguous(memory_format=torch.channels_last_3d)
    return network


def _on_device(
    loaded: Iterator[RawBatch],
    network: Method,
    size: int,
    device: torch.device,
    unreadable: dict[str, str],
    part: Manifest,
    *,
    least: int,
) -> Iterator[Batch | None]:
    """Batches on the device; None where fewer than `least` clips could be read: batch normalisation needs two."""
    for raw in loaded:
        for row, problem in raw.problems:
            unreadable[str(part.rows["video"].iat[row])] = problem
        yield to_batch(raw, network.backbone, size, device, twins=network.needs_humans) if len(raw) >= least else None


def _refuse_if_nothing_is_there(labelled: Labelled) -> None:
    """Raises InputError if none of the first videos can be read: the root is wrong, most likely."""
    problem = None
    for row in range(min(len(labelled.manifest), 16)):
        try:
            labelled.videos.length(row)
        except VideoError as error:
            problem = problem or f"{labelled.manifest.path(row)}: {error}"
        else:
            return
    raise InputError(
        f"{labelled.manifest.name}: none of the first videos can be read ({problem}): is --root the folder that the "
        f"paths start from?"
    )


def _refuse_small_batches(clips: int, accelerator: Accelerator, settings: Optimisation) -> None:
    """Raises InputError where every step would be left out for want of clips.

    Args:
        clips: in a batch, over all processes.
        accelerator: knows the processes.
        settings: with batch normalisation frozen, one clip a process is enough.
    """
    processes = accelerator.num_processes
    least = 1 if settings.freeze_batch_norm else 2
    if clips < least * processes:
        raise InputError(
            f"optimisation.batch: batches of {clips} clips on {processes} processes: batch normalisation needs "
            f"{least} a process: give a batch of {least * processes} or more, and as many videos"
            + ("" if settings.freeze_batch_norm else ", or --optimisation.freeze_batch_norm=true")
        )


def _tell_what_is_known(labelled: Labelled, method: Method, *, quiet: bool) -> None:
    """Says how many training videos have the labels that the method needs.

    Raises:
        InputError: none has.
    """
    rows = len(labelled.manifest)
    counts = {}
    if method.needs_scenes:
        counts["a scene label"] = int(labelled.has_scene.sum())
    if method.needs_humans:
        counts["a masked twin"] = sum(map(labelled.has_readable_twin, range(rows)))
    for what, count in counts.items():
        if not count:
            raise InputError(
                f"{labelled.manifest.name}: no training video has {what}, which {type(method).__name__} needs: was the "
                f"table of labels made from these videos?"
            )
        if not quiet:
            print(f"{labelled.manifest.name}: {count} of {rows} training videos have {what}", file=sys.stderr)


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
