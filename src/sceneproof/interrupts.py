"""Ctrl-C and termination requests, heard without being stopped in the middle of a step."""

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
