"""What the columns of each kind of table hold, checked when a table is read and before one is written.

A column of another type is refused with its name, the first row that is wrong, the value there and what to do, so that
no later step meets a text where it counts on a number. Columns that are not declared here are their owner's.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from numpy.typing import NDArray

from sceneproof.errors import InputError
from sceneproof.wording import counted

Values: TypeAlias = pa.ChunkedArray
Holds = Literal["text", "label", "number", "whole", "numbers", "bytes"]
CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:[.,]\d+)?)")
SHOWN = 40  # characters of a value in a message


@dataclass(frozen=True)
class Column:
    """What a column holds.

    Attributes:
        holds: "label": text, or whole numbers that are read as text; "number": of any size; "whole": without a
            fraction; "numbers": a list a cell, all finite; "bytes": a file's.
        missing: whether cells may be missing (null, or NaN).
        least: of numbers.
        infinite: whether numbers may be infinite.
        unit: of numbers, for messages.
    """

    holds: Holds
    missing: bool = True
    least: float = -np.inf
    infinite: bool = False
    unit: str = ""

    @property
    def needs(self) -> str:
        """In words, for messages."""
        kinds = {"text": "text", "label": "text", "bytes": "the bytes of a file", "numbers": "a list of numbers"}
        number = "a whole number" if self.holds == "whole" else "a number"
        return kinds.get(self.holds, f"{number} of {self.unit}" if self.unit else number)


NAME, TEXT, LABEL = Column("text", missing=False), Column("text"), Column("label")
NUMBER, VECTOR = Column("number"), Column("numbers")
GIVEN = Column("number", missing=False)
SECONDS = Column("number", unit="seconds")
PIXELS = Column("number", infinite=True, unit="pixels")  # boxes are mended, or refused with all that is wrong
FRAME = Column("whole", missing=False, least=0, unit="frames")
COUNT = Column("whole", least=0)
_VIDEO = {"video": NAME, "split": NAME, "action": NAME, "scene": LABEL, "context": TEXT, "group": LABEL,
          "problem": TEXT}  # fmt: skip
_CORNERS = ("x1", "y1", "x2", "y2")
_ANSWERS = {
    **_VIDEO, "variant": NAME, "scores": VECTOR, "features": VECTOR, "outline": VECTOR, "background": TEXT,
    "background_action": TEXT, "background_scene": LABEL, "note": TEXT, "on_person": NUMBER, "person_area": NUMBER,
}  # fmt: skip
KINDS: Mapping[str, Mapping[str, Column]] = {
    "manifest": {
        **_VIDEO, "path": NAME, **dict.fromkeys(("start", "end"), Column("number", infinite=True, unit="seconds")),
        **dict.fromkeys(("width", "height", "frames", "flow_side"), COUNT),
        "rate": Column("number", least=0),
        "duration": SECONDS, "times": TEXT, "weight": Column("number", least=0),
    },
    "scenes": {"video": NAME, "probabilities": Column("numbers", missing=False)},
    "boxes": {
        "video": NAME, "frame": Column("number", infinite=True, unit="frames"), **dict.fromkeys(_CORNERS, PIXELS),
        "score": Column("number", infinite=True), "track": COUNT, "action": TEXT,
    },
    "masks": {"video": NAME, "frame": FRAME, "png": Column("bytes", missing=False)},
    "failures": {"video": NAME, "path": TEXT, "reason": TEXT},
    "predictions": {**_VIDEO, "scores": VECTOR, "scores_without_humans": VECTOR, "features": VECTOR},
    "detections": {"video": NAME, "split": NAME, "action": NAME, **dict.fromkeys(("start", "end", "score"), GIVEN)},
    "truth": {**_VIDEO, "start": SECONDS, "end": SECONDS, "duration": SECONDS},
    "found boxes": {
        "video": NAME, "split": NAME, "action": NAME, "frame": FRAME, **dict.fromkeys((*_CORNERS, "score"), GIVEN),
    },
    "found tubes": {
        "video": NAME, "split": NAME, "action": NAME, "frame": FRAME, "tube": Column("whole", missing=False),
        **dict.fromkeys((*_CORNERS, "score", "frame_score"), GIVEN),
    },
    "true boxes": {
        **_VIDEO, "track": NUMBER, "frame": Column("whole", missing=False, least=-1),
        **dict.fromkeys(_CORNERS, NUMBER),
    },
    "audit": _ANSWERS,
    "per video": {
        **dict.fromkeys(("world", "recipe", "on", "metric", "videos"), NAME), "seed": Column("whole", missing=False),
        "values": Column("numbers", missing=False),
    },
    "weights": {"video": NAME, "weight": Column("number", missing=False, least=0)},
    "figures": {
        **dict.fromkeys(("run", "recipe", "seed", "slice", "detail"), TEXT), "metric": NAME,
        **dict.fromkeys(("value", "low", "high"), Column("number", infinite=True)), "n": COUNT,
    },
}  # fmt: skip
"""Columns by kind of table; those that a table lacks are no matter here."""


def checked_columns(table: pa.Table, kind: str, source: str) -> pa.Table:
    """The table, its declared columns in types that pandas makes texts, floats and integers of.

    Raises:
        InputError: a column of another type, a cell that is missing, out of range or not UTF-8; names the table, the
            column, the row, the value and what to do.
    """
    for name, column in KINDS.get(kind, {}).items():
        if name in table.column_names:
            place = table.column_names.index(name)
            table = table.set_column(place, name, _checked(table.column(place), column, name, source))
    return table


def check_rows(rows: pd.DataFrame, kind: str, source: str) -> None:
    """`checked_columns` of a table in memory. Raises as it does."""
    for name, column in KINDS[kind].items():
        if name in rows:
            _checked(_arrow(rows[name], column, name, source), column, name, source)


def check_names(names: Iterable[str], what: str, source: str) -> list[str]:
    """Refuses names that look alike and are not equal, since each would be a class of its own.

    Args:
        names: each once.
        what: they are the names of: "action".
        source: what to call the table in messages.

    Returns:
        What may be wrong, a sentence each: names that differ in capitals or blanks alone.

    Raises:
        InputError: names that differ in their Unicode form alone.
    """
    forms: dict[str, str] = {}
    alike: dict[str, str] = {}
    warnings = []
    for name in names:
        form = unicodedata.normalize("NFC", name)
        other = forms.setdefault(form, name)
        if other != name:
            raise InputError(
                f"{source}: the {what}s {other!a} and {name!a} are both written {form!r}, and differ in "
                f"their Unicode form alone: write both in one form (Python: unicodedata.normalize('NFC', name))"
            )
        near = alike.setdefault(" ".join(form.casefold().split()), name)
        if near != name:
            warnings.append(
                f"{source}: the {what}s {near!r} and {name!r} differ in capitals or blanks alone, and count as two"
            )
    return warnings


def _checked(values: Values, column: Column, name: str, source: str) -> Values:
    values, said = _of_type(_plain(values), column, name, source), _said(name)
    if not column.missing:
        missing = pc.is_null(values, nan_is_null=True)
        _refuse(missing, values, f"{source}: {{row}}: {said} missing: fill it in, or leave the row out")
    if column.holds in ("text", "label"):
        _check_utf8(values, name, source)
        if not column.missing:
            blank = pc.equal(pc.utf8_trim_whitespace(values), "")
            nothing = f"{source}: {{row}}: {said} {{value}}, nothing that can be read"
            _refuse(blank, values, f"{nothing}: fill it in, or leave the row out")
    elif column.holds == "numbers":
        _check_lists(values, name, source)
    elif column.holds != "bytes":
        _check_numbers(values, column, name, source)
    return values


def _plain(values: Values) -> Values:
    """Without dictionaries and other wraps of the same values."""
    if isinstance(values.type, pa.BaseExtensionType):
        values = pa.chunked_array([chunk.storage for chunk in values.chunks], values.type.storage_type)
    if pt.is_dictionary(values.type):
        kind = values.type.value_type
        values = pa.chunked_array([chunk.dictionary_decode() for chunk in values.chunks], kind)
    return values


def _of_type(values: Values, column: Column, name: str, source: str) -> Values:
    """The column in a type that holds what it should."""
    kind = values.type
    if pt.is_null(kind):
        empty = {"numbers": pa.list_(pa.float64()), "bytes": pa.binary(), "text": pa.string(), "label": pa.string()}
        return values.cast(empty.get(column.holds, pa.float64()))
    match column.holds:
        case "text":
            fits = _is_text(kind)
        case "label":
            if _is_whole(values):
                return values.cast(pa.int64()).cast(pa.string())
            fits = _is_text(kind)
        case "bytes":
            fits = pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind)
        case "numbers":
            inside = kind.value_type if pt.is_nested(kind) and hasattr(kind, "value_type") else pa.null()
            fits = pt.is_integer(inside) or pt.is_floating(inside)
            fits |= pt.is_null(inside) and (pt.is_list(kind) or pt.is_large_list(kind))  # all lists are empty
        case _:
            if pt.is_decimal(kind):
                return values.cast(pa.float64())
            fits = pt.is_integer(kind) or pt.is_floating(kind)
    if not fits:
        _refuse_type(values, column, name, source)
    return values.cast(pa.string()) if pt.is_string_view(kind) else values  # which few functions of Arrow take


def _refuse_type(values: Values, column: Column, name: str, source: str) -> None:
    """Names the first cell that holds something: for a column of texts, the first that is no number."""
    held = np.flatnonzero(~np.asarray(pc.is_null(values)))
    row = int(held[0]) if len(held) else 0
    if column.holds in ("number", "whole") and _is_text(values.type):
        row = next((int(place) for place in held if not _is_number(str(values[int(place)]))), row)
    value = _value(values, row)
    if column.holds in ("text", "label"):
        raise InputError(
            f"{source}: row {row}: the {name} {value} is not text: write the column as text (pandas: read_csv(…, "
            f"dtype=str))"
        )
    raise InputError(
        f"{source}: row {row}: {_said(name)} {value} ({values.type}), where {column.needs} is needed: "
        f"{_cure(values, row, column)}"
    )


def _cure(values: Values, row: int, column: Column) -> str:
    """What to do about a cell of another type."""
    kind = values.type
    if column.holds in ("numbers", "bytes"):
        return f"every cell must be {column.needs}"
    if pt.is_temporal(kind):
        return "write seconds as numbers" if column.unit == "seconds" else "write plain numbers"
    if not _is_text(kind):
        return "write plain numbers"
    text = str(values[row]).strip()
    clock, commas = CLOCK.fullmatch(text), text.replace(",", ".")
    if clock and column.unit == "seconds":
        hours, minutes, seconds = (float((part or "0").replace(",", ".")) for part in clock.groups())
        cure = f"write seconds, here {3600 * hours + 60 * minutes + seconds:g}"
    elif "," in text and _is_number(commas):
        cure = f"write {commas}, with a point"
    elif _is_number(text):
        cure = "write the column as numbers (pandas: pd.to_numeric)"
    else:
        cure = "write plain numbers, and leave cells empty where there is none"
    return f"{cure}. `sceneproof index table` reads CSV files, clock times and decimal commas"


def _check_numbers(values: Values, column: Column, name: str, source: str) -> None:
    array = np.asarray(values.cast(pa.float64(), safe=False).fill_null(np.nan))
    where = f"{source}: {{row}}: {_said(name)} {{value}}"
    if not column.infinite:
        _refuse(np.isinf(array), values, f"{where}: write {column.needs} that is finite, or leave the cell empty")
    if column.holds == "whole":
        _refuse(np.isfinite(array) & (array % 1 != 0), values, f"{where}, where {column.needs} is needed")
    _refuse(array < column.least, values, f"{where}, where {column.least:g} is the least that can be")


def _check_lists(values: Values, name: str, source: str) -> None:
    """Every list is full of finite numbers."""
    first = 0
    for chunk in values.chunks:
        inside = np.asarray(chunk.flatten().cast(pa.float64(), safe=False).fill_null(np.nan))
        bad = np.flatnonzero(~np.isfinite(inside))
        if len(bad):
            lengths = np.asarray(pc.list_value_length(chunk).fill_null(0))
            row = int(np.searchsorted(np.cumsum(lengths), bad[0], side="right"))
            raise InputError(
                f"{source}: row {first + row}: the {name} with {inside[bad[0]]}: every value must be a finite number: "
                f"make the table again"
            )
        first += len(chunk)


def _check_utf8(values: Values, name: str, source: str) -> None:
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        for row, raw in enumerate(values.cast(pa.large_binary()).to_pylist()):
            text = (raw or b"").decode(errors="backslashreplace")
            if text.encode() != (raw or b""):
                raise InputError(
                    f"{source}: row {row}: the {name} {text[:SHOWN]!r} is not UTF-8: write it in UTF-8, or rename it"
                ) from None
        raise InputError(f"{source}: the column {name!r} is damaged: make the table again") from None


def _arrow(values: "pd.Series[Any]", column: Column, name: str, source: str) -> Values:
    """A column of pandas in Arrow."""
    try:
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeError):
        kinds = {"text": str, "label": (str, int), "bytes": bytes}.get(column.holds, (int, float, np.number))
        for row, value in enumerate(values):
            missing = pd.api.types.is_scalar(value) and pd.isna(value)
            if not missing and not isinstance(value, kinds):  # type: ignore[arg-type]  # a tuple of types
                raise InputError(
                    f"{source}: row {row}: the {name} {_short(value)} is not {column.needs}: write the whole column "
                    f"alike"
                ) from None
        raise InputError(f"{source}: the column {name!r} holds what no file can: {column.needs} is needed") from None
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _refuse(wrong: NDArray[np.bool_] | Values, values: Values, message: str) -> None:
    """Raises InputError for the first row that is wrong, with `{row}` and `{value}` filled in."""
    rows = np.flatnonzero(np.asarray(wrong.fill_null(False) if isinstance(wrong, pa.ChunkedArray) else wrong))
    if len(rows):
        row = int(rows[0])
        more = f" (and {counted(len(rows) - 1, 'more row')})" if len(rows) > 1 else ""
        raise InputError(message.replace("{row}", f"row {row}").replace("{value}", _value(values, row)) + more)


def _value(values: Values, row: int) -> str:
    if row >= len(values):
        return "nothing"
    try:
        return _short(values[row].as_py())
    except (ValueError, OverflowError):  # a date that Python has not, a text that is not UTF-8
        return _short(str(values[row]))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _said(name: str) -> str:
    """The start of a sentence on a cell of a column: 'the score is', 'the scores are'."""
    return f"the {name} {'are' if name.endswith('s') else 'is'}"


def _is_text(kind: pa.DataType) -> bool:
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def _is_whole(values: Values) -> bool:
    """Whether all are whole numbers: pandas keeps them as floats where one is missing."""
    if pt.is_floating(values.type):
        array = np.asarray(values.cast(pa.float64()).fill_null(np.nan))
        return bool((np.isnan(array) | (np.isfinite(array) & (array % 1 == 0) & (abs(array) < 2**53))).all())
    return bool(pt.is_integer(values.type))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
