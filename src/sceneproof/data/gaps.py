"""People in the frames that a detector missed, where it knew them shortly before and after."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.human_tables import CORNERS, HumanBoxes, HumanMasks
from sceneproof.data.tracks import tracks

GAP = 5
"""Frames without a person, between two that show them, that are filled in; over more they may have gone and come back.
docs/contexts.md has how well what is filled in fits."""
Numbers = NDArray[np.int64]


def without_short_gaps(people: HumanBoxes | HumanMasks, *, gap: int = GAP) -> HumanBoxes | HumanMasks:
    """The same people, and in up to `gap` frames in a row between two that show them.

    A box between two of one track lies on the straight way from one to the other, with the lower score of both. Without
    tracks, frames without anybody are filled, by the boxes on both sides that overlap. A mask is that of the nearest
    frame; of two, the earlier one.
    """
    if isinstance(people, HumanMasks):
        rows = _masks(people.rows, gap)
        return (
            HumanMasks(rows, detector=people.detector, source=people.source) if len(rows) > len(people.rows) else people
        )
    more = _boxes(people.rows[(people.rows["score"] >= people.score_threshold).to_numpy()], gap)
    if not len(more):
        return people
    rows = pd.concat([people.rows, more], ignore_index=True)
    return HumanBoxes(
        rows, score_threshold=people.score_threshold, detector=people.detector, source=people.source
    )  # fmt: skip


def between(rows: pd.DataFrame, before: Numbers, after: Numbers) -> pd.DataFrame:
    """Boxes on the straight way from each row of `before` to its row of `after`, one for each frame between.

    Args:
        rows: a table of boxes.
        before: (P,), places of rows.
        after: (P,), of the same people later.

    Returns:
        Rows with the columns of `rows`; what is no corner, score or frame is that of `before`.
    """
    frame = rows["frame"].to_numpy(np.int64)
    count = np.maximum(frame[after] - frame[before] - 1, 0)
    pair = np.repeat(np.arange(len(before)), count)
    step = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count) + 1
    share = (step / (count[pair] + 1))[:, None]
    corners, score = rows[list(CORNERS)].to_numpy(np.float64), rows["score"].to_numpy(np.float64)
    a, b = before[pair], after[pair]
    boxes = rows.iloc[a].copy()
    boxes[list(CORNERS)] = (corners[a] + (corners[b] - corners[a]) * share).astype(np.float32)
    boxes["score"], boxes["frame"] = np.minimum(score[a], score[b]), frame[a] + step
    return boxes


def _boxes(rows: pd.DataFrame, gap: int) -> pd.DataFrame:
    """The boxes that are missing."""
    if "track" in rows and rows["track"].notna().all():
        return between(rows, *_neighbours(_codes(rows["video"]), rows["track"].to_numpy(np.int64), rows, gap))
    video, frame = _codes(rows["video"]), rows["frame"].to_numpy(np.int64)
    order = np.lexsort((frame, video))
    heads = np.flatnonzero((np.diff(video[order], prepend=-1) != 0) | (np.diff(frame[order], prepend=-1) != 0))
    groups = np.split(order, heads[1:]) if len(order) else []  # the boxes of each frame that has some
    first = order[heads] if len(order) else order
    apart = frame[first[1:]] - frame[first[:-1]] - 1
    short = np.flatnonzero((video[first[1:]] == video[first[:-1]]) & (apart > 0) & (apart <= gap))
    pairs = [pair for place in short for pair in _linked(rows, groups[place], groups[place + 1])]
    before, after = np.array(pairs, np.int64).reshape(-1, 2).T
    return between(rows, before, after)


def _neighbours(video: Numbers, person: Numbers, rows: pd.DataFrame, gap: int) -> tuple[Numbers, Numbers]:
    """The rows before and after each short gap of one person."""
    frame = rows["frame"].to_numpy(np.int64)
    order = np.lexsort((frame, person, video))
    before, after = order[:-1], order[1:]
    apart = frame[after] - frame[before] - 1
    short = (video[after] == video[before]) & (person[after] == person[before]) & (apart > 0) & (apart <= gap)
    return before[short], after[short]


def _linked(rows: pd.DataFrame, before: Numbers, after: Numbers) -> Iterator[tuple[int, int]]:
    """Which boxes of one frame are those of a later one: the only ones, or those that overlap."""
    if len(before) == len(after) == 1:
        yield int(before[0]), int(after[0])
        return
    corners = rows[list(CORNERS)].to_numpy(np.float32)
    early, late = tracks([corners[before], corners[after]])
    for place, number in enumerate(late.tolist()):
        for own in np.flatnonzero(early == number).tolist():
            yield int(before[own]), int(after[place])


def _masks(rows: pd.DataFrame, gap: int) -> pd.DataFrame:
    """The table with what is missing behind it."""
    video, frame = _codes(rows["video"]), rows["frame"].to_numpy(np.int64)
    before, after = _neighbours(video, np.zeros(len(rows), np.int64), rows, gap)
    count = frame[after] - frame[before] - 1
    pair = np.repeat(np.arange(len(before)), count)
    step = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count) + 1
    nearest = np.where(2 * step <= count[pair] + 1, before[pair], after[pair])
    masks = rows.iloc[nearest].assign(frame=frame[before][pair] + step)
    return pd.concat([rows, masks], ignore_index=True) if len(masks) else rows


def _codes(videos: "pd.Series[str]") -> Numbers:
    return np.asarray(pd.factorize(videos)[0], np.int64)
