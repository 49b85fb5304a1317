"""A manifest of segments, video by video: which stretches of each untrimmed video show which action.

One row a segment, as in every manifest: `path`, `start`, `end`, `action`, and `group`, the untrimmed video's name. Rows
of one group are one video; without the column (or where a cell is empty) rows of one path are. A row with the action
"background" is no segment: it makes a video known in which, or in a stretch of which, nothing is done.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.addresses import Place
from sceneproof.data.manifest import Manifest
from sceneproof.data.video import VideoError, probe
from sceneproof.errors import InputError
from sceneproof.metrics.matching import pairs
from sceneproof.metrics.temporal_segments import temporal_iou
from sceneproof.wording import counted

BACKGROUND = "background"
"""The action of rows that are no segments."""
TWINS = 0.9
"""Two segments of one class in one video are one segment told twice where their tIoU is at least this."""
SLACK = 0.5
"""Seconds that a segment may end behind its video: annotators' clocks and the container's differ."""
FOREVER = 1e9
"""Seconds; stands for the end of a video of unknown length, which is infinity, where arithmetic would fail."""
SHOWN = 3


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
            video's length, or infinity where the manifest does not tell it.
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


def untrimmed(
    manifest: Manifest, *, check: bool = False, length: NDArray[np.float64] | None = None
) -> list[UntrimmedVideo]:
    """The untrimmed videos of a manifest of segments, in order of first appearance.

    Args:
        manifest: of segments.
        check: refuse annotations with `problems`.
        length: of each row's video, seconds (R,); by default as the manifest says.

    Raises:
        InputError: rows of one video that name several files or splits; with `check`, whatever `problems` finds.
    """
    if check:
        refuse_problems(manifest, length=length)
    rows = manifest.rows
    names = video_names(rows)
    for column in ("path", "split"):
        _refuse_several(manifest, names, column)
    number, unique = pd.factorize(names)
    order = np.argsort(number, kind="stable")
    times, actions = seconds(rows, length), rows["action"].to_numpy(dtype=object)
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


def seconds(rows: pd.DataFrame, length: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Start and end of each row in seconds, float64 (R, 2); what is missing is 0 and the video's length.

    Args:
        rows: of a manifest.
        length: of each row's video, seconds (R,); by default as the manifest says (`lengths`).
    """
    start, end = (_numbers(rows, name) for name in ("start", "end"))
    length = lengths(rows) if length is None else length
    return np.stack([np.where(np.isnan(start), 0, start), np.where(np.isnan(end), length, end)], axis=1)


def lengths(rows: pd.DataFrame) -> NDArray[np.float64]:
    """How long each row's video is, in seconds, float64 (R,): infinity where the manifest does not tell it.

    By `duration`, else frames / rate, which is right where frames are evenly spaced and the first is shown at second 0.
    """
    duration, frames, rate = (_numbers(rows, name) for name in ("duration", "frames", "rate"))
    known = (frames > 0) & (rate > 0)
    return np.where(duration > 0, duration, np.where(known, frames / np.where(known, rate, 1), np.inf))


def _surer(manifest: Manifest) -> NDArray[np.float64]:
    """As `lengths`, but by the files where frames and a rate alone say that a segment is outside its video."""
    rows, length = manifest.rows, lengths(manifest.rows)
    latest = np.fmax(_numbers(rows, "start"), _numbers(rows, "end"))
    doubted = ~(_numbers(rows, "duration") > 0) & np.isfinite(length) & (latest > length)
    ends: dict[str, float] = {}
    for path in rows["path"][doubted].unique():
        try:
            ends[path] = probe(manifest.root / str(path)).clock.end
        except VideoError:
            continue  # what is gone or broken is as long as was said
    if not ends:
        return length
    asked = rows["path"].map(ends).to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isnan(asked), length, asked)


def problems(
    manifest: Manifest, *, actions: Sequence[str] | None = None, length: NDArray[np.float64] | None = None
) -> pd.DataFrame:
    """What is wrong with the annotations, and what a repair does about it.

    A segment that ends before it starts is turned round; one that is outside its video (starts before 0, ends more than
    half a second behind the end, where that is known) is cut; of two of one class in one video with a tIoU
    of at least .9 one is made that reaches as far as both. Empty segments, and those of an unknown class, go.

    Args:
        manifest: of segments.
        actions: the classes that are known; by default those of the split "train", where there is one.
        length: float64 (R,), seconds that each row's video lasts, infinity where that is not known; by default as the
            manifest says. Where it has no `duration`, and frames / rate would make a segment wrong, the file is asked.

    Returns:
        One row a problem, in the order in which they are mended, which is that of their kinds: `row` of the manifest,
        `video` (the untrimmed one's name), `reason`, `repair`.
    """
    return _mended(manifest, actions, length).table()


def refuse_problems(manifest: Manifest, *, length: NDArray[np.float64] | None = None) -> None:
    """Raises InputError where `problems` finds any."""
    _refuse(manifest, problems(manifest, length=length))


def repaired(
    manifest: Manifest, *, actions: Sequence[str] | None = None, length: NDArray[np.float64] | None = None
) -> tuple[Manifest, pd.DataFrame]:
    """A copy in which `problems` finds nothing, and the table of what was done; arguments as there.

    Rows without problems are as they were; of twins the first row stays.
    """
    mended = _mended(manifest, actions, length)
    rows = manifest.rows.copy()
    for place, name in enumerate(("start", "end")):
        if mended.changed.any():
            values = _numbers(rows, name)
            rows[name] = np.where(mended.changed, mended.times[:, place], values)
    return replace(manifest, rows=rows[mended.alive].reset_index(drop=True)), mended.table()


@dataclass
class _SegmentMending:
    """A manifest's segments while they are mended, and what was done."""

    names: NDArray[np.object_]
    actions: NDArray[np.object_]
    times: NDArray[np.float64]
    length: NDArray[np.float64]
    alive: NDArray[np.bool_]
    changed: NDArray[np.bool_]
    done: list[tuple[int, str, str]] = field(default_factory=list)

    def rows(self, wrong: NDArray[np.bool_]) -> list[int]:
        """Those that are still there and are wrong."""
        numbers: list[int] = np.flatnonzero(wrong & self.alive).tolist()
        return numbers

    def drop(self, row: int, reason: str, repair: str = "row dropped") -> None:
        self.alive[row] = False
        self.done.append((row, reason, repair))

    def set(self, row: int, start: float, end: float) -> None:
        self.times[row] = start, end
        self.changed[row] = True

    def said(self, row: int) -> str:
        return f"{self.times[row, 0]:g} to {self.times[row, 1]:g} s"

    def table(self) -> pd.DataFrame:
        frame = pd.DataFrame(self.done, columns=["row", "reason", "repair"])
        frame.insert(1, "video", self.names[frame["row"].astype(int)])
        last = ~frame["video"].isin(self.names[self.alive]) & ~frame["video"].duplicated(keep="last")
        frame.loc[last, "repair"] += ", the last of its video"
        return frame


def _mended(manifest: Manifest, actions: Sequence[str] | None, length: NDArray[np.float64] | None) -> _SegmentMending:
    rows = manifest.rows
    if actions is None and "train" in manifest.splits:
        actions = manifest.split("train").actions
    everywhere = np.ones(len(rows), np.bool_)
    length = _surer(manifest) if length is None else length
    times = seconds(rows, length)
    it = _SegmentMending(
        video_names(rows), rows["action"].to_numpy(dtype=object), times, length, everywhere, ~everywhere
    )
    known = everywhere if actions is None else np.isin(it.actions.astype(str), [*actions, BACKGROUND])
    for row in it.rows(~known):
        it.drop(row, f"unknown class {it.actions[row]!r}")
    for row in it.rows(np.isinf(_numbers(rows, "start")) | np.isinf(_numbers(rows, "end"))):
        it.drop(row, f"endless: {it.said(row)}")
    _mend_times(it)
    while _merge_twins(it):
        pass  # a segment that grew may now be another's twin
    return it


def _mend_times(it: _SegmentMending) -> None:
    start, end = it.times.T  # views
    for row in it.rows(end < start):
        it.done.append((row, f"ends before it starts: {it.said(row)}", "start and end swapped"))
        it.set(row, *it.times[row, ::-1].copy())
    for row in it.rows(start == end):
        it.drop(row, f"empty: {it.said(row)}")
    for row in it.rows((start < 0) | (end > it.length + SLACK) | (start >= it.length)):
        reason = f"outside its video of {it.length[row]:g} s: {it.said(row)}"
        inside = max(it.times[row, 0], 0.0), min(it.times[row, 1], it.length[row])
        if inside[0] >= inside[1]:
            it.drop(row, reason)
            continue
        it.set(row, *inside)
        it.done.append((row, reason, f"cut to {it.said(row)}"))


def _merge_twins(it: _SegmentMending) -> bool:
    """Makes each segment's later twins part of it; whether there were any."""
    rows = np.flatnonzero(it.alive & (it.actions != BACKGROUND))
    keys = pd.MultiIndex.from_arrays([it.names[rows], it.actions[rows]]).factorize()[0]
    first, second = (rows[places] for places in pairs(keys, keys))
    times = np.minimum(it.times, FOREVER)
    twins = (first < second) & (temporal_iou(times[first], times[second]) >= TWINS)
    count = len(it.done)
    for row, twin in zip(first[twins].tolist(), second[twins].tolist(), strict=True):
        share = float(temporal_iou(times[row], times[twin]))  # anew: the one may have grown
        if not (it.alive[row] and it.alive[twin] and share >= TWINS):
            continue
        if share == 1:
            it.drop(twin, f"the same segment as row {row}: {it.said(twin)}")
            continue
        reason = f"{it.said(twin)} overlaps row {row} of its class, {it.said(row)}, with a tIoU of {share:.2f}"
        it.set(row, min(times[[row, twin], 0]), max(it.times[[row, twin], 1]))
        times[row] = np.minimum(it.times[row], FOREVER)
        it.drop(twin, reason, f"row {row} made {it.said(row)}, row dropped")
    return len(it.done) > count


def _refuse(manifest: Manifest, table: pd.DataFrame) -> None:
    if len(table):
        first = "; ".join(
            f"row {problem.row} ({problem.video}): {problem.reason}" for problem in table.head(SHOWN).itertuples()
        )
        more = f"; and {len(table) - SHOWN} more" if len(table) > SHOWN else ""
        raise InputError(
            f"{manifest.name}: {counted(len(table), 'problem')} with the segments: {first}{more}. `sceneproof index "
            f"check {manifest.name}` shows all, and --repair writes a mended copy"
        )


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
        examples = values[names == names[row]].unique()[:2]
        raise InputError(
            f"{manifest.name}: row {row}: the rows of the video {names[row]!r} name more than one {column}, such as "
            f"{examples[0]!r} and {examples[1]!r}: `group` must be the name of one untrimmed video"
        )
