"""The one training loop. It knows no method and no data set: it gets batches, asks for losses, takes steps."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from sceneproof import checkpoint
from sceneproof.checkpoint import Progress
from sceneproof.errors import MachineError, TrainingError
from sceneproof.interrupts import Request, interrupts
from sceneproof.methods.base import Learner
from sceneproof.optimisation import (
    Optimisation,
    learning_rate,
    make_optimizer,
    normalisations,
    parameter_groups,
    watch_plateau,
)
from sceneproof.progress import Advance, progress
from sceneproof.run import Run
from sceneproof.wording import counted

END = object()
LOADER_DIED = "DataLoader worker"
"""In what PyTorch raises where a loader's process has died; it has no error of its own."""


@dataclass
class Job:
    """One training: what `fit` needs besides its settings.

    Attributes:
        run: the folder to write to.
        method: on the device already.
        batches: (epoch, first step, weights of rows) to that epoch's remaining batches on the device; None where a
            process has too few readable clips for a batch.
        steps: steps an epoch.
        validate: figures of the method on the validation split; must hold the `criterion`, and 'loss' for a schedule
            by plateau. None: the last weights are kept instead of the best.
        criterion: the figure that is highest for the best weights; equal ones are told apart by the loss.
        new: parts trained in the warm-up.
        frozen: parts that are never trained, and stay in evaluation mode.
    """

    run: Run
    method: Learner
    batches: Callable[[int, int, Tensor | None], Iterator[Any]]
    steps: int
    validate: Callable[[], dict[str, float]] | None
    accelerator: Accelerator
    criterion: str = "top1"
    new: Sequence[str] = ()
    frozen: Sequence[str] = ()
    unreadable: dict[str, str] = field(default_factory=dict)
    quiet: bool = False


def fit(job: Job, settings: Optimisation) -> Progress:
    """Trains until the last epoch, from the newest checkpoint if there is one; returns where that ended.

    Raises:
        TrainingError: a loss that is not a number, a full disk, a dead loader worker. The last checkpoint is intact.
        KeyboardInterrupt: Ctrl-C or a termination request, after a checkpoint was written.
    """
    try:
        return _Loop(job, settings).run()
    except OSError as error:
        raise TrainingError(f"cannot write: {error}. {_resume_hint(job.run)}") from error
    except MachineError as error:
        raise TrainingError(f"{error}. {_resume_hint(job.run)}") from error
    except MemoryError as error:
        raise TrainingError(f"this machine has too little memory left. {_resume_hint(job.run)}") from error
    except RuntimeError as error:
        if LOADER_DIED in str(error):
            raise TrainingError(f"a loader worker died: {error}. Is memory short? {_resume_hint(job.run)}") from error
        raise


class _Loop:
    def __init__(self, job: Job, settings: Optimisation) -> None:
        self.job, self.settings, self.accelerator = job, settings, job.accelerator
        fixed = [job.method.get_submodule(name) for name in job.frozen]
        if settings.freeze_batch_norm == "but_first":
            backbones = [job.method.get_submodule(name) for name in job.method.backbones]
            fixed += [module for backbone in backbones for module in normalisations(backbone)[1:]]
        self.in_evaluation = [*fixed, *(normalisations(job.method) if settings.freeze_batch_norm is True else [])]
        frozen = {weight for module in fixed for weight in module.parameters()}
        parts = {name: [w for w in group if w not in frozen] for name, group in job.method.groups().items()}
        groups = parameter_groups(job.method, parts, settings)
        for weight in frozen:
            weight.requires_grad_(False)
        if settings.compile:
            for name in job.method.backbones:
                job.method.get_submodule(name).compile()
        self.model, self.optimizer = self.accelerator.prepare(job.method, make_optimizer(groups, settings))
        self.progress = Progress()
        newest = checkpoint.newest(job.run.path / "checkpoints")
        if newest is not None:
            self.progress = checkpoint.load(  # into the bare optimiser: preparing it moves its state
                newest, job.method, self.optimizer.optimizer, rank=self.accelerator.process_index
            )
            job.unreadable.update(self.progress.unreadable)
        if self.accelerator.is_main_process:
            job.run.rewind(self.progress.step)
        self.sums: dict[str, Tensor | float] = dict(self.progress.sums)

    def run(self) -> Progress:
        total = self.settings.epochs * self.job.steps
        quiet = self.job.quiet or not self.accelerator.is_main_process
        with interrupts(processes=self.accelerator.num_processes) as interrupted:
            with progress(f"training {self.job.run.name}", total, done=self.progress.step, quiet=quiet) as advance:
                try:
                    while self.progress.epoch < self.settings.epochs:
                        self.epoch(advance, interrupted)
                except RuntimeError as error:
                    if interrupted.is_set() and LOADER_DIED in str(error):  # the same signal reached the worker
                        raise KeyboardInterrupt(_resume_hint(self.job.run)) from error
                    raise
            if self.accelerator.is_main_process:
                if self.settings.keep == "last" or self.progress.best is None:
                    self.job.run.save_weights(self.job.method)
                self.job.run.finish()
            if interrupted.is_set():
                raise KeyboardInterrupt(f"{self.job.run.path} is done all the same.")
        return self.progress

    def epoch(self, advance: Advance, interrupted: Request) -> None:
        """The rest of an epoch, then validation, a log line and a checkpoint."""
        state, job = self.progress, self.job
        self.to_training_mode()
        if state.step_in_epoch == 0:
            job.method.begin_epoch(state.epoch, self.settings.epochs)
        weights = job.method.weights_of_rows()
        left = state.step_in_epoch < job.steps
        batches = job.batches(state.epoch, state.step_in_epoch, weights) if left else iter(())
        for batch in self.waited_for(batches, interrupted):
            self.set_learning_rates()
            self.step(batch)
            advance(1, note=f"epoch {state.epoch + 1}/{self.settings.epochs}")
            if state.step_in_epoch == job.steps:
                break
            if state.step % self.settings.log_every == 0:
                self.log({})
            if interrupted.is_set() or state.step % self.settings.checkpoint_every == 0:
                self.checkpoint()
            if interrupted.is_set():
                raise KeyboardInterrupt(_resume_hint(job.run))
        if state.skipped_in_epoch == job.steps:
            raise TrainingError(
                f"epoch {state.epoch + 1}: no batch had enough readable clips to train on: "
                f"{counted(len(job.unreadable), 'video')} cannot be read, such as "
                f"{dict(list(job.unreadable.items())[:3])}"
            )
        figures = self.validate()
        state.epoch, state.step_in_epoch, state.skipped_in_epoch = state.epoch + 1, 0, 0
        self.log({f"validation/{name}": value for name, value in figures.items()})
        self.checkpoint()
        if interrupted.is_set() and state.epoch < self.settings.epochs:
            raise KeyboardInterrupt(_resume_hint(job.run))

    def waited_for(self, batches: Iterator[Any], interrupted: Request) -> Iterator[Any]:
        """The batches. A request to end is heeded where one does not come, too, since a file keeps its loader."""
        while True:
            try:
                with interrupted.at_once():
                    batch = next(batches, END)
            except KeyboardInterrupt:
                if not self.folder.exists():
                    self.checkpoint()
                raise KeyboardInterrupt(_resume_hint(self.job.run)) from None
            if batch is END:
                return
            yield batch

    def step(self, batch: Any) -> None:
        """One batch: as many optimiser steps as the method asks for."""
        self.job.method.begin_step(self.progress.step / (self.settings.epochs * self.job.steps))
        self.progress.step += 1
        self.progress.step_in_epoch += 1
        if not self.everywhere(batch is not None):
            self.progress.skipped += 1
            self.progress.skipped_in_epoch += 1
            return
        for update in self.job.method.updates(batch):
            losses: dict[str, Tensor] = self.model(update)
            self.optimizer.zero_grad(set_to_none=True)
            self.accelerator.backward(torch.stack(list(losses.values())).sum())
            for part in self.job.method.idle():
                part.zero_grad(set_to_none=True)
            if self.settings.clip_norm is not None:
                self.accelerator.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
            self.optimizer.step()
            for name, value in losses.items():
                self.sums[name] = self.sums.get(name, 0.0) + value.detach()
        self.progress.summed += 1

    def everywhere(self, readable: bool) -> bool:
        """Whether every process has a batch: one that has none must not leave the others waiting in a step."""
        if self.accelerator.num_processes == 1:
            return readable
        flag = torch.tensor([float(readable)], device=self.accelerator.device)
        return bool(self.accelerator.reduce(flag, reduction="mean") == 1)

    def to_training_mode(self) -> None:
        """Training mode, but for frozen parts and, on request, batch normalisation."""
        self.model.train()
        for module in self.in_evaluation:
            module.eval()

    def set_learning_rates(self) -> None:
        """The rate of every part at this step."""
        settings, state = self.settings, self.progress
        rate = learning_rate(settings, state.step, self.job.steps, plateau=state.plateau.get("factor", 1.0))
        for group in self.optimizer.param_groups:
            if state.epoch < settings.warm_up_epochs:
                group["lr"] = settings.warm_up_lr if group["name"] in self.job.new else 0.0
            else:
                group["lr"] = rate * group.get("rate", 1.0)

    def validate(self) -> dict[str, float]:
        """Checks losses and weights, validates, keeps the weights if they are the best yet, and tells the plateau.

        Not where the network that answers was left as it is: it is no result yet, and standing still is no plateau.
        """
        self.check(weights=True)
        if self.job.validate is None or self.job.method.backbone in self.job.method.idle():
            return {}
        self.job.method.eval()
        if self.accelerator.num_processes > 1:  # batch normalisation's statistics are each process's own on CPUs
            for buffer in self.job.method.buffers():
                torch.distributed.broadcast(buffer, 0)
        figures = self.job.validate()
        state, loss = self.progress, figures.get("loss", 0.0)
        result = [figures[self.job.criterion], -loss]
        if state.best is None or result > state.best:
            state.best = result
            if self.accelerator.is_main_process:
                self.job.run.save_weights(self.job.method)
        state.plateau = watch_plateau(state.plateau, loss, self.settings.patience)
        return figures

    def check(self, *, weights: bool = False) -> None:
        """Raises TrainingError if a loss since the last look, or a weight, is not a finite number."""
        broken = [name for name, value in self.sums.items() if not math.isfinite(float(value))]
        if weights and not broken:
            broken = checkpoint.broken(self.job.method)[:3]
        if broken:
            state = self.progress
            raise TrainingError(
                f"{', '.join(broken)}: not a finite number (epoch {state.epoch + 1}, at step {state.step} or up to "
                f"{self.settings.log_every} before it): a run with a lower --optimisation.lr or with "
                f"--optimisation.clip-norm, in another folder, may not end like this. {_last(self.job.run)}."
            )

    def log(self, figures: dict[str, float]) -> None:
        """Writes a line of figures, with the mean losses since the last one, and sends them to the trackers."""
        self.check()
        state = self.progress
        steps = max(state.summed, 1)
        losses = {f"train/{name}": float(self.mean(value)) / steps for name, value in self.sums.items()}
        self.sums, state.summed = {}, 0
        rates = {f"lr/{group['name']}": group["lr"] for group in self.optimizer.param_groups if "rate" not in group}
        record = {"epoch": state.epoch, "step": state.step, **losses, **rates, **figures}
        if self.accelerator.is_main_process:
            self.job.run.log(record)
        self.accelerator.log(record, step=state.step)

    def mean(self, value: Tensor | float) -> Tensor:
        """The mean of a value over the processes."""
        own = torch.as_tensor(value, dtype=torch.float32, device=self.accelerator.device)
        reduced: Tensor = self.accelerator.reduce(own, reduction="mean")
        return reduced

    @property
    def folder(self) -> Path:
        """Where a checkpoint of this step goes."""
        return self.job.run.path / "checkpoints" / f"{self.progress.step:010d}"

    def checkpoint(self) -> None:
        """Writes a checkpoint; a failure leaves the one before."""
        self.check(weights=True)
        state, job = self.progress, self.job
        state.sums = {name: float(value) for name, value in self.sums.items()}
        state.unreadable = dict(job.unreadable)
        folder = self.folder
        rank = self.accelerator.process_index
        try:
            checkpoint.save(folder, job.method, self.optimizer, state, rank=rank)
        except Exception:  # whatever it was, half a checkpoint must not stay; it is raised again
            checkpoint.discard(folder)
            raise
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            checkpoint.commit(folder)
        self.accelerator.wait_for_everyone()


def _last(run: Run) -> str:
    stored = checkpoint.stored(run.path / "checkpoints")
    return f"The last checkpoint is {stored[0]}" if stored else "There is no checkpoint yet"


def _resume_hint(run: Run) -> str:
    return f"{_last(run)}; the same command goes on from there."
