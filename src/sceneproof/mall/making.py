"""Writes a world's files: videos and pictures over several processes, then the tables."""

import errno
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from sceneproof import locks
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import checked_parquet, sealed_writer, write_table
from sceneproof.errors import InputError
from sceneproof.files import read_json, whole, write_json
from sceneproof.mall.film import Format, draw_empty, draw_film, pack_mask, write_film
from sceneproof.mall.motions import ACTIONS, TRANSFER_ACTIONS
from sceneproof.mall.plan import Film, World
from sceneproof.mall.scenery import SCENES
from sceneproof.mall.studio import processors, work_through
from sceneproof.seals import intact

DRAWING = 1  # raised whenever the same settings give other files
DETECTOR = "the Mall (exact)"
CORNERS = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True)
class _Shoot:
    """A video to make, and the table of its masks and boxes."""

    film: Film
    shape: Format
    path: Path
    part: Path


@dataclass(frozen=True)
class _Picture:
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

    Scripts that call it with several workers do so below `if __name__ == "__main__":`, since each worker imports them.

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
    claim(out, asdict(world), DRAWING, _facts(world))
    films = world.films()
    parts, tables = out / ".parts", (out / "masks.parquet", out / "boxes.parquet")
    complete = all(intact(table) for table in tables)
    shoots = [_Shoot(film, world.format, out / film.path, parts / f"{film.video}.parquet") for film in films]
    missing = [shoot for shoot in shoots if not (intact(shoot.path) and (complete or intact(shoot.part)))]
    pictures = _pictures(out, world)
    absent = [picture for picture in pictures if not intact(picture.path)]
    number = workers if workers is not None else processors()
    _folders(shoots, pictures, parts)
    work_through(
        absent, _make_picture, workers=number, what="empty scenes", quiet=quiet, done=len(pictures) - len(absent)
    )
    work_through(missing, _make_film, workers=number, what="videos", quiet=quiet, done=len(films) - len(missing))
    if not complete:
        write_people([shoot.film.video for shoot in shoots], [shoot.part for shoot in shoots], tables)
    manifest = Manifest(_rows(films, world), out, str(out / "manifest.parquet"))
    if missing or not intact(out / "manifest.parquet"):
        manifest.write(out / "manifest.parquet")
    shutil.rmtree(parts)
    return manifest


def _facts(world: World) -> dict[str, Any]:
    bayes = {split: world.bayes_accuracy(split) for split in ("train", "transfer_train")}
    return {"actions": ACTIONS, "transfer_actions": TRANSFER_ACTIONS, "scenes": SCENES, "bayes_accuracy": bayes}


def claim(out: Path, settings: dict[str, Any], drawing: int, facts: dict[str, Any]) -> None:
    """Writes world.json, or checks that the folder's is of this world.

    Args:
        out: the world's folder.
        settings: all that the files follow from.
        drawing: raised whenever the same settings give other files.
        facts: what else to tell in world.json.

    Raises:
        InputError: `out` holds a world with other settings, or is not a folder.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; the Mall needs a folder to write to")
    place = out / "world.json"
    if not place.exists():
        packages = {name: version(name) for name in ("sceneproof", "numpy", "opencv-python-headless", "av")}
        write_json(place, {"settings": settings, "drawing": drawing, **facts, "packages": packages})
        return
    found: dict[str, Any] = read_json(place, dict)
    theirs = {**dict(found.get("settings") or {}), "drawing": found.get("drawing")}
    for name, value in {**settings, "drawing": drawing}.items():
        if theirs.get(name) != value:
            raise InputError(
                f"{place}: this folder holds a world with {name} {theirs.get(name)}, not {value}; "
                f"give another folder, or the same settings to continue"
            )


def _pictures(out: Path, world: World) -> list[_Picture]:
    kinds = (("train", world.pictures), ("test", world.test_pictures))
    return [
        _Picture(
            scene, world.width, world.height, (world.seed, 2, kind, which, place),
            out / "scenes" / name / scene / f"{place:04d}.png",
        )
        for kind, (name, count) in enumerate(kinds)
        for which, scene in enumerate(SCENES)
        for place in range(count)
    ]  # fmt: skip


def _folders(shoots: Sequence[_Shoot], pictures: Sequence[_Picture], parts: Path) -> None:
    for folder in {parts, *(job.path.parent for job in shoots), *(job.path.parent for job in pictures)}:
        clean_folder(folder)


def clean_folder(folder: Path) -> None:
    """Makes a folder, or takes out of it what a killed process was writing."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".*.tmp.*"):
        left.unlink(missing_ok=True)


def _make_picture(job: _Picture) -> None:
    picture = draw_empty(job.scene, job.width, job.height, job.seed)
    with whole(job.path) as temporary:
        if not cv2.imwrite(str(temporary), picture[:, :, ::-1]):  # which keeps the reason to itself
            raise OSError(errno.EIO, "cannot be written: is the disk full?", str(job.path))


def _make_film(job: _Shoot) -> None:
    """Writes the table first and the video last: where the video is, both are."""
    frames, masks = draw_film(job.film.action, job.film.scene, job.shape, job.film.seed)
    table = people_table(masks, 0)
    with sealed_writer(job.part, table.schema) as writer:
        writer.write_table(table)
    write_film(job.path, frames, job.shape)


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
