"""What a process that decodes for the labelling does. It imports little, so that it starts quickly and stays small."""

import signal
from contextlib import suppress
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from sceneproof.data.video import VideoError, decode, frame_range, probe


def serve(connection: Connection, short_side: int | None) -> None:
    """Answers with the frames of one clip after another, until the pipe is closed.

    A clip comes as path, start and end; back go ("facts", ...), then, once its frame numbers have come, ("frames",
    shape) and the pixels, or at any point ("problem", reason).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that gives out the tasks
    with suppress(EOFError, OSError):
        while True:
            path, start, end = connection.recv()
            try:
                frames = _frames(connection, path, start, end, short_side)
            except (VideoError, MemoryError) as error:
                connection.send(("problem", str(error) or "needs more memory than there is"))
            else:
                connection.send(("frames", frames.shape))
                connection.send_bytes(frames.data.cast("B"))


def _frames(connection: Connection, path: str, start: float, end: float, short_side: int | None) -> NDArray[np.uint8]:
    info = probe(path)
    shown = frame_range(info, start, end)
    connection.send(("facts", (shown.start, len(shown), info.height, info.width, info.rate)))
    numbers = np.frombuffer(connection.recv_bytes(), np.int64)
    return np.ascontiguousarray(decode(path, shown.start + numbers, short_side=short_side))
