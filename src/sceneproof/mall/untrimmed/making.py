"""Writes an untrimmed world's files: videos over several processes, frame by frame, then the tables."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sceneproof import locks
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import sealed_writer
from sceneproof.machine import processors
from sceneproof.mall.camera import Floats, backdrop_size
from sceneproof.mall.film import Format, Images, draw_shadow, people_table, write_film
from sceneproof.mall.making import Shoot, claim_world, make_videos
from sceneproof.mall.motions import ACTIONS
from sceneproof.mall.scenery import SCENES, paint
from sceneproof.mall.skeleton import StageView, joints
from sceneproof.mall.tailor import dress
from sceneproof.mall.untrimmed.acting import Stay
from sceneproof.mall.untrimmed.plan import BACKGROUND, Segment, UntrimmedFilm, UntrimmedWorld
from sceneproof.mall.untrimmed.staging import draw_take, stage

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


DRAWING = 1  # raised whenever the same settings give other files
_NOBODY = np.zeros((0, 1, 1), bool)


@locks.alone(locks.out)
def make_untrimmed_world(
    out: str | Path, world: UntrimmedWorld | None = None, *, workers: int | None = None, quiet: bool = False
) -> Manifest:
    """Makes an untrimmed world's files, or what of them is missing.

    Args:
        out: the folder to make.
        world: its settings.
        workers: processes; by default as many as there are processors. The files do not depend on it.
        quiet: no progress bar.

    Returns:
        The manifest, one row a segment, and one a video in which nothing is done. The tables of masks and boxes go by
        the untrimmed videos' names, the column `group`: they tell of all of a video, also of what is no segment.

    Raises:
        InputError: `out` holds a world with other settings, or is not a folder.
    """
    out, world = Path(out), world or UntrimmedWorld()
    videos = world.videos()
    rows = manifest_rows(videos, world)
    claim_world(out, asdict(world), DRAWING, _facts(rows, world))
    workers = processors() if workers is None else workers
    named = {video.name: video for video in videos}
    return make_videos(_make_video, named, world.format, rows, out, workers=workers, quiet=quiet)


def _make_video(job: Shoot[UntrimmedFilm]) -> None:
    with sealed_writer(job.part, people_table(_NOBODY, 0).schema) as people:
        write_film(job.path, _noted(draw_untrimmed(job.film, job.shape), people), job.shape)


def _noted(pieces: Iterable[tuple[Images, NDArray[np.bool_]]], people: pq.ParquetWriter) -> Iterator[Images]:
    """Hands on the frames, one by one, and writes down who is in them."""
    first = 0
    for frames, masks in pieces:
        people.write_table(people_table(masks, first))
        first += len(frames)
        yield from frames


def manifest_rows(videos: Sequence[UntrimmedFilm], world: UntrimmedWorld) -> pd.DataFrame:
    """The manifest's table: one row a segment, and one with the action `BACKGROUND` a video without any."""
    frames = world.format.frames
    rows = [
        (f"{video.name}_{number}", video.path, video.split, segment.action, segment.start, segment.end, video.scene,
         video.context, video.name)
        for video in videos
        for number, segment in enumerate(video.segments or (Segment(0.0, frames / world.rate, BACKGROUND),))
    ]  # fmt: skip
    names = ["video", "path", "split", "action", "start", "end", "scene", "context", "group"]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(width=world.width, height=world.height, rate=world.rate, frames=frames)


def scene_accuracy(rows: pd.DataFrame, world: UntrimmedWorld) -> dict[str, float]:
    """How often the true scene names a segment's action, 0 to 1, in each split: by the action most at home there."""
    segments = rows[rows["action"] != BACKGROUND]
    homely = dict(zip(SCENES, np.array(ACTIONS)[world.shares("train").argmax(1)], strict=True))
    right = segments["action"] == segments["scene"].map(homely)
    return {str(split): float(share) for split, share in right.groupby(segments["split"], sort=False).mean().items()}


def _facts(rows: pd.DataFrame, world: UntrimmedWorld) -> dict[str, Any]:
    segments = rows[rows["action"] != BACKGROUND]
    length = segments["end"] - segments["start"]
    seconds = rows.groupby("split", sort=False)["group"].nunique() * world.format.frames / world.rate
    active = length.groupby(segments["split"], sort=False).sum() / seconds
    return {
        "actions": ACTIONS,
        "scenes": SCENES,
        "bayes_accuracy": world.bayes_accuracy(),
        "scene_accuracy": scene_accuracy(rows, world),
        "segments": {str(split): int(count) for split, count in segments["split"].value_counts(sort=False).items()},
        "activity": {str(split): float(share) for split, share in active.fillna(0).items()},
    }
