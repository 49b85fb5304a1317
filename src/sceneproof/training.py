"""What every task's training has in common: a network, its batches, a run folder, processes and devices."""

import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from sceneproof.data.batches import Drawn, Loader, RawBatch
from sceneproof.data.digests import Digests
from sceneproof.engine import Job, fit
from sceneproof.errors import InputError
from sceneproof.launch import accelerator_for, numerics_for, place, refuse_small_batches
from sceneproof.locks import Lock, locked
from sceneproof.methods.base import Learner
from sceneproof.optimisation import Optimisation
from sceneproof.run import Run

Network = TypeVar("Network", bound=Learner)
OUTSIDE = ("out", "workers", "memory", "trust", "quiet")
"""Arguments of every task's `train` that cannot change its result: no part of a run's configuration."""


@dataclass(frozen=True)
class Material:
    """What a network is trained on.

    Attributes:
        batches: (epoch, first step, weights of rows) to that epoch's remaining batches on the device, as `Job` wants
            them.
        steps: steps an epoch.
        videos: how many there are.
        unreadable: those that could not be read, with the reason; grows as they are met.
        validate: figures on the validation split, or None.
        criterion: the figure that picks the weights.
    """

    batches: Callable[[int, int, Tensor | None], Iterator[Any]]
    steps: int
    videos: int
    unreadable: dict[str, str]
    validate: Callable[[], dict[str, float]] | None = None
    criterion: str = "top1"


def carry_out(
    run: Run,
    network: Network,
    optimisation: Optimisation,
    material: Callable[[Network, Accelerator, bool], Material],
    *,
    data: Digests,
    rows: int,
    loaded: set[str],
    freeze_backbone: bool,
    seed: int,
    name: str,
    quiet: bool,
) -> Run:
    """Trains a network in its run folder, or goes on with it, and says what could not be read.

    Args:
        run: the folder.
        network: with its first weights.
        optimisation: how its losses are minimised.
        material: (network on its device, accelerator, whether to be quiet) to what it is trained on.
        data: digests of the tables that it is trained on.
        rows: training samples an epoch.
        loaded: parts of the network whose weights came from elsewhere; the others are new, and warmed up.
        freeze_backbone: train the heads alone.
        seed: of the training.
        name: of the data, for messages.
        quiet: show no progress.

    Raises:
        InputError: bad settings for this machine, or a folder that holds another run.
        TrainingError: training cannot go on.
    """
    parts = set(network.groups())
    numerics = numerics_for(run, optimisation)
    accelerator = accelerator_for(run, optimisation, numerics)
    refuse_small_batches(min(optimisation.batch, rows), accelerator, optimisation)
    with locked(Lock(run.path)) if accelerator.is_main_process else nullcontext():
        with accelerator.main_process_first():
            run.begin(data, numerics=numerics)
        if not run.done:
            accelerator.init_trackers("sceneproof")
            network = place(network, accelerator, numerics)
            torch.manual_seed(seed + 1 + accelerator.process_index)  # dropout differs between processes, weights do not
            feed = material(network, accelerator, quiet or not accelerator.is_main_process)
            job = Job(
                run=run,
                method=network,
                batches=feed.batches,
                steps=feed.steps,
                validate=feed.validate,
                criterion=feed.criterion,
                accelerator=accelerator,
                new=sorted(parts - loaded),
                frozen=network.backbones if freeze_backbone else (),
                unreadable=feed.unreadable,
                quiet=quiet,
            )
            skipped = fit(job, optimisation).skipped
            if accelerator.is_main_process:
                _tell(feed, skipped, name)
            accelerator.end_training()
    return run


class Batches:
    """Each epoch's batches on the device; remembers which videos could not be read, and why."""

    def __init__(
        self,
        clips: Drawn,
        name_of: Callable[[int], str],
        to_device: Callable[[RawBatch, np.random.Generator], Any],
        accelerator: Accelerator,
        settings: Optimisation,
        workers: int,
    ) -> None:
        """Makes the loader.

        Args:
            clips: the samples.
            name_of: the video of a row.
            to_device: from a raw batch to what the network trains on; what it draws follows from the seed, the epoch,
                the step and the process alone.
            accelerator: knows the process and its device.
            settings: the batch's size, and whether one clip is enough for it.
            workers: loader processes.
        """
        self.unreadable: dict[str, str] = {}
        self.loader = Loader(
            clips,
            settings.batch,
            accelerator.process_index,
            accelerator.num_processes,
            workers,
            pin=accelerator.device.type == "cuda",
        )
        self._name_of, self._to_device = name_of, to_device
        self._least = 1 if settings.freeze_batch_norm else 2  # clips: batch normalisation needs two

    def __call__(self, epoch: int, start: int, weights: Tensor | None = None) -> Iterator[Any]:
        """Batches of an epoch from step `start` on; None where too few clips could be read.

        Args:
            epoch: from 0.
            start: the first step, from 0.
            weights: of the rows, as `Learner.weights_of_rows` gives them.
        """
        chances = None if weights is None else weights.double().cpu().numpy()
        for step, raw in enumerate(self.loader.epoch(epoch, start=start, weights=chances), start):
            for row, problem in raw.problems:
                self.unreadable[self._name_of(row)] = problem
            rng = np.random.default_rng((self.loader.clips.seed, epoch, step, self.loader.rank))
            yield None if len(raw) < self._least else self._to_device(raw, rng)


def check_seed(seed: int) -> None:
    """Raises InputError for a seed that no generator takes."""
    if seed < 0:
        raise InputError(f"seed: must be at least 0, not {seed}")


def _tell(data: Material, skipped: int, name: str) -> None:
    """Says which videos were skipped, and why, and how many steps."""
    if skipped:
        print(f"{name}: {skipped} steps were left out: too few readable clips in the batch", file=sys.stderr)
    if data.unreadable:
        print(
            f"{name}: {len(data.unreadable)} of {data.videos} training videos could not be read and were skipped:",
            file=sys.stderr,
        )
        for video, problem in sorted(data.unreadable.items()):
            print(f"  {video}: {problem}", file=sys.stderr)
