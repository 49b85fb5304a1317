"""Action classification: one set of scores a video, the mean over its test clips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from sceneproof.data.batches import Collate, RawBatch, from_workers, ready_batch
from sceneproof.data.dataset import TestClips
from sceneproof.data.kept import KeptTestClips
from sceneproof.errors import TrainingError
from sceneproof.interrupts import work_for_parent
from sceneproof.methods.base import Method
from sceneproof.metrics.accuracy import top_k
from sceneproof.progress import progress
from sceneproof.types import Need, Sample

CLIPS_AT_ONCE = 64
AskedClips: TypeAlias = TestClips | KeptTestClips
"""Test clips of videos, or the features that were kept of them."""


@dataclass(frozen=True)
class Predictions:
    """What a model says of N videos; a video that could not be read is NaN throughout.

    Attributes:
        scores: float32 (N, A), mean over the clips of the softmax.
        without_humans: float32 (N, A), the same with the people masked out; NaN too where nobody was found.
        features: float32 (N, D), mean over the clips of the pooled features.
        problems: N texts, why a video could not be read; empty where it could.
        not_finite: rows of which the network said something that is no finite number.
    """

    scores: NDArray[np.float32]
    without_humans: NDArray[np.float32]
    features: NDArray[np.float32]
    problems: list[str]
    not_finite: list[int] = field(default_factory=list)


@torch.no_grad()
def predict(
    method: Method,
    clips: AskedClips,
    device: torch.device,
    *,
    rows: Sequence[int] | None = None,
    workers: int = 0,
    masked: bool = False,
    autocast: torch.dtype | None = None,
    quiet: bool = False,
    what: str = "predicting",
) -> Predictions:
    """Scores videos; the method must be in evaluation mode.

    Args:
        method: on `device`.
        clips: the videos' test clips.
        device: where to compute.
        rows: only these rows; the others stay NaN, without a problem.
        workers: loader processes.
        masked: also score the clips with the people masked out.
        autocast: compute in this precision.
        quiet: show no progress.
        what: the progress bar's title.
    """
    count, rows = len(clips), range(len(clips)) if rows is None else rows
    sums: dict[str, NDArray[np.float32]] = {}
    tally = np.zeros((2, count), np.int64)
    problems = [""] * count
    seen: set[int] = set()
    overflown: set[int] = set()

    def add(name: str, places: NDArray[np.int64], values: Tensor) -> None:
        array = values.float().cpu().numpy()
        overflown.update(places[~np.isfinite(array).all(1)].tolist())
        total = sums.setdefault(name, np.zeros((count, array.shape[1]), np.float32))
        np.add.at(total, places, array)

    with progress(what, len(rows), quiet=quiet) as advance:
        for raw in _batches(clips, rows, workers):
            for row, problem in raw.problems:
                problems[row] = problem
            if len(raw):
                places = raw.row.numpy()
                needs: list[Need] = ["without_humans"] if masked else []
                batch = ready_batch(raw, clips.settings.size, device, method.backbone, needs=needs)
                assert batch.video is not None
                with torch.autocast(device.type, autocast or torch.bfloat16, enabled=autocast is not None):
                    output = method.answer(batch.video)
                    add("features", places, output.features)
                    add("scores", places, output.scores.float().softmax(1))
                    np.add.at(tally[0], places, 1)
                    if batch.without_humans is not None and len(batch.without_humans):
                        twins = places[batch.has["without_humans"].cpu().numpy()]
                        add("without_humans", twins, method.answer(batch.without_humans).scores.float().softmax(1))
                        np.add.at(tally[1], twins, 1)
            begun = ({int(row) for row in raw.row} | {row for row, _ in raw.problems}) - seen
            seen |= begun  # the clips of one video may lie in two batches
            advance(len(begun))
    width = {"scores": method.actions, "features": method.backbone.dim}

    def mean(name: str, counts: NDArray[np.int64]) -> NDArray[np.float32]:
        total = sums.get(name, np.zeros((count, width.get(name, width["scores"])), np.float32))
        return np.where(counts[:, None] > 0, total / np.maximum(counts, 1)[:, None], np.float32(np.nan)).astype(
            np.float32
        )

    means = (mean("scores", tally[0]), mean("without_humans", tally[1]), mean("features", tally[0]))
    return Predictions(*means, problems, sorted(overflown))


def _batches(clips: AskedClips, rows: Sequence[int], workers: int) -> Iterator[RawBatch]:
    """All clips of the rows, whole videos at a time, about `CLIPS_AT_ONCE` in a batch."""
    loader = DataLoader(
        clips,
        sampler=list(rows),
        batch_size=None,
        num_workers=workers,
        worker_init_fn=work_for_parent,
        generator=torch.Generator().manual_seed(0),  # else it draws from torch's random state, which dropout needs
    )
    collate = Collate(0)
    waiting: list[Sample] = []
    for samples in from_workers(loader):
        waiting += samples
        while len(waiting) >= CLIPS_AT_ONCE:
            yield collate(waiting[:CLIPS_AT_ONCE])
            waiting = waiting[CLIPS_AT_ONCE:]
    if waiting:
        yield collate(waiting)


class ClassifierValidation:
    """Top-1 and loss on a split, each process scoring its share of the videos."""

    def __init__(
        self,
        clips: AskedClips,
        method: Method,
        accelerator: Accelerator,
        *,
        workers: int,
    ) -> None:
        self.clips = clips
        self.method, self.accelerator, self.workers = method, accelerator, workers

    def __call__(self) -> dict[str, float]:
        """'top1', 'loss' (of the mean softmax; nats) and 'missed': unreadable videos, each wrong in top-1.

        Raises:
            TrainingError: scores that are no numbers, or no video that can be read.
        """
        accelerator, count = self.accelerator, len(self.clips)
        rows = range(accelerator.process_index, count, accelerator.num_processes)
        dtype = torch.bfloat16 if accelerator.mixed_precision == "bf16" else None
        mine = predict(
            self.method, self.clips, accelerator.device, rows=rows, workers=self.workers, autocast=dtype, quiet=True
        )
        missed = np.zeros(count, bool)
        missed[[row for row in rows if mine.problems[row]]] = True
        scores = np.where(missed[:, None], 0, mine.scores)
        scores[np.setdiff1d(np.arange(count), rows)] = 0
        scores, missed = self._all(scores), self._all(missed.astype(np.float32)) > 0
        name = self.clips.labelled.manifest.name
        if not np.isfinite(scores).all():
            video = self.clips.labelled.manifest.rows["video"].iat[int((~np.isfinite(scores)).any(1).argmax())]
            raise TrainingError(f"{name}: {video}: the scores are not finite numbers: the network overflows")
        if missed.all():
            raise TrainingError(f"{name}: no validation video can be read: {next(filter(None, mine.problems), '')}")
        truth = self.clips.labelled.action
        likelihood = scores[np.arange(count), truth][~missed].clip(1e-12)
        loss = float(-np.log(likelihood).mean())
        top1 = top_k(np.where(missed[:, None], np.nan, scores), truth)
        return {"top1": top1, "loss": loss, "missed": int(missed.sum())}

    def _all(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The sum over the processes."""
        tensor = torch.from_numpy(values).to(self.accelerator.device)
        total: NDArray[np.float32] = self.accelerator.reduce(tensor, reduction="sum").cpu().numpy()
        return total
