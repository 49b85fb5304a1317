"""A manifest of segments, video by video: which stretches of each untrimmed video show which action.

One row a segment, as in every manifest: `path`, `start`, `end`, `action`, and `group`, the untrimmed video's name. Rows
of one group are one video; without the column (or where a cell is empty) rows of one path are. A row with the action
"background" is no segment: it makes a video known in which, or in a stretch of which, nothing is done.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.addresses import Place
from sceneproof.data.manifest import Manifest
from sceneproof.errors import InputError

BACKGROUND = "background"
"""The action of rows that are no segments."""


@dataclass(frozen=True, slots=True)
class UntrimmedVideo:
    """One video and its N segments, in the order of the manifest.

    Attributes:
        name: the group, or the path where the manifest has none.
        path: where its file is.
        split: of its rows.
        context: "in" or "out", of its first row; "" where unknown.
        scene: the true scene, of its first row; "" where unknown.
        rows: int64 (R,), its rows of the manifest, those of the background among them.
        times: float64 (N, 2), start and end of each segment in seconds. A missing start is 0; a missing end is the
            video's length, or infinity where frames or rate are not known.
        actions: N names.
    """

    name: str
    path: Place
    split: str
    context: str
    scene: str
    rows: NDArray[np.int64]
    times: NDArray[np.float64]
    actions: list[str]


def untrimmed(manifest: Manifest) -> list[UntrimmedVideo]:
    """The untrimmed videos of a manifest of segments, in order of first appearance.

    Raises:
        InputError: rows of one video that name several files or splits.
    """
    rows = manifest.rows
    names = video_names(rows)
    for column in ("path", "split"):
        _refuse_several(manifest, names, column)
    number, unique = pd.factorize(names)
    order = np.argsort(number, kind="stable")
    times, actions = seconds(rows), rows["action"].to_numpy(dtype=object)
    context, scene = _texts(rows, "context"), _texts(rows, "scene")
    videos = []
    for name, own in zip(unique, np.split(order, np.cumsum(np.bincount(number))[:-1]), strict=True):
        first, done = int(own[0]), own[actions[own] != BACKGROUND]
        split = str(rows["split"].iat[first])
        place = manifest.path(first)
        videos.append(
            UntrimmedVideo(
                str(name), place, split, context[first], scene[first], own, times[done], actions[done].tolist()
            )
        )
    return videos


def video_names(rows: pd.DataFrame) -> NDArray[np.object_]:
    """Each row's untrimmed video: its group, or its path where it has none; (R,) text."""
    paths = rows["path"].to_numpy(dtype=object)
    if "group" not in rows:
        return paths
    return np.where(rows["group"].isna(), paths, rows["group"].to_numpy(dtype=object))


def seconds(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Start and end of each row in seconds, float64 (R, 2); what is missing is 0 and the video's length."""
    start, end = (_numbers(rows, name) for name in ("start", "end"))
    return np.stack([np.where(np.isnan(start), 0, start), np.where(np.isnan(end), lengths(rows), end)], axis=1)


def lengths(rows: pd.DataFrame) -> NDArray[np.float64]:
    """How long each row's video is, in seconds, float64 (R,): infinity where its frames or rate are not known."""
    frames, rate = _numbers(rows, "frames"), _numbers(rows, "rate")
    known = (frames > 0) & (rate > 0)
    return np.where(known, frames / np.where(known, rate, 1), np.inf)


def _numbers(rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
    if column not in rows:
        return np.full(len(rows), np.nan)
    return rows[column].to_numpy(dtype=np.float64, na_value=np.nan)


def _texts(rows: pd.DataFrame, column: str) -> list[str]:
    values: list[Any] = rows[column].to_list() if column in rows else [None] * len(rows)
    return ["" if pd.isna(value) else str(value) for value in values]


def _refuse_several(manifest: Manifest, names: NDArray[np.object_], column: str) -> None:
    """One video has one file and one side of every split."""
    values = manifest.rows[column]
    several = values.groupby(names, sort=False).transform("nunique") > 1
    for row in np.flatnonzero(several)[:1]:
        found = values[names == names[row]].unique()[:2]
        raise InputError(
            f"{manifest.name}: row {row}: the rows of the video {names[row]!r} name more than one {column}, such as "
            f"{found[0]!r} and {found[1]!r}: `group` must be the name of one untrimmed video"
        )
