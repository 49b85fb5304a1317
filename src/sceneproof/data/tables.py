"""Parquet tables with a kind and metadata in their schema: the seams between the commands."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sceneproof.addresses import Address, Place, located, opened_file, size
from sceneproof.data.columns import checked_columns
from sceneproof.errors import InputError
from sceneproof.files import whole

KEY = b"sceneproof"
HASHED = 2**16  # cells that are hashed together: each becomes a Python object for the time


def write_table(path: Address | Place, frame: pd.DataFrame, kind: str, **metadata: Any) -> None:
    """Writes `frame` to Parquet, whole or not at all, with its `kind` and `metadata` (JSON values) in the schema."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    # pandas' own metadata is dropped: it names library versions, and the same table should give the same bytes
    table = table.replace_schema_metadata({KEY: json.dumps({"kind": kind, **metadata}, sort_keys=True).encode()})
    with whole(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_table(path: Address | Place, kind: str, columns: Sequence[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Reads a table of this `kind` with at least these `columns`; returns it with its metadata.

    Raises:
        InputError: no such file, one that cannot be reached, not Parquet, a table of another kind, or a column that
            is missing or does not hold what it should; names the file, what it holds and what was wanted.
    """
    path = located(path)
    if size(path) is None:
        raise InputError(f"{path}: no such file (expected a {kind} table, in Parquet)")
    try:
        with opened_file(path) as file:
            table = pq.read_table(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file: {error}") from None
    metadata: dict[str, Any] = json.loads((table.schema.metadata or {}).get(KEY, b"{}"))
    if metadata.get("kind", kind) != kind:
        raise InputError(f"{path}: holds a {metadata['kind']} table, where a {kind} table is needed")
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise InputError(
            f"{path}: a {kind} table needs the column {missing[0]!r}; "
            f"the columns here are: {', '.join(table.column_names)}"
        )
    table = checked_columns(table, kind, str(path))
    # as it stands in the file, whatever pandas wrote of an index beside it
    return table.to_pandas(ignore_metadata=True), metadata


def read_schema(path: Address | Place) -> pa.Schema:
    """The columns of a Parquet file with their types and its metadata; no rows are read.

    Raises:
        AddressError: the address cannot be reached, or there is no such file.
        OSError: there is no such file of this machine.
        pa.ArrowInvalid: it is not Parquet.
    """
    with opened_file(located(path)) as file:
        return pq.read_schema(file)


def read_column(path: Address | Place, name: str) -> pa.ChunkedArray:
    """One column of a Parquet file; no other is read.

    Raises:
        AddressError: the address cannot be reached, or there is no such file.
        OSError: there is no such file of this machine.
        pa.ArrowInvalid: it is not Parquet.
    """
    with opened_file(located(path)) as file:
        return pq.read_table(file, columns=[name])[name]


def hashes(values: "pd.Series[Any]") -> NDArray[np.uint64]:
    """A number a cell, uint64 (N,): the same for equal cells, in every process; in little memory for any N."""
    parts = [values.iloc[first : first + HASHED] for first in range(0, len(values), HASHED)]
    return np.concatenate([pd.util.hash_pandas_object(part, index=False).to_numpy(np.uint64) for part in parts])
