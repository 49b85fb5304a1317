"""What `sceneproof prepare` buys: training clips a second from originals, JPEG frames through PIL, and prepared videos.

All make, on one core and in turns, 16-frame clips at 112 x 112 with their human-masked twins. The way of JPEG frames
through PIL is that of loader.py: height 240, one clip and one frame at a time, twice, since the twins come from a
second loader. Ours is measured twice: with all arithmetic on the core ("batches"), and up to the uint8 crops that go
to a GPU, which does the rest ("crops"): that is what the cores of a machine with one have to do.

    python -m benchmarks.prepare                       made-up 320 x 240 videos, H.264 with long GOPs
    python -m benchmarks.prepare --shared SHARED       films of Kinetics, UCF-101 and HMDB-51, as they came
    python -m benchmarks.prepare --shared SHARED --jhmdb    and the original J-HMDB clips, 320 x 240 MPEG-4
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import pandas as pd
import torch

from benchmarks.keeping import keep
from benchmarks.loader import JpegLoop, extract, made_up_videos, ours, theirs
from sceneproof.data.batches import Loader
from sceneproof.data.dataset import ClipSettings, Labelled, TrainingClips
from sceneproof.data.humans import HumanBoxes, read_humans
from sceneproof.data.manifest import Manifest
from sceneproof.data.video import probe
from sceneproof.encoding import Form
from sceneproof.files import read_json
from sceneproof.prepare import prepare

FORMS: tuple[tuple[Form, int], ...] = (("h264", 1), ("h264", 4), ("h264", 16), ("jpeg", 1))
PIL, ORIGINALS = "jpeg-through-pil-240", "originals"
CORES = 16


@dataclass(frozen=True)
class Way:
    """One way to load: what an epoch of it does, and the bytes of its files."""

    crops: Callable[[int], int] | None
    batches: Callable[[int], int]
    files: list[Path]


def films(shared: Path) -> tuple[Manifest, HumanBoxes]:
    """Whole films. Nobody has boxes for them: each frame gets a made-up one, a third of the picture wide."""
    paths = sorted(path for path in (shared / "clips").iterdir() if path.suffix in (".avi", ".mp4", ".webm"))
    boxes = []
    for path in paths:
        info = probe(path)
        corners = info.width / 3, info.height / 6, info.width * 2 / 3, info.height
        boxes += [(path.stem, frame, *corners, 1.0) for frame in range(info.frames)]
    return _tables(shared / "clips", [(path.stem, path.name) for path in paths], boxes)


def jhmdb(shared: Path) -> tuple[Manifest, HumanBoxes]:
    """The original clips that are there, with the boxes of J-HMDB."""
    root, truth = shared / "jhmdb_original", read_json(shared / "jhmdb_gt.json")
    videos = [(path.relative_to(root).with_suffix("").as_posix(), path) for path in sorted(root.rglob("*.avi"))]
    boxes = [
        (video, frame, x - 1, y - 1, x - 1 + width, y - 1 + height, 1.0)
        for video, _ in videos
        for frame, (x, y, width, height) in enumerate(truth[video]["xywh"])
    ]
    return _tables(root, [(video, path.relative_to(root).as_posix()) for video, path in videos], boxes)


def _tables(
    root: Path, videos: list[tuple[str, str]], boxes: Sequence[tuple[object, ...]]
) -> tuple[Manifest, HumanBoxes]:
    rows = pd.DataFrame([(*video, "train", "any") for video in videos], columns=["video", "path", "split", "action"])
    columns = ["video", "frame", "x1", "y1", "x2", "y2", "score"]
    return Manifest(rows, root), HumanBoxes(pd.DataFrame(boxes, columns=columns))


def from_videos(manifest: Manifest, humans: HumanBoxes, settings: ClipSettings, batch: int) -> Way:
    labelled = Labelled.gather(manifest, manifest.actions, humans=humans)
    if not all(labelled.has_readable_twin(row) for row in range(len(manifest))):
        raise SystemExit("every video of this benchmark needs people in 70 % of its frames")
    files = [Path(str(manifest.path(row))) for row in range(len(manifest))]
    return Way(partial(crops, labelled, settings, batch), partial(ours, labelled, settings, batch), files)


def crops(labelled: Labelled, settings: ClipSettings, batch: int, epoch: int) -> int:
    return sum(len(raw) for raw in Loader(TrainingClips(labelled, settings, 0), batch).epoch(epoch))


def prepared(
    manifest: Manifest, humans: HumanBoxes, folder: Path, sides: list[int], settings: ClipSettings, batch: int
) -> dict[str, Way]:
    """Each form and side, made by the command itself."""
    manifest_file, humans_file = folder / "manifest.parquet", folder / "boxes.parquet"
    manifest.write(manifest_file)
    humans.write(humans_file)
    ways = {}
    for side in sides:
        for form, every in FORMS:
            name = f"{'jpeg' if form == 'jpeg' else f'h264-gop{every}'}-{side}"
            made = prepare(
                manifest_file, folder / name, short_side=side, form=form, key_frame_every=every,
                humans=humans_file, root=str(manifest.root), quiet=True,
            )  # fmt: skip
            assert made is not None
            ways[name] = from_videos(made, read_humans(made.root / "humans.parquet"), settings, batch)  # type: ignore[arg-type]
    return ways


def timed(work: Callable[[], int]) -> tuple[int, float]:
    """What it returns, and the processor seconds it takes."""
    started = time.process_time()
    return work(), time.process_time() - started


def measure(ways: dict[str, Way], rounds: int, videos: int) -> dict[str, dict[str, float]]:
    """Medians over rounds, each way in turn; ratios are taken within a round."""
    cost: dict[str, dict[str, list[float]]] = {name: {"batches": [], "crops": []} for name in ways}
    for epoch in range(rounds + 1):
        for name, way in ways.items():
            for kind, work in (("batches", way.batches), ("crops", way.crops)):
                if work is None:
                    continue
                clips, seconds = timed(partial(work, epoch))
                if epoch:  # the first warms caches
                    cost[name][kind].append(seconds / clips)
    figures = {}
    for name, way in ways.items():
        size = sum(file.stat().st_size for file in way.files)
        row = {"kilobytes a video": size / videos / 1000}
        for kind, values in cost[name].items():
            if not values:
                continue
            row[f"{kind}: clips a core second"] = 1 / statistics.median(values)
            for other, title in ((ORIGINALS, "originals"), (PIL, "JPEG through PIL")):
                base = cost[other][kind] or cost[other]["batches"]
                row[f"{kind}: times {title}"] = statistics.median(b / v for b, v in zip(base, values, strict=True))
            if kind == "crops":
                row[f"crops: clips a second from {CORES} cores"] = CORES / statistics.median(values)
        figures[name] = row
    return figures


def tell(title: str, figures: dict[str, dict[str, float]], results: Path | None) -> None:
    columns = list(dict.fromkeys(key for row in figures.values() for key in row))
    print(title)
    for number, column in enumerate(columns):
        print(f"  ({number}) {column}")
    print(f"\n{'':<32}" + "".join(f"{f'({number})':>9}" for number in range(len(columns))))
    for name, row in figures.items():
        print(f"{name:<32}" + "".join(f"{row[c]:>9.1f}" if c in row else f"{'':>9}" for c in columns))
    if results is not None:
        keep(results, {f"prepare/{title}/{name}": row for name, row in figures.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, help="a folder with clips/, jhmdb_original/ and jhmdb_gt.json")
    parser.add_argument("--jhmdb", action="store_true", help="the J-HMDB clips, not the films")
    parser.add_argument("--sides", type=int, nargs="+", default=[128, 240], help="short sides (default: 128 240)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, each way in turn (default: 5)")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    settings, batch = ClipSettings(), arguments.batch
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if arguments.shared is None:
            title, (manifest, humans) = "made-up", made_up_videos(folder, 16, 250)
        elif arguments.jhmdb:
            title, (manifest, humans) = "J-HMDB", jhmdb(arguments.shared)
        else:
            title, (manifest, humans) = "films", films(arguments.shared)
        pictures = extract(manifest, folder / "pictures")
        originals = from_videos(manifest, humans, settings, batch)
        loop = JpegLoop(Labelled.gather(manifest, manifest.actions, humans=humans), pictures, settings)
        ways = {
            ORIGINALS: originals,
            PIL: Way(None, partial(theirs, loop, batch), [file for files in pictures for file in files]),
            **prepared(manifest, humans, folder, arguments.sides, settings, batch),
        }
        tell(title, measure(ways, arguments.rounds, len(manifest)), arguments.results)


if __name__ == "__main__":
    main()
