"""Parquet tables with a kind and metadata in their schema: the seams between the commands."""

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sceneproof.addresses import Address, Place, located, opened_file, size
from sceneproof.data.columns import checked_columns
from sceneproof.errors import InputError
from sceneproof.files import no_file, parse_json, whole
from sceneproof.seals import PARQUET_KEY, UNSEALED, check_parquet, seal_parquet

KEY = b"sceneproof"
TEXTS, LISTS = {"kind", "labeller", "detector", "model", "plan"}, {"names", "actions", "classes"}
"""What a table says of itself as text, and as a list of names."""
HASHED = 2**16  # cells that are hashed together: each becomes a Python object for the time


def write_table(path: Address | Place, frame: pd.DataFrame, kind: str, **metadata: Any) -> None:
    """Writes `frame` to Parquet, whole or not at all, with its `kind` and `metadata` (JSON values) in the schema."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    # pandas' own metadata is dropped: it names library versions, and the same table should give the same bytes
    table = table.replace_schema_metadata({KEY: json.dumps({"kind": kind, **metadata}, sort_keys=True).encode()})
    with sealed_writer(path, table.schema) as writer:
        writer.write_table(table)


@contextmanager
def sealed_writer(path: Address | Place, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Writes Parquet, whole or not at all, with a checksum of each page and a seal of the file; reading checks both."""
    with whole(path) as temporary:
        with pq.ParquetWriter(temporary, schema, compression="zstd", write_page_checksum=True) as writer:
            yield writer
            writer.add_key_value_metadata({PARQUET_KEY: UNSEALED})
        seal_parquet(temporary)


def checked_parquet(path: Address | Place) -> pa.Table:
    """A Parquet file whose seal, if it has one, and page checksums are as they were written.

    Raises:
        DamagedError: the file's bytes are not those that were sealed.
        AddressError: the address cannot be reached, or there is no such file.
        OSError: there is no such file of this machine, or a page is damaged.
        pa.ArrowInvalid: it is not Parquet.
    """
    path = located(path)
    with opened_file(path) as opened:
        # what comes over a network is fetched once, for both
        file: BinaryIO = opened if isinstance(path, Path) else io.BytesIO(opened.read())
        check_parquet(file, path)
        return pq.read_table(file, page_checksum_verification=True)


def read_table(path: Address | Place, kind: str, columns: Sequence[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Reads a table of this `kind` with at least these `columns`; returns it with its metadata.

    Raises:
        InputError: no such file, one that cannot be reached, damaged, not Parquet, a table of another kind, or a
            column that is missing or does not hold what it should; names the file, what it holds and what was wanted.
    """
    path = located(path)
    if size(path) is None:
        article = "an" if kind[0] in "aeiou" else "a"
        raise InputError(no_file(path, f"{article} {kind} table, in Parquet", inside=f"{kind}.parquet"))
    try:
        table = checked_parquet(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(why_unreadable(path, error)) from None
    metadata = said_of(table.schema, path)
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


def said_of(schema: pa.Schema, path: Address | Place) -> dict[str, Any]:
    """What a table says of itself: its kind and the metadata that it was written with; empty for others' tables.

    Raises:
        InputError: it is no JSON object, or says it in other types than our tables do; names the file and the key.
    """
    where = f"{path}: what its schema says under {KEY.decode()!r}"
    said: dict[str, Any] = parse_json((schema.metadata or {}).get(KEY, b"{}"), where, dict)
    for key in TEXTS & said.keys():
        if not isinstance(said[key], str):
            raise InputError(f"{where}: {key}: expected text, not {said[key]!r:.40}")
    for key in LISTS & said.keys():
        if not isinstance(said[key], list) or not all(isinstance(name, str) for name in said[key]):
            raise InputError(f"{where}: {key}: expected a list of texts, not {said[key]!r:.40}")
    return said


def why_unreadable(path: Address | Place, error: Exception) -> str:
    """What to say of a Parquet file that Arrow did not read: that two columns have one name, or its own words."""
    try:
        refuse_twins(read_schema(path).names, path)
    except InputError as twins:
        return str(twins)
    except (pa.ArrowInvalid, OSError):  # then it is no matter of columns
        pass
    if located(path).suffix.lower() in (".csv", ".tsv", ".txt"):
        return f"{path}: not a Parquet file, but text by its name: `sceneproof index table` makes a manifest of a table"
    return f"{path}: not a readable Parquet file: {error}"


def refuse_twins(names: Sequence[str], path: Address | Place) -> None:
    """Raises InputError where two columns of a table have one name: which is meant is not known."""
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InputError(f"{path}: two columns are called {name!r}: rename one of them, or leave it out")


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
        return pq.read_table(file, columns=[name], page_checksum_verification=True)[name]


def hashes(values: "pd.Series[Any]") -> NDArray[np.uint64]:
    """A number a cell, uint64 (N,): the same for equal cells, in every process; in little memory for any N."""
    parts = [values.iloc[first : first + HASHED] for first in range(0, len(values), HASHED)]
    return np.concatenate([pd.util.hash_pandas_object(part, index=False).to_numpy(np.uint64) for part in parts])
