"""One video: a person doing something somewhere, drawn and written to a file."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sceneproof.files import whole
from sceneproof.mall.bodies import draw_body
from sceneproof.mall.camera import backdrop_size, shoot
from sceneproof.mall.motions import draw_style, perform
from sceneproof.mall.scenery import paint
from sceneproof.mall.skeleton import StageView, joints
from sceneproof.mall.tailor import dress
from sceneproof.seals import seal_video

Images = NDArray[np.uint8]
Seed = tuple[int, ...]
CORNERS = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True, slots=True)
class Format:
    """A video's shape.

    Attributes:
        width, height: in pixels, both even.
        frames: how many.
        rate: frames a second.
        crf: H.264's constant rate factor: 0 is lossless, larger is smaller and worse.
    """

    width: int
    height: int
    frames: int
    rate: float
    crf: int = 20


def draw_film(
    action: str, scene: str, shape: Format, seed: Seed, *, people: bool = True
) -> tuple[Images, NDArray[np.bool_]]:
    """Draws a video: uint8 (T, H, W, 3), and where the person is: bool (T, H, W).

    What is drawn follows from the arguments alone: person, motion, place and camera each have their own random
    numbers, made of `seed`. Without `people` it is the same video with nobody in it, under the same camera.
    """
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)]
    actor, motion, place, camera = streams
    body = draw_body(actor)
    seconds = np.arange(shape.frames) / shape.rate
    pose = perform(action, seconds, draw_style(motion), motion)
    # people mostly face the camera, as in videos; one in six shows the back
    facing = motion.uniform(-85, 85) + (180 if motion.random() < 1 / 6 else 0)
    figure = dress(
        body, joints(body, pose), StageView(facing, motion.uniform(3, 13)), float(np.sign(place.random() - 0.5))
    )
    backdrop = paint(scene, *backdrop_size(shape.width, shape.height), place)
    shot = shoot(seconds, shape.width, shape.height, speed=pose.advance, facing=facing, random=camera)
    frames = np.empty((shape.frames, shape.height, shape.width, 3), np.uint8)
    masks = np.zeros((shape.frames, shape.height, shape.width), bool)
    for frame in range(shape.frames):
        picture = shot.frame(backdrop.image, frame, shape.width, shape.height)
        foot, height = shot.foot[frame], float(shot.height[frame])
        if people:
            draw_shadow(picture, foot, height * body.bulk)
            cutout = figure.draw(frame, foot, height, shape.width, shape.height, backdrop.tint)
            masks[frame] = cutout.paste(picture)
        frames[frame] = picture
    return frames, masks


def draw_empty(scene: str, width: int, height: int, seed: Seed) -> Images:
    """Draws a scene with nobody in it, seen as in a video's frame: uint8 (H, W, 3)."""
    place, camera = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2)]
    backdrop = paint(scene, *backdrop_size(width, height), place)
    shot = shoot(np.zeros(1), width, height, speed=0.0, facing=0.0, random=camera)
    return shot.frame(backdrop.image, 0, width, height)


def draw_shadow(picture: Images, foot: NDArray[np.float64], height: float) -> None:
    """Darkens the ground around the feet."""
    across, down = 0.2 * height, 0.05 * height
    rows, columns = picture.shape[:2]
    left, right = (int(np.clip(foot[0] + side * across, 0, columns)) for side in (-1, 1))
    top, bottom = (int(np.clip(foot[1] + side * down, 0, rows)) for side in (-1, 1))
    x = (np.arange(left, right) + 0.5 - foot[0]) / across
    y = (np.arange(top, bottom) + 0.5 - foot[1]) / down
    dark = 1 - 0.5 * np.clip(1 - x[None] ** 2 - y[:, None] ** 2, 0, 1)
    window = picture[top:bottom, left:right]
    window[:] = (window * dark[:, :, None]).astype(np.uint8)


def write_film(path: str | Path, frames: Iterable[Images], shape: Format) -> None:
    """Writes frames, one at a time, as MP4 with H.264, whole or not at all; the same frames give the same bytes."""
    # mbtree reckons with the processor's approximate reciprocals, and can give other bytes on another processor
    options = {"crf": str(shape.crf), "preset": "veryfast", "g": "12", "bf": "0", "mbtree": "0", "rc-lookahead": "0"}
    with whole(path) as temporary:
        with av.open(str(temporary), "w") as container:
            # no B frames and a short group of pictures: any clip is found fast; one thread: the same bytes everywhere
            stream = container.add_stream("libx264", Fraction(shape.rate).limit_denominator(1001), options=options)
            stream.width, stream.height, stream.pix_fmt = shape.width, shape.height, "yuv420p"
            stream.codec_context.thread_count = 1
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
            container.mux(stream.encode())
        seal_video(temporary)


def pack_mask(mask: NDArray[np.bool_]) -> bytes:
    """A mask (H, W) as a 1-bit PNG, the person white."""
    _, data = cv2.imencode(".png", mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])
    return data.tobytes()


def people_table(masks: NDArray[np.bool_], first: int) -> pa.Table:
    """Masks (T, H, W) of frames from `first` on, packed, with the boxes around them; frames without anyone: no row."""
    shown = np.flatnonzero(masks.any((1, 2)))
    columns: dict[str, Any] = {
        "frame": pa.array(first + shown, pa.int32()),
        "png": pa.array([pack_mask(masks[frame]) for frame in shown], pa.binary()),
    }
    corners = np.array([_box(masks[frame]) for frame in shown], np.float32).reshape(-1, 4)
    return pa.table(columns | {name: corners[:, place] for place, name in enumerate(CORNERS)})


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """The smallest box around a mask: x1, y1, x2, y2, the last two exclusive."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
