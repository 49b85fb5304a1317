"""Parquet tables with a kind and metadata in their schema: the seams between the commands."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sceneproof.errors import InputError
from sceneproof.files import whole

KEY = b"sceneproof"


def write_table(path: str | Path, frame: pd.DataFrame, kind: str, **metadata: Any) -> None:
    """Writes `frame` to Parquet, whole or not at all, with its `kind` and `metadata` (JSON values) in the schema."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    # pandas' own metadata is dropped: it names library versions, and the same table should give the same bytes
    table = table.replace_schema_metadata({KEY: json.dumps({"kind": kind, **metadata}, sort_keys=True).encode()})
    with whole(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_table(path: str | Path, kind: str, columns: Sequence[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Reads a table of this `kind` with at least these `columns`; returns it with its metadata.

    Raises:
        InputError: no such file, not Parquet, a table of another kind, or a missing column; names the file, what it
            holds and what was wanted.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file (expected a {kind} table, in Parquet)")
    try:
        table = pq.read_table(path)
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
    return table.to_pandas(), metadata
