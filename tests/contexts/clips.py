"""Clips made by a formula: a person who is a bright square, in front of a scene."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.contexts.footage import Footage
from sceneproof.data.manifest import Manifest

PERSON = (230, 40, 40)


def footage(video: str = "a", *, frames: int = 8, shade: int = 60, speed: int = 6, size: int = 16) -> Footage:
    """A square that walks to the right before a still wall, 64x96, whose left is darker; frame t has it at 6t + 4."""
    wall = np.full((64, 96, 3), shade, np.uint8)
    wall[:, 48:] += 40
    pictures, people = np.repeat(wall[None], frames, 0), np.zeros((frames, 64, 96), bool)
    for number in range(frames):
        left = 4 + speed * number
        people[number, 20 : 20 + size, left : left + size] = True
    pictures[people] = PERSON
    return Footage(video, pictures, people)


def manifest(
    videos: dict[str, str], *, groups: Sequence[str] | None = None, scenes: Sequence[str] | None = None
) -> Manifest:
    """A manifest of these videos and their actions."""
    rows = pd.DataFrame({"video": list(videos), "action": list(videos.values())})
    rows = rows.assign(path=[f"{video}.mp4" for video in videos], split="test")
    for name, column in (("group", groups), ("scene", scenes)):
        if column is not None:
            rows[name] = list(column)
    return Manifest(rows, Path())


def levels(frames: NDArray[np.uint8], row: int, column: int) -> list[int]:
    """The red of one pixel in each frame."""
    return [int(value) for value in frames[:, row, column, 0]]
