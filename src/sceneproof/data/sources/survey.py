"""What every source needs: looking into each video, linking the videos beside the manifest, and the audit."""

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from sceneproof.data.manifest import Manifest
from sceneproof.data.video import VideoError, VideoInfo, probe
from sceneproof.errors import InputError
from sceneproof.progress import progress

Problems = Mapping[str, str]
SHOWN = 20


def survey(
    root: Path, paths: Sequence[str], *, workers: int | None = None, quiet: bool = False
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Looks into each video, in threads.

    Returns:
        Columns width, height, rate, frames (0, 0, NaN, 0 where a file cannot be read), in the order of `paths`; and
        the reasons by path.
    """
    problems: dict[str, str] = {}

    def look(path: str) -> VideoInfo:
        try:
            return probe(root / path)
        except VideoError as error:
            problems[path] = str(error)
            return VideoInfo(0, 0, 0, math.nan)

    rows = []
    pool = ThreadPoolExecutor(workers or os.cpu_count())
    with pool, progress("looking into the videos", len(paths), quiet=quiet) as advance:
        for info in pool.map(look, paths):
            rows.append((info.width, info.height, info.rate, info.frames))
            advance()
    frame = pd.DataFrame(rows, columns=["width", "height", "rate", "frames"])
    return frame, {path: problems[path] for path in paths if path in problems}


def link(videos: Path, out: Path) -> str:
    """Makes the videos reachable from beside the manifest; returns what to put before their paths.

    Where `out` holds them already, nothing; else OUT/videos becomes a link to their folder: nothing is copied.

    Raises:
        InputError: OUT/videos is there and is something else.
    """
    out.mkdir(parents=True, exist_ok=True)
    if videos.resolve().is_relative_to(out.resolve()):
        prefix = videos.resolve().relative_to(out.resolve()).as_posix()
        return "" if prefix == "." else f"{prefix}/"
    here = out / "videos"
    if here.is_symlink() and here.resolve() != videos.resolve():
        here.unlink()
    if not here.is_symlink():
        if here.exists():
            raise InputError(f"{here}: is there already, where a link to {videos} would go: choose another folder")
        here.symlink_to(videos.resolve(), target_is_directory=True)
    return "videos/"


def audit(manifest: Manifest, problems: Problems, notes: Sequence[str] = ()) -> str:
    """What was indexed: clips by action and split, the files that cannot be read, and what else to know."""
    usual = ["train", "validation", "test"]
    splits = sorted(manifest.splits, key=lambda split: usual.index(split) if split in usual else len(usual))
    counts = pd.crosstab(manifest.rows["action"], manifest.rows["split"])[splits]
    counts.loc["all"] = counts.sum()
    counts.index.name = counts.columns.name = None
    lines = [f"{len(manifest)} videos, {len(manifest.actions)} actions", counts.to_string(), *notes]
    for split in splits:
        missing = [str(action) for action in counts.index if not counts.loc[action, split]]
        if missing:
            lines.append(f"no {split} video of: {', '.join(missing)}")
    if problems:
        lines.append(
            f"videos that cannot be read: {len(problems)} (they stay in the manifest, with 0 frames: training leaves "
            f"them out and counts them, evaluation counts them as missed)"
        )
        lines += [f"  {path}: {reason}" for path, reason in list(problems.items())[:SHOWN]]
        lines += [f"  … and {len(problems) - SHOWN} more"] * (len(problems) > SHOWN)
    return "\n".join(lines)
