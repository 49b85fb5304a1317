"""Action classification: one set of scores a video, the mean over its test clips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from sceneproof.data.batches import Collate, RawBatch, to_batch
from sceneproof.data.dataset import TestClips
from sceneproof.methods.base import Method
from sceneproof.progress import progress
from sceneproof.types import Sample

CLIPS_AT_ONCE = 64


@dataclass(frozen=True)
class Predictions:
    """What a model says of N videos; a video that could not be read is NaN throughout.

    Attributes:
        scores: float32 (N, A), mean over the clips of the softmax.
        without_humans: float32 (N, A), the same with the people masked out; NaN too where nobody was found.
        features: float32 (N, D), mean over the clips of the pooled features.
        problems: N texts, why a video could not be read; empty where it could.
    """

    scores: NDArray[np.float32]
    without_humans: NDArray[np.float32]
    features: NDArray[np.float32]
    problems: list[str]


@torch.no_grad()
def predict(
    method: Method,
    clips: TestClips,
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

    def add(name: str, places: NDArray[np.int64], values: Tensor) -> None:
        array = values.float().cpu().numpy()
        total = sums.setdefault(name, np.zeros((count, array.shape[1]), np.float32))
        np.add.at(total, places, array)

    with progress(what, len(rows), quiet=quiet) as advance:
        for raw in _batches(clips, rows, workers):
            for row, problem in raw.problems:
                problems[row] = problem
            if len(raw):
                places = raw.row.numpy()
                batch = to_batch(raw, method.backbone, clips.settings.size, device, twins=masked)
                assert batch.video is not None
                with torch.autocast(device.type, autocast or torch.bfloat16, enabled=autocast is not None):
                    features = method.features(batch.video)
                    add("features", places, features)
                    add("scores", places, method.action_head(features).float().softmax(1))
                    np.add.at(tally[0], places, 1)
                    if batch.without_humans is not None and len(batch.without_humans):
                        twins = places[batch.has_twin.cpu().numpy()]
                        add("without_humans", twins, method.scores(batch.without_humans).float().softmax(1))
                        np.add.at(tally[1], twins, 1)
            done = {int(row) for row in raw.row} | {row for row, _ in raw.problems}
            advance(len(done))
    width = {"scores": method.action_head.out_features, "features": method.backbone.dim}

    def mean(name: str, counts: NDArray[np.int64]) -> NDArray[np.float32]:
        total = sums.get(name, np.zeros((count, width.get(name, width["scores"])), np.float32))
        return np.where(counts[:, None] > 0, total / np.maximum(counts, 1)[:, None], np.float32(np.nan)).astype(
            np.float32
        )

    return Predictions(mean("scores", tally[0]), mean("without_humans", tally[1]), mean("features", tally[0]), problems)


def _batches(clips: TestClips, rows: Sequence[int], workers: int) -> Iterator[RawBatch]:
    """All clips of the rows, whole videos at a time, about `CLIPS_AT_ONCE` in a batch."""
    loader = DataLoader(clips, sampler=list(rows), batch_size=None, num_workers=workers)
    collate = Collate(0)
    waiting: list[Sample] = []
    for samples in loader:
        waiting += samples
        while len(waiting) >= CLIPS_AT_ONCE:
            yield collate(waiting[:CLIPS_AT_ONCE])
            waiting = waiting[CLIPS_AT_ONCE:]
    if waiting:
        yield collate(waiting)
