"""Ctrl-C and termination requests, heard without being stopped in the middle of a step; and the death of a parent.

Imports nothing that is slow: a new process guards itself by this module before it loads what it works with.
"""

import ctypes
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from types import FrameType, TracebackType
from typing import Any

GRACE = 3.0
"""Seconds that a process has for its checkpoint when its parent is gone; nothing of ours outlives a parent by 5."""
PATIENCE = 30.0
"""Seconds that a process has for its checkpoint when its parent asks it to end."""
BETWEEN_LOOKS = 0.5
PR_SET_PDEATHSIG = 1
"""Of Linux's <sys/prctl.h>."""


class Terminated(KeyboardInterrupt):
    """A termination request: like Ctrl-C, but for the exit code."""


@contextmanager
def termination_interrupts() -> Iterator[None]:
    """While the block lasts, SIGTERM raises Terminated in the main thread, which unwinds as after Ctrl-C.

    Where torchrun or another launcher started several processes, SIGTERM keeps its meaning: a process that waits for
    another one in C code would not hear of it in Python.
    """
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    if several or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Request(threading.Event):
    """Set when the process has been asked to end."""

    raises = False

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """While the block lasts, being asked raises KeyboardInterrupt: for waits in which no step is begun."""
        if self.is_set():
            raise KeyboardInterrupt
        self.raises = True
        try:
            yield
        finally:
            self.raises = False


@contextmanager
def interrupts(*, processes: int) -> Iterator[Request]:
    """An event that Ctrl-C or a termination request sets, so that a checkpoint is written first.

    A second Ctrl-C ends at once. With several processes the signals keep their usual meaning, since processes would
    stop at different steps: there the checkpoints at intervals are what is left.

    Raises:
        Terminated: in place of a KeyboardInterrupt of the block, where it was a termination request that came first.
    """
    asked = Request()
    if processes > 1 or threading.current_thread() is not threading.main_thread():
        yield asked
        return
    heard: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        # only a person's second Ctrl-C is impatience: a parent, or a cluster, may ask besides the terminal
        again = bool(heard)
        heard.append(number)
        asked.set()
        if asked.raises or (again and number == signal.SIGINT):
            raise KeyboardInterrupt

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    except KeyboardInterrupt as error:
        if heard[:1] == [signal.SIGTERM]:
            raise Terminated(*error.args) from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_with_parent(*, grace: float = 0.0) -> None:
    """Ends this process when the one that started it is gone, however it went.

    Else it would go on unseen: decode a file for good that nobody waits for, or write where the same command, started
    again, writes too. On Linux the kernel ends it, also while it hangs in C code (once the thread that started it has
    ended); everywhere a thread watches the parent.

    Args:
        grace: seconds between a termination request and the end; 0: the end at once.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM if grace else signal.SIGKILL, 0, 0, 0)
    parent = multiprocessing.parent_process()
    sentinels = [] if parent is None else [parent.sentinel]
    started_by = os.getppid()

    def leave() -> None:
        # the sentinel tells of a parent that had gone before; the number, where a brother holds its other end
        while not multiprocessing.connection.wait(sentinels, BETWEEN_LOOKS) and os.getppid() == started_by:
            if not sentinels:
                time.sleep(BETWEEN_LOOKS)
        if grace:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(grace)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=leave, name="end_with_parent", daemon=True).start()


def work_for_parent(number: int = 0) -> None:
    """What a process does first that only works for its parent: ends with it, and leaves Ctrl-C to it.

    Args:
        number: of the worker, as PyTorch's loader gives it.
    """
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.excepthook = _unless_parent_left


def _unless_parent_left(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tells of an error, but not that the parent hung up, which a thread that hands it tensors would tell of."""
    if not issubclass(kind, (ConnectionError, EOFError)):
        sys.__excepthook__(kind, error, trace)


def packed(function: Callable[..., None], *arguments: Any) -> bytes:
    """A call for `guarded`."""
    return pickle.dumps((function, arguments))


def guarded(call: bytes, *more: Any) -> None:
    """The work of a new process, from `packed`: what it needs is imported when it can no longer outlive its parent.

    Args:
        call: the function and its first arguments.
        more: its further arguments.
    """
    work_for_parent()
    function, arguments = pickle.loads(call)  # noqa: S301  # by the process that started this one
    function(*arguments, *more)


def end_all(processes: Iterable[BaseProcess], *, grace: float = PATIENCE) -> None:
    """Asks processes to end, and ends those that are still there after `grace` seconds."""
    processes = list(processes)
    for process in processes:
        process.terminate()
    until = time.monotonic() + grace
    for process in processes:
        process.join(max(until - time.monotonic(), 0))
    for process in processes:
        process.kill()
