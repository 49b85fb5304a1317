"""Work on hostile files, in processes of their own: one that hangs or crashes costs its time limit and no more."""

import math
import multiprocessing
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import ModuleType
from typing import Any, Generic, TypeVar

from sceneproof import machine
from sceneproof.errors import InputError, MachineError, VideoError
from sceneproof.interrupts import guarded, packed

Task = TypeVar("Task")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a task has no answer."""

    reason: str


def in_processes(
    work: Callable[[Task], Answer],
    tasks: Iterator[Task],
    *,
    workers: int,
    time_limit: float,
    reply: Callable[[Task, Any], Any] = lambda task, question: None,
) -> Iterator[tuple[Task, Answer | Problem]]:
    """Each task, in order, with its answer or with why there is none; a few are done ahead.

    Args:
        work: what to do with a task, in a worker: importable by its name. A VideoError becomes a Problem; trouble of
            the machine and an InputError end it all, and are raised here; any other error ends the worker, and is a
            Problem, too.
        tasks: what to do.
        workers: processes.
        time_limit: seconds a task may take; then its worker is killed and replaced.
        reply: answers, here, what the work asks about its task by `ask`.

    Raises:
        MachineError: a full disk, no memory, or other trouble that is no task's own; names the task.
        InputError: the work's own.
    """
    manager = _Manager(work, tasks, reply, workers, time_limit)
    with closing(manager):
        yield from manager


@dataclass
class _Worker(Generic[Task]):
    """A process, our end of the pipe to it, and what it works at: the `place`-th task."""

    process: SpawnProcess
    connection: Connection
    task: Task | None = None
    place: int = 0
    deadline: float = math.inf
    memory_kills: int = field(default_factory=machine.out_of_memory_kills)


class _Manager(Generic[Task, Answer]):
    """Hands tasks to workers and takes their answers, in a thread of its own: workers never wait for who takes these.

    At most three tasks a worker are begun and not yet taken, which bounds the memory.
    """

    def __init__(
        self, work: Callable[[Task], Answer], tasks: Iterator[Task], reply: Callable[[Task, Any], Any], workers: int,
        time_limit: float,
    ) -> None:  # fmt: skip
        self._work, self._tasks, self._reply, self._time_limit = work, tasks, reply, time_limit
        self._answers: queue.SimpleQueue[tuple[Task, Answer | Problem] | BaseException | None] = queue.SimpleQueue()
        self._ready: dict[int, tuple[Task, Answer | Problem]] = {}
        self._begun = self._told = self._taken = 0
        self._ahead = 3 * workers
        self._woken, self._wake = multiprocessing.Pipe(duplex=False)
        self._closed = False
        self._hired = threading.Event()
        self._workers: list[_Worker[Task]] = []
        self._thread = threading.Thread(target=self._run, args=(workers,), name="in_processes", daemon=True)
        self._thread.start()
        self._hired.wait()  # meanwhile nobody else here may need the script that `_no_main` hides

    def __iter__(self) -> Iterator[tuple[Task, Answer | Problem]]:
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

    def _hire(self) -> _Worker[Task]:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        with _no_main():
            process = context.Process(target=guarded, args=(packed(_serve, self._work), theirs), daemon=True)
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def _run(self, workers: int) -> None:
        try:
            try:
                for _ in range(workers):  # here, since on Linux a process ends with the thread that started it
                    self._workers.append(self._hire())
            finally:
                self._hired.set()
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
                worker.connection.send(task)
            except OSError:
                self._dismiss(worker, "the process that was to do it had been killed")
        return True

    def _hear(self, worker: _Worker[Task]) -> None:
        """Takes what a worker says: a question, or its answer."""
        assert worker.task is not None
        try:
            kind, said = worker.connection.recv()
            if kind == "question":
                worker.connection.send(self._reply(worker.task, said))
            elif kind == "trouble":
                raise said
            else:
                self._tell(worker, said)
        except (EOFError, OSError):
            worker.process.join(1)
            if worker.process.exitcode == -signal.SIGKILL and machine.out_of_memory_kills() > worker.memory_kills:
                raise MachineError(machine.told(MemoryError(), named(worker.task))) from None
            self._dismiss(worker, f"the process that read it crashed (exit code {worker.process.exitcode})")

    def _dismiss(self, worker: _Worker[Task], reason: str) -> None:
        """Ends a worker and hires another one in its place."""
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        self._tell(worker, Problem(reason))
        self._workers[self._workers.index(worker)] = self._hire()

    def _tell(self, worker: _Worker[Task], answer: Answer | Problem) -> None:
        """Hands on an answer as soon as all before it are there."""
        assert worker.task is not None
        self._ready[worker.place] = (worker.task, answer)
        worker.task, worker.deadline = None, math.inf
        while self._told in self._ready:
            self._answers.put(self._ready.pop(self._told))
            self._told += 1


_hiding = threading.Lock()


@contextmanager
def _no_main() -> Iterator[None]:
    """While a worker starts: it would run the script anew, which need not be guarded against that, nor be quick."""
    with _hiding:
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = script


def hold_starts(seconds: float) -> None:
    """Waits until no worker is just starting, and lets none start from then on: for a process that is about to end.

    A worker that starts while its parent ends finds nothing to read, and says so in a traceback.

    Args:
        seconds: how long to wait at most.
    """
    _hiding.acquire(timeout=seconds)


_asked: list[Connection] = []
"""In a worker: the pipe to the process that gives out the tasks."""


def ask(question: Any) -> Any:
    """The answer of the process that gives out the tasks; for the work of `in_processes` alone."""
    (connection,) = _asked
    connection.send(("question", question))
    return connection.recv()


def _serve(work: Callable[[Any], Any], connection: Connection) -> None:
    """What a worker does until its pipe is closed."""
    _asked.append(connection)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            task = connection.recv()
            try:
                answer = work(task)
            except VideoError as error:
                answer = Problem(str(error))
            except (InputError, MachineError) as error:
                connection.send(("trouble", error))
                continue
            except (MemoryError, OSError) as error:
                connection.send(("trouble", MachineError(machine.told(error, named(task)))))
                continue
            connection.send(("answer", answer))


def named(task: object) -> str:
    """What to call a task: the path or the video that it is of."""
    return str(getattr(task, "path", None) or getattr(task, "video", None) or task)
