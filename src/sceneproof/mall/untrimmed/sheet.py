"""Pictures of untrimmed videos for people to look at: frame after frame, with what is done under each."""

from pathlib import Path

import cv2
import numpy as np

from sceneproof.mall.film import Format, Images
from sceneproof.mall.sheet import grid, write_picture
from sceneproof.mall.untrimmed.film import draw_untrimmed
from sceneproof.mall.untrimmed.plan import UntrimmedFilm, UntrimmedWorld

_INK, _DONE, _NOTHING = (40, 40, 45), (255, 222, 160), (255, 255, 255)


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
        tiles += [_named(frames[at], (first + at) / world.rate, video, world.format) for at in shown]
        first += len(frames)
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    write_picture(out, grid(tiles, columns))


def _named(frame: Images, seconds: float, video: UntrimmedFilm, shape: Format) -> Images:
    done = [segment.action for segment in video.segments if segment.start <= seconds < segment.end]
    foot = np.full((14, shape.width, 3), _DONE if done else _NOTHING, np.uint8)
    text = f"{seconds:.1f} {' '.join(done)}".replace("_", " ")
    cv2.putText(foot, text, (2, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.36, _INK, 1, cv2.LINE_AA)
    return np.concatenate([frame, foot])
