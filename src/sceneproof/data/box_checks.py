"""What is wrong with a table of boxes, held against its manifest, and a mended copy.

Rows as in every table of boxes: video, frame (from 0), x1, y1, x2, y2 in pixels (x2, y2 exclusive), score, and maybe
track, which says who is who where a frame shows several people. The manifest knows each video's size and frames.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.gaps import GAP, between
from sceneproof.data.human_tables import CORNERS
from sceneproof.data.manifest import Manifest
from sceneproof.data.tracks import tracks
from sceneproof.wording import counted

DROPPED = "row dropped"
Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]


def repaired_boxes(boxes: pd.DataFrame, manifest: Manifest, *, gap: int = GAP) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Boxes without what is wrong with them, and the table of what was wrong and is done about it.

    Rows of unknown videos, of frames that are no whole number or that the video does not have, with numbers that are
    not finite, without any area, wholly outside the picture, or told twice are dropped; corners that are the wrong way
    round are swapped, and boxes that reach outside are cut. Of two boxes of one track in one frame the surer stays.
    Where a frame shows several people and no track says who is who, tracks are made by overlap. Up to `gap` frames in
    a row that lack a box between two of one person get one, on the straight way between, with the lower score.

    Told, and left as they are: frames without any box, videos without any, and videos whose size or number of frames
    the manifest does not know, where these things cannot be checked.

    Args:
        boxes: the table's rows, (R,).
        manifest: of the videos.
        gap: the longest run of frames that is filled in.

    Returns:
        The mended copy, in which nothing is to be repaired: rows without problems are as they were, those that are
        filled in stand at the end. And one row a problem: `row` of the table (missing where it is about frames),
        `video`, `frame` (missing where it is about the video), `reason`, `repair` ("" where it is only told).
    """
    it = _BoxMending.of(boxes, manifest)
    _mend_rows(it)
    _mend_places(it)
    _mend_twins(it)
    _mend_tracks(it, gap)
    more = _fill(it, gap)
    _tell(it, more)
    rows = boxes.copy()
    rows[list(CORNERS)] = it.corners.astype(np.float32)
    if it.tracked:
        rows["track"] = it.track
    rows = rows[it.alive].reset_index(drop=True).astype({"frame": np.int64})
    if len(more):
        rows = pd.concat([rows, more[[name for name in more if name in rows]]], ignore_index=True)
    return rows, it.table()


@dataclass
class _BoxMending:
    """A table of R boxes while it is mended, and what was done."""

    videos: pd.DataFrame  # of the manifest, by video: width, height, frames; NaN where not known
    video: NDArray[np.object_]
    number: Numbers  # the video's place in the manifest, or -1
    frame: NDArray[np.float64]
    corners: NDArray[np.float64]
    score: NDArray[np.float64]
    track: NDArray[np.float64]  # NaN where not told
    alive: Flags
    tracked: bool  # whether there is a column of tracks, of the table's own or made
    done: list[tuple[int | None, str, int | None, str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, boxes: pd.DataFrame, manifest: Manifest) -> "_BoxMending":
        facts = manifest.rows.reindex(columns=["video", "width", "height", "frames"]).set_index("video")
        video = boxes["video"].to_numpy(dtype=object)
        corners = np.stack([_floats(boxes[name]) for name in CORNERS], axis=1)
        return cls(
            facts.astype(np.float64),
            video,
            facts.index.get_indexer(pd.Index(video)),
            _floats(boxes["frame"]),
            corners.astype(np.float32).astype(np.float64),  # as they are kept
            _floats(boxes["score"]),
            _floats(boxes["track"]).copy() if "track" in boxes else np.full(len(boxes), np.nan),
            np.ones(len(boxes), np.bool_),
            "track" in boxes,
        )

    def known(self, name: str) -> NDArray[np.float64]:
        """Width, height or frames of each row's video; infinity where it is not known."""
        values = np.append(self.videos[name].to_numpy(), np.nan)[self.number]
        return np.where(values > 0, values, np.inf)

    def rows(self, wrong: Flags) -> list[int]:
        """Those that are still there and are wrong."""
        numbers: list[int] = np.flatnonzero(wrong & self.alive).tolist()
        return numbers

    def say(self, row: int, reason: str, repair: str = DROPPED) -> None:
        frame = int(self.frame[row]) if np.isfinite(self.frame[row]) else None
        self.done.append((row, str(self.video[row]), frame, reason, repair))
        if repair.startswith(DROPPED):
            self.alive[row] = False

    def said(self, row: int) -> str:
        return ", ".join(f"{value:g}" for value in self.corners[row])

    def living(self) -> Iterator[tuple[str, Numbers]]:
        """Each video's rows that are left, by frame."""
        left = np.flatnonzero(self.alive)
        left = left[np.lexsort((left, self.frame[left], self.number[left]))]
        heads = np.flatnonzero(np.diff(self.number[left], prepend=-1))
        for rows in np.split(left, heads[1:]) if len(left) else []:
            yield str(self.video[rows[0]]), rows

    def table(self) -> pd.DataFrame:
        frame = pd.DataFrame(self.done, columns=["row", "video", "frame", "reason", "repair"])
        return frame.astype({"row": "Int64", "frame": "Int64"})


def _mend_rows(it: _BoxMending) -> None:
    for row in it.rows(it.number < 0):
        it.say(row, "its video is not in the manifest")
    for row in it.rows(~(it.frame >= 0) | (it.frame % 1 != 0)):
        it.say(row, f"the frame {it.frame[row]:g} is no whole number from 0")
    for row in it.rows(~np.isfinite(it.corners).all(axis=1) | ~np.isfinite(it.score)):
        it.say(row, f"not finite: {it.said(row)} with the score {it.score[row]:g}")
    frames = it.known("frames")
    for row in it.rows(it.frame >= frames):
        it.say(row, f"its video has {frames[row]:g} frames, up to {frames[row] - 1:g}")


def _mend_places(it: _BoxMending) -> None:
    x1, y1, x2, y2 = it.corners.T  # views
    for row in it.rows((x2 < x1) | (y2 < y1)):
        it.say(row, f"corners the wrong way round: {it.said(row)}", "corners swapped")
        it.corners[row] = [*np.minimum(it.corners[row, :2], it.corners[row, 2:]),
                           *np.maximum(it.corners[row, :2], it.corners[row, 2:])]  # fmt: skip
    for row in it.rows((x2 == x1) | (y2 == y1)):
        it.say(row, f"without any area: {it.said(row)}")
    width, height = it.known("width"), it.known("height")
    for row in it.rows((x1 >= width) | (y1 >= height) | (x2 <= 0) | (y2 <= 0)):
        it.say(row, f"outside its {width[row]:g}x{height[row]:g} pixels: {it.said(row)}")
    for row in it.rows((x1 < 0) | (y1 < 0) | (x2 > width) | (y2 > height)):
        reason = f"reaches outside its {width[row]:g}x{height[row]:g} pixels: {it.said(row)}"
        it.corners[row] = np.clip(it.corners[row], 0, [width[row], height[row]] * 2)
        it.say(row, reason, f"cut to {it.said(row)}")


def _mend_twins(it: _BoxMending) -> None:
    left = np.flatnonzero(it.alive)
    cells = pd.DataFrame(it.corners[left].astype(np.float32)).assign(
        video=it.number[left], frame=it.frame[left], track=it.track[left]
    )
    for row in left[cells.duplicated()].tolist():
        it.say(row, f"told twice: {it.said(row)}")
    left = np.flatnonzero(it.alive & ~np.isnan(it.track))
    surest = left[np.argsort(-it.score[left], kind="stable")]
    cells = pd.DataFrame({"video": it.number[surest], "frame": it.frame[surest], "track": it.track[surest]})
    for row in np.sort(surest[cells.duplicated()]).tolist():
        it.say(row, f"a second box of track {it.track[row]:g} in this frame, no surer than the other")


def _mend_tracks(it: _BoxMending, gap: int) -> None:
    """Makes tracks where people cannot be told apart."""
    tracked = []
    for video, rows in it.living():
        most = int(np.bincount(it.frame[rows].astype(np.int64)).max())
        lack = np.isnan(it.track[rows])
        if not lack.any() or (lack.all() and most == 1):
            continue
        frames = it.frame[rows].astype(np.int64)
        starts = np.searchsorted(frames, np.arange(frames[-1] + 2))
        boxes = [it.corners[rows[a:b]].astype(np.float32) for a, b in pairwise(starts)]
        tracked.append((rows, np.concatenate(tracks(boxes, gap=gap))))
        reason = (
            f"{most} people in a frame" if lack.all() else f"{counted(int(lack.sum()), 'box', 'boxes')} without a track"
        )
        it.done.append((None, video, None, f"{reason}: who is who is not told", "tracks made by overlap"))
    it.tracked |= bool(tracked)
    if it.tracked:
        it.track[np.isnan(it.track)] = 0  # videos of one person
    for rows, numbers in tracked:
        it.track[rows] = numbers


def _fill(it: _BoxMending, gap: int) -> pd.DataFrame:
    """Rows for short runs of frames without a box between two of one person."""
    left = np.flatnonzero(it.alive)
    person = np.nan_to_num(it.track[left])
    left = left[np.lexsort((it.frame[left], person, it.number[left]))]
    person = np.nan_to_num(it.track[left])
    missing = np.diff(it.frame[left]) - 1
    same = (np.diff(it.number[left]) == 0) & (np.diff(person) == 0)
    short = np.flatnonzero(same & (missing > 0) & (missing <= gap))
    for place in short:
        first, last = int(it.frame[left[place]]) + 1, int(it.frame[left[place + 1]]) - 1
        reason = f"no box in {_run(first, last)}, between two of one person"
        it.done.append(
            (None, str(it.video[left[place]]), first, reason, f"{counted(last - first + 1, 'row')} filled in")
        )
    columns = ["video", "frame", *CORNERS, "score", "track"]
    if not len(short):
        return pd.DataFrame(columns=columns)
    rows = pd.DataFrame(it.corners[left], columns=list(CORNERS)).assign(
        video=it.video[left], frame=it.frame[left], score=it.score[left], track=it.track[left]
    )
    return between(rows, short, short + 1)[columns].reset_index(drop=True)


def _tell(it: _BoxMending, more: pd.DataFrame) -> None:
    """What no repair helps."""
    left = pd.DataFrame({"video": it.video[it.alive], "frame": it.frame[it.alive]})
    shown = pd.concat([left, more[["video", "frame"]].astype(left.dtypes)]) if len(more) else left
    by_video = {video: frames.to_numpy(np.int64) for video, frames in shown.groupby("video")["frame"]}
    for video, width, height, frames in it.videos.itertuples(name=None):
        if not (width > 0 and height > 0 and frames > 0):
            it.done.append((None, str(video), None, "size or frames not known: not checked against the boxes", ""))
        frames_of = by_video.get(video)
        if frames_of is None:
            it.done.append((None, str(video), None, "no box in the whole video", ""))
        elif frames > 0:
            empty = np.ones(int(frames) + 2, np.bool_)
            empty[[0, -1]] = False
            empty[frames_of + 1] = False
            edges = np.flatnonzero(np.diff(empty.astype(np.int8)))
            for first, end in edges.reshape(-1, 2).tolist():
                it.done.append((None, str(video), first, f"no box in {_run(first, end - 1)}", ""))


def _run(first: int, last: int) -> str:
    return f"frame {first}" if first == last else f"frames {first} to {last}"


def _floats(values: "pd.Series[float]") -> NDArray[np.float64]:
    return pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
