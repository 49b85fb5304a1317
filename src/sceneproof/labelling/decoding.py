"""Clips decoded ahead of a model, in processes."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sceneproof.data.video import decode, frame_range, probe
from sceneproof.jobs.processes import Problem, ask, in_processes
from sceneproof.labelling.contracts import DecodedClip


@dataclass(frozen=True, slots=True)
class ClipTask:
    """A clip to look at.

    Attributes:
        row: of the manifest.
        video: its id.
        path: of its file.
        start: in seconds; NaN: the file's start.
        end: likewise.
    """

    row: int
    video: str
    path: str
    start: float = math.nan
    end: float = math.nan


def decoded(
    tasks: Iterator[ClipTask],
    numbers: Callable[[int, float], NDArray[np.int64]],
    *,
    short_side: int | None,
    workers: int,
    time_limit: float,
) -> Iterator[tuple[ClipTask, DecodedClip | Problem]]:
    """Each task, in order, with its frames or with why there are none; a few are decoded ahead.

    Args:
        tasks: what to decode.
        numbers: which frames to look at in a clip, by its length and rate.
        short_side: frames are shrunk to it, in pixels; None: as they are.
        workers: processes that decode.
        time_limit: seconds a task may take.
    """
    return in_processes(
        partial(_look, short_side),
        tasks,
        workers=workers,
        time_limit=time_limit,
        reply=lambda task, clip: np.asarray(numbers(*clip), np.int64),
    )


def _look(short_side: int | None, task: ClipTask) -> DecodedClip:
    """A clip's frames; which ones is asked of the process that has the model."""
    info = probe(task.path)
    shown = frame_range(info, task.start, task.end)
    numbers = shown.start + ask((len(shown), info.rate))
    frames = decode(task.path, numbers, short_side=short_side)
    return DecodedClip(task.video, numbers, shown.start, len(shown), info.height, info.width, frames)
