"""Videos of a second in which a bright square moves: where it is, is a box, and its colour says what is done."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import write_table
from tests.videos import make_video

COLOURS = {"blue": (40, 60, 250), "red": (250, 60, 40)}
FRAMES, SIDE, SQUARE, RATE = 12, 64, 24, 12
CORNERS = ["x1", "y1", "x2", "y2"]


def make_squares(folder: Path, *, train: int = 16, test: int = 6) -> Path:
    """Writes videos, FOLDER/manifest.parquet and FOLDER/boxes.parquet; returns the manifest's path."""
    rows, boxes = [], []
    for split, count in (("train", train), ("validation", 4), ("test", test), ("test_out", test)):
        for number in range(count):
            name, action = f"{split}{number}", sorted(COLOURS)[number % 2]
            rng = np.random.default_rng((len(split), number))
            places = square_places(rng)
            write_squares(folder / "videos" / f"{name}.mp4", [(action, places)], ground=int(rng.integers(20, 90)))
            context = "out" if split.endswith("out") else "in"
            rows.append((name, f"videos/{name}.mp4", split, action, SIDE, SIDE, FRAMES, float(RATE), context, "hall"))
            boxes += [(name, frame, *box, 1.0) for frame, box in enumerate(places)]
    columns = ["video", "path", "split", "action", "width", "height", "frames", "rate", "context", "scene"]
    Manifest(pd.DataFrame(rows, columns=columns), folder).write(folder / "manifest.parquet")
    write_boxes(folder / "boxes.parquet", boxes)
    return folder / "manifest.parquet"


def write_boxes(path: Path, rows: Sequence[tuple[object, ...]], *more: str) -> Path:
    """A table of boxes of rows (video, frame, x1, y1, x2, y2, score) and `more` columns."""
    table = pd.DataFrame(rows, columns=["video", "frame", *CORNERS, "score", *more])
    write_table(path, table.astype(dict.fromkeys([*CORNERS, "score"], "float32")), "boxes", detector="made up")
    return path


def square_places(rng: np.random.Generator, frames: int = FRAMES, side: int = SIDE) -> list[tuple[int, ...]]:
    """Where a square is that wanders: x1 y1 x2 y2, a frame each."""
    start, end = rng.integers(0, side - SQUARE + 1, (2, 2))
    corners = np.linspace(start, end, frames).round().astype(int)
    return [(int(x), int(y), int(x) + SQUARE, int(y) + SQUARE) for x, y in corners]


def write_squares(
    path: Path, people: Sequence[tuple[str, Sequence[tuple[int, ...]]]], *, ground: int = 50, size: tuple[int, int] = (
        SIDE, SIDE), rotation: int = 0
) -> Path:  # fmt: skip
    """A video of this size (height, width) with squares: an action, and a box a frame; () where it is not there."""
    frames = np.full((len(people[0][1]), *size, 3), ground, np.uint8)
    for action, places in people:
        for frame, box in zip(frames, places, strict=True):
            if box:
                frame[box[1] : box[3], box[0] : box[2]] = COLOURS[action]
    return make_video(path, frames, rate=RATE, rotation=rotation)
