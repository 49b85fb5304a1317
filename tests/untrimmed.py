"""Untrimmed videos of seconds: a bright square shows when something is done, and on which side says what."""

from pathlib import Path

import numpy as np
import pandas as pd

from sceneproof.data.manifest import Manifest
from tests.videos import make_video

SIDES = {"left": slice(4, 24), "right": slice(40, 60)}
RATE, SECONDS = 10, 6.4


def make_untrimmed(folder: Path, *, train: int = 6, test: int = 3) -> Path:
    """Videos of 64 frames of 64 x 64 pixels with two segments each, and one in each test split without any."""
    rows = []
    for split, count in (("train", train), ("validation", 2), ("test", test), ("test_out", test)):
        for number in range(count):
            name = f"{split}{number}"
            rng = np.random.default_rng((len(split), number))
            first = rng.uniform(0.2, 1.2)
            segments = [("left", first, first + 1.6), ("right", first + 2.4, first + 4.0)]
            if number % 2:
                segments = [("right", first, first + 1.6), ("left", first + 2.4, first + 4.0)]
            if split.startswith("test") and number == count - 1:
                segments = []
            write(folder / "videos" / f"{name}.mp4", segments, seed=number)
            context = "out" if split.endswith("out") else "in"
            shared = {"path": f"videos/{name}.mp4", "split": split, "group": name, "context": context, "scene": "hall"}
            rows += [
                {"video": f"{name}_{place}", "action": action, "start": start, "end": end, **shared}
                for place, (action, start, end) in enumerate(segments or [("background", np.nan, np.nan)])
            ]
    manifest = Manifest(pd.DataFrame(rows), folder)
    manifest.write(folder / "manifest.parquet")
    return folder / "manifest.parquet"


def write(path: Path, segments: list[tuple[str, float, float]], *, seed: int = 0, seconds: float = SECONDS) -> None:
    """One video with these segments: action, start and end in seconds."""
    rng = np.random.default_rng(seed)
    frames = np.full((round(seconds * RATE), 64, 64, 3), rng.integers(20, 60), np.uint8)
    for action, start, end in segments:
        frames[round(start * RATE) : round(end * RATE), 8:56, SIDES[action]] = 230
    make_video(path, frames, rate=RATE)
