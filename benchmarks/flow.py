"""What optical flow costs: to compute, to keep and to cut clips from, beside the frames that it is of.

On a small made-up Mall, in one process and on one thread, in processor seconds: frames a second of DIS and of
torchvision's RAFT with random weights (its cost does not depend on them); bytes a video of frames and of flow in each
form that `sceneproof prepare` writes; training clips a second that are cut from each, up to the crops that go to a GPU.

    python -m benchmarks.flow
    python -m benchmarks.flow --videos 12 --results results/results.csv
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import cast

import cv2
import torch
from torchvision.models import optical_flow

from benchmarks.keeping import keep
from benchmarks.prepare import crops, timed
from sceneproof.data.dataset import ClipSettings, Labelled
from sceneproof.data.manifest import Manifest
from sceneproof.data.video import decode
from sceneproof.encoding import Form
from sceneproof.flow_methods import FlowMethod, Way
from sceneproof.mall.making import make_world
from sceneproof.mall.plan import World
from sceneproof.optical_flow import Moves
from sceneproof.prepare import prepare

FORMS: tuple[Form, ...] = ("h264", "jpeg")
RAFTS: tuple[Way, ...] = ("raft_small", "raft_large")
LENGTH, BATCH = 16, 4


def made_world(folder: Path, videos: int, height: int, width: int) -> Path:
    """A Mall of so many training videos; the manifest's path."""
    world = World(
        train=videos, validation=0, validation_out=0, test=0, test_out=0, transfer_train=0, transfer_validation=0,
        transfer_test=0, pictures=0, test_pictures=0, height=height, width=width,
    )  # fmt: skip
    make_world(folder, world, workers=1, quiet=True)
    return folder / "manifest.parquet"


def seconds_a_frame(moves: Moves, manifest: Manifest, pairs: int) -> float:
    """Processor seconds of one flow, over the first pairs of frames of a few videos; the first of all is not counted.

    Args:
        moves: what computes it.
        manifest: the videos.
        pairs: how many are computed at the most.
    """
    spent: list[float] = []
    for row in range(len(manifest)):
        frames = decode(manifest.path(row))
        for before, after in pairwise(frames):
            started = time.process_time()
            moves(before, after)
            spent.append(time.process_time() - started)
            if len(spent) > pairs:
                return statistics.median(spent[1:])
    return statistics.median(spent[1:])


def methods(folder: Path) -> dict[str, Moves]:
    """DIS, and RAFT with random weights."""
    ways = {"DIS": FlowMethod().moves()}
    for way in RAFTS:
        torch.manual_seed(0)
        file = folder / f"{way}.pth"
        torch.save(getattr(optical_flow, way)(weights=None).state_dict(), file)
        ways[way] = FlowMethod(way, str(file)).moves()
    return ways


def prepared(manifest: Path, folder: Path, short_side: int) -> dict[str, Manifest]:
    """The collection as frames and as flow, in each form, made by the command itself."""
    ways = {}
    for form in FORMS:
        for name, flow in (("frames", False), ("flow", True)):
            made = prepare(
                manifest, folder / f"{name}-{form}", form=form, flow=flow, short_side=short_side, workers=1, quiet=True
            )
            ways[f"{name}-{form}"] = cast(Manifest, made)
    return ways


def measure(ways: dict[str, Manifest], rounds: int) -> dict[str, dict[str, float]]:
    """Kilobytes a video and clips a core second, each way in turn; medians over the rounds."""
    settings = ClipSettings(LENGTH)
    of = {name: Labelled.gather(made, made.actions) for name, made in ways.items()}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for epoch in range(rounds + 1):
        for name, labelled in of.items():
            work: Callable[[], int] = partial(crops, labelled, settings, BATCH, epoch)
            clips, seconds = timed(work)
            if epoch:  # the first warms caches
                spent[name].append(seconds / clips)
    figures = {}
    for name, made in ways.items():
        size = sum(Path(str(made.path(row))).stat().st_size for row in range(len(made)))
        rate = 1 / statistics.median(spent[name])
        like = statistics.median(
            frames / own for frames, own in zip(spent[name.replace("flow", "frames")], spent[name], strict=True)
        )
        figures[name] = {
            "kilobytes a video": size / len(made) / 1000,
            "clips a core second": rate,
            "times frames": like,
        }
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=12)
    parser.add_argument("--height", type=int, default=World.height)
    parser.add_argument("--width", type=int, default=World.width)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of cutting clips, each way in turn (default: 5)")
    parser.add_argument("--pairs", type=int, default=6, help="pairs of frames for RAFT; ten times as many for DIS")
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        manifest = made_world(folder / "world", options.videos, options.height, options.width)
        table = Manifest.read(manifest)
        figures = {}
        for name, moves in methods(folder).items():
            pairs = options.pairs * (10 if name == "DIS" else 1)
            figures[name] = {"frames a core second": 1 / seconds_a_frame(moves, table, pairs)}
        figures |= measure(prepared(manifest, folder, min(options.height, options.width)), options.rounds)
    print(f"{options.videos} videos of {World.frames} frames, {options.width} x {options.height}, clips of {LENGTH}")
    for name, row in figures.items():
        print(f"{name:<14}" + "".join(f"  {metric}: {value:.4g}" for metric, value in row.items()))
    if options.results is not None:
        keep(options.results, {f"flow/{name}": row for name, row in figures.items()})


if __name__ == "__main__":
    main()
