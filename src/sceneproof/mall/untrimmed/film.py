"""Draws an untrimmed video frame by frame: of any length, in the memory of a few seconds."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sceneproof.mall.camera import Floats, backdrop_size
from sceneproof.mall.film import Format, Images, draw_shadow
from sceneproof.mall.scenery import paint
from sceneproof.mall.skeleton import StageView, joints
from sceneproof.mall.tailor import dress
from sceneproof.mall.untrimmed.acting import Stay
from sceneproof.mall.untrimmed.plan import UntrimmedFilm
from sceneproof.mall.untrimmed.staging import stage
from sceneproof.mall.untrimmed.take import draw_take

PIECE = 32  # frames that are planned at once


def draw_untrimmed(video: UntrimmedFilm, shape: Format) -> Iterator[tuple[Images, NDArray[np.bool_]]]:
    """Yields pieces of up to `PIECE` frames: uint8 (T, H, W, 3), and where the person is, bool (T, H, W).

    What is drawn follows from the arguments alone; people, place and camera each have their own random numbers, made
    of the video's seed.
    """
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(video.seed).spawn(3)]
    actors, place, camera = streams
    backdrop = paint(video.scene, *backdrop_size(shape.width, shape.height), place)
    light, pitch = float(np.sign(place.random() - 0.5)), camera.uniform(3, 13)
    take = draw_take(shape.width, shape.height, camera)
    staging = stage(video, shape.width, take.size, actors)
    for first in range(0, shape.frames, PIECE):
        seconds = np.arange(first, min(first + PIECE, shape.frames)) / shape.rate
        shot = take.shot(seconds, staging.spot(seconds))
        frames = np.stack([shot.frame(backdrop.image, at, shape.width, shape.height) for at in range(len(seconds))])
        masks = np.zeros(frames.shape[:3], bool)
        for stay in staging.stays:
            visible = np.flatnonzero((seconds > stay.come) & (seconds < stay.gone))
            if len(visible):
                figure = dress(stay.body, joints(stay.body, stay.pose(seconds[visible])), StageView(0, pitch), light)
                feet, heights = _place(stay, seconds[visible], shot.foot[visible], shot.height[visible], shape.width)
                for moment, at in enumerate(visible):
                    draw_shadow(frames[at], feet[moment], heights[moment] * stay.body.bulk)
                    cutout = figure.draw(
                        moment, feet[moment], heights[moment], shape.width, shape.height, backdrop.tint
                    )
                    masks[at] = cutout.paste(frames[at])
        yield frames, masks


def _place(stay: Stay, seconds: Floats, foot: Floats, height: Floats, width: int) -> tuple[Floats, Floats]:
    """Where the feet are, (T, 2), and how tall the person is, (T,): at their spot, or on the way from or to an edge."""
    tall = height * stay.stature
    feet = foot.copy()
    for side, share in zip(stay.sides, stay.beyond(seconds), strict=True):
        edge = np.where(side < 0, -0.3 * tall, width + 0.3 * tall)  # all of them is outside
        feet[:, 0] += share * (edge - feet[:, 0])
    return feet, tall
