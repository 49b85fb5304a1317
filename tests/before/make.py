"""Made the folder `stored`, once, with the code of the commit that `stored/made.json` names. No test runs this.

    OMP_NUM_THREADS=1 python -m tests.before.make

It writes tiny videos and lists of them, and then gives commands as a user does: so this file needs nothing of the
package but its command line. Whoever makes the folder anew makes a new "before": do so only where an old run is meant
to be given up.

Videos are lossless and RGB inside: whatever build of FFmpeg decodes them, and however it would turn YUV into RGB, gives
the same pixels. Networks compute in float32 on a processor, in one thread, with channels where PyTorch has them, so
that figures differ between machines by no more than the rounding of float32.
"""

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sceneproof import cli
from tests.before import commands
from tests.before.commands import CLASSES, HALF, MODELS, STORED

HEIGHT, WIDTH, FRAMES, RATE, PERSON = 40, 56, 10, 10, (16, 12)
ACTIONS = {"bend": (220, 60, 50), "run": (60, 210, 70), "wave": (70, 80, 230)}
SCENES = ("court", "kitchen", "street")
CLIPS = {"train": 4, "validation": 2, "test": 2, "test_out": 2}
"""Videos of each action, by split."""
SIDE, LONG = 40, 48
PLACES = {"left": slice(2, 16), "right": slice(24, 38)}
Frames = NDArray[np.uint8]

NETWORK = "backbone: {class_path: ResNet3D, init_args: {depth: 10, width: 2}}\n"
SETTINGS = (
    "optimisation: {epochs: EPOCHS, batch: 4, optimizer: sgd, lr: RATE, weight_decay: 0.0001, schedule: constant, "
    "keep: last, clip_norm: 5.0, log_every: 1, checkpoint_every: 2, precision: fp32, channels_last: false, "
    "trackers: []MORE}\n"
)
"""SGD, whose steps grow with the gradient: AdamW's do not, so that rounding alone decides the sign of some."""
CLIP = "clip: {length: 8, stride: 1, size: 32}\nvalidation_clips: 1\n"
BUFFER = "buffer: {length: 32, step: 16, test_step: 16, rate: null, size: 32, scales: [1.0]}\nvalidation_split: null\n"
TUBES = "tubes: {switch_cost: null, least_frames: 3}\n"


def settings(epochs: int, rate: float, more: str = "") -> str:
    """How the losses are minimised."""
    return SETTINGS.replace("EPOCHS", str(epochs)).replace("RATE", str(rate)).replace("MORE", more)


SDN = "{class_path: SDN, init_args: {masked_batch_statistics: true}}"
"""With the default of that time."""
RECIPES = {
    "plain": f"method: Plain\n{NETWORK}{CLIP}{settings(12, 0.05)}",
    "sdn": f"method: {SDN}\n{NETWORK}{CLIP}{settings(12, 0.05)}",
    "rc3d": f"task: localization\n{NETWORK}{BUFFER}"
    "method: {class_path: RC3D, init_args: {anchor_scales: [1, 2, 3, 4], proposal_width: 8, proposals_drawn: 16}}\n"
    + settings(40, 0.05, ", freeze_batch_norm: true"),
    "actionformer": f"task: localization\n{NETWORK}{BUFFER}"
    "method: {class_path: ActionFormer, init_args: {dim: 8, heads: 2, levels: 2, window: 5, first_positives: 5.0}}\n"
    + settings(40, 0.05, ", freeze_batch_norm: true"),
    "ssd": "task: detection\nbackbone: {class_path: VGG16, init_args: {width: 2, batch_norm: true}}\n"
    "method: {class_path: SSD, init_args: {scales: [0.2, 0.4, 0.6, 0.9], aspect_ratios: [[2], [2], [2]], kept: 5}}\n"
    f"clip: {{length: 1, size: 48, zoom: 1.5, smallest: 0.6}}\n{TUBES}{settings(40, 0.05)}",
    "moc": f"task: detection\n{NETWORK}"
    "method: {class_path: MOC, init_args: {frames: 4, decoder_width: 4, head_width: 4, kept: 5}}\n"
    f"clip: {{length: 4, size: 48, step: 4, zoom: 1.5, smallest: 0.6}}\n{TUBES}{settings(40, 0.05)}",
}


def scene(name: str, light: int = 0) -> Frames:
    """An empty scene, uint8 (H, W, 3): a pattern of its own."""
    down, across = np.mgrid[:HEIGHT, :WIDTH]
    pattern = {"court": across // 7 % 2, "kitchen": (across // 8 + down // 8) % 2, "street": down // 5 % 2}[name]
    low, high = {"court": (70, 110), "kitchen": (120, 170), "street": (40, 90)}[name]
    grey = np.where(pattern == 1, high, low) + light
    return np.stack([grey, grey - 10, grey + 10 * SCENES.index(name)], axis=-1).astype(np.uint8)


def film(action: str, place: str, rng: np.random.Generator) -> tuple[Frames, list[tuple[int, int, int, int]]]:
    """A video (T, H, W, 3) of a coloured box that moves as its action does, and where it is in each frame."""
    frames = np.stack([scene(place, int(rng.integers(-15, 15)))] * FRAMES)
    tall, wide = PERSON
    x, y = rng.integers(0, WIDTH - wide - 18), rng.integers(0, HEIGHT - tall - 9)
    boxes = []
    for place_in_time, frame in enumerate(frames):
        left = x + {"bend": 0, "run": 2 * place_in_time, "wave": 6 * (place_in_time % 2)}[action]
        top = y + (place_in_time if action == "bend" else 0)
        frame[top : top + tall, left : left + wide] = ACTIONS[action]
        boxes.append((int(left), int(top), int(left) + wide, int(top) + tall))
    return frames, boxes


def write_video(path: Path, frames: Frames) -> None:
    """H.264 without loss, RGB inside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264rgb", rate=RATE)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "rgb24"
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"qp": "0", "bf": "0", "g": "5"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def write_list(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table as people have them."""
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])


def make_clips(folder: Path) -> None:
    """Videos of one action each, with a box a frame; out of context each action is in the next one's scene."""
    rows: list[tuple[object, ...]] = []
    for split, count in CLIPS.items():
        for number, action in enumerate(ACTIONS):
            for clip in range(count):
                rng = np.random.default_rng((len(split), number, clip))
                out = split.endswith("out")
                away = out or (split == "train" and clip == count - 1)
                place = SCENES[(number + away) % len(SCENES)]
                name = f"{action}_{split}{clip}.mp4"
                frames, boxes = film(action, place, rng)
                write_video(folder / "videos" / name, frames)
                shared = (name, split, action, place, "out" if out else "in")
                rows += [(*shared, frame, *box, 1.0) for frame, box in enumerate(boxes)]
    columns = ["video", "split", "action", "scene", "context", "frame", "x1", "y1", "x2", "y2", "score"]
    write_list(folder / "boxes.csv", columns, rows)


def make_untrimmed(folder: Path) -> None:
    """Videos in which a block lights up for a while, on the left and on the right."""
    rows: list[tuple[object, ...]] = []
    for split, count in (("train", 6), ("test", 3)):
        for number in range(count):
            rng = np.random.default_rng((len(split), number))
            frames = np.full((LONG, SIDE, SIDE, 3), rng.integers(20, 60), np.uint8)
            start = int(rng.integers(2, 8))
            sides = ["left", "right"] if number % 2 else ["right", "left"]
            for side, first in zip(sides, (start, start + 20), strict=True):
                length = int(rng.integers(10, 17))
                frames[first : first + length, 5:35, PLACES[side]] = 230
                segment = (first / RATE, (first + length) / RATE)
                rows.append((f"{split}{number}.mp4", split, side, *segment, "hall", "in"))
            write_video(folder / "videos" / f"{split}{number}.mp4", frames)
    write_list(folder / "segments.csv", ["video", "split", "action", "start", "end", "scene", "context"], rows)


def make_tables() -> None:
    """The videos, and all that other commands know of them."""
    make_clips(Path("classes"))
    make_untrimmed(Path("untrimmed"))
    cli.main(["index", "table", "classes/boxes.csv", "classes", "--root", "classes/videos", "--workers", "1"])
    cli.main(["index", "table", "untrimmed/segments.csv", "untrimmed", "--root", "untrimmed/videos", "--workers", "1"])
    humans = ["label", "humans", CLASSES, "classes/masks.parquet", "--detector", "motion", "--share", "0.12"]
    cli.main([*humans, "--workers", "1"])
    with TemporaryDirectory() as folder:
        for name in SCENES:
            pictures = Path(folder) / "pictures" / name
            pictures.mkdir(parents=True)
            for light in range(-20, 20, 2):
                cv2.imwrite(str(pictures / f"{light}.png"), scene(name, light)[..., ::-1])
        network = f"{folder}/network.safetensors"
        cli.main(["label", "network", f"{folder}/pictures", network, "--size", "16", "--epochs", "3", "--quiet"])
        scenes = ["label", "scenes", CLASSES, "classes/scenes.parquet", "--labeller", "SceneNetwork"]
        cli.main([*scenes, "--labeller.weights", network, "--workers", "1"])


def stop_at_half(lines: int) -> None:
    """Presses Ctrl-C as soon as the log of the run has so many lines."""
    log = Path(HALF) / "metrics.jsonl"
    while not (log.exists() and len(log.read_text().splitlines()) >= lines):
        time.sleep(0.0005)
    os.kill(os.getpid(), signal.SIGINT)


def make_runs() -> None:
    """Trains, tests and audits."""
    Path("recipes").mkdir()
    for name, text in RECIPES.items():
        Path("recipes", f"{name}.yaml").write_text(text)
    cli.main(commands.study())
    for name in MODELS:
        if not MODELS[name].run.startswith("study"):
            cli.main(commands.training(name, MODELS[name].run))
            cli.main(commands.testing(name))
    threading.Thread(target=stop_at_half, args=(26,), daemon=True).start()
    with contextlib.suppress(SystemExit):
        cli.main(commands.training("sdn", HALF))
    assert not Path(HALF, "done").exists(), "it was to be stopped earlier"
    for name in ("plain", "sdn"):
        cli.main(commands.audit(name, f"audits/{name}"))
    cli.main(commands.compare("compare.html"))
    cli.main(commands.localize("localized"))
    cli.main(commands.detect("detected"))


def main() -> None:
    """Makes the folder; see above."""
    assert os.environ.get("OMP_NUM_THREADS") == "1", "sums of several threads are rounded otherwise"
    root = Path(__file__).parents[2]
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, check=True, capture_output=True, text=True)
    shutil.rmtree(STORED, ignore_errors=True)
    STORED.mkdir()
    os.chdir(STORED)
    make_tables()
    make_runs()
    for page in [*Path().rglob("*.html"), *Path().rglob("*.png")]:
        page.unlink()  # large, and no test reads them
    packages = {name: version(name) for name in ("av", "numpy", "pandas", "pyarrow", "torch")}
    Path("made.json").write_text(json.dumps({"commit": commit.stdout.strip(), **packages}, indent=2) + "\n")


if __name__ == "__main__":
    main()
