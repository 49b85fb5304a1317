"""The clips that a table names: their files, what these hold, their segments and ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.segments import SLACK, lengths
from sceneproof.data.sources.folder import SPLITS
from sceneproof.data.sources.survey import survey
from sceneproof.data.times import FrameTimes
from sceneproof.errors import InputError
from sceneproof.tabular.boxes import frames_from_0
from sceneproof.tabular.cells import names, numbers, seconds
from sceneproof.tabular.matching import MatchedFiles, VideoFiles
from sceneproof.tabular.reading import Sheet
from sceneproof.wording import counted

Numbers = NDArray[np.float64]
SHOWN = 5
LABELS = ("scene", "context", "group")


@dataclass(frozen=True)
class Segments:
    """How the table writes segments in frames. What is not said is inferred and told, or refused where it may be both.

    Attributes:
        first_frame: 0, or 1 where frames are counted from 1.
        end_frame: whether the segment's end is its last frame ('included') or the one behind it ('excluded').
    """

    first_frame: Literal[0, 1] | None = None
    end_frame: Literal["included", "excluded"] | None = None


@dataclass(frozen=True)
class Clips:
    """Clips whose files are there, one row each.

    Attributes:
        rows: as in a manifest, with paths below the root; `label`: the video as the table names it.
        root: the folder of videos.
        sheet: the table's rows of these clips.
        matched: where their files are.
        missing: (video, action, nearest name) of the rows without a file.
        problems: reasons by path of the files that cannot be read.
        twice: videos, or segments, that the table has more than once.
        notes: how the table was read.
    """

    rows: pd.DataFrame
    root: Path
    sheet: Sheet
    matched: MatchedFiles
    missing: list[tuple[str, str, str]]
    problems: dict[str, str]
    twice: list[str]
    notes: list[str]


def read_labels(
    sheet: Sheet, columns: dict[str, str], split: str | None, drawn: bool
) -> tuple[pd.DataFrame, list[str]]:
    """What the table says of each row: label, id, split, action, scene, context, group; (N,) and notes.

    Raises:
        InputError: no column of videos, actions or splits, or an empty cell; names the line.
    """
    file = columns.get("path", columns.get("video"))
    for name, column in (("video", file), ("action", columns.get("action"))):
        if column is None:
            raise InputError(
                f"{sheet.name}: no column for the {name}: say which it is with --columns.{name} NAME; the columns here "
                f"are: {', '.join(map(str, sheet.rows.columns))}"
            )
    assert file is not None  # told above
    rows = pd.DataFrame(
        {"label": names(sheet, file, what="video"), "action": names(sheet, columns["action"], what="action")}
    )
    rows["id"] = names(sheet, columns["video"], what="video") if "path" in columns and "video" in columns else None
    notes = []
    if split is not None or drawn:
        rows["split"] = split or ""
        if "split" in columns:
            notes.append(f"the column {columns['split']!r} of splits is not used")
    elif "split" in columns:
        said = names(sheet, columns["split"], what="split")
        rows["split"] = [SPLITS.get(str(name).casefold(), name) for name in said]
        read = {str(a): str(b) for a, b in zip(said, rows["split"], strict=True) if a != b}
        notes += [f"splits read: {', '.join(f'{a!r} as {b!r}' for a, b in sorted(read.items()))}"] if read else []
    else:
        raise InputError(
            f"{sheet.name}: no column of splits: say --split train where all are of one, --columns.split NAME where it "
            f"is called otherwise, or --test 0.2 --validation 0.1 to have some drawn; the columns here are: "
            f"{', '.join(map(str, sheet.rows.columns))}"
        )
    for name in LABELS:
        if name in columns:
            rows[name] = names(sheet, columns[name], what=name, needed=False)
    return rows, notes


def read_clips(
    sheet: Sheet, columns: dict[str, str], labels: pd.DataFrame, files: VideoFiles, form: Segments, *,
    boxes: bool, workers: int | None, quiet: bool,
) -> Clips:  # fmt: skip
    """The clips of a table, looked into.

    Args:
        sheet: the table.
        columns: which of its columns are what.
        labels: as `read_labels` gives them.
        files: the videos that are there.
        form: how segments in frames are written.
        boxes: whether each row is a box, so that a clip has many rows.
        workers: processes that look into files.
        quiet: no progress.

    Raises:
        InputError: no file is there, a time or a frame out of range, or rows that contradict each other; names lines.
    """
    matched = files.find(list(dict.fromkeys(labels["label"])), sheet.name)
    present = labels["label"].isin(matched.paths).to_numpy(np.bool_)
    lost = labels[~present].drop_duplicates(["label", "action"])
    missing = [
        (video, action, matched.missing[video]) for video, action in zip(lost["label"], lost["action"], strict=True)
    ]
    if not present.any():
        near = "; ".join(f"{video} (nearest: {name})" for video, _, name in missing[:SHOWN] if name)
        raise InputError(
            f"{sheet.name}: no video of the table is below {files.root} ({counted(len(matched.missing), 'video')}, "
            f"such as {missing[0][0]}). Is the column right?{f' {near}' if near else ''}"
        )
    sheet, rows = sheet.part(present), labels[present].reset_index(drop=True)
    rows["path"] = [matched.paths[label] for label in rows["label"]]
    facts, problems = survey(files.root, rows["path"].tolist(), workers=workers, quiet=quiet)
    rows = pd.concat([rows, facts], axis=1)
    times, notes = _segments(sheet, columns, rows, form)
    if times is not None:
        if boxes:
            raise InputError(
                f"{sheet.name}: has both segments and boxes: index the segments and the boxes of whole clips apart"
            )
        rows["start"], rows["end"] = times.T
    rows["video"] = _ids(rows)
    kept, twice = _once(sheet, rows, boxes)
    if times is not None:
        bare = rows["path"].map(lambda path: Path(path).with_suffix("").as_posix())
        rows["group"] = rows["group"].fillna(bare) if "group" in rows else bare
    rows = rows[kept].reset_index(drop=True)
    return Clips(rows, files.root, sheet.part(kept), matched, missing, problems, twice, notes)


def _segments(
    sheet: Sheet, columns: dict[str, str], rows: pd.DataFrame, form: Segments
) -> tuple[Numbers | None, list[str]]:
    """Start and end of each row in seconds, (N, 2), NaN where not told; None where the table has no segments."""
    in_frames = "start_frame" in columns or "end_frame" in columns
    if in_frames and ("start" in columns or "end" in columns):
        raise InputError(f"{sheet.name}: segments both in seconds and in frames: leave one pair of columns out")
    ends = ("start_frame", "end_frame") if in_frames else ("start", "end")
    if not any(name in columns for name in ends):
        return None, []
    read = numbers if in_frames else seconds
    empty = np.full(len(rows), np.nan)
    times = np.stack([read(sheet, columns[name]) if name in columns else empty for name in ends], axis=1)
    if np.isnan(times).all():
        return None, []
    notes = ["segments in seconds"]
    if in_frames:
        times, notes = _seconds_of_frames(sheet, times, rows, form)
    _refuse_outside(sheet, times, rows, in_frames)
    return times, notes


def _seconds_of_frames(sheet: Sheet, frames: Numbers, rows: pd.DataFrame, form: Segments) -> tuple[Numbers, list[str]]:
    count = rows["frames"].to_numpy(np.float64)
    for row in np.flatnonzero((frames % 1 > 0).any(axis=1))[:1]:
        raise InputError(f"{sheet.where(row)}: frames {frames[row].tolist()} are no whole numbers: are they seconds?")
    first, end = form.first_frame, form.end_frame
    if first is None and (count > 0).any() and not (frames == 0).any():
        raise InputError(
            f"{sheet.name}: no segment begins at frame 0: are frames counted from 0 or from 1? Say "
            f"--segments.first-frame 0 or 1"
        )
    moved, note = frames_from_0(frames[:, 0], count, first, "--segments.first-frame", sheet.name)
    first = 0 if np.array_equal(moved, frames[:, 0], equal_nan=True) else 1
    why = ", as said"
    if end is None:
        if (frames[:, 0] == frames[:, 1]).any():
            end, why = "included", ": some segments begin and end at one frame"
        elif first == 0 and (frames[:, 1] == count)[count > 0].any():
            end, why = "excluded", ": some end at their video's number of frames"
        elif first == 1:
            end, why = "included", ": the custom where frames are counted from 1"
        else:
            raise InputError(
                f"{sheet.name}: is the end of a segment its last frame, or the one behind it? Say --segments.end-frame "
                f"included or excluded"
            )
    numbered = frames - first
    numbered[:, 1] += end == "included"
    unknown = np.flatnonzero((count > 0) & ~(rows["rate"].to_numpy(np.float64) > 0))
    for row in unknown[:1]:
        raise InputError(
            f"{sheet.where(row)}: {rows['path'].iat[row]} does not say its frame rate, so frames cannot become "
            f"seconds: give seconds"
        )
    return shown_at(numbered, rows), [f"segments in {note}; the end {end}{why}; seconds by each video's own frames"]


def shown_at(frames: Numbers, rows: pd.DataFrame) -> Numbers:
    """When frames of each row's video are shown, in seconds, (N, K); NaN where its rate is not known.

    Args:
        frames: (N, K), from 0; the number of frames stands for the end.
        rows: N, with what `survey` found.
    """
    shown = np.full(frames.shape, np.nan)
    known: dict[str, FrameTimes] = {}
    for row, (path, text) in enumerate(zip(rows["path"], rows["times"], strict=True)):
        if text:
            times = known.get(path) or known.setdefault(path, FrameTimes.parse(text))
            inside = np.isfinite(frames[row]) & (frames[row] >= 0) & (frames[row] <= times.frames)
            shown[row, inside] = times.seconds(frames[row, inside].astype(np.int64))
            shown[row, frames[row] < 0] = -1.0  # outside the video, which is told
            shown[row, frames[row] > times.frames] = times.end + 1 + SLACK
    return shown


def _refuse_outside(sheet: Sheet, times: Numbers, rows: pd.DataFrame, in_frames: bool) -> None:
    start, end = np.nan_to_num(times[:, 0], nan=0), np.where(np.isnan(times[:, 1]), np.inf, times[:, 1])
    length = lengths(rows)
    out = (start < 0) | (end <= start) | (start >= length) | ((end > length + SLACK) & np.isfinite(end))
    if not out.any():
        return
    wrong = np.flatnonzero(out)
    told = "; ".join(
        f"{sheet.place} {sheet.lines[row]} ({rows['label'].iat[row]}, {length[row]:g} s): {times[row, 0]:g} to "
        f"{times[row, 1]:g} s"
        for row in wrong[:SHOWN]
    )
    more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    raise InputError(
        f"{sheet.name}: {counted(len(wrong), 'segment lies', 'segments lie')} outside the video, or without any "
        f"length: {told}{more}. "
        f"{'' if in_frames else _instead(end[wrong], length[wrong], rows['frames'].to_numpy()[wrong])}"
        f"Mend these rows, or leave them out"
    )


def _instead(end: Numbers, length: Numbers, frames: Numbers) -> str:
    """What times that are too large may be."""
    late = np.isfinite(end) & (end > length)
    if late.any() and (end[late] <= frames[late] + 1).all():
        return "They look like frames: say --columns.start-frame and --columns.end-frame instead. "
    if late.any() and (end[late] / 1000 <= length[late] + SLACK).all():
        return "They look like milliseconds: call the columns start_ms and end_ms. "
    return ""


def _ids(rows: pd.DataFrame) -> "pd.Series[str]":
    """The id of each row: the table's own, else the path without its suffix; with the segment where there are any."""
    bare = rows["path"].map(lambda path: Path(path).with_suffix("").as_posix())
    ids = bare if rows["id"].isna().all() else rows["id"]
    if "start" not in rows:
        return ids
    times = [f"{start:g}-{end:g}" for start, end in zip(rows["start"], rows["end"], strict=True)]
    whole = rows["start"].isna() & rows["end"].isna()
    return ids + "/" + rows["action"].where(~whole, "") + np.where(whole, "", "/") + pd.Series(times).where(~whole, "")


def _once(sheet: Sheet, rows: pd.DataFrame, boxes: bool) -> tuple[NDArray[np.bool_], list[str]]:
    """Which rows are the first of their clip, and the clips that have several where they should not.

    Raises:
        InputError: two rows of one clip that contradict each other.
    """
    again = rows["video"].duplicated()
    first = rows.drop_duplicates("video").set_index("video")
    for name in ("path", "action", "split", *(label for label in LABELS if label in rows)):
        said = first[name].reindex(rows["video"]).to_numpy(dtype=object)
        own = rows[name].to_numpy(dtype=object)
        for row in np.flatnonzero(again & (own != said) & ~(pd.isna(own) & pd.isna(said)))[:1]:
            other = int(np.flatnonzero(rows["video"] == rows["video"].iat[row])[0])
            what = "files of one name" if name == "path" else f"rows of {rows['video'].iat[row]!r} with another {name}"
            raise InputError(
                f"{sheet.name}: {sheet.place}s {sheet.lines[other]} and {sheet.lines[row]}: two {what}: {said[row]!r} "
                f"and {own[row]!r}: a clip has one; parts of a video need a start and an end"
            )
    return (~again).to_numpy(np.bool_), [] if boxes else sorted(set(rows["video"][again]))


def listed(videos: Sequence[tuple[str, str, str]]) -> dict[str, list[str]]:
    """Missing videos by action, each with the nearest name that is there."""
    by_action: dict[str, list[str]] = {}
    for video, action, near in videos:
        by_action.setdefault(action, []).append(f"{video} (nearest: {near})" if near else video)
    return by_action
