"""What a table of people says of each clip, read a piece at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from sceneproof.addresses import Address
from sceneproof.data.human_tables import CORNERS, HumanBoxes, HumanMasks
from sceneproof.errors import InputError
from sceneproof.labelling.check.tables import LabelledClips, LabelTable

COLUMNS = {"boxes": ("video", "frame", *CORNERS, "score"), "masks": ("video", "frame", "png")}
TRACK_BITS = 32  # a clip's row and a track's number share an int64


@dataclass(frozen=True)
class PeopleFigures:
    """Figures of the people in N clips.

    Attributes:
        table: where they come from.
        score: boxes below it are left out.
        frames: int64 (N,), frames with a person; 0 also where the clip's length is not known.
        detections: int64 (N,), boxes, or masks.
        tracks: int64 (N,), or None where the table has none.
        area: float64 (N,), the sum over boxes of the share of the picture that each covers; NaN where unknown.
        groups: int64 (N, 2), the first and last row group that speak of the clip; the first is past the last in none.
        failures: why a clip has no labels, by its row.
    """

    table: LabelTable
    score: float
    frames: NDArray[np.int64]
    detections: NDArray[np.int64]
    tracks: NDArray[np.int64] | None
    area: NDArray[np.float64]
    groups: NDArray[np.int64]
    failures: dict[int, str]

    @classmethod
    def read(cls, path: Address, clips: LabelledClips, *, score: float = 0.3) -> "PeopleFigures":
        """Reads a table of boxes or masks without its pictures, in one pass.

        Memory: a byte for each frame of the manifest, and a piece of the table.

        Raises:
            InputError: no such table, rows that are no boxes, a person in a frame that a clip's file does not have, or
                a table of another data set.
        """
        table = LabelTable.open(path, COLUMNS)
        tally = _Tally(clips, table, score)
        first_row = 0
        for group in table.groups:
            for piece in table.pieces(group, tally.columns):
                tally.add(piece, group, first_row)
                first_row += len(piece)
        failures = clips.known(table.failures())
        table.refuse_other_data(len(clips), int((tally.groups[:, 1] >= 0).sum()) + len(failures))
        return cls(table, score, tally.frames(), tally.detections, tally.tracks(), tally.area, tally.groups, failures)

    def rows(self, clips: LabelledClips, chosen: Sequence[int]) -> pd.DataFrame:
        """All rows of the table that speak of some clips; only the row groups that hold them are read."""
        columns = [*COLUMNS[self.table.kind], *(["track"] if self.tracks is not None else [])]
        parts: list[pa.RecordBatch] = []
        for group in self.table.groups:
            here = [row for row in chosen if self.groups[row, 0] <= group <= self.groups[row, 1]]
            pieces = self.table.pieces(group, columns, rows=4096) if here else ()
            parts += [piece.filter(pa.array(np.isin(clips.rows(piece["video"]), here))) for piece in pieces]
        schema = pa.schema([(name, pa.string() if name == "video" else pa.float64()) for name in columns])
        whole = pa.Table.from_batches(parts) if parts else schema.empty_table()
        rows: pd.DataFrame = whole.to_pandas()
        return rows


class _Tally:
    """The figures, as the pieces of a table come in."""

    def __init__(self, clips: LabelledClips, table: LabelTable, score: float) -> None:
        self._clips, self._table, self._score = clips, table, score
        self._has_tracks = table.kind == "boxes" and "track" in table
        boxes = (*COLUMNS["boxes"], *(["track"] if self._has_tracks else []))
        self.columns = boxes if table.kind == "boxes" else ("video", "frame")
        self._start = np.concatenate([[0], np.cumsum(clips.length)])
        self._seen = np.zeros(int(self._start[-1]), np.bool_)
        self._tracks: list[NDArray[np.int64]] = []
        self.detections = np.zeros(len(clips), np.int64)
        self.area = np.where(np.isnan(clips.pixels).any(1) | (table.kind == "masks"), np.nan, 0.0)
        self.groups = np.full((len(clips), 2), (len(table.groups), -1), np.int64)

    def add(self, piece: pa.RecordBatch, group: int, first_row: int) -> None:
        """Counts a piece's rows; `first_row` is where the piece begins in its table."""
        rows = piece.to_pandas()
        self._check(rows, first_row)
        clip = self._clips.rows(piece["video"])
        frame = rows["frame"].to_numpy(np.int64)
        own = np.unique(clip[clip >= 0])
        np.minimum.at(self.groups[:, 0], own, group)
        np.maximum.at(self.groups[:, 1], own, group)
        late = (clip >= 0) & (self._clips.file_frames[clip] > 0) & (frame >= self._clips.file_frames[clip])
        if late.any():
            row = int(np.flatnonzero(late)[0])
            raise InputError(
                f"{self._table.path}: row {first_row + row}: a person in frame {frame[row]} of "
                f"{rows['video'].iat[row]!r}, which has {self._clips.file_frames[clip[row]]} frames: is this the table "
                f"of another copy of the video, or does it count frames from 1?"
            )
        place = frame - self._clips.first[clip]
        length = self._clips.length[clip]
        kept = (clip >= 0) & ((length == 0) | ((place >= 0) & (place < length)))
        if self._table.kind == "boxes":
            kept &= self._boxes(rows, clip, kept)
        known = kept & (length > 0)
        self._seen[self._start[clip[known]] + place[known]] = True
        np.add.at(self.detections, clip[kept], 1)

    def _boxes(self, rows: pd.DataFrame, clip: NDArray[np.int64], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Counts boxes' areas and tracks; returns which boxes show a person, as training takes them."""
        corners = rows[list(CORNERS)].to_numpy(np.float64)
        sides = (corners[:, 2:] - corners[:, :2]).prod(1)
        likely = rows["score"].to_numpy(np.float32) >= np.float32(self._score)
        kept: NDArray[np.bool_] = inside & likely & (sides > 0)
        picture = self._clips.pixels[clip]
        cut = corners.clip(0, np.concatenate([picture, picture], axis=1))
        share = (cut[:, 2:] - cut[:, :2]).prod(1) / picture.prod(1)
        np.add.at(self.area, clip[kept], share[kept])
        if self._has_tracks:
            numbers = rows["track"].fillna(-1).to_numpy(np.int64)[kept]
            self._tracks.append(np.unique(clip[kept] << TRACK_BITS | numbers & (1 << TRACK_BITS) - 1))
        return kept

    def _check(self, rows: pd.DataFrame, first_row: int) -> None:
        """Raises InputError for rows that the tables of training would refuse."""
        source = f"{self._table.path}{f', rows from {first_row} on' if first_row else ''}"
        if self._table.kind == "boxes":
            HumanBoxes(rows, source=source)
        else:
            HumanMasks(rows.assign(png=b""), source=source)

    def frames(self) -> NDArray[np.int64]:
        """Frames with a person of each clip."""
        before = np.concatenate([[0], np.cumsum(self._seen)])
        return np.asarray(before[self._start[1:]] - before[self._start[:-1]], np.int64)

    def tracks(self) -> NDArray[np.int64] | None:
        """Tracks of each clip."""
        if not self._has_tracks:
            return None
        pairs = np.unique(np.concatenate([np.zeros(0, np.int64), *self._tracks]))
        return np.bincount(pairs >> TRACK_BITS, minlength=len(self._clips))
