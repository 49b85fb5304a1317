"""What every source needs: finding the listed videos, looking into each, and linking them beside the manifest."""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TypeVar

import pandas as pd

from sceneproof.data.video import VideoInfo, probe
from sceneproof.errors import InputError
from sceneproof.files import named, no_folder
from sceneproof.jobs.processes import Problem
from sceneproof.jobs.working import work_through
from sceneproof.machine import processors
from sceneproof.progress import progress

# fmt: off
SUFFIXES = {
    ".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf",
    ".ogg", ".ogv", ".ts", ".webm", ".wmv",
}
# fmt: on
PICTURES = {".bmp", ".jpeg", ".jpg", ".png", ".webp"}
TIME_LIMIT = 60.0  # seconds that a video may take to be looked into
A_PROCESS = 32  # videos that are worth one more process
FACTS = ("width", "height", "rate", "frames", "duration", "times")
AMONG = {True: "a picture among videos", False: "a video among pictures"}
"""Why a file is left out that its name, or those beside it, promised to be the other thing."""
WAITING = 4096  # files handed to the threads at a time: a collection of any size takes the same memory

Item = TypeVar("Item")
Result = TypeVar("Result")


class Files:
    """The video files below a folder, found by their names, in whatever sub-folders and container they are kept."""

    def __init__(self, root: Path, *, pictures: bool = False) -> None:
        """Walks through the folder once; `pictures`: for picture files instead.

        Raises:
            InputError: no such folder.
        """
        if not root.is_dir():
            raise InputError(no_folder(root, f" of {'pictures' if pictures else 'videos'}"))
        self.root = root
        self._places: dict[str, list[str]] = {}
        for path in walk(root, {os.path.realpath(root)}):
            if path.suffix.lower() in (PICTURES if pictures else SUFFIXES):
                self._places.setdefault(path.stem, []).append(path.relative_to(root).as_posix())

    def find(self, names: Iterable[str]) -> str | None:
        """The first of these names that is there, as a path below the root; None if none is.

        Args:
            names: without their suffix: "NAME", or "FOLDER/NAME", where a file in that folder goes first.
        """
        for name in names:
            places = self._places.get(PurePosixPath(name).name)
            if places:
                in_folder = (place for place in places if f"/{place}".rpartition(".")[0].endswith(f"/{name}"))
                return next(in_folder, places[0])
        return None


def walk(folder: Path, seen: set[str]) -> Iterator[Path]:
    """Files below a folder, sorted, through links too, each folder once (`seen`: real paths); no hidden ones.

    Raises:
        InputError: a name that cannot be written into a table; names it.
    """
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_file():
            yield named(path)
        elif path.is_dir() and (real := os.path.realpath(path)) not in seen:
            seen.add(real)
            yield from walk(named(path), seen)


def in_threads(
    work: Callable[[Item], Result], items: Sequence[Item], what: str, *, workers: int | None = None, quiet: bool = False
) -> Iterator[Result]:
    """What `work` returns for each item, in order, with progress; only so many items wait at a time."""
    pool = ThreadPoolExecutor(workers or os.cpu_count())
    with pool, progress(what, len(items), quiet=quiet) as advance:
        for start in range(0, len(items), WAITING):
            for result in pool.map(work, items[start : start + WAITING]):
                yield result
                advance()


def survey(
    root: Path, paths: Sequence[str], *, pictures: bool = False, workers: int | None = None, quiet: bool = False
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Looks into each video, in processes of their own; a path that is given twice is looked into once.

    A file that takes longer than a minute, or crashes its process, is one that cannot be read; so is a picture among
    videos, whatever its name says, and a video among pictures.

    Args:
        root: the folder that the paths start from.
        paths: of the files.
        pictures: whether they are to be pictures.
        workers: processes; by default one a core.
        quiet: no progress.

    Returns:
        Columns width, height, rate, frames, duration and times, as manifests have them (0, 0, NaN, 0, NaN and "" where
        a file cannot be read), in the order of `paths`; and the reasons by path.
    """
    unique = list(dict.fromkeys(paths))
    several = min(workers or processors(), max(-(-len(unique) // A_PROCESS), 1))
    tasks = [str(root / path) for path in unique]
    problems: dict[str, str] = {}
    rows: dict[str, tuple[int, int, float, int, float, str]] = {}
    answers = work_through(
        probe, tasks, f"looking into the {'pictures' if pictures else 'videos'}", workers=several,
        time_limit=TIME_LIMIT, root=root, quiet=quiet,
    )  # fmt: skip
    for path, (_, answer) in zip(unique, answers, strict=True):
        if isinstance(answer, VideoInfo) and answer.picture == pictures:
            rows[path] = _facts(answer)
        else:
            problems[path] = answer.reason if isinstance(answer, Problem) else AMONG[answer.picture]
            rows[path] = (0, 0, math.nan, 0, math.nan, "")
    return pd.DataFrame([rows[path] for path in paths], columns=list(FACTS)), problems


def _facts(info: VideoInfo) -> tuple[int, int, float, int, float, str]:
    end, text = (math.nan, "") if info.times is None else (info.times.end, info.times.text())
    return info.width, info.height, info.rate, info.frames, end, text


def without_stamps(rows: pd.DataFrame) -> list[str]:
    """A note on videos whose frames have no usable time stamps, where there are any."""
    if "times" not in rows:
        return []
    guessed = rows["path"][rows["times"].str.startswith("guessed").to_numpy()].nunique()
    if not guessed:
        return []
    return [f"videos without usable time stamps, whose seconds go by their rate (AVI with B-frames, mostly): {guessed}"]


def link(videos: Path, out: Path, name: str = "videos") -> str:
    """Makes the videos reachable from beside the manifest; returns what to put before their paths.

    Where `out` holds them already, nothing; else OUT/NAME becomes a link to their folder: nothing is copied.

    Raises:
        InputError: OUT/NAME is there and is something else.
    """
    out.mkdir(parents=True, exist_ok=True)
    if videos.resolve().is_relative_to(out.resolve()):
        prefix = videos.resolve().relative_to(out.resolve()).as_posix()
        return "" if prefix == "." else f"{prefix}/"
    here = out / name
    if here.is_symlink() and here.resolve() != videos.resolve():
        here.unlink()
    if not here.is_symlink():
        if here.exists():
            raise InputError(f"{here}: is there already, where a link to {videos} would go: choose another folder")
        here.symlink_to(videos.resolve(), target_is_directory=True)
    return f"{name}/"
