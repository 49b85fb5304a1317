"""Reading the lists that data sets are published with: a line that is not understood is named, never skipped."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from sceneproof.errors import InputError


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
    reader = csv.DictReader(_text(path, address).splitlines())
    missing = [name for name in columns if name not in (reader.fieldnames or [])]
    if missing:
        raise InputError(
            f"{path}: line 1: no column {missing[0]!r}; the columns here are: {', '.join(reader.fieldnames or [])}"
        )
    for row in reader:
        empty = [name for name in columns if not row[name]]
        if empty or None in row:
            what = f"no {empty[0]}" if empty else "more fields than the header"
            raise InputError(f"{path}: line {reader.line_num}: {what}: expected {','.join(columns)}")
        yield reader.line_num, row


def header(path: Path) -> list[str]:
    """The columns that a CSV file's first line names."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return next(csv.reader([file.readline()]), [])


def number(text: str, where: str) -> float:
    """Seconds, or another number that cannot be below 0.

    Raises:
        InputError: anything else; begins with `where`.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise InputError(f"{where}: {text!r} is not a number of 0 or more")
    return value


def once(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows without those whose `video` was listed before, and the ids that were listed more than once."""
    again = rows["video"].duplicated()
    return rows[~again].reset_index(drop=True), sorted(set(rows["video"][again]))


def _text(path: Path, address: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such list: it comes from {address}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file: the list comes from {address}") from None
