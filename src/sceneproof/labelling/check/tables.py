"""Tables of labels, a piece at a time, for they may be far larger than the memory; and the clips that they speak of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sceneproof.addresses import Address, Place, located, opened_file, size
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import read_table, refuse_twins, said_of, why_unreadable
from sceneproof.data.timing import Timing
from sceneproof.data.video import VideoError, VideoInfo, frame_range
from sceneproof.errors import InputError
from sceneproof.files import no_file
from sceneproof.seals import check_parquet

ROWS = 2**16
"""Rows of a piece."""


@dataclass(frozen=True)
class LabelTable:
    """A table that is open and of the right kind.

    Attributes:
        path: its file.
        kind: "scenes", "boxes" or "masks".
        metadata: what its schema says of it.
    """

    path: Place
    kind: str
    metadata: dict[str, Any]
    _file: pq.ParquetFile

    @classmethod
    def open(cls, path: Address | Place, columns: Mapping[str, Sequence[str]]) -> "LabelTable":
        """Opens a table of one of some kinds, and checks that it has what that kind needs.

        Args:
            path: the file.
            columns: for each kind that is welcome, the columns that it must have; the first is what a table is taken
                for whose schema does not say.

        Raises:
            InputError: no such file, one that cannot be reached, not Parquet, a table of another kind, or a missing
                column.
        """
        wanted = " or ".join(columns)
        place = located(path)
        if size(place) is None:
            raise InputError(no_file(place, f"a {wanted} table, in Parquet"))
        try:
            opened = opened_file(place)
            if isinstance(place, Path):  # elsewhere it would be fetched whole
                check_parquet(opened, place)
            file = pq.ParquetFile(opened, page_checksum_verification=True)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(why_unreadable(path, error)) from None
        metadata = said_of(file.schema_arrow, path)
        present = file.schema_arrow.names
        refuse_twins(present, path)
        guessed = next((kind for kind, names in columns.items() if set(names) <= set(present)), next(iter(columns)))
        kind = metadata.get("kind", guessed)
        if kind not in columns:
            raise InputError(f"{path}: holds a {kind} table, where a {wanted} table is needed")
        for name in columns[kind]:
            if name not in present:
                raise InputError(
                    f"{path}: a {kind} table needs the column {name!r}; the columns here are: {', '.join(present)}"
                )
        return cls(place, kind, metadata, file)

    def __contains__(self, column: str) -> bool:
        return column in self._file.schema_arrow.names

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    @property
    def groups(self) -> range:
        """Numbers of the row groups."""
        return range(self._file.num_row_groups)

    def pieces(self, group: int, columns: Sequence[str], *, rows: int = ROWS) -> Iterator[pa.RecordBatch]:
        """A row group, `rows` rows at a time; only these columns are read.

        Raises:
            InputError: the file is damaged.
        """
        try:
            yield from self._file.iter_batches(rows, row_groups=[group], columns=list(columns))
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{self.path}: damaged: {error}") from None

    def failures(self) -> dict[str, str]:
        """Why some videos have no labels, by id: from NAME.failures.parquet beside the table, if that is there.

        Raises:
            InputError: the file is there and is no table of failures.
        """
        beside = self.path.with_name(f"{self.path.stem}.failures.parquet")
        if size(beside) is None:
            return {}
        told, _ = read_table(beside, "failures", ("video", "reason"))
        return dict(zip(told["video"].astype(str), told["reason"].astype(str), strict=True))

    def refuse_other_data(self, clips: int, known: int) -> None:
        """Raises InputError where none of the manifest's clips is in a table that is not empty."""
        if not known and len(self):
            first = next(self.pieces(0, ["video"], rows=2))["video"].to_pylist()
            raise InputError(
                f"{self.path}: none of the manifest's {clips} videos is in this table (it holds "
                f"{', '.join(map(str, first))}, …): is it the table of another data set?"
            )


@dataclass(frozen=True)
class LabelledClips:
    """N clips, as far as the manifest knows them.

    Attributes:
        manifest: of N rows.
        videos: the ids, (N,).
        actions: the actions, (N,).
        first: int64 (N,), each clip's first frame in its file.
        length: int64 (N,), its frames; 0 where the manifest does not say, or the file cannot be read.
        file_frames: int64 (N,), the frames of its file; 0 likewise.
        pixels: float64 (N, 2), width and height of its picture; NaN where unknown.
    """

    manifest: Manifest
    videos: pd.Index
    actions: NDArray[Any]
    first: NDArray[np.int64]
    length: NDArray[np.int64]
    file_frames: NDArray[np.int64]
    pixels: NDArray[np.float64]

    @classmethod
    def of(cls, manifest: Manifest) -> "LabelledClips":
        """The clips of a manifest; no video is opened."""
        file_frames = np.nan_to_num(_numbers(manifest, "frames"), nan=0).clip(min=0).astype(np.int64)
        first, length = np.zeros_like(file_frames), file_frames.copy()
        start, end, rate = (_numbers(manifest, name) for name in ("start", "end", "rate"))
        timing = Timing(manifest)
        for row in np.flatnonzero((file_frames > 0) & ~(np.isnan(start) & np.isnan(end))).tolist():
            known = timing.known(row) or VideoInfo(int(file_frames[row]), 0, 0, rate[row])
            try:
                shown = frame_range(known, start[row], end[row])
            except VideoError:
                shown = range(0)  # whoever opens the clip says why
            first[row], length[row] = shown.start, len(shown)
        sides = np.stack([_numbers(manifest, name) for name in ("width", "height")], axis=1)
        sides[(sides <= 0).any(1)] = np.nan
        actions = manifest.rows["action"].to_numpy(object)
        return cls(manifest, pd.Index(manifest.rows["video"]), actions, first, length, file_frames, sides)

    def __len__(self) -> int:
        return len(self.videos)

    def rows(self, column: pa.Array) -> NDArray[np.int64]:
        """Which clips a column of ids speaks of: their rows, -1 where the manifest has none."""
        coded = column.dictionary_encode()
        if not len(coded.dictionary):
            return np.zeros(len(column), np.int64)
        rows = self.videos.get_indexer(pd.Index(coded.dictionary.to_pandas()))
        places = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return np.where(places >= 0, rows[places], -1).astype(np.int64)

    def known(self, reasons: Mapping[str, str]) -> dict[int, str]:
        """Those reasons, given by id, that are of one of these clips; by row."""
        rows = self.videos.get_indexer(pd.Index(list(reasons), dtype=object))
        return {int(row): reason for row, reason in zip(rows, reasons.values(), strict=True) if row >= 0}

    def names(self, rows: Sequence[int] | NDArray[np.int64]) -> list[str]:
        """Ids of some rows."""
        return [str(self.videos[int(row)]) for row in rows]


def _numbers(manifest: Manifest, column: str) -> NDArray[np.float64]:
    """A column of numbers, NaN where there is none."""
    if column not in manifest.rows:
        return np.full(len(manifest), np.nan)
    return pd.to_numeric(manifest.rows[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
