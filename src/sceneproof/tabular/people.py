"""The boxes of a table as a table of people."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.human_tables import CORNERS, HumanBoxes
from sceneproof.errors import InputError
from sceneproof.tabular.boxes import BoxForm, corners, frames_from_0
from sceneproof.tabular.cells import four, names, numbers
from sceneproof.tabular.headings import CENTRED, LEFT, SIZED, plain
from sceneproof.tabular.reading import Sheet

SHOWN = 5


def has_boxes(columns: dict[str, str]) -> bool:
    """Whether a table's columns hold boxes."""
    return bool(_fields(columns))


def read_people(
    sheet: Sheet, columns: dict[str, str], clips: pd.DataFrame, form: BoxForm
) -> tuple[HumanBoxes, list[str]]:
    """The people of clips, from a table with a row a box.

    Args:
        sheet: the table of boxes.
        columns: which of its columns are what.
        clips: rows of the manifest, with `label`, the name that the table of clips gives each; video is their id.
        form: how boxes are written, as far as the user says.

    Returns:
        The people, and how the boxes were read.

    Raises:
        InputError: a column is missing, a form that fits no pictures or several do, or rows out of range; names lines.
    """
    fields = _fields(columns)
    for needed in ("video", "frame"):
        if needed not in columns and not (needed == "video" and "path" in columns):
            raise InputError(
                f"{sheet.name}: boxes need a column for the {needed}: say which it is with --columns.{needed} NAME; "
                f"the columns here are: {', '.join(map(str, sheet.rows.columns))}"
            )
    numbered = four(sheet, columns["box"]) if fields == ("box",) else np.stack(
        [numbers(sheet, columns[name]) for name in fields], axis=1
    )  # fmt: skip
    if fields == SIZED and form.order is None and plain(columns["x"]) in LEFT:
        form = replace(form, order="xywh")
    place, unknown = _places(sheet, columns, clips)
    empty = np.isnan(numbered).all(axis=1)
    for row in np.flatnonzero(np.isnan(numbered).any(axis=1) & ~empty)[:1]:
        raise InputError(
            f"{sheet.where(row)}: a box that lacks a number: {numbered[row].tolist()}: leave all four empty"
        )
    facts = clips[["width", "height", "frames"]].to_numpy(np.float64)
    readable = np.append(facts[:, 2] > 0, False)[place]
    kept = ~empty & (place >= 0) & readable
    notes = [f"rows without a box, where nobody is: {empty.sum():,}"] if empty.any() else []
    notes += [f"boxes of videos that are not among the clips, left out: {unknown.sum():,}"] if unknown.any() else []
    if not kept.any():
        raise InputError(f"{sheet.name}: not one box of a clip that can be read")
    sheet, place, numbered = sheet.part(kept), place[kept], numbered[kept]
    frames, how = frames_from_0(
        _whole(sheet, columns["frame"]), facts[place, 2], form.first_frame, "--boxes.first-frame", sheet.name
    )
    places, said = corners(numbered, facts[place, :2], form, fields, sheet.name)
    _refuse_outside(sheet, frames, places, facts[place], clips["label"].to_numpy(object)[place])
    places = np.clip(places, 0, np.tile(facts[place, :2], 2))
    rows = pd.DataFrame(places, columns=list(CORNERS))
    rows.insert(0, "frame", frames.astype(np.int64))
    rows.insert(0, "video", clips["video"].to_numpy(object)[place])
    rows["score"] = numbers(sheet, columns["score"]) if "score" in columns else 1.0
    if "track" in columns:
        rows["track"] = _tracks(sheet, columns["track"], rows["video"])
    order = np.lexsort((rows["frame"], place))
    return HumanBoxes(rows.iloc[order].reset_index(drop=True), detector=Path(sheet.name).name), [*notes, said, how]


def _fields(columns: dict[str, str]) -> tuple[str, ...]:
    """The fields that hold a box's four numbers; empty where the table has none."""
    return next((form for form in (("box",), CORNERS, CENTRED, SIZED) if all(name in columns for name in form)), ())


def _places(sheet: Sheet, columns: dict[str, str], clips: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Each box's clip as its row, -1 where it has none; by the clip's name in its table, its id, path, or file name."""
    said = pd.Series(names(sheet, columns.get("path", columns.get("video", "")), what="video"))
    known: dict[str, int] = {}
    paths = [Path(path) for path in clips["path"]]
    for ways in (
        clips["label"], clips["video"], [path.as_posix() for path in paths],
        [path.with_suffix("").as_posix() for path in paths], [path.name for path in paths],
        [path.stem for path in paths],
    ):  # fmt: skip
        several = pd.Series(list(ways)).duplicated(keep=False)
        for row, (way, more) in enumerate(zip(ways, several, strict=True)):
            if not more:
                known.setdefault(str(way), row)
    place = np.array([known.get(str(name), -1) for name in said], np.int64)
    if (place < 0).all():
        raise InputError(
            f"{sheet.name}: not one of its boxes is of a clip: it names {said.iat[0]!r}, the clips are like "
            f"{clips['label'].iat[0]!r}"
        )
    return place, place < 0


def _whole(sheet: Sheet, column: str) -> NDArray[np.float64]:
    frames = numbers(sheet, column)
    for row in np.flatnonzero(~(frames >= 0) | (frames % 1 != 0))[:1]:
        raise InputError(
            f"{sheet.where(row)}: the frame (column {column!r}) is {sheet.rows[column].iat[row]!r:.40}, where a whole "
            f"number from 0 is needed"
        )
    return frames


def _tracks(sheet: Sheet, column: str, videos: "pd.Series[str]") -> NDArray[np.int64]:
    """Numbers of people: whole numbers as they are, names by their first appearance."""
    said = pd.Series(names(sheet, column, what="track"))
    if said.str.fullmatch(r"\d{1,9}").all():
        return said.to_numpy(np.int64)
    return pd.MultiIndex.from_arrays([videos, said]).factorize()[0].astype(np.int64)


def _refuse_outside(
    sheet: Sheet,
    frames: NDArray[np.float64],
    places: NDArray[np.float64],
    facts: NDArray[np.float64],
    labels: NDArray[np.object_],
) -> None:
    """Refuses boxes of frames that their video does not have, without any area, or outside the picture."""
    late = (frames < 0) | (frames >= facts[:, 2])
    flat = np.any(places[:, 2:] <= places[:, :2], axis=1)
    outside = np.any((places[:, :2] >= facts[:, :2]) | (places[:, 2:] <= 0), axis=1)
    wrong = np.flatnonzero(late | flat | outside)
    if not len(wrong):
        return
    told = []
    for row in wrong[:SHOWN]:
        width, height, count = facts[row].astype(int).tolist()
        box = ", ".join(f"{value:g}" for value in places[row])
        why = (
            f"frame {frames[row]:g} (from 0) of {count}" if late[row]
            else f"{box} has no area" if flat[row]
            else f"{box} lies outside its {width}x{height} pixels"
        )  # fmt: skip
        told.append(f"{sheet.place} {sheet.lines[row]} ({labels[row]}): {why}")
    more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    raise InputError(
        f"{sheet.name}: {len(wrong)} of {len(frames)} boxes cannot be: {'; '.join(told)}{more}. Mend these rows, or "
        f"leave them out"
    )
