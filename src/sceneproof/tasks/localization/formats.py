"""Detections and true segments as others write them: ActivityNet's JSON, and CSV.

Detections are a table with the columns video, action, start, end (seconds) and score; true segments one without score.
"""

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sceneproof.addresses import Address, Place, located, opened_file
from sceneproof.errors import InputError
from sceneproof.files import MOST_LISTED, read_json, whole

SEGMENT = ("video", "action", "start", "end")
DETECTION = (*SEGMENT, "score")
VERSION = "VERSION 1.3"
KINDS: dict[str, type | tuple[type, ...]] = {"an object": dict, "a list": list, "text": str, "a number": (int, float)}


@dataclass(frozen=True)
class Truth:
    """What is done when in a collection.

    Attributes:
        videos: one row a video: video, subset (a split), duration (seconds; NaN where unknown).
        segments: one row a segment: video, action, start, end (seconds).
    """

    videos: pd.DataFrame
    segments: pd.DataFrame


def read_activitynet(path: Address | Place) -> pd.DataFrame:
    """Detections from ActivityNet's JSON: {"results": {video: [{"label", "score", "segment": [start, end]}]}}.

    Raises:
        InputError: no such file, not JSON, of another layout, or a bad segment or score; names the file and the video.
    """
    results = _entry(read_json(path, most=MOST_LISTED), "results", "an object", path)
    rows = []
    for video, detections in results.items():
        _wanted(detections, "a list", f"{path}: results of {video!r}")
        for place, detection in enumerate(detections):
            where = f"{path}: detection {place} of {video!r}"
            action, start, end = _segment(detection, where)
            rows.append((video, action, start, end, _entry(detection, "score", "a number", where)))
    table = pd.DataFrame(rows, columns=list(DETECTION))
    return _checked(table, DETECTION, str(path))


def write_activitynet(
    path: Address | Place, detections: pd.DataFrame, *, external_data: dict[str, Any] | None = None
) -> None:
    """Writes detections as ActivityNet's JSON, each video's best first, whole or not at all.

    Args:
        path: of the file.
        detections: the table.
        external_data: what its evaluation asks for under this name: whether other data was used.

    Raises:
        InputError: a table that lacks a column or holds a bad segment or score.
    """
    table = _checked(detections, DETECTION, "detections").sort_values("score", ascending=False, kind="stable")
    results: dict[str, list[dict[str, Any]]] = {str(video): [] for video in detections["video"]}
    for video, action, start, end, score in zip(*(table[name].tolist() for name in DETECTION), strict=True):
        results[video].append({"label": action, "score": score, "segment": [start, end]})
    _write_json(path, {"version": VERSION, "results": results, "external_data": external_data or {}})


def read_truth(path: Address | Place) -> Truth:
    """True segments from ActivityNet's JSON: {"database": {video: {"subset", "duration", "annotations"}}}.

    Raises:
        InputError: no such file, not JSON, of another layout, or a segment whose end is before its start.
    """
    database = _entry(read_json(path, most=MOST_LISTED), "database", "an object", path)
    videos, rows = [], []
    for video, known in database.items():
        where = f"{path}: the video {video!r}"
        duration = _entry(known, "duration", "a number", where) if "duration" in known else np.nan
        videos.append((video, _entry(known, "subset", "text", where), float(duration)))
        annotations = _entry(known, "annotations", "a list", where)
        rows += [
            (video, *_segment(annotation, f"{path}: annotation {place} of {video!r}"))
            for place, annotation in enumerate(annotations)
        ]
    segments = _checked(pd.DataFrame(rows, columns=list(SEGMENT)), SEGMENT, str(path))
    return Truth(pd.DataFrame(videos, columns=["video", "subset", "duration"]), segments)


def write_truth(path: Address | Place, truth: Truth) -> None:
    """Writes true segments as ActivityNet's JSON, whole or not at all.

    Raises:
        InputError: tables that lack a column or hold a bad segment, or a segment of a video that is not among them.
    """
    segments = _checked(truth.segments, SEGMENT, "true segments")
    database: dict[str, dict[str, Any]] = {}
    for video, subset, duration in zip(*(truth.videos[name] for name in ("video", "subset", "duration")), strict=True):
        length = {} if pd.isna(duration) else {"duration": float(duration)}
        database[str(video)] = {"subset": str(subset), **length, "annotations": []}
    for video, action, start, end in zip(*(segments[name].tolist() for name in SEGMENT), strict=True):
        if video not in database:
            raise InputError(f"true segments: {video!r} has a segment but is not in the table of videos: add it there")
        database[video]["annotations"].append({"label": action, "segment": [start, end]})
    _write_json(path, {"version": VERSION, "taxonomy": [], "database": database})


def read_csv(path: Address | Place) -> pd.DataFrame:
    """Detections from CSV with a line of column names: video, action, start, end, score; others are left out.

    Raises:
        InputError: no such file, not CSV, a missing column, or a bad segment or score; names the row.
    """
    try:
        with opened_file(located(path)) as file:
            table = pd.read_csv(io.BytesIO(file.read()), dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not CSV: {error}") from None
    return _checked(table, DETECTION, str(path))


def write_csv(path: Address | Place, detections: pd.DataFrame) -> None:
    """Writes detections as CSV, whole or not at all.

    Raises:
        InputError: a table that lacks a column or holds a bad segment or score.
    """
    table = _checked(detections, DETECTION, "detections")
    with whole(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def _checked(table: pd.DataFrame, columns: tuple[str, ...], name: str) -> pd.DataFrame:
    """The columns, numbers as float64; raises InputError where one is missing or a row cannot be."""
    missing = [column for column in columns if column not in table]
    if missing:
        raise InputError(
            f"{name}: needs the column {missing[0]!r}; the columns here are: {', '.join(map(str, table.columns))}"
        )
    numbers = table[list(columns[2:])].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    bad = ~np.isfinite(numbers).all(axis=1) | (numbers[:, 1] < numbers[:, 0])
    for row in np.flatnonzero(bad)[:1]:
        values = ", ".join(f"{column} {table[column].iat[row]}" for column in columns[2:])
        raise InputError(
            f"{name}: row {row} ({table['video'].iat[row]}, {table['action'].iat[row]}): {values}: these must be "
            f"finite numbers, and the end not before the start"
        )
    texts = {column: table[column].astype(str).to_numpy(dtype=object) for column in columns[:2]}
    return pd.DataFrame(texts | {column: numbers[:, place] for place, column in enumerate(columns[2:])})


def _segment(segment: Any, where: str) -> tuple[str, float, float]:
    """Label, start and end of a segment of ActivityNet's JSON."""
    ends = _entry(segment, "segment", "a list", where)
    if len(ends) != 2 or not all(isinstance(end, int | float) for end in ends):
        raise InputError(f"{where}: 'segment' must be two numbers, start and end in seconds, not {ends!r}")
    return _entry(segment, "label", "text", where), float(ends[0]), float(ends[1])


def _entry(value: Any, name: str, kind: str, where: object) -> Any:
    _wanted(value, "an object", where)
    if name not in value:
        raise InputError(f"{where}: has no {name!r}; it has: {', '.join(map(str, list(value)[:8])) or 'nothing'}")
    _wanted(value[name], kind, f"{where}: {name!r}")
    return value[name]


def _wanted(value: Any, kind: str, where: object) -> None:
    if not isinstance(value, KINDS[kind]):
        raise InputError(f"{where}: must be {kind}, not {str(value)[:60]!r}")


def _write_json(path: Address | Place, value: Any) -> None:
    """Without indents: a file of detections has hundreds of thousands."""
    with whole(path) as temporary:
        temporary.write_text(json.dumps(value, allow_nan=False) + "\n")
