"""Damage: single bits of a file turned, at places spread over all of it."""

from collections.abc import Iterator
from pathlib import Path


def flipped(path: Path, *, count: int = 60) -> Iterator[int]:
    """Turns one bit after another of a file, near its ends and between, each alone; in the end it is as it was."""
    whole = path.read_bytes()
    middle = {len(whole) * step // count for step in range(count)}
    places = {*range(min(8, len(whole))), *middle, *range(max(len(whole) - 12, 0), len(whole))}
    try:
        for number, place in enumerate(sorted(places)):
            data = bytearray(whole)
            data[place] ^= 1 << (number * 3 + place) % 8
            path.write_bytes(data)
            yield place
    finally:
        path.write_bytes(whole)
