"""A file of rows as it comes from Excel, R, pandas or an editor, read as texts."""

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sceneproof.data.sources.lists import decoded
from sceneproof.data.tables import why_unreadable
from sceneproof.errors import InputError
from sceneproof.files import no_file
from sceneproof.wording import counted

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
TRIED = 50  # lines that a delimiter is chosen by
MOST = 2 * 1024**3  # bytes
OTHER = {
    b"PK\x03\x04": "an Excel or zip file: in Excel, save it as 'CSV UTF-8' or 'Unicode text'",
    b"\xd0\xcf\x11\xe0": "an old Excel file: in Excel, save it as 'CSV UTF-8' or 'Unicode text'",
    b"\x1f\x8b": "a gzip file: unpack it first",
    b"%PDF": "a PDF file",
}
NOTHING = {"", "na", "n/a", "nan", "null", "none", "nil", "-", "#n/a"}
"""Cells that hold nothing, in lower case, where a number or a time may stand."""


@dataclass(frozen=True)
class Sheet:
    """A table as it was brought.

    Attributes:
        name: the file.
        rows: N rows; cells of a text file are texts without blanks at their ends, or None where empty.
        lines: int64 (N,), where each row stands in the file: its line from 1, or its row from 0 in Parquet.
        place: what `lines` count: "line" or "row".
        decimal_comma: whether the file separates its columns by something else than commas, as Excel does where
            numbers are written 0,2.
        notes: how it was read.
    """

    name: str
    rows: pd.DataFrame
    lines: NDArray[np.int64]
    place: str
    decimal_comma: bool
    notes: list[str] = field(default_factory=list)

    def where(self, row: int) -> str:
        """A row, for messages."""
        return f"{self.name}: {self.place} {self.lines[row]}"

    def part(self, kept: NDArray[np.bool_]) -> "Sheet":
        """Some of the rows."""
        rows = self.rows[kept].reset_index(drop=True)
        return Sheet(self.name, rows, self.lines[kept], self.place, self.decimal_comma, self.notes)


def read_sheet(path: Path) -> Sheet:
    """Reads CSV (commas, semicolons, tabs or bars; UTF-8, UTF-16 or Windows' Western European) or Parquet.

    Raises:
        InputError: no such file, another format, no header or no rows, or a line with more cells than the header.
    """
    if not path.is_file():
        raise InputError(no_file(path, "a table: CSV, TSV or Parquet"))
    with path.open("rb") as file:
        head = file.read(8)
    for mark, what in OTHER.items():
        if head.startswith(mark):
            raise InputError(f"{path}: {what}; `index table` reads CSV, TSV and Parquet")
    sheet = _parquet(path) if head.startswith(b"PAR1") else _text(path)
    if not len(sheet.rows):
        raise InputError(f"{path}: a header, and no rows below it")
    return sheet


def _parquet(path: Path) -> Sheet:
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(why_unreadable(path, error)) from None
    rows = table.to_pandas(ignore_metadata=True)
    rows.columns = pd.Index([str(name) for name in rows.columns])
    rows = rows.astype({name: object for name in rows.columns if not pd.api.types.is_numeric_dtype(rows[name])})
    return Sheet(str(path), rows, np.arange(len(rows)), "row", False, [f"Parquet, {counted(len(rows), 'row')}"])


def _text(path: Path) -> Sheet:
    if path.stat().st_size > MOST:
        raise InputError(f"{path}: {path.stat().st_size:,} bytes of text: write such a table as Parquet")
    text, encoding = _decoded(path)
    delimiter, text, skipped = _delimiter(text, path)
    lines, cells = _cells(text, delimiter, path, skipped)
    if not cells:
        raise InputError(f"{path}: empty: a first line with the names of the columns is needed")
    header = [name.strip() for name in cells[0]]
    while header and not header[-1]:  # Excel leaves empty columns behind
        header.pop()
    _check_header(header, path)
    width = len(header)
    rows = []
    for line, row in zip(lines[1:], cells[1:], strict=True):
        if any(cell.strip() for cell in row[width:]):
            raise InputError(
                f"{path}: line {line}: {len(row)} cells, where the header has {width} columns ({DELIMITERS[delimiter]} "
                f"between them): put quotes round cells that hold a {delimiter!r}"
            )
        rows.append([cell.strip() or None for cell in row[:width]] + [None] * (width - len(row)))
    frame = pd.DataFrame(rows, columns=pd.Index(header), dtype=object)
    notes = [f"{encoding}, {DELIMITERS[delimiter]} between the columns, {counted(len(frame), 'row')}"]
    return Sheet(str(path), frame, np.array(lines[1:], np.int64), "line", delimiter != ",", notes)


def _decoded(path: Path) -> tuple[str, str]:
    """The file's text, and how it is encoded, in words."""
    raw = path.read_bytes()
    try:
        text, told = decoded(raw)
    except UnicodeDecodeError:
        text, told = raw.decode("cp1252", errors="replace"), "not UTF-8, so taken for Windows-1252 (look at accents)"
    if "\x00" in text:
        raise InputError(f"{path}: not a table of text: it holds zero bytes; expected CSV, TSV or Parquet")
    return text, told


def _delimiter(text: str, path: Path) -> tuple[str, str, int]:
    """What separates the columns, the text without Excel's line that says so, and how many lines that were."""
    said = re.match(r"sep=(.)\r?\n", text, re.IGNORECASE)
    if said and said[1] in DELIMITERS:
        return said[1], text[said.end() :], 1
    best, columns = ",", 1
    order = ["\t", ",", ";", "|"] if path.suffix.lower() in (".tsv", ".tab") else list(DELIMITERS)
    sample = "\n".join(line for line in text.splitlines()[: 2 * TRIED] if line.strip())
    for delimiter in order:
        try:
            rows = list(csv.reader(io.StringIO(sample), delimiter=delimiter))[:TRIED]
        except csv.Error:
            continue
        first = len(rows[0]) if rows else 0
        even = sum(len(row) == first for row in rows) >= 0.9 * len(rows)
        if even and first > columns:
            best, columns = delimiter, first
    return best, text, 0


def _cells(text: str, delimiter: str, path: Path, skipped: int) -> tuple[list[int], list[list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    lines, cells, first = [], [], 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                lines.append(first + skipped)
                cells.append(row)
            first = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}: line {first + skipped}: not CSV: {error}: is a quote not closed?") from None
    return lines, cells


def _check_header(header: list[str], path: Path) -> None:
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: line 1: two columns are called {twice!r}: rename or remove one")
    if any(re.fullmatch(r"[-+]?\d+([.,]\d+)?|.*\.(mp4|avi|mkv|mov|webm|mpg|mpeg)", name, re.I) for name in header):
        raise InputError(
            f"{path}: line 1: {', '.join(header)[:80]!r} looks like a row, not like names of columns: write a first "
            f"line such as: video,action,split"
        )


def is_nothing(value: Any) -> bool:
    """Whether a cell of a number or a time holds nothing."""
    if value is None or value is pd.NA:
        return True
    if isinstance(value, str):
        return value.strip().casefold() in NOTHING
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))
