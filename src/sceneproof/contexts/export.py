"""Variants written as videos, with a manifest, for those who want files."""

import logging
import shutil
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sceneproof import locks
from sceneproof.contexts.footage import edges
from sceneproof.contexts.writing import Settings, Task, names_of, opened, write_variants
from sceneproof.data.digests import changed, file_digests
from sceneproof.data.humans import COVERAGE, check_humans, read_humans
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import tell
from sceneproof.data.tables import write_table
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError
from sceneproof.files import read_json, write_json
from sceneproof.mall.studio import processors
from sceneproof.processes import Problem, in_processes
from sceneproof.progress import progress
from sceneproof.wording import counted

logger = logging.getLogger(__name__)
SAMPLES = 3
"""Videos that the size of the rest is reckoned from."""
DRAWING = 2  # raised whenever the same settings give other files
TIMES = ("start", "end", "duration", "times")
"""Columns that tell of a source's time: a variant is a file of its own, of the clip alone and at a constant rate."""


@locks.alone(locks.out)
def export(
    manifest: Path,
    out: Path,
    *,
    humans: Path,
    splits: list[str] | None = None,
    variants: list[str] | None = None,
    backgrounds: Path | None = None,
    scenes: Path | None = None,
    root: Path | None = None,
    seed: int = 0,
    least_share: float = COVERAGE,
    crf: int = 12,
    workers: int | None = None,
    time_limit: float = 600.0,
    dry_run: bool = False,
    quiet: bool = False,
) -> Manifest | None:
    """Writes variants of videos: their people put in other places, or taken out, or their frames in another order.

    Writes OUT/videos/VARIANT/… and OUT/manifest.parquet with a row for each variant of each video, which notes what it
    was made of (columns source, variant, background, background_action, note). What cannot be made is listed in
    OUT/manifest.failures.parquet with the reason. Stopped at any moment, the same command goes on.

    Args:
        manifest: The table of videos.
        out: The folder to write.
        humans: Table of person boxes or masks; masks give clean cuts.
        splits: Only videos of these splits; partners of a swap are of these splits, too.
        variants: Names of variants; by default all that the data allows.
        backgrounds: Folder of pictures or videos; without one, drawn scenes stand in for photographs.
        scenes: Table of soft scene labels, to know which actions have close and far places.
        root: The folder that the manifest's paths start from; by default the manifest's own.
        seed: Another seed, other backgrounds and orders.
        least_share: Share of a video's frames in which people must be known, for variants that need them, and for
            lending its background. Up to five missing frames between two that show a person are filled in first.
        crf: H.264's constant rate factor: 0 is lossless, larger is smaller and worse.
        workers: Processes; by default as many as there are processors. The files do not depend on it.
        time_limit: Seconds that all variants of a video may take.
        dry_run: Only say how many videos there will be, and how large.
        quiet: No progress and no summary.

    Returns:
        The new manifest; None after a dry run.

    Raises:
        InputError: bad tables, an unknown variant, a folder with an export of other settings, or nothing can be made.
    """
    if not 0 <= crf <= 51:
        raise InputError(f"--crf {crf}: give 0 (lossless) to 51")
    if not 0 <= least_share <= 1:
        raise InputError(f"--least-share {least_share:g}: give a share of frames, 0 to 1")
    paths = [None if path is None else str(path.resolve()) for path in (manifest, root, humans, scenes, backgrounds)]
    assert paths[0] is not None
    assert paths[2] is not None
    asked = tuple(variants or ())
    settings = Settings(
        paths[0], paths[1], tuple(splits or ()), paths[2], paths[3], paths[4], asked, seed, crf, least_share
    )
    table, made = opened(settings)
    tell(check_humans(read_humans(settings.humans), table))
    names = names_of(made, asked)
    tasks = _tasks(settings, table, out)
    said = f"{counted(len(tasks), 'video')} in {counted(len(names), 'variant')}: {', '.join(names)}"
    if dry_run:
        print(f"{said}\n{_size(_reckon(tasks, table))}")
        return None
    if not quiet:
        print(said)
    _claim(out, settings, file_digests(manifest=manifest, humans=humans, scenes=scenes))
    answers = _write_all(tasks, workers or processors(), time_limit, quiet=quiet)
    return _tables(table, out, tasks, answers, quiet=quiet)


def _tasks(settings: Settings, table: Manifest, out: Path) -> list[Task]:
    names = [
        str(path) if np.isnan(start) and np.isnan(end) else f"{path}_{start:.3f}-{end:.3f}"
        for path, start, end in zip(table.rows["path"], *edges(table), strict=True)
    ]
    # two rows of one file and segment have ids of their own, and so other backgrounds
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    return [
        Task(settings, str(video), str(out), f"{name}_{row}" if name in twice else name, f"{row:07d}.json")
        for row, (video, name) in enumerate(zip(table.rows["video"], names, strict=True))
    ]


def _claim(out: Path, settings: Settings, tables: dict[str, str]) -> None:
    """Writes export.json, or checks that the folder's is of these settings and tables (by their SHA-256)."""
    place, said = out / "export.json", {"drawing": DRAWING, **asdict(settings)}
    said = {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}
    if not place.exists():
        write_json(place, {**said, "tables": tables})
        _clear(out)
        return
    found = read_json(place)
    if not isinstance(found, dict):
        raise InputError(f"{place}: holds no settings of an export: give another folder")
    before = found.pop("tables", None)
    if found == said and before is None:
        logger.warning("%s: does not say what its tables held: whether they have changed since is not known", place)
    elif found == said and (difference := changed(before if isinstance(before, dict) else {}, tables)):
        raise InputError(
            f"{place}: this folder holds an export of other tables ({difference}): give it those that it was begun "
            f"with, or give another folder"
        )
    if found != said:
        name = next((name for name in said if found.get(name) != said[name]), "settings")
        raise InputError(
            f"{place}: this folder holds an export with {name} {found.get(name)}, not {said[name]}; give another "
            f"folder, or the same settings to continue"
        )
    _clear(out)


def _clear(out: Path) -> None:
    """Takes out what a run that was killed was writing."""
    for left in (out / "videos").rglob(".*.tmp.mp4"):
        left.unlink()


def _write_all(
    tasks: list[Task], workers: int, time_limit: float, *, quiet: bool
) -> list[list[dict[str, Any]] | Problem]:
    answers: list[list[dict[str, Any]] | Problem] = []
    failed = 0
    with progress("exporting", len(tasks), quiet=quiet) as advance:
        for _, answer in in_processes(write_variants, iter(tasks), workers=workers, time_limit=time_limit):
            answers.append(answer)
            failed += isinstance(answer, Problem)
            advance(note=f"{failed} unreadable" if failed else "")
    return answers


def _tables(
    table: Manifest,
    out: Path,
    tasks: list[Task],
    answers: list[list[dict[str, Any]] | Problem],
    *,
    quiet: bool,
) -> Manifest:
    """The manifest, and the table of what could not be made.

    Raises:
        InputError: nothing could be made.
    """
    rows: list[dict[str, Any]] = []
    failures: list[tuple[str, str, str]] = []
    for row, (task, answer) in enumerate(zip(tasks, answers, strict=True)):
        old = {str(name): value for name, value in table.rows.iloc[row].items() if name not in TIMES}
        if isinstance(answer, Problem):
            failures.append((task.video, str(table.path(row)), answer.reason))
            continue
        for facts in answer:
            if "reason" in facts:
                failures.append((task.video, str(table.path(row)), f"{facts['variant']}: {facts['reason']}"))
            else:
                group = old.get("group") if isinstance(old.get("group"), str) else task.video
                rows.append({**old, "group": group, "source": task.video, **facts, "video": _id(task, facts)})
    if not rows:
        raise InputError(f"{table.name}: nothing could be made of it; the first: {failures[0][0]}: {failures[0][2]}")
    manifest = Manifest(pd.DataFrame(rows), out, str(out / "manifest.parquet"))
    place = out / "manifest.failures.parquet"
    place.unlink(missing_ok=True)
    if failures:
        listed = pd.DataFrame(failures, columns=["video", "path", "reason"])
        write_table(place, listed, "failures", table="manifest.parquet")
    manifest.write(out / "manifest.parquet")
    if not quiet:
        print(f"wrote {manifest.name}: {counted(len(rows), 'video')}")
        for video, _, reason in failures[:20]:
            print(f"  {video}: {reason}")
        if len(failures) > 20:
            print(f"  … and {len(failures) - 20} more in {place}")
    return manifest


def _id(task: Task, facts: dict[str, Any]) -> str:
    return f"{task.video}@{facts['variant']}"


def _reckon(tasks: list[Task], table: Manifest) -> float:
    """Bytes that all will take, by a few videos made in a folder that is thrown away.

    Raises:
        InputError: none of them can be read.
    """
    made: list[tuple[int, int]] = []
    reasons: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for row in np.unique(np.linspace(0, len(tasks) - 1, SAMPLES).astype(int)):
            task = tasks[row]
            try:
                facts = write_variants(replace(task, folder=folder), lambda question: None)
            except VideoError as error:
                reasons.append(f"{table.path(int(row))}: {error}")
                continue
            written = [path.stat().st_size for path in Path(folder).rglob("*.mp4")]
            made.append((sum(written), max(1, max((one.get("frames", 0) for one in facts), default=0))))
            shutil.rmtree(folder, ignore_errors=True)
    if not made:
        raise InputError(f"{table.name}: none of {len(reasons)} sample videos can be read; the first: {reasons[0]}")
    a_frame = sum(size for size, _ in made) / sum(frames for _, frames in made)
    mean = sum(frames for _, frames in made) / len(made)
    known = table.rows["frames"].to_numpy(np.float64) if "frames" in table.rows else np.full(len(tasks), np.nan)
    return float(np.where(np.isnan(known), mean, known).sum() * a_frame)


def _size(number: float) -> str:
    """Bytes for people."""
    return f"about {number / 1e6:,.1f} MB" if number < 1e9 else f"about {number / 1e9:,.2f} GB"
