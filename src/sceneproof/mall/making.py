"""Writes a world's files: videos and pictures over several processes, then the tables."""

import errno
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa

from sceneproof import locks
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import checked_parquet, sealed_writer, write_table
from sceneproof.errors import MachineError
from sceneproof.files import read_json, whole
from sceneproof.jobs.parts import claim, clear
from sceneproof.jobs.processes import Problem
from sceneproof.jobs.working import work_through
from sceneproof.machine import processors
from sceneproof.mall.film import CORNERS, Format, draw_empty, draw_film, people_table, write_film
from sceneproof.mall.motions import ACTIONS, TRANSFER_ACTIONS
from sceneproof.mall.plan import Film, World
from sceneproof.mall.scenery import SCENES
from sceneproof.seals import intact

PARTS = ".parts"
"""The folder of the tables of people, one a video, until all are there."""
Work = TypeVar("Work")
DRAWING = 1  # raised whenever the same settings give other files
DETECTOR = "the Mall (exact)"


class AnyFilm(Protocol):
    """A video to make, of either world."""

    @property
    def path(self) -> str:
        """Of the file, below the world's folder."""


AFilm = TypeVar("AFilm", bound=AnyFilm)


@dataclass(frozen=True)
class Shoot(Generic[AFilm]):
    """A video to make, and the table of its masks and boxes."""

    film: AFilm
    shape: Format
    path: Path
    part: Path


@dataclass(frozen=True)
class _SceneTask:
    """A picture of an empty scene to make."""

    scene: str
    width: int
    height: int
    seed: tuple[int, ...]
    path: Path


@locks.alone(locks.out)
def make_world(
    out: str | Path, world: World | None = None, *, workers: int | None = None, quiet: bool = False
) -> Manifest:
    """Makes a world's files, or what of them is missing or was damaged since.

    Args:
        out: the folder to make.
        world: its settings.
        workers: processes; by default as many as there are processors. The files do not depend on it.
        quiet: no progress bar.

    Returns:
        The manifest, one row a video.

    Raises:
        InputError: `out` holds a world with other settings, or is not a folder.
    """
    out, world = Path(out), world or World()
    bayes = {split: world.bayes_accuracy(split) for split in ("train", "transfer_train")}
    facts = {"actions": ACTIONS, "transfer_actions": TRANSFER_ACTIONS, "scenes": SCENES, "bayes_accuracy": bayes}
    settings = asdict(world)
    if (out / "world.json").exists():
        begun = read_json(out / "world.json", dict)["settings"]
        for name in ("people", "unbiased"):  # a world that was begun before there was a choice is gone on with
            if name not in begun and settings[name] == getattr(World, name):
                del settings[name]
    claim_world(out, settings, DRAWING, facts)
    films, pictures = world.films(), _pictures(out, world)
    absent = [picture for picture in pictures if not intact(picture.path)]
    workers = processors() if workers is None else workers
    make_all(_make_picture, absent, "empty scenes", workers=workers, done=len(pictures) - len(absent), quiet=quiet)
    named = {film.video: film for film in films}
    make = _make_film if world.people else partial(_make_film, people=False)
    return make_videos(make, named, world.format, _rows(films, world), out, workers=workers, quiet=quiet)


def claim_world(out: Path, settings: dict[str, Any], drawing: int, facts: dict[str, Any]) -> None:
    """Writes world.json, or checks that the folder's is of this world; takes out what a killed run was writing.

    Args:
        out: the world's folder.
        settings: all that the files follow from.
        drawing: raised whenever the same settings give other files.
        facts: what else to tell in world.json.

    Raises:
        InputError: `out` holds a world with other settings.
    """
    packages = {name: version(name) for name in ("sceneproof", "numpy", "opencv-python-headless", "av")}
    plan = {"settings": settings, "drawing": drawing}
    claim(out / "world.json", plan, "a world", more={**facts, "packages": packages})
    clear(out)


def make_all(
    make: Callable[[Work], None], shoots: Sequence[Work], what: str, *, workers: int, done: int, quiet: bool
) -> None:
    """Calls `make` for every file to make, in this process or over several.

    Args:
        make: a function of a module, so that a new process can import it.
        shoots: what to make.
        what: for the progress bar.
        workers: processes.
        done: those that were there before, for the bar.
        quiet: no progress bar.

    Raises:
        MachineError: a worker was killed, by a lack of memory most likely, or the disk is full.
    """
    several = min(workers, len(shoots)) if workers > 1 and len(shoots) > 1 else 0
    threads = cv2.getNumThreads()
    try:
        for shoot, answer in work_through(
            partial(_on_one_thread, make), shoots, what, workers=several, done=done, quiet=quiet
        ):
            if isinstance(answer, Problem):
                raise MachineError(f"{shoot}: {answer.reason}: run again to continue, with fewer --workers")
    finally:
        cv2.setNumThreads(threads)


def make_videos(
    make: Callable[[Shoot[AFilm]], None],
    films: Mapping[str, AFilm],
    shape: Format,
    rows: pd.DataFrame,
    out: Path,
    *,
    workers: int,
    quiet: bool,
) -> Manifest:
    """Makes the videos that are missing or were damaged since, then the tables of people, and the manifest.

    Args:
        make: writes a video and its table of people.
        films: what to make, by the names that the videos have in the tables of people.
        shape: of the videos.
        rows: of the manifest.
        out: the world's folder.
        workers: processes.
        quiet: no progress bar.
    """
    tables = (out / "masks.parquet", out / "boxes.parquet")
    shoots = [Shoot(film, shape, out / film.path, out / PARTS / f"{name}.parquet") for name, film in films.items()]
    complete = all(intact(table) for table in tables)
    missing = [shoot for shoot in shoots if not (intact(shoot.path) and (complete or intact(shoot.part)))]
    make_all(make, missing, "videos", workers=workers, done=len(shoots) - len(missing), quiet=quiet)
    if not complete:
        write_people(list(films), [shoot.part for shoot in shoots], tables)
    manifest = Manifest(rows, out, str(out / "manifest.parquet"))
    if missing or not intact(out / "manifest.parquet"):
        manifest.write(out / "manifest.parquet")
    shutil.rmtree(out / PARTS, ignore_errors=True)  # there is none where nothing was missing
    return manifest


def _on_one_thread(make: Callable[[Work], None], shoot: Work) -> None:
    cv2.setNumThreads(1)
    make(shoot)


def _pictures(out: Path, world: World) -> list[_SceneTask]:
    kinds = (("train", world.pictures), ("test", world.test_pictures))
    return [
        _SceneTask(
            scene, world.width, world.height, (world.seed, 2, kind, which, place),
            out / "scenes" / name / scene / f"{place:04d}.png",
        )
        for kind, (name, count) in enumerate(kinds)
        for which, scene in enumerate(SCENES)
        for place in range(count)
    ]  # fmt: skip


def _make_picture(job: _SceneTask) -> None:
    picture = draw_empty(job.scene, job.width, job.height, job.seed)
    with whole(job.path) as temporary:
        if not cv2.imwrite(str(temporary), picture[:, :, ::-1]):  # which keeps the reason to itself
            raise OSError(errno.EIO, "cannot be written: is the disk full?", str(job.path))


def _make_film(job: Shoot[Film], *, people: bool = True) -> None:
    """Writes the table first and the video last: where the video is, both are."""
    frames, masks = draw_film(job.film.action, job.film.scene, job.shape, job.film.seed, people=people)
    table = people_table(masks, 0)
    with sealed_writer(job.part, table.schema) as writer:
        writer.write_table(table)
    write_film(job.path, frames, job.shape)


def write_people(names: Sequence[str], parts: Sequence[Path], tables: tuple[Path, Path]) -> None:
    """Writes the tables of masks and of boxes.

    Args:
        names: what the videos are called in them.
        parts: a file a video, as of `people_table`.
        tables: the two files to write.
    """
    read = [checked_parquet(part) for part in parts]
    videos = np.repeat(names, [len(part) for part in read])
    people = pa.concat_tables(read).to_pandas()
    people.insert(0, "video", videos)
    write_table(tables[0], people[["video", "frame", "png"]], "masks", detector=DETECTOR)
    boxes = people[["video", "frame", *CORNERS]].assign(score=np.float32(1))
    write_table(tables[1], boxes, "boxes", detector=DETECTOR)


def _rows(films: Sequence[Film], world: World) -> pd.DataFrame:
    names = ("video", "path", "split", "action")
    rows = pd.DataFrame({name: [getattr(film, name) for film in films] for name in names})
    whole_file = np.nan
    return rows.assign(
        start=whole_file, end=whole_file, width=world.width, height=world.height, rate=world.rate, frames=world.frames,
        scene=[film.scene for film in films], context=[film.context for film in films],
    )  # fmt: skip
