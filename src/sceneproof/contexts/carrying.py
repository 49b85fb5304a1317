"""Tables of people carried along to the variants of their videos, so that detectors can be asked about these, too."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from sceneproof.contexts.variants import STILLS, SWAPS
from sceneproof.data.human_tables import CORNERS, HumanMasks, decoded_mask, encode_mask, png_size
from sceneproof.data.humans import check_humans, read_humans
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import tell
from sceneproof.data.tables import read_table, write_table
from sceneproof.data.timing import Timing
from sceneproof.data.video import frame_range
from sceneproof.errors import InputError

IN_PLACE = ("original", "scene_grey", "scene_noise", *SWAPS, "self_paste", *(f"scuba_{still}" for still in STILLS))
"""Variants that show people where they were, frame by frame, and nobody else."""


def refuse_names(tables: Sequence[Path], out: Path) -> None:
    """Refuses tables that would be written over one another, or over what the export writes.

    Raises:
        InputError: two tables of one name, that of a table of the export's own, or a table that lies in `out`.
    """
    names = [path.name for path in tables]
    for path in tables:
        if names.count(path.name) > 1 or path.name in ("manifest.parquet", "manifest.failures.parquet"):
            raise InputError(
                f"--carry {path}: OUT/{path.name} would be written twice: give the table a name of its own"
            )
        if path.resolve() == (out / path.name).resolve():
            raise InputError(f"--carry {path}: would be written over; give the table that belongs to the manifest")


def check_carried(tables: Sequence[Path], table: Manifest) -> None:
    """Refuses tables of people that cannot be of these videos, and tells what may be wrong with them.

    Raises:
        InputError: as `read_humans` and `check_humans`.
    """
    for path in tables:
        tell(check_humans(read_humans(path, score_threshold=0.0), table))


def write_carried(path: Path, table: Manifest, made: pd.DataFrame, out: Path, *, originals: bool) -> Path:
    """Writes a table of people for the variants that show them where they were, as OUT/NAME.

    Boxes and masks are cut to the size of the variants, which have even sides. All columns of the table are kept.

    Args:
        path: boxes or masks of the videos that were exported.
        table: these videos.
        made: the rows of the variants: video, source, variant, width, height, frames.
        out: the folder to write into.
        originals: keep the people of the videos themselves, too.
    """
    people = read_humans(path, score_threshold=0.0)
    kind = "masks" if isinstance(people, HumanMasks) else "boxes"
    rows, said = read_table(path, kind, ("video", "frame"))
    of = {str(video): seen for video, seen in rows.groupby("video", sort=False)}
    first_of = _FirstFrames(table)
    parts = [rows] if originals else []
    shown = made[made["variant"].isin(IN_PLACE) & made["source"].isin(set(of))]
    columns = ("video", "source", "width", "height", "frames")
    for video, source, width, height, frames in zip(*(shown[name] for name in columns), strict=True):
        moved = of[source].assign(video=video, frame=of[source]["frame"] - first_of(source))
        moved = moved[(moved["frame"] >= 0) & (moved["frame"] < frames)]
        size = (int(width), int(height))
        parts.append(_cut_boxes(moved, size) if kind == "boxes" else _cut_masks(moved, size))
    carried = pd.concat(parts, ignore_index=True) if parts else rows.iloc[:0]
    write_table(out / path.name, carried, **{**said, "kind": kind})
    return out / path.name


class _FirstFrames:
    """The frame of its file that a video begins with: 0 but for segments."""

    def __init__(self, table: Manifest) -> None:
        self._timing, (self._starts, self._ends) = Timing(table), table.edges
        self._row = {str(video): row for row, video in enumerate(table.rows["video"])}

    def __call__(self, video: str) -> int:
        row = self._row[video]
        start, end = float(self._starts[row]), float(self._ends[row])
        return 0 if np.isnan(start) and np.isnan(end) else frame_range(self._timing.info(row), start, end).start


def _cut_boxes(rows: pd.DataFrame, size: tuple[int, int]) -> pd.DataFrame:
    """Boxes, within a picture of this width and height; those that lie beyond it are gone."""
    rows = rows.copy()
    for name, side in zip(CORNERS, size * 2, strict=True):
        rows[name] = rows[name].clip(upper=side)
    return rows[(rows["x2"] > rows["x1"]) & (rows["y2"] > rows["y1"])]


def _cut_masks(rows: pd.DataFrame, size: tuple[int, int]) -> pd.DataFrame:
    """Masks, less the last row or column of pixels where a side was odd."""
    width, height = size

    def cut(picture: bytes) -> bytes:
        shown = png_size(picture)
        if shown in (None, (height, width)):
            return picture  # what is no picture was refused when the people were cut out by it
        mask = decoded_mask(picture)
        return picture if mask is None else encode_mask(mask[:height, :width])

    return rows.assign(png=[cut(picture) for picture in rows["png"]])
