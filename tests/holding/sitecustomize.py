"""Imported by every Python that finds this folder: the processes that it starts hang when they open a video.

HOLD names a folder in which each such process leaves its number, HOLD_AFTER how many videos it opens before.
"""

import ctypes
import importlib.abc
import importlib.machinery
import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

opened = 0


def hold() -> None:
    """In C; with HOLD_ALL without letting go of the interpreter, so that no thread of this process gets to act."""
    folder = Path(os.environ["HOLD"])
    (folder / f".{os.getpid()}").write_text("held")
    (folder / f".{os.getpid()}").rename(folder / str(os.getpid()))
    while True:
        (ctypes.PyDLL if os.environ.get("HOLD_ALL") else ctypes.CDLL)(None).sleep(600)


class Holding(importlib.abc.MetaPathFinder):
    """Replaces `av.open` in the processes that the command starts."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "av":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        assert spec is not None
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            really = module.open

            def held(*words: Any, **more: Any) -> Any:
                global opened
                opened += 1
                if multiprocessing.parent_process() is not None and opened > int(os.environ.get("HOLD_AFTER", "0")):
                    hold()
                return really(*words, **more)

            module.open = held  # type: ignore[attr-defined]

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if "HOLD" in os.environ:
    sys.meta_path.insert(0, Holding())
if multiprocessing.parent_process() is None and "spawn_main" not in " ".join(sys.orig_argv):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background has it ignored
