"""Work that fails in every way, for a process of its own; imports nothing large, so that one starts quickly."""

import os
from typing import Any

from sceneproof.data.video import VideoError
from sceneproof.errors import InputError


def failing(task: Any) -> str:
    """Fails as its task says."""
    if task == "input":
        raise InputError("a table is wrong")
    if task == "memory":
        raise MemoryError
    if task == "video":
        raise VideoError("cut off")
    if task == "crash":
        os._exit(11)
    if isinstance(task, int):
        raise OSError(task, os.strerror(task))
    return str(task)


def killed(task: str) -> None:
    """Ends as the system ends what takes too much memory."""
    os.kill(os.getpid(), 9)
