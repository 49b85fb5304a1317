"""How long large manifests take, and how much memory: reading a million rows, and labelling thousands of entries.

Rows are made up. Each figure is of a process of its own; memory is the peak of its resident set, less what it had once
everything was imported; for labelling all of it, of this process and of the largest that decodes. Needs Linux.

    python -m benchmarks.manifest read [--rows 1000000] [--results results/results.csv]
    python -m benchmarks.manifest label [--entries 2000 20000] [--workers 2] [--results results/results.csv]
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import write_table
from sceneproof.labelling.contracts import DecodedClip
from sceneproof.labelling.pipeline import label
from sceneproof.labelling.shards import Shards

TEXT = ["video", "path", "split", "action"]
Figures = dict[str, dict[str, float]]


class MeanBrightness:
    """The cheapest labelling there is."""

    kind = "brightness"
    schema = pa.schema([("video", pa.string()), ("brightness", pa.float32())])
    metadata: Mapping[str, Any] = {"labeller": "mean brightness"}  # the protocol's, never changed
    short_side = None

    def __init__(self) -> None:
        self.decoding = 0.0

    def numbers(self, length: int, rate: float) -> NDArray[np.int64]:
        return np.arange(min(length, 2))

    def __call__(self, videos: Sequence[DecodedClip]) -> pa.Table:
        self.decoding = max([self.decoding, *(peak(child.pid) for child in multiprocessing.active_children())])
        means = [float(looked.frames.mean()) for looked in videos]
        return pa.table([[looked.video for looked in videos], pa.array(means, pa.float32())], schema=self.schema)


def make_rows(count: int, path: str = "") -> pd.DataFrame:
    """Rows in the manner of Kinetics; all of the file `path`, where one is given."""
    rows = np.arange(count)
    names = [f"action {row % 400}/{row:07d}_000012_000022" for row in rows]
    return pd.DataFrame(
        {
            "video": names,
            "path": path or [f"videos/{name}.mp4" for name in names],
            "split": np.where(rows % 20 == 0, "validation", "train"),
            "action": [f"action {row % 400}" for row in rows],
            "width": 340,
            "height": 256,
            "rate": 25.0,
            "frames": 250,
        }
    )


def peak(process: int | str | None = "self") -> float:
    """Of a process so far, in MB. Not getrusage's, which starts from that of the process that made it (Linux)."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6


def staged(stages: Mapping[str, Callable[[], object]]) -> Figures:
    """Seconds of each stage, and the peak of memory once it is over, in MB above where the first began."""
    before, figures = peak(), Figures()
    for name, stage in stages.items():
        started = time.perf_counter()
        stage()
        figures[name] = {"seconds": time.perf_counter() - started, "MB": peak() - before}
    return figures


def ours(path: Path) -> Figures:
    made: dict[str, Any] = {}

    def shards() -> Shards:
        return Shards(made["manifest"], MeanBrightness(), path.with_name("labels.parquet"), 64)

    return staged(
        {
            "read and check": lambda: made.update(manifest=Manifest.read(path)),
            "check again": lambda: made["manifest"].check(),
            "split": lambda: made["manifest"].split("validation"),
            "plan of labels": lambda: shards().plan,
            "first 1000 tasks": lambda: list(
                islice((task for number in range(shards().parts.count) for task in shards().tasks(number)), 1000)
            ),
        }
    )


def pandas(path: Path) -> Figures:
    made: dict[str, Any] = {}
    return staged(
        {
            "read": lambda: made.update(rows=pd.read_parquet(path)),
            "split": lambda: made["rows"][made["rows"]["split"] == "validation"],
        }
    )


def python_text(path: Path) -> Figures:
    made: dict[str, Any] = {}
    kinds = dict.fromkeys(TEXT, object)
    return staged(
        {
            "read": lambda: made.update(rows=pq.read_table(path).to_pandas().astype(kinds)),
            "split": lambda: made["rows"][made["rows"]["split"] == "validation"],
        }
    )


def labelled(folder: Path, entries: int, workers: int) -> Figures:
    rows = make_rows(entries, "one.mp4")
    manifest = Manifest(rows, folder)
    started = time.perf_counter()
    labelling = MeanBrightness()
    failures = label(manifest, labelling, folder / f"{entries}.parquet", workers=workers, quiet=True)
    assert not failures
    seconds = time.perf_counter() - started
    return {f"{entries} entries": {"seconds": seconds, "MB": peak(), "MB a decoder": labelling.decoding}}


def make_video(path: Path) -> None:
    """Ten small grey frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for number in range(10):
            picture = np.full((48, 64, 3), 20 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def alone(work: Callable[..., Figures], *arguments: object) -> Figures:
    """What it tells, from a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def tell(recipe: str, figures: Figures, path: Path | None) -> None:
    print(recipe)
    for name, row in figures.items():
        print(f"  {name:<20}" + "".join(f"{value:>12.2f} {unit}" for unit, value in row.items()))
    if path is not None:
        from benchmarks.keeping import keep  # brings torch, which processes that decode are without

        keep(path, {f"{recipe}/{name}": row for name, row in figures.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["read", "label"])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--entries", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--results", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if arguments.what == "read":
            write_table(folder / "manifest.parquet", make_rows(arguments.rows), "manifest")
            for name, way in (("sceneproof", ours), ("pandas", pandas), ("pandas with text as Python's", python_text)):
                made = alone(way, folder / "manifest.parquet")
                tell(f"manifest/{arguments.rows} rows/{name}", made, arguments.results)
        else:
            make_video(folder / "one.mp4")
            made = {}
            for entries in arguments.entries:
                made |= alone(labelled, folder, entries, arguments.workers)
            tell("manifest/labelled", made, arguments.results)


if __name__ == "__main__":
    main()
