"""Runs to be trained and tested: those that are not done yet, one after another or several at a time."""

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from sceneproof.data.digests import file_digests
from sceneproof.data.manifest import Manifest, refuse_out_of_context
from sceneproof.errors import InputError, TrainingError
from sceneproof.evaluate import evaluate, settings_of
from sceneproof.files import read_json
from sceneproof.interrupts import GRACE, end_all, end_with_parent
from sceneproof.progress import share_terminal
from sceneproof.run import Run
from sceneproof.seals import intact
from sceneproof.train import train


@dataclass(frozen=True)
class Row:
    """One run to be trained and tested.

    Attributes:
        folder: where the run goes.
        training: keyword arguments of `train`.
        testing: keyword arguments of `evaluate`, without the run; None: the run is not tested.
    """

    folder: Path
    training: Mapping[str, Any]
    testing: Mapping[str, Any] | None


def refuse_torchrun(command: str) -> None:
    """Raises InputError in a process that torchrun started: each would do every run."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError(f"sceneproof {command}: start it without torchrun; `sceneproof study --jobs N` runs several")


def execute(rows: Sequence[Row], *, jobs: int = 1) -> None:
    """Trains and tests every row that is not done yet, `jobs` at a time.

    Where one fails, or on Ctrl-C, those that are running are ended; each goes on from its checkpoint next time.

    Raises:
        TrainingError: a process was killed from outside.
    """
    if jobs == 1:
        for row in rows:
            _one(row)
        return
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=partial(end_with_parent, grace=GRACE)) as pool:
        try:
            _run_all(pool, rows, jobs, others)
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            end_all(set(multiprocessing.active_children()) - others)
            if isinstance(error, BrokenProcessPool):
                raise TrainingError(
                    "a run's process was killed, perhaps for want of memory: start again with fewer --jobs to go on"
                ) from None
            if isinstance(error, KeyboardInterrupt):
                raise type(error)("The same command goes on where it stopped.") from None
            raise


def tried(rows: Sequence[Row], *, jobs: int = 1) -> list[tuple[float, float]]:
    """What runs reach on their validation split, to choose among them: the task's figure there, and the loss, negative.

    They are not tested. A run that keeps its last weights is judged by these, others by their best.

    Raises:
        InputError: a run without validation, or one whose validation split holds videos out of context.
        TrainingError: a process was killed from outside.
    """
    for row in rows:
        if (split := row.training["validation_split"]) is None:
            raise InputError("trials: the recipe has no validation split, which is to choose among them")
        refuse_out_of_context(Manifest.read(row.training["manifest"], row.training["root"]).split(split))
    execute([replace(row, testing=None) for row in rows], jobs=jobs)
    return [_reached(Run.open(row.folder, trust=row.training["trust"])) for row in rows]


def _reached(run: Run) -> tuple[float, float]:
    criterion = f"validation/{run.task.criterion}"
    figures = [
        (record[criterion], -record.get("validation/loss", 0.0)) for record in run.history() if criterion in record
    ]
    return figures[-1] if run.config["optimisation"]["keep"] == "last" else max(figures)


def _run_all(pool: ProcessPoolExecutor, rows: Sequence[Row], jobs: int, others: set[BaseProcess]) -> None:
    """Hands out a row when a process is free, so that none waits in a queue where it can no longer be called back."""
    waiting, running, workers = list(rows), set[Future[None]](), set[BaseProcess]()
    while waiting or running:
        while waiting and len(running) < jobs:
            running.add(pool.submit(_one_of_several, waiting.pop(0), max((os.cpu_count() or 1) // jobs, 1)))
        done, running = wait(running, timeout=1, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
        # the pool itself does not see the death of a process that it started after it began to wait
        workers |= set(multiprocessing.active_children()) - others
        if not all(worker.is_alive() for worker in workers):
            raise BrokenProcessPool


def _one_of_several(row: Row, threads: int) -> None:
    torch.set_num_threads(threads)
    share_terminal()
    _one(row)


def _one(row: Row) -> None:
    run = train(**row.training)
    folder = Path((row.testing or {}).get("out") or row.folder / "evaluation")
    if row.testing is not None and not _tested(folder, settings_of(run.task, **row.testing)):
        evaluate(row.folder, **row.testing)


def _tested(folder: Path, settings: Mapping[str, Any]) -> bool:
    """Whether a run was tested with these settings, on tables that hold what they hold now, and its figures are whole.

    Args:
        folder: of the evaluation.
        settings: what its figures depend on.
    """
    try:
        said = read_json(folder / "metrics.json")
    except InputError:  # there is none, or it is damaged
        return False
    predictions = folder / "predictions.parquet"
    if not isinstance(said, dict) or _given(said.get("settings")) != _given(settings):
        return False
    if predictions.exists() and not intact(predictions):
        return False
    # one of an older version does not say what its tables held
    return "tables" not in said or said["tables"] == file_digests(
        **{name: settings.get(name) for name in said["tables"]}
    )


def _given(settings: object) -> object:
    """Settings without those that are None: an option that came later, and is not used, changes no figure."""
    if not isinstance(settings, Mapping):
        return settings
    return {name: value for name, value in settings.items() if value is not None}
