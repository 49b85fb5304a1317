"""Cells of a table as numbers, seconds and names."""

import datetime
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.errors import InputError
from sceneproof.tabular.reading import Sheet, is_nothing

Numbers = NDArray[np.float64]
PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
COMMA = re.compile(r"[-+]?\d*,\d+")
THOUSANDS_COMMA = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")
THOUSANDS_POINT = re.compile(r"[-+]?\d{1,3}(\.\d{3})+,\d+")
CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")
TIMECODE = re.compile(r"\d+:\d+:\d+[:;]\d+")


def numbers(sheet: Sheet, column: str) -> Numbers:
    """A column of numbers, float64 (N,); NaN where a cell is empty.

    Raises:
        InputError: a cell that is no finite number; names the line.
    """
    return _each(sheet, column, lambda value: _number(value, sheet.decimal_comma), "a number")


def seconds(sheet: Sheet, column: str) -> Numbers:
    """A column of times in seconds, or of clock times, float64 (N,); NaN where a cell is empty.

    Raises:
        InputError: a cell that is no time; names the line.
    """
    scale = 0.001 if re.search(r"(^|[_\s-])(ms|msec|milliseconds)$", column, re.IGNORECASE) else 1.0
    times = _each(sheet, column, lambda value: _seconds(value, sheet.decimal_comma), "seconds or a time such as 1:02.5")
    return times * scale


def names(sheet: Sheet, column: str, *, what: str, needed: bool = True) -> list[str | None]:
    """A column of names, in the Unicode form NFC, whole numbers without a point; None where a cell is empty.

    Raises:
        InputError: an empty cell, where it is needed; names the line.
    """
    texts: list[str | None] = []
    for row, value in enumerate(sheet.rows[column]):
        missing = value is None or (pd.api.types.is_scalar(value) and pd.isna(value))
        if not missing and not pd.api.types.is_scalar(value):
            raise InputError(f"{sheet.where(row)}: the {what} (column {column!r}) is {value!r:.40}, not a name")
        text = "" if missing else str(int(value) if isinstance(value, float) and value % 1 == 0 else value)
        text = unicodedata.normalize("NFC", " ".join(text.split()))
        if not text and needed:
            raise InputError(f"{sheet.where(row)}: no {what} (column {column!r}): fill it in, or leave the row out")
        texts.append(text or None)
    return texts


def four(sheet: Sheet, column: str) -> Numbers:
    """A column with four numbers a cell, in a list or in a text with brackets or without; float64 (N, 4), NaN if empty.

    Raises:
        InputError: a cell that does not hold four numbers; names the line.
    """
    numbers = np.full((len(sheet.rows), 4), np.nan)
    for row, value in enumerate(sheet.rows[column]):
        if isinstance(value, str):
            value = re.split(r"[\s,;]+", value.strip(" ()[]{}")) if not is_nothing(value) else []
        elif is_nothing(value):
            value = []
        try:
            cells = [float(cell) for cell in value]
        except (TypeError, ValueError):
            cells = [np.nan]
        if not len(cells):
            continue
        if len(cells) != 4 or not np.isfinite(cells).all():
            raise InputError(
                f"{sheet.where(row)}: the box (column {column!r}) is {sheet.rows[column].iat[row]!r:.60}, where four "
                f"numbers are needed, such as [10, 20, 50, 90]"
            )
        numbers[row] = cells
    return numbers


def _each(sheet: Sheet, column: str, read: Callable[[Any], float], needs: str) -> Numbers:
    values = sheet.rows[column]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        bad = np.flatnonzero(np.isinf(numbers))
    else:
        numbers, bad = np.full(len(values), np.nan), np.zeros(0, np.int64)
        for row, value in enumerate(values):
            if not is_nothing(value):
                numbers[row] = read(value)
                if not np.isfinite(numbers[row]):
                    bad = np.array([row])
                    break
    if len(bad):
        value = values.iat[int(bad[0])]
        raise InputError(
            f"{sheet.where(int(bad[0]))}: {column!r} is {value!r:.60}, where {needs} is needed{_hint(value)}"
        )
    return numbers


def _number(value: Any, decimal_comma: bool) -> float:
    """A cell as a number, NaN where it is none."""
    if isinstance(value, bool | np.bool_):
        return np.nan
    if not isinstance(value, str):
        try:
            return float(value)
        except (TypeError, ValueError):
            return np.nan
    text = value.replace("\N{NO-BREAK SPACE}", "").replace("\N{MINUS SIGN}", "-").strip()
    if THOUSANDS_POINT.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    elif COMMA.fullmatch(text) and (decimal_comma or not THOUSANDS_COMMA.fullmatch(text)):
        text = text.replace(",", ".")
    elif THOUSANDS_COMMA.fullmatch(text) and "." in text:
        text = text.replace(",", "")
    return float(text) if PLAIN.fullmatch(text) else np.nan


def _seconds(value: Any, decimal_comma: bool) -> float:
    if isinstance(value, pd.Timedelta | datetime.timedelta):
        return float(value.total_seconds())
    if isinstance(value, np.timedelta64):
        return float(value / np.timedelta64(1, "ns")) / 1e9
    if isinstance(value, datetime.time):
        return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
    if not isinstance(value, str):
        return _number(value, decimal_comma)
    text = re.sub(r"\s*(s|sec|seconds)$", "", value.strip())
    clock = CLOCK.fullmatch(text)
    if clock is None:
        return _number(text, decimal_comma)
    hours, minutes, rest = int(clock[1] or 0), int(clock[2]), float(clock[3].replace(",", "."))
    if rest >= 60 or (clock[1] is not None and minutes >= 60):
        return np.nan
    return 3600 * hours + 60 * minutes + rest


def _hint(value: Any) -> str:
    if isinstance(value, str) and TIMECODE.fullmatch(value.strip()):
        return ": a time code with frames at its end: write the seconds with a point, 00:01:02.5"
    if isinstance(value, str) and THOUSANDS_COMMA.fullmatch(value.strip()):
        return f": is it {value.replace(',', '.', 1)} or {value.replace(',', '')}? write it in one of these ways"
    return ""
