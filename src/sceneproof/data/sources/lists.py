"""Reading the lists that data sets are published with: a line that is not understood is named, never skipped."""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from sceneproof.errors import InputError

MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig", "UTF-8 with a byte order mark"),
    (b"\xff\xfe\x00\x00", "utf-32", "UTF-32"),
    (b"\x00\x00\xfe\xff", "utf-32", "UTF-32"),
    (b"\xff\xfe", "utf-16", "UTF-16"),
    (b"\xfe\xff", "utf-16", "UTF-16"),
)


def lines(path: Path, address: str) -> Iterator[tuple[int, str]]:
    """The lines of a list that hold something, stripped, with their numbers from 1.

    Args:
        path: the list.
        address: where it comes from, for who has not got it.

    Raises:
        InputError: no such file, or one that is not text.
    """
    for number, line in enumerate(_text(path, address).splitlines(), start=1):
        if line.strip():
            yield number, line.strip()


def table(path: Path, columns: Sequence[str], address: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with a header, with the number of the line that each ends on.

    Args:
        path: the file.
        columns: what it must have, and what every row must fill.
        address: where it comes from, for who has not got it.

    Raises:
        InputError: no such file, a missing column, or a row that lacks a field (names the line).
    """
    text = _text(path, address)
    rows = text.splitlines()
    above = next((number for number, line in enumerate(rows) if line.strip()), 0)
    reader = csv.DictReader(rows[above:], delimiter=_delimiter(text), skipinitialspace=True)
    reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
    missing = [name for name in columns if name not in (reader.fieldnames or [])]
    if missing:
        known = ", ".join(reader.fieldnames or [])
        raise InputError(f"{path}: line {above + 1}: no column {missing[0]!r}; the columns here are: {known}")
    for cells in reader:
        row = {name: cell.strip() if isinstance(cell, str) else cell for name, cell in cells.items()}
        if not any(row.values()):
            continue  # a blank line, as Excel writes it
        empty = [name for name in columns if not row[name]]
        if empty or None in row:
            what = f"no {empty[0]}" if empty else "more fields than the header"
            raise InputError(f"{path}: line {above + reader.line_num}: {what}: expected {','.join(columns)}")
        yield above + reader.line_num, row


def header(path: Path) -> list[str]:
    """The columns that a CSV file's first line names; none where it is no text."""
    try:
        first = decoded(path.read_bytes())[0].lstrip().partition("\n")[0]
    except UnicodeDecodeError:
        return []
    return [name.strip() for name in next(csv.reader([first], delimiter=_delimiter(first)), [])]


def number(text: str, where: str) -> float:
    """Seconds, or another number that cannot be below 0.

    Raises:
        InputError: anything else; begins with `where`.
    """
    try:
        value = float(re.sub(r"^(\d+),(\d+)$", r"\1.\2", text))  # as a decimal comma has it
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise InputError(f"{where}: {text!r} is not a number of 0 or more")
    return value


def once(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows without those whose `video` was listed before, and the ids that were listed more than once."""
    again = rows["video"].duplicated()
    return rows[~again].reset_index(drop=True), sorted(set(rows["video"][again]))


def decoded(raw: bytes) -> tuple[str, str]:
    """A file's text by its byte order mark, or by the zeros that UTF-16 has without one, else as UTF-8; and which.

    Raises:
        UnicodeDecodeError: it is none of these.
    """
    for mark, encoding, name in MARKS:
        if raw.startswith(mark):
            return raw.decode(encoding), name
    head = raw[:4096]
    if b"\x00" not in head:
        return raw.decode("utf-8"), "UTF-8"
    little = head[1::2].count(0) > head[::2].count(0)
    return raw.decode("utf-16-le" if little else "utf-16-be"), "UTF-16 without a byte order mark"


def _delimiter(text: str) -> str:
    """What a list's first line has most of: commas, or what Excel writes instead."""
    first = text.lstrip().partition("\n")[0]
    return max((",", ";", "\t"), key=first.count)


def _text(path: Path, address: str) -> str:
    try:
        text, _ = decoded(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise InputError(f"{path}: no such list: it comes from {address}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file: the list comes from {address}") from None
    if "\x00" in text:
        raise InputError(f"{path}: not a text file: the list comes from {address}")
    return text
