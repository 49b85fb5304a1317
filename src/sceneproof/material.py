"""What a network is trained on: batches on the device, and figures on the validation split."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from accelerate import Accelerator
from torch import Tensor

from sceneproof.data.batches import Drawn, Loader, RawBatch
from sceneproof.optimisation import Optimisation


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
        self._least = 1 if settings.freeze_batch_norm is True else 2  # clips: batch normalisation needs two

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
