"""Many files worked through in processes, with progress; and those that failed, as a table and in words."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from sceneproof.addresses import Place, remove, size
from sceneproof.data.tables import read_table, write_table
from sceneproof.errors import InputError, VideoError
from sceneproof.jobs.processes import Problem, in_processes, named
from sceneproof.machine import refuse_if_gone
from sceneproof.progress import progress
from sceneproof.terminal import visible

Task = TypeVar("Task")
Answer = TypeVar("Answer")
TOLD = 20
"""Failures that are told one by one; the table has all."""


@dataclass(frozen=True)
class Failure:
    """A video without a result, and why."""

    video: str
    path: str
    reason: str


def work_through(
    work: Callable[[Task], Answer],
    tasks: Sequence[Task],
    what: str,
    *,
    workers: int,
    time_limit: float = math.inf,
    done: int = 0,
    root: object = None,
    quiet: bool = False,
) -> Iterator[tuple[Task, Answer | Problem]]:
    """Each task, in order, with its answer or with why there is none; shows how many are done and how many failed.

    Args:
        work: see `in_processes`.
        tasks: what to do; where `root` is given, their `path` is the video's, or they are it.
        what: is being done, for the bar.
        workers: processes; 0: it is done in this one, whose own work it must be: nothing ends what hangs there.
        time_limit: seconds a task may take.
        done: tasks that were done before, for the bar.
        root: the folder of the videos: where that is gone, no video is at fault.
        quiet: no progress.

    Raises:
        MachineError: trouble that is no task's own.
        InputError: the work's own.
    """
    failed = 0
    with progress(what, len(tasks) + done, done=done, quiet=quiet) as advance:
        answers: Iterator[tuple[Task, Answer | Problem]]
        if workers == 0:
            answers = ((task, _here(work, task)) for task in tasks)
        else:
            answers = in_processes(work, iter(tasks), workers=workers, time_limit=time_limit) if tasks else iter(())
        for task, answer in answers:
            if isinstance(answer, Problem):
                failed += 1
                refuse_if_gone(root, getattr(task, "path", task))
            yield task, answer
            advance(note=f"{failed} unreadable" if failed else "")


def try_some(
    work: Callable[[Task], Answer], tasks: Sequence[Task], most: int, table: str, *, time_limit: float = 60.0
) -> list[tuple[Task, Answer]]:
    """The answers to some of the tasks, evenly spaced, from which time and space of all can be reckoned.

    Args:
        work: see `in_processes`.
        tasks: of which some are done; each has a `path` or a `video`.
        most: how many.
        table: what they are of, for the message.
        time_limit: seconds a task may take.

    Raises:
        InputError: none of them can be done; says why.
    """
    chosen = [tasks[place] for place in np.unique(np.linspace(0, len(tasks) - 1, most).astype(int))]
    answers = list(in_processes(work, iter(chosen), workers=2, time_limit=time_limit))
    readable = [(task, answer) for task, answer in answers if not isinstance(answer, Problem)]
    if not readable:
        reasons = [f"{named(task)}: {answer.reason}" for task, answer in answers if isinstance(answer, Problem)]
        raise InputError(f"{table}: none of {len(answers)} sample videos can be read; the first: {reasons[0]}")
    return readable


def write_failures(place: Place, failures: Sequence[Failure], table: str) -> None:
    """Writes the table of failures that belongs to a table of that name; without any there is none."""
    if failures:
        write_table(place, pd.DataFrame(failures), "failures", table=table)
    else:
        remove(place)


def read_failures(place: Place) -> list[Failure]:
    """What `write_failures` wrote.

    Raises:
        InputError: the file is another table, or damaged.
    """
    if size(place) is None:
        return []
    rows, _ = read_table(place, "failures", ("video", "path", "reason"))
    return [Failure(*map(str, row)) for row in rows[["video", "path", "reason"]].itertuples(index=False)]


def told(failures: Sequence[Failure], place: object) -> list[str]:
    """Failures for people, a line each: the first ones, and where all are."""
    lines = [f"  {visible(failure.path)}: {visible(failure.reason)}" for failure in failures[:TOLD]]
    return lines + [f"  … and {len(failures) - TOLD} more in {place}"] * (len(failures) > TOLD)


def _here(work: Callable[[Task], Answer], task: Task) -> Answer | Problem:
    try:
        return work(task)
    except VideoError as error:
        return Problem(str(error))
