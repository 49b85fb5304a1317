"""Training clips a second: our loader next to the way of SDN's released code, on the same videos, in turns.

Both make, on one core, batches of normalised 16-frame clips at 112 x 112 together with their human-masked twins.
Ours decodes the video files, once for the clip and its twin, and treats frames in batches. The other way reads frames
that were extracted to JPEG at height 240 before, through PIL, one clip and one frame at a time: crop, resize,
normalise; and does so twice, since the twins come from a second loader (facts read in github.com/vt-vl-lab/SDN; the
loop below is our own).

    python -m benchmarks.loader                          made-up 320 x 240 videos, H.264 with long GOPs
    python -m benchmarks.loader --manifest M --humans H  your own
"""

import argparse
import cProfile
import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pandas as pd
import torch
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sceneproof.backbones.base import Backbone
from sceneproof.data import batches, humans, transforms, video
from sceneproof.data.batches import Loader, normalised, to_batch
from sceneproof.data.clips import random_clip
from sceneproof.data.dataset import ClipSettings, Labelled, TrainingClips
from sceneproof.data.humans import HumanBoxes, HumanMasks, read_humans
from sceneproof.data.manifest import Manifest
from sceneproof.data.transforms import random_crop
from sceneproof.data.video import decode

JPEG_HEIGHT, JPEG_QUALITY = 240, 90
STAGES: dict[str, tuple[Any, ...]] = {  # by the functions themselves, so that a move to another file is no silent 0 %
    "count frames": (video.probe,),
    "decode": (video.decode,),
    "person regions": (HumanBoxes.regions, HumanMasks.regions),
    "mean colours": (humans.mean_colour,),
    "collate": (batches.collate,),
    "fill people": (transforms.fill_humans,),
    "resize": (transforms.resize,),
    "flip, normalise": (transforms.normalise,),
}


def made_up_videos(folder: Path, count: int, frames: int) -> tuple[Manifest, HumanBoxes]:
    """A window moving over a cloudy picture, and a box that wanders: 320 x 240 at 25 fps."""
    rows: list[tuple[str, ...]] = []
    boxes: list[tuple[str, int, float, float, float, float, float]] = []
    for number in range(count):
        rng = np.random.default_rng(number)
        coarse = rng.uniform(0, 255, (24, 32, 3)).astype(np.float32)
        picture = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC) + rng.normal(0, 8, (480, 640, 3))
        pixels = picture.clip(0, 255).astype(np.uint8)
        with av.open(str(folder / f"{number}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
            stream.codec_context.time_base = Fraction(1, 25)
            for frame in range(frames):
                left, top = int(160 + 150 * np.sin(frame / 20)), int(120 + 100 * np.cos(frame / 31))
                shown = np.ascontiguousarray(pixels[top : top + 240, left : left + 320])
                x = 100 + frame % 120
                cv2.rectangle(shown, (x, 60), (x + 60, 220), (60, 90, 160), -1)
                boxes.append((str(number), frame, x, 60, x + 60, 220, 0.9))
                container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
            container.mux(stream.encode())
        rows.append((str(number), f"{number}.mp4", "train", "any"))
    manifest = Manifest(pd.DataFrame(rows, columns=["video", "path", "split", "action"]), folder)
    return manifest, HumanBoxes(pd.DataFrame(boxes, columns=["video", "frame", "x1", "y1", "x2", "y2", "score"]))


def extract(manifest: Manifest, folder: Path) -> list[list[Path]]:
    """Every frame as JPEG at height 240 (or its own, if less): what the released code starts from. Files by row."""
    files: list[list[Path]] = []
    for row in range(len(manifest)):
        (folder / str(row)).mkdir(parents=True)
        files.append([])
        for number, frame in enumerate(decode(manifest.path(row))):
            picture = Image.fromarray(frame)
            height = min(JPEG_HEIGHT, picture.height)
            width = round(picture.width * height / picture.height)
            files[-1].append(folder / str(row) / f"{number:05d}.jpg")
            picture.resize((width, height), Image.Resampling.BILINEAR).save(files[-1][-1], quality=JPEG_QUALITY)
    return files


class JpegLoop:
    """One clip at a time, one frame at a time, and everything a second time for the twins."""

    def __init__(self, labelled: Labelled, files: list[list[Path]], settings: ClipSettings) -> None:
        self.labelled, self.files, self.settings = labelled, files, settings
        self.mean = torch.tensor(Backbone.mean).view(3, 1, 1)
        self.sources: dict[int, video.VideoInfo] = {}

    def batch(self, rows: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        clips = [self._clip(int(row), rng, masked=False) for row in rows]
        twins = [self._clip(int(row), rng, masked=True) for row in rows]
        return torch.stack(clips), torch.stack(twins)

    def _clip(self, row: int, rng: np.random.Generator, *, masked: bool) -> Tensor:
        which = random_clip(len(self.files[row]), self.settings.length, rng=rng)
        pictures = []
        for number in which:
            with open(self.files[row][number], "rb") as file:
                pictures.append(Image.open(file).convert("RGB"))
        crop = random_crop(pictures[0].height, pictures[0].width, rng=rng)
        box = (crop.left, crop.top, crop.left + crop.width, crop.top + crop.height)
        if masked:
            pictures = [self._fill(picture, row, int(number)) for picture, number in zip(pictures, which, strict=True)]
        tensors = []
        for picture in pictures:
            cut = picture.crop(box).resize((self.settings.size, self.settings.size), Image.Resampling.BILINEAR)
            if crop.flip:
                cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            pixels = torch.from_numpy(np.array(cut)).permute(2, 0, 1).float()
            tensors.append(pixels - self.mean)
        return torch.stack(tensors, dim=1)

    def _fill(self, picture: Image.Image, row: int, number: int) -> Image.Image:
        assert self.labelled.humans is not None
        pixels = np.array(picture)
        name = str(self.labelled.manifest.rows["video"].iat[row])
        if row not in self.sources:
            self.sources[row] = video.probe(self.labelled.manifest.path(row))
        source = self.sources[row]
        region = self.labelled.humans.regions(name, [number], source.height, source.width)[0]
        if region.shape != pixels.shape[:2]:
            region = cv2.resize(region.astype(np.uint8), picture.size, interpolation=cv2.INTER_NEAREST) > 0
        pixels[region] = pixels.reshape(-1, 3).mean(axis=0)
        return Image.fromarray(pixels)


def cpu_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def ours(labelled: Labelled, settings: ClipSettings, batch: int, epoch: int) -> int:
    clips = 0
    for raw in Loader(TrainingClips(labelled, settings, 0), batch).epoch(epoch):
        normalised(to_batch(raw, settings.size, torch.device("cpu")), Backbone())
        clips += len(raw)
    return clips


def theirs(loop: JpegLoop, batch: int, epoch: int) -> int:
    rng = np.random.default_rng(epoch)
    order = rng.permutation(len(loop.files))
    steps = max(len(order) // batch, 1)
    for step in range(steps):
        loop.batch(order[step * batch : (step + 1) * batch], rng)
    return steps * min(batch, len(order))


def profile(work: Callable[[], object]) -> list[tuple[str, float]]:
    """Shares of the time that each stage takes, with everything below it; what is in no stage is 'other'."""
    profiler = cProfile.Profile()
    profiler.runcall(work)
    profiler.create_stats()
    spent = {place: cumulative for place, (_, _, _, cumulative, _) in profiler.stats.items()}
    whole = max(spent.values())
    shares = []
    for title, functions in STAGES.items():
        codes = [function.__code__ for function in functions]
        places = [(code.co_filename, code.co_firstlineno, code.co_name) for code in codes]
        shares.append((title, sum(spent.get(place, 0.0) for place in places) / whole))
    return [*shares, ("other", 1 - sum(share for _, share in shares))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, help="videos to load, all of one aspect ratio")
    parser.add_argument("--root", type=Path, help="the folder that the manifest's paths start from")
    parser.add_argument("--humans", type=Path, help="box or mask table for them")
    parser.add_argument("--videos", type=int, default=16, help="how many videos (default: 16)")
    parser.add_argument("--frames", type=int, default=150, help="frames of a made-up video (default: 150)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, each way in turn (default: 5)")
    parser.add_argument("--batch", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        people: HumanBoxes | HumanMasks
        if arguments.manifest:
            whole = Manifest.read(arguments.manifest, arguments.root)
            people = read_humans(arguments.humans)
            manifest = Manifest(whole.rows.iloc[: arguments.videos].reset_index(drop=True), whole.root, whole.name)
        else:
            manifest, people = made_up_videos(folder, arguments.videos, arguments.frames)
        files = extract(manifest, folder / "jpeg")
        compare(manifest, people, files, arguments.rounds, arguments.batch)


def compare(
    manifest: Manifest, people: HumanBoxes | HumanMasks, files: list[list[Path]], rounds: int, batch: int
) -> None:
    settings = ClipSettings()
    disk = Labelled.gather(manifest, manifest.actions, humans=people)
    memory = Labelled.gather(manifest, manifest.actions, humans=people, memory=True)
    memory.videos.load(quiet=True)
    if not all(disk.twin(row) for row in range(len(manifest))):  # the comparison would not be fair
        raise SystemExit("every video of this benchmark needs people in 70 % of its frames")
    loop = JpegLoop(disk, files, settings)
    ways: dict[str, Callable[[int], int]] = {
        "JPEG through PIL, two loaders": partial(theirs, loop, batch),
        "ours, from video files": partial(ours, disk, settings, batch),
        "ours, videos kept in memory": partial(ours, memory, settings, batch),
    }
    clips = {name: way(0) for name, way in ways.items()}  # a first round warms caches and counts
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for epoch in range(1, rounds + 1):
        for name, way in ways.items():
            seconds[name].append(cpu_seconds(partial(way, epoch)) / clips[name])
    first = next(iter(ways))
    print(f"{len(manifest)} videos, 16 x 112 x 112 and a masked twin each, one core; median of {rounds} rounds\n")
    print(f"{'way':<32}{'clips / core second':>20}{'times JPEG through PIL':>26}")
    for name, values in seconds.items():
        ratios = [base / value for base, value in zip(seconds[first], values, strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})"
        print(f"{name:<32}{1 / statistics.median(values):>20.1f}{spread:>26}")
    for name in list(ways)[1:]:
        print(f"\nwhere the time goes, {name}:")
        for stage, share in profile(partial(ways[name], rounds + 1)):
            print(f"  {stage:<18}{share:>6.1%}")


if __name__ == "__main__":
    main()
