"""What a variant costs beside decoding, and whether the camera's stillness is told as HMDB51's file names tell it.

python -m benchmarks.contexts                     16 frames of 320 x 240 of made-up clips, cut exactly
python -m benchmarks.contexts --shared SHARED     J-HMDB: how often `unrest` calls a camera still
"""

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from benchmarks.keeping import keep
from sceneproof.contexts.choosing import Partners
from sceneproof.contexts.empty import STILL, unrest
from sceneproof.contexts.footage import Footage
from sceneproof.contexts.variants import VARIANTS, Made, Variants
from sceneproof.data.manifest import Manifest
from sceneproof.data.video import decode
from sceneproof.mall.film import Format, draw_film, write_film
from sceneproof.mall.motions import ACTIONS
from sceneproof.mall.scenery import SCENES

SHAPE = Format(320, 240, 40, 30.0)
FRAMES = 16


def speed(clips: int, rounds: int) -> dict[str, dict[str, float]]:
    """Processor milliseconds a clip, by variant; a swap's partner is decoded beforehand and not counted."""
    seconds: dict[str, list[float]] = defaultdict(list)
    footage = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(clips):
            action, scene = ACTIONS[number % len(ACTIONS)], SCENES[number % len(SCENES)]
            frames, people = draw_film(action, scene, SHAPE, (number,))
            path = Path(folder, f"{number}.mp4")
            write_film(path, frames, SHAPE)
            started = time.process_time()
            decoded = decode(path)
            seconds["decoding"].append(time.process_time() - started)
            footage[f"{action}{number}"] = Footage(f"{action}{number}", decoded, people)
    names = list(footage)
    columns = {"video": names, "path": "none", "split": "test", "action": [name.rstrip("0123456789") for name in names]}
    scenes = [SCENES[number % len(SCENES)] for number in range(clips)]
    table = Manifest(pd.DataFrame({**columns, "scene": scenes}), Path())
    variants = Variants(Partners(table, set(footage)), footage.__getitem__)
    wanted = np.linspace(0, SHAPE.frames - 1, FRAMES).astype(int)
    for _ in range(rounds):
        for clip in footage.values():
            made = variants.of(clip, [wanted])
            started = time.process_time()
            made.make("scene_grey")  # cuts the people out, for all that paste them
            seconds["cutting out"].append(time.process_time() - started)
            for name in VARIANTS:
                started = time.process_time()
                if isinstance(made.make(name), Made):
                    seconds[name].append(time.process_time() - started)
    return {f"contexts/{name}": {"ms a clip": 1000 * statistics.median(taken)} for name, taken in seconds.items()}


def stillness(shared: Path) -> dict[str, dict[str, float]]:
    """The share of clips called still, where HMDB51 names the camera standing, and where moving."""
    called: dict[str, list[bool]] = defaultdict(list)
    for file in sorted((shared / "jhmdb_masks").glob("*.npz")):
        with np.load(file) as masks:
            for name in masks.files:
                people = np.unpackbits(masks[name], axis=-1).astype(np.bool_)
                frames = decode(shared / "jhmdb" / file.stem / f"{name}.mp4")
                count = min(len(frames), len(people))
                still = unrest(frames[:count], people[:count]) <= STILL
                called["standing" if "_nm_" in name else "moving"].append(still)
    figures = {f"camera {name}": {"clips": float(len(told)), "called still": float(np.mean(told))}
               for name, told in called.items()}  # fmt: skip
    return {f"contexts/J-HMDB/{name}": row for name, row in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, help="a folder with jhmdb/ and jhmdb_masks/")
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    figures = speed(arguments.clips, arguments.rounds) if arguments.shared is None else stillness(arguments.shared)
    for name, row in figures.items():
        print(f"{name:<32}" + "  ".join(f"{metric} {value:.2f}" for metric, value in row.items()))
    if arguments.results is not None:
        keep(arguments.results, figures)


if __name__ == "__main__":
    main()
