"""Ctrl-C and termination requests, heard without being stopped in the middle of a step; and the death of a parent."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts(*, processes: int) -> Iterator[threading.Event]:
    """An event that Ctrl-C or a termination request sets, so that a checkpoint is written first; twice ends at once.

    With several processes the signals keep their usual meaning, since processes would stop at different steps: there
    the checkpoints at intervals are what is left.
    """
    asked = threading.Event()
    if processes > 1 or threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_with_parent() -> None:
    """Lets this process be asked to terminate when the one that started it is gone, however it went.

    Else it would go on unseen, and write where the same command, started again, writes too.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def leave() -> None:
        multiprocessing.connection.wait([sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=leave, daemon=True).start()
