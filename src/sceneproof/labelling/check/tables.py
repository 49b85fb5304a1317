"""Tables of labels, a piece at a time, for they may be far larger than the memory; and what is beside them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sceneproof.addresses import Address, Place, located, opened_file, size
from sceneproof.data.tables import read_table, refuse_twins, said_of
from sceneproof.errors import InputError
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
            raise InputError(f"{path}: no such file (expected a {wanted} table, in Parquet)")
        try:
            opened = opened_file(place)
            if isinstance(place, Path):  # elsewhere it would be fetched whole
                check_parquet(opened, place)
            file = pq.ParquetFile(opened, page_checksum_verification=True)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{path}: not a readable Parquet file: {error}") from None
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
