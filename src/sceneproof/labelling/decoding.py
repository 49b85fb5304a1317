"""Decoding ahead in worker processes, which a hostile file can hang or crash at the cost of its time limit alone."""

import math
import multiprocessing
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import numpy as np
from numpy.typing import NDArray

from sceneproof.labelling.decoding_worker import serve
from sceneproof.labelling.looked import Looked

Numbers = Callable[[int, float], NDArray[np.int64]]
"""Which frames to look at in a clip, by its length and rate."""


@dataclass(frozen=True, slots=True)
class Task:
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
    tasks: Iterator[Task], numbers: Numbers, *, short_side: int | None, workers: int, time_limit: float
) -> Iterator[tuple[Task, Looked | str]]:
    """Each task, in order, with its frames or with why there are none; a few are decoded ahead.

    Args:
        tasks: what to decode.
        numbers: which frames of each.
        short_side: frames are shrunk to it, in pixels; None: as they are.
        workers: processes that decode.
        time_limit: seconds a task may take; then its worker is killed and replaced.
    """
    manager = _Manager(tasks, numbers, short_side, workers, time_limit)
    with closing(manager):
        yield from manager


@dataclass
class _Worker:
    """A process, our end of the pipe to it, and what it works at."""

    process: SpawnProcess
    connection: Connection
    task: Task | None = None
    place: int = 0
    deadline: float = math.inf
    facts: tuple[int, int, int, int] = (0, 0, 0, 0)
    numbers: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


class _Manager:
    """Hands tasks to workers and takes their answers, in a thread of its own, so that decoding never waits for a model.

    At most `ahead` tasks are begun and not yet taken, which bounds the memory.
    """

    def __init__(
        self, tasks: Iterator[Task], numbers: Numbers, short_side: int | None, workers: int, time_limit: float
    ) -> None:
        self._tasks, self._numbers, self._short_side, self._time_limit = tasks, numbers, short_side, time_limit
        self._answers: queue.SimpleQueue[tuple[Task, Looked | str] | BaseException | None] = queue.SimpleQueue()
        self._ready: dict[int, tuple[Task, Looked | str]] = {}
        self._begun = self._told = self._taken = 0
        self._ahead = 3 * workers
        self._woken, self._wake = multiprocessing.Pipe(duplex=False)
        self._closed = False
        self._workers = [self._hire() for _ in range(workers)]
        self._thread = threading.Thread(target=self._run, name="decoding", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[tuple[Task, Looked | str]]:
        while (answer := self._answers.get()) is not None:
            if isinstance(answer, BaseException):
                raise answer
            self._wake.send_bytes(b"taken")
            yield answer

    def close(self) -> None:
        """Ends the workers."""
        self._closed = True
        with suppress(OSError):
            self._wake.send_bytes(b"closed")
        self._thread.join()
        for worker in self._workers:
            worker.process.kill()
            worker.connection.close()
        for worker in self._workers:
            worker.process.join()

    def _hire(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, self._short_side), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _run(self) -> None:
        try:
            while not self._closed and (self._give() or self._told < self._begun):
                busy = {worker.connection: worker for worker in self._workers if worker.task is not None}
                nearest = min((worker.deadline for worker in busy.values()), default=math.inf)
                left = None if math.isinf(nearest) else max(nearest - time.monotonic(), 0)
                for connection in wait([self._woken, *busy], left):
                    if connection is self._woken:
                        self._woken.recv_bytes()
                        self._taken += 1
                    else:
                        self._hear(busy[connection])  # type: ignore[index]  # `wait` gives back what it was given
                for worker in busy.values():
                    if worker.task is not None and time.monotonic() > worker.deadline:
                        self._dismiss(worker, f"took longer than the limit of {self._time_limit:g} s")
            self._answers.put(None)
        except BaseException as error:  # noqa: BLE001  # raised again where the answers are taken
            self._answers.put(error)

    def _give(self) -> bool:
        """Gives free workers something to do; False when no task is left."""
        for worker in self._workers:
            if worker.task is not None or self._begun - self._taken >= self._ahead:
                continue
            task = next(self._tasks, None)
            if task is None:
                return False
            worker.task, worker.place = task, self._begun
            worker.deadline = time.monotonic() + self._time_limit
            self._begun += 1
            try:
                worker.connection.send((task.path, task.start, task.end))
            except OSError:
                self._dismiss(worker, "the process that was to decode it had been killed")
        return True

    def _hear(self, worker: _Worker) -> None:
        """Takes what a worker says: the clip's facts, its frames, or why there are none."""
        assert worker.task is not None
        try:
            kind, said = worker.connection.recv()
            if kind == "facts":
                *facts, rate = said
                worker.facts = tuple(facts)
                worker.numbers = self._numbers(worker.facts[1], rate)
                worker.connection.send_bytes(worker.numbers.astype(np.int64).tobytes())
            elif kind == "frames":
                self._tell(worker, _looked(worker, said))
            else:
                self._tell(worker, said)
        except (EOFError, OSError):
            worker.process.join(1)
            self._dismiss(worker, f"its decoder crashed (exit code {worker.process.exitcode})")

    def _dismiss(self, worker: _Worker, reason: str) -> None:
        """Ends a worker and hires another one in its place."""
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        self._tell(worker, reason)
        self._workers[self._workers.index(worker)] = self._hire()

    def _tell(self, worker: _Worker, answer: Looked | str) -> None:
        """Hands on an answer as soon as all before it are there."""
        assert worker.task is not None
        self._ready[worker.place] = (worker.task, answer)
        worker.task, worker.deadline = None, math.inf
        while self._told in self._ready:
            self._answers.put(self._ready.pop(self._told))
            self._told += 1


def _looked(worker: _Worker, shape: Sequence[int]) -> Looked:
    assert worker.task is not None
    frames = np.empty(shape, np.uint8)
    worker.connection.recv_bytes_into(frames.data.cast("B"))
    first, length, height, width = worker.facts
    return Looked(worker.task.video, first + worker.numbers, first, length, height, width, frames)
