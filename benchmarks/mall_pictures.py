"""Pictures of the Mall for people to look at: actions and scenes, strips of motion, and a long video over time."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.files import whole
from sceneproof.mall.film import Format, draw_film
from sceneproof.mall.motions import ACTIONS, TRANSFER_ACTIONS
from sceneproof.mall.scenery import SCENES
from sceneproof.mall.untrimmed.making import draw_untrimmed
from sceneproof.mall.untrimmed.plan import UntrimmedFilm, UntrimmedWorld

Images = NDArray[np.uint8]
_GAP = 4
_INK, _DONE, _NOTHING = (40, 40, 45), (255, 222, 160), (255, 255, 255)


def contact_sheet(out: str | Path, *, columns: int = 4, height: int = 144, seed: int = 0) -> None:
    """Writes a PNG with every scene once and every action at least once, named.

    Args:
        out: the file to write.
        columns: pictures beside each other.
        height: of each, in pixels.
        seed: another seed, other people and places.
    """
    actions = [*ACTIONS, *TRANSFER_ACTIONS]
    shape = Format(height * 4 // 3 // 2 * 2, height, 12, 12.5)
    tiles = []
    for place, scene in enumerate(SCENES):
        action = actions[(place * 5 + 3) % len(actions)]
        frames, masks = draw_film(action, scene, shape, (seed, place))
        # the frame in which the person reaches furthest says most
        reach = [np.ptp(np.flatnonzero(mask.any(0))) + np.ptp(np.flatnonzero(mask.any(1))) for mask in masks]
        tiles.append(_named(frames[int(np.argmax(reach))], f"{action.replace('_', ' ')} · {scene}"))
    write_picture(out, grid(tiles, columns))


def film_strips(out: str | Path, *, frames: int = 7, height: int = 80, seed: int = 0) -> None:
    """Writes a PNG with a strip of frames, about one cycle, for each action.

    Args:
        out: the file to write.
        frames: in each strip.
        height: of a frame, in pixels.
        seed: another seed, other people and places.
    """
    shape = Format(height // 2 * 2, height, frames, frames / 1.2)
    tiles = []
    for place, action in enumerate((*ACTIONS, *TRANSFER_ACTIONS)):
        film, _ = draw_film(action, SCENES[(place * 7 + 1) % len(SCENES)], shape, (seed, place))
        tiles.append(_named(np.concatenate(list(film), axis=1), action.replace("_", " ")))
    write_picture(out, grid(tiles, 2))


def time_sheet(
    out: str | Path, video: UntrimmedFilm, world: UntrimmedWorld, *, every: int = 2, columns: int = 16
) -> None:
    """Writes a PNG with a video's frames in reading order; a coloured foot names an action while it is done.

    Args:
        out: the file to write.
        video: one of `world.videos()`.
        world: its world, or one with other sizes and rates.
        every: shows every so many frames.
        columns: frames beside each other.
    """
    tiles, first = [], 0
    for frames, _ in draw_untrimmed(video, world.format):
        shown = range(-first % every, len(frames), every)
        tiles += [_with_foot(frames[at], (first + at) / world.rate, video, world.format) for at in shown]
        first += len(frames)
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    write_picture(out, grid(tiles, columns))


def _with_foot(frame: Images, seconds: float, video: UntrimmedFilm, shape: Format) -> Images:
    done = [segment.action for segment in video.segments if segment.start <= seconds < segment.end]
    foot = np.full((14, shape.width, 3), _DONE if done else _NOTHING, np.uint8)
    text = f"{seconds:.1f} {' '.join(done)}".replace("_", " ")
    cv2.putText(foot, text, (2, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.36, _INK, 1, cv2.LINE_AA)
    return np.concatenate([frame, foot])


def _named(picture: Images, name: str) -> Images:
    """The picture with its name below."""
    foot = np.full((18, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(foot, name.replace("·", "-"), (2, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, _INK, 1, cv2.LINE_AA)
    return np.concatenate([picture, foot])


def grid(tiles: Sequence[Images], columns: int) -> Images:
    """Pictures of one size in reading order, with white between them: uint8 (H, W, 3)."""
    padded = [np.pad(tile, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=255) for tile in tiles]
    rows = [np.concatenate(padded[at : at + columns], axis=1) for at in range(0, len(padded), columns)]
    return np.concatenate(rows)[:-_GAP, :-_GAP]


def write_picture(out: str | Path, picture: Images) -> None:
    """Writes a PNG, whole or not at all."""
    with whole(out) as temporary:
        cv2.imwrite(str(temporary), picture[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
