"""What differs between two files that hold the same: texts and whole numbers to the letter, other numbers nearly."""

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

SEAL = "sceneproof.sha256"
"""What JSON files hold of themselves."""
EXACT = "SCENEPROOF_EXACT"
"""Set this variable to compare to the bit, on the machine that has made what is compared."""
NEARLY = 2e-4
"""How far apart two numbers may be, of the larger one or of 1. Processors and builds of PyTorch add up a convolution's
products in different orders and with or without fused multiply-adds: each layer of float32 adds errors of some 1e-7 of
its values, and the networks here have up to twenty. What a change of the code does to a figure is larger by far."""


def tolerance(nearly: float = NEARLY) -> float:
    """How far apart two numbers may be."""
    return 0.0 if os.environ.get(EXACT) else nearly


def differences(
    before: Any, now: Any, *, where: str = "", nearly: float = NEARLY, without: Sequence[str] = ()
) -> list[str]:
    """Says each place at which `now` is not what `before` was; what `now` has besides is no difference.

    Args:
        before: JSON values.
        now: likewise.
        where: the place that both are at.
        nearly: how far apart two numbers may be.
        without: keys to leave out, at any depth.
    """
    if isinstance(before, dict):
        if not isinstance(now, dict):
            return [f"{where}: {now!r:.60} in place of an object"]
        keys = [key for key in before if key not in without]
        parts = [(key, before[key], now[key]) for key in keys if key in now]
        lines = [f"{where}/{key}: gone" for key in keys if key not in now]
    elif isinstance(before, list):
        if not isinstance(now, list) or len(before) != len(now):
            return [f"{where}: {now!r:.60} in place of a list of {len(before)}"]
        lines = []
        parts = [(str(place), a, b) for place, (a, b) in enumerate(zip(before, now, strict=True))]
    else:
        return _value_differences(before, now, where, nearly)
    for key, old, new in parts:
        lines += differences(old, new, where=f"{where}/{key}", nearly=nearly, without=without)
    return lines


def _value_differences(before: Any, now: Any, where: str, nearly: float) -> list[str]:
    if isinstance(before, float) != isinstance(now, float) and _is_number(before) and _is_number(now):
        before, now = float(before), float(now)  # a column of CSV that holds whole numbers alone
    if isinstance(before, float) and isinstance(now, float):
        return [] if near(before, now, nearly) else [f"{where}: {before!r} before, {now!r} now"]
    same = type(before) is type(now) and before == now
    return [] if same else [f"{where}: {before!r:.60} before, {now!r:.60} now"]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def near(before: float, now: float, nearly: float = NEARLY) -> bool:
    """Whether two numbers are the same but for rounding."""
    if math.isnan(before) or math.isnan(now):
        return math.isnan(before) and math.isnan(now)
    return before == now or abs(before - now) <= tolerance(nearly) * max(abs(before), abs(now), 1.0)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet or CSV table as JSON has them, where nothing is known: None."""
    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    return [{str(name): _plain(value) for name, value in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return None if value is None or value is pd.NA or value != value else value


def table_differences(before: Path, now: Path, *, ordered: bool = True) -> list[str]:
    """Says where a table is not what it was; columns that are new are no difference.

    Args:
        before: Parquet or CSV.
        now: the same kind of file.
        ordered: whether rows must stand where they stood; else every row must have one like it.
    """
    old, new = read_rows(before), read_rows(now)
    if len(old) != len(new):
        return [f"{now.name}: {len(old)} rows before, {len(new)} now"]
    if ordered:
        return differences(old, new, where=now.name)
    return _unmatched(old, new, now.name)


def _unmatched(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]], name: str) -> list[str]:
    """The rows that no row is like. Rows of nearly the same score may change places between machines."""
    by_texts: dict[tuple[object, ...], list[dict[str, Any]]] = {}
    for row in new:
        by_texts.setdefault(_texts(row, old[0]), []).append(row)
    lines = []
    for number, row in enumerate(old):
        alike = by_texts.get(_texts(row, row), [])
        place = next((place for place, other in enumerate(alike) if not differences(row, other)), None)
        if place is None:
            lines.append(f"{name}/{number}: no row like {row}")
        else:
            del alike[place]
    return lines


def _texts(row: dict[str, Any], columns: dict[str, Any]) -> tuple[object, ...]:
    return tuple(value if isinstance(value, str) else None for name, value in row.items() if name in columns)


def json_differences(before: Path, now: Path, *, without: Sequence[str] = ()) -> list[str]:
    """Says where a JSON file is not what it was; what is new is no difference.

    Args:
        before: the file.
        now: likewise.
        without: keys to leave out, at any depth.
    """
    old, new = (json.loads(path.read_text()) for path in (before, now))
    return differences(old, new, where=now.name, without=[SEAL, *without])


def read_lines(path: Path) -> list[dict[str, float]]:
    """The lines of metrics.jsonl."""
    return [json.loads(line) for line in path.read_text().splitlines()]
