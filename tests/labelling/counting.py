"""A labelling without a model, for tests of the pipeline: each clip's mean brightness, and how many frames it has."""

import math
import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from sceneproof.data.manifest import Manifest
from sceneproof.labelling.contracts import DecodedClip
from tests.videos import make_video, numbered


class Counting:
    """Writes down every clip that it is shown; on request it is slow, or waits to be killed after `most` batches."""

    kind = "counts"
    schema = pa.schema([("video", pa.string()), ("length", pa.int64()), ("brightness", pa.float64())])
    short_side = None

    def __init__(
        self, *, name: str = "counting", seconds: float = 0.0, log: Path | None = None, most: float = math.inf
    ) -> None:
        self._name, self._seconds, self._log, self._most = name, seconds, log, most
        self.batches: list[list[str]] = []

    @property
    def metadata(self) -> Mapping[str, Any]:
        return {"labeller": self._name}

    def numbers(self, length: int, rate: float) -> NDArray[np.int64]:
        return np.arange(0, length, 3)

    def __call__(self, videos: Sequence[DecodedClip]) -> pa.Table:
        time.sleep(self._seconds)
        if len(self.batches) >= self._most:
            threading.Event().wait()
        self.batches.append([looked.video for looked in videos])
        if self._log is not None:
            with open(self._log, "a") as log:
                log.write("".join(f"{os.getpid()} {looked.video}\n" for looked in videos))
        rows = [(looked.video, looked.length, float(looked.frames.mean())) for looked in videos]
        columns = zip(*rows, strict=True)
        return pa.table([list(column) for column in columns], schema=self.schema)


def collection(folder: Path, count: int, *, files: int = 5) -> Manifest:
    """A manifest of `count` clips that share a few small files."""
    names = [f"videos/{number}.mp4" for number in range(files)]
    for number, name in enumerate(names):
        make_video(folder / name, numbered(6 + number, colour=30 * number))
    ids = [f"clip{number:05d}" for number in range(count)]
    paths = [names[number % files] for number in range(count)]
    manifest = Manifest(pd.DataFrame({"video": ids, "path": paths, "split": "train", "action": "run"}), folder)
    manifest.write(folder / "manifest.parquet")
    return manifest
