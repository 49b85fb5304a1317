"""Scene labels, videos a second: the pipeline next to a plain loop of one frame at a time, same videos, in turns.

Both use one labeller, with as many threads. The loop opens a video, decodes each frame asked for by itself and puts it
through the model alone; the pipeline decodes in other processes meanwhile and batches frames across videos. Processes
start anew in each round, and that is counted. A third row is the model on frames that are in memory already, in the
pipeline's batches: what no way of decoding can pass, so its ratio is the ceiling.

    python -m benchmarks.labelling MANIFEST places365_squeezenet.onnx
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.keeping import keep
from sceneproof.addresses import Place
from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.data.video import decode, frame_range, probe
from sceneproof.labelling.onnx_labeller import OnnxSceneLabeller
from sceneproof.labelling.pipeline import label
from sceneproof.labelling.scenes import SceneLabelling, evenly_spaced_frames


def plain_loop(manifest: Manifest, labeller: OnnxSceneLabeller, frames_per_video: int) -> NDArray[np.float64]:
    """Mean posteriors (N, S), one frame after another; the manifest has whole videos."""
    means = []
    for row in range(len(manifest)):
        path = manifest.path(row)
        shown = frame_range(probe(path))
        numbers = evenly_spaced_frames(len(shown), frames_per_video)
        means.append(
            np.mean([labeller(decode(path, [int(number)]))[0] for number in numbers], axis=0, dtype=np.float64)
        )
    return np.stack(means)


def pipeline(
    manifest: Manifest, labeller: OnnxSceneLabeller, frames_per_video: int, folder: Path, batch: int, workers: int
) -> NDArray[np.float64]:
    """The same by the pipeline."""
    out = folder / "scenes.parquet"
    out.unlink(missing_ok=True)
    label(
        manifest, SceneLabelling(labeller, frames_per_video=frames_per_video), out, batch=batch, workers=workers,
        quiet=True,
    )  # fmt: skip
    return SceneTable.read(out).probabilities.astype(np.float64)


def model_alone(frames: NDArray[np.uint8], labeller: OnnxSceneLabeller, batch: int) -> NDArray[np.float64]:
    """Mean posteriors (N, S) of frames (N, n, H, W, 3) that are decoded already."""
    flat = frames.reshape(-1, *frames.shape[2:])
    made = np.concatenate([labeller(flat[start : start + batch]) for start in range(0, len(flat), batch)])
    return np.asarray(made.reshape(*frames.shape[:2], -1).mean(axis=1, dtype=np.float64))


def decoded(manifest: Manifest, frames_per_video: int) -> NDArray[np.uint8]:
    """The frames asked for, (N, n, H, W, 3); the videos have one size."""
    numbers = [evenly_spaced_frames(len(frame_range(probe(path))), frames_per_video) for path in paths(manifest)]
    return np.stack([decode(path, which) for path, which in zip(paths(manifest), numbers, strict=True)])


def paths(manifest: Manifest) -> list[Place]:
    """Where the videos are."""
    return [manifest.path(row) for row in range(len(manifest))]


def timed(work: Callable[[], NDArray[np.float64]]) -> tuple[float, NDArray[np.float64]]:
    """Seconds by the clock, and what came of it."""
    started = time.perf_counter()
    made = work()
    return time.perf_counter() - started, made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("weights", type=Path, help="an ONNX classifier of the 365 scenes")
    parser.add_argument("--root", type=Path, help="the folder that the manifest's paths start from")
    parser.add_argument("--videos", type=int, default=200, help="how many of its videos (default: 200)")
    parser.add_argument("--frames-per-video", type=int, default=8)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="of the pipeline (default: all cores)")
    parser.add_argument("--threads", type=int, default=0, help="of the model, in both ways (default: one a core)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, each way in turn (default: 5)")
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    arguments = parser.parse_args()
    whole = Manifest.read(arguments.manifest, arguments.root)
    chosen = np.linspace(0, len(whole) - 1, min(arguments.videos, len(whole))).astype(int)
    rows = whole.rows.iloc[chosen].drop(columns=["start", "end"], errors="ignore").reset_index(drop=True)
    manifest = Manifest(rows, whole.root, whole.name)
    labeller = OnnxSceneLabeller(arguments.weights, threads=arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        frames = arguments.frames_per_video
        ways = {
            "one frame at a time": partial(plain_loop, manifest, labeller, frames),
            "pipeline": partial(pipeline, manifest, labeller, frames, Path(folder), arguments.batch, arguments.workers),
            "model alone": partial(model_alone, decoded(manifest, frames), labeller, arguments.batch),
        }
        figures = compare(ways, len(manifest), arguments.rounds)
    if arguments.results is not None:
        keep(arguments.results, {f"labelling/{name}": row for name, row in figures.items()})
    print(f"\n{frames} frames a video, batch {arguments.batch}, {arguments.workers} workers, {labeller.title}")


def compare(
    ways: Mapping[str, Callable[[], NDArray[np.float64]]], videos: int, rounds: int
) -> dict[str, dict[str, float]]:
    """Runs each way in turn and prints the table; videos a second, and the ratio to the first way, by way."""
    first = next(iter(ways))
    truth = ways[first]()  # also warms the file cache
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            spent, made = timed(way)
            seconds[name].append(spent)
            if not np.allclose(made, truth, atol=1e-4):
                raise SystemExit(f"{name}: other labels than {first}, by up to {abs(made - truth).max():.2g}")
    print(f"{videos} videos; median of {rounds} rounds\n")
    print(f"{'way':<24}{'videos / second':>16}{'times ' + first:>30}")
    figures = {}
    for name, values in seconds.items():
        ratios = [base / value for base, value in zip(seconds[first], values, strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})"
        print(f"{name:<24}{videos / statistics.median(values):>16.1f}{spread:>30}")
        figures[name] = {"videos a second": videos / statistics.median(values), "ratio": statistics.median(ratios)}
    return figures


if __name__ == "__main__":
    main()
