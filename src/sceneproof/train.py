"""The main job, whatever the task: manifest + labels + backbone + method -> run."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import torch

from sceneproof.addresses import Address
from sceneproof.backbones import Backbone
from sceneproof.data.digests import weights_digests
from sceneproof.data.kept import lower_names
from sceneproof.data.manifest import Manifest
from sceneproof.engine import Job, fit
from sceneproof.errors import InputError
from sceneproof.launch import accelerator_for, numerics_for, place, refuse_small_batches
from sceneproof.locks import Lock, locked
from sceneproof.material import Material
from sceneproof.methods.base import Learner
from sceneproof.optimisation import Optimisation
from sceneproof.run import Run, TrainingFacts, task_of
from sceneproof.spec import Spec, named, plain
from sceneproof.start import start_from
from sceneproof.task import Plan, Tables, Task, Training
from sceneproof.tasks import Classification
from sceneproof.terminal import visible
from sceneproof.wording import counted

OUTSIDE = ("out", "workers", "memory", "trust", "quiet", "dry_run")
"""Arguments of `train` that cannot change its result: no part of a run's configuration."""
OF_THE_TASK = Optimisation()
"""The task's own settings: where nothing is said, these are taken instead."""


def train(
    manifest: Address,
    out: Path,
    *,
    task: Task = Classification(),
    backbone: Callable[[], Backbone] | None = None,
    method: Callable[[Backbone, Any], Learner] | None = None,
    scenes: Address | None = None,
    humans: Address | None = None,
    features: Path | None = None,
    weights: Path | None = None,
    freeze: Literal["lower"] | None = None,
    freeze_backbone: bool = False,
    train_split: str = "train",
    validation_split: str | None = "validation",
    root: Address | None = None,
    optimisation: Optimisation = OF_THE_TASK,
    seed: int = 0,
    workers: int = 0,
    memory: bool = False,
    trust: Sequence[str] | None = None,
    quiet: bool = False,
    dry_run: bool = False,
) -> Run:
    """Trains a model and writes a run folder. The same command goes on with a run that was cut short.

    Args:
        manifest: the table of videos that `sceneproof index` or `sceneproof mall` wrote; for localization one of
            segments. It, the tables of labels and the root may be addresses (s3://, gs://, hf://).
        out: the run folder to write, on this machine.
        task: what is learnt: Classification (what is done in a clip), Localization (when, in an untrimmed video) or
            Detection (who does it, and where), with how videos are cut. See --task.help Localization.
        backbone: the network that turns clips into features, for example ResNet3D or TorchvisionVideo. By default
            ResNet3D, for detection VGG16.
        method: how it is trained. Classification: Plain, SDN, ALBAR, RUBi, LearnedMixin, CDN, ReBias, LfF, GroupDRO,
            JTT, DEVIAS, Factor, or one that mixes clips (Mixup, VideoMix, BE, StillMix, FAME, ActorCutMix, PlaceSwap);
            localization: RC3D, ActionFormer, SSN, TALNet, CDC, PerFrame; detection: SSD, MOC, ACT; or one of your own.
            By default the first.
        scenes: table of soft scene labels, from `sceneproof label scenes`; SDN's scene adversary needs it, and others.
        humans: table of person boxes or masks; SDN's confusion loss needs it, and detection, which
            learns the boxes.
        features: folder that `sceneproof features` made of these videos: clips are not read, but what the backbone's
            lower stages say of them, which stay as they are; many times quicker. Needs the same --weights.
            Localization: any folder; what the lower stages make of a buffer is kept there, and looked up by later runs.
        weights: start from these: a run folder of any task, or an official .pth checkpoint. Heads come along only
            where they fit and the classes are the same.
        freeze: lower: leave the backbone's lower stages as they are, and train its last ones and the heads.
        freeze_backbone: train the heads alone: the transfer protocol's linear evaluation.
        train_split: split of the manifest to train on; its actions are the model's classes.
        validation_split: split to validate on, and to pick the weights that are kept. It must be in context; null: no
            validation, the last weights are kept.
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        optimisation: how the losses are minimised; by default as the task's first method was by its authors.
        seed: of the weights, the order of the clips, and every crop and flip.
        workers: loader processes; 0 loads in the training process.
        memory: decode every video once and keep it in memory.
        trust: modules or classes (mypackage, mypackage.models.Net) that a file given with --config may name besides
            sceneproof's own. To import them executes their code.
        quiet: show no progress.
        dry_run: check all that can be checked without training, say what would be trained, and write nothing.

    Raises:
        InputError: bad input; names the file, row or key.
        TrainingError: training cannot go on; says why, and where the last checkpoint is.
    """
    prepared = prepare_training(locals())
    if dry_run:
        print(prepared)
        return prepared.run
    return _carry_out(prepared, weights_digests(weights), quiet=quiet)


@dataclass(frozen=True)
class Prepared:
    """A training that was checked, before anything of it is written.

    Attributes:
        run: its folder.
        network: with its first weights.
        data: what it is trained on.
        plan: how.
        loaded: parts of the network whose weights came from elsewhere; the others are new, and warmed up.
    """

    run: Run
    network: Learner
    data: Training
    plan: Plan
    loaded: set[str]

    def __str__(self) -> str:
        settings, weights = self.plan.optimisation, sum(weight.numel() for weight in self.network.parameters())
        return (
            f"{self.run.path}: {type(self.network).__name__} on {type(self.network.backbone).__name__}, "
            f"{counted(weights, 'weight')}; {counted(self.data.rows, 'row')} of the split {self.plan.train_split!r}, "
            f"{counted(len(self.run.actions), 'action')}; {counted(settings.epochs, 'epoch')} of "
            f"{counted(self.data.facts.steps, 'step')} with a batch of {settings.batch}. Nothing was written"
        )


def prepare_training(arguments: Mapping[str, Any]) -> Prepared:
    """Makes all that a training needs, and checks it.

    Args:
        arguments: of `train`, by name; what is not given has its default.

    Raises:
        InputError: bad input; names the file, row or key.
    """
    bound = signature(train).bind(**arguments)
    bound.apply_defaults()
    given = SimpleNamespace(**bound.arguments)
    task = task_of(given.task)
    given.backbone, given.method = given.backbone or type(task).backbone, given.method or type(task).method
    given.optimisation = task.optimisation if given.optimisation is OF_THE_TASK else given.optimisation
    config = _config(vars(given), task)
    if given.seed < 0:
        raise InputError(f"seed: must be at least 0, not {given.seed}")
    task.refuse_other(scenes=given.scenes, humans=given.humans, features=given.features)
    frozen = given.freeze == "lower" or given.features is not None
    plan = Plan(
        given.train_split, given.validation_split, given.seed, given.freeze_backbone, frozen, given.memory,
        given.workers, given.optimisation,
    )  # fmt: skip
    tables = Tables(Manifest.read(given.manifest, given.root), given.scenes, given.humans, given.features)
    data = task.gather(tables, plan)
    known = TrainingFacts.of(data.groups, data.facts, tables.manifest)
    run = Run(Path(given.out), config, data.actions, list(data.scenes), known=known, trust=named(config))
    torch.manual_seed(given.seed)
    network = run.build(data.facts)
    loaded = start_from(network, given.weights, run.actions, run.scenes) if given.weights is not None else set()
    data.check(network, config)
    return Prepared(run, network, data, plan, loaded)


def _config(arguments: Mapping[str, Any], task: Task) -> dict[str, Any]:
    """The arguments of `train` as plain values, without those that cannot change the result."""
    config = {key: value for key, value in arguments.items() if key not in OUTSIDE}
    config["task"] = task.config()
    config["backbone"] = Spec.of(config["backbone"]).config(positional=0, kind=Backbone)
    config["method"] = Spec.of(config["method"]).config(positional=2, kind=task.network)
    config["optimisation"] = asdict(config["optimisation"])
    values: dict[str, Any] = plain(config)
    return values


def _carry_out(prepared: Prepared, start: dict[str, Any], *, quiet: bool) -> Run:
    """Trains a network in its run folder, or goes on with it, and says what could not be read.

    Args:
        prepared: what is trained.
        start: digests of the weights that it starts from.
        quiet: show no progress.

    Raises:
        InputError: bad settings for this machine, or a folder that holds another run.
        TrainingError: training cannot go on.
    """
    run, network, data, plan = prepared.run, prepared.network, prepared.data, prepared.plan
    parts = set(network.groups())
    numerics = numerics_for(run, plan.optimisation)
    accelerator = accelerator_for(run, plan.optimisation, numerics)
    clips = min(plan.optimisation.batch, data.rows)
    refuse_small_batches(clips, accelerator, plan.optimisation, least=network.least_clips)
    with locked(Lock(run.path)) if accelerator.is_main_process else nullcontext():
        with accelerator.main_process_first():
            run.begin({**data.digests, **start}, numerics=numerics)
        done = run.done
        if not done:
            accelerator.init_trackers("sceneproof")
            network = place(network, accelerator, numerics)
            torch.manual_seed(plan.seed + 1 + accelerator.process_index)  # dropout differs between processes
            feed = data.material(network, accelerator, quiet=quiet or not accelerator.is_main_process)
            job = Job(
                run=run,
                method=network,
                batches=feed.batches,
                steps=feed.steps,
                validate=feed.validate,
                criterion=feed.criterion,
                accelerator=accelerator,
                new=sorted(parts - prepared.loaded),
                frozen=_frozen(network, plan),
                unreadable=feed.unreadable,
                quiet=quiet,
            )
            skipped = fit(job, plan.optimisation).skipped
            if accelerator.is_main_process:
                _tell(feed, skipped, data.name)
            accelerator.end_training()
        if accelerator.is_main_process and not quiet:
            print(visible(f"{run.path}: this run is done already" if done else f"written: {run.path}"))
    return run


def _frozen(network: Learner, plan: Plan) -> Sequence[str]:
    """The names of the modules that are not trained."""
    if plan.freeze_backbone:
        return network.backbones
    return lower_names(network, network.backbones) if plan.freeze_lower else ()


def _tell(data: Material, skipped: int, name: str) -> None:
    """Says which videos were skipped, and why, and how many steps."""
    if skipped:
        left = f"{counted(skipped, 'step')} left out"
        print(f"{name}: {left}: too few readable clips in the batch", file=sys.stderr)
    if data.unreadable:
        print(
            f"{name}: {len(data.unreadable)} of {counted(data.videos, 'training video')} could not be read; left out:",
            file=sys.stderr,
        )
        for video, problem in sorted(data.unreadable.items()):
            print(f"  {visible(video)}: {visible(problem)}", file=sys.stderr)
