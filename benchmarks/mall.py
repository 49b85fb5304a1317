"""Frames a second at which the Mall is made on one core, part by part: drawing, masks and boxes, H.264.

python -m benchmarks.mall
python -m benchmarks.mall --height 256 --width 340
"""

import argparse
import tempfile
import time
from pathlib import Path

import cv2

from sceneproof.mall.film import draw_film, pack_mask, write_film
from sceneproof.mall.motions import ACTIONS
from sceneproof.mall.plan import World
from sceneproof.mall.scenery import SCENES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--height", type=int, default=World.height)
    parser.add_argument("--width", type=int, default=World.width)
    parser.add_argument("--rounds", type=int, default=4, help="each of 16 scenes so often")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    shape = World(height=options.height, width=options.width).format
    spent = dict.fromkeys(("drawing", "masks", "H.264"), 0.0)
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.rounds):
            for place, scene in enumerate(SCENES):
                started = time.process_time()
                frames, masks = draw_film(ACTIONS[place % len(ACTIONS)], scene, shape, (seed, place))
                drawn = time.process_time()
                for mask in masks:
                    pack_mask(mask)
                packed = time.process_time()
                write_film(Path(folder) / "film.mp4", frames, shape)
                spent["drawing"] += drawn - started
                spent["masks"] += packed - drawn
                spent["H.264"] += time.process_time() - packed
    count = options.rounds * len(SCENES) * shape.frames
    print(f"{shape.width} x {shape.height}, {shape.frames} frames a video, {count} frames, one core")
    for name, seconds in (*spent.items(), ("all", sum(spent.values()))):
        print(f"{name:<10} {count / seconds:8.0f} frames/s  {seconds / count * 1000:6.2f} ms a frame")


if __name__ == "__main__":
    main()
