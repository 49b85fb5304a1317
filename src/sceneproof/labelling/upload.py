"""A file that somebody uploads: its first seconds, decoded in a process of its own, and the people in them."""

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.data.gaps import without_short_gaps
from sceneproof.data.human_tables import HumanBoxes, HumanMasks
from sceneproof.data.video import decode, frame_range, probe
from sceneproof.errors import InputError, VideoError
from sceneproof.jobs.processes import Problem, in_processes
from sceneproof.labelling.contracts import DecodedClip, Labelling

SHORT_SIDE = 320
"""Pixels: models see 112 to 256 of them; a phone's frames would fill the memory."""
MOST_FRAMES = 600
"""Frames that are looked at, at any rate: slow motion has 240 a second."""
TIME_LIMIT = 60.0
"""Seconds that decoding may take."""
LEVELS, MOVING = 24, 0.001
"""Of 255: a blurred pixel that changes by more has not done so by coding alone; where fewer change, nothing moves."""


@dataclass(frozen=True)
class Upload:
    """What was read of a file.

    Attributes:
        frames: uint8 (N, H, W, 3), RGB, shrunk to the short side `SHORT_SIDE`.
        rate: frames a second; NaN where the file does not say.
        total: how many frames the file has.
        width: of its picture, in pixels.
        height: likewise.
        length: of the file, in seconds; NaN where it does not say.
        read: of its start that was read, in seconds; likewise.
    """

    frames: NDArray[np.uint8]
    rate: float
    total: int
    width: int
    height: int
    length: float = math.nan
    read: float = math.nan

    @property
    def cut(self) -> str:
        """What was left out, in words; empty where all of it was looked at."""
        read = len(self.frames)
        if read == self.total:
            return ""
        if math.isnan(self.rate) or math.isnan(self.length):
            return f"The file is long: only its first {read} of {self.total} frames are looked at."
        return f"The file is {self.length:.1f} s long: only its first {self.read:.1f} s ({read} frames) are looked at."


def read_upload(path: Path, *, seconds: float, time_limit: float = TIME_LIMIT) -> Upload:
    """Reads the start of a file that nobody vouches for.

    Args:
        path: the file.
        seconds: what lies behind is not read.
        time_limit: seconds that this may take.

    Raises:
        InputError: no frames can be read; says why.
    """
    for _, answer in in_processes(_read, iter([(path, seconds)]), workers=1, time_limit=time_limit):
        if isinstance(answer, Problem):
            raise InputError(f"This file cannot be read as a video: {answer.reason}.")
        return answer
    raise AssertionError("a task has an answer or a problem")


def _read(task: tuple[Path, float]) -> Upload:
    path, seconds = task
    if not path.is_file():
        raise VideoError("no such file")
    info = probe(path)
    read = range(info.frames)
    if info.times is not None:
        read = frame_range(info, end=info.times.first + seconds)
    frames = decode(path, read[:MOST_FRAMES], short_side=SHORT_SIDE)
    length, shown = math.nan, math.nan
    if info.times is not None:
        length, shown = info.times.end, float(info.times.seconds(len(frames)))
    return Upload(frames, info.rate, info.frames, info.width, info.height, length, shown)


def find_people(labelling: Labelling, frames: NDArray[np.uint8], rate: float) -> NDArray[np.bool_]:
    """People by what `sceneproof label humans` finds them with: bool (N, H, W), empty where nobody is found.

    Args:
        labelling: of boxes or masks.
        frames: uint8 (N, H, W, 3).
        rate: frames a second; NaN where it is not known.
    """
    length, height, width = frames.shape[:3]
    numbers = labelling.numbers(length, rate)
    rows = labelling([DecodedClip("clip", numbers, 0, length, height, width, frames[numbers])]).to_pandas()
    table = HumanBoxes(rows) if labelling.kind == "boxes" else HumanMasks(rows)
    return without_short_gaps(table).regions("clip", range(length), height, width)


def moves(frames: NDArray[np.uint8]) -> bool:
    """Whether anything moves in frames (N, H, W, 3): coding leaves noise, in which a motion mask would find people."""
    some = frames[np.unique(np.linspace(0, len(frames) - 1, 24).astype(int))]
    grey = np.stack([cv2.GaussianBlur(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (3, 3), 0) for frame in some])
    return float((np.ptp(grey, axis=0) > LEVELS).mean()) > MOVING
