"""Names in charts, which are never cut: what all of them end with is said once, and what is too wide is wrapped."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

SIZE, SMALL = 10, 9  # points
ROOM = 120.0
"""Points: what the names of rows may take of a chart's width."""


@dataclass(frozen=True)
class Names:
    """Names as a chart shows them.

    Attributes:
        shown: each without what all have in common, wrapped to the room.
        common: a sentence on what was left out, or "".
    """

    shown: list[str]
    common: str = ""

    @classmethod
    def fitting(cls, names: Sequence[str], room: float = ROOM, size: float = SIZE) -> "Names":
        """Names for a place that is `room` points wide, in type of `size` points."""
        start, end = _common(names) if any(width(name, size) > room for name in names) else ("", "")
        left = [name[len(start) : len(name) - len(end)] for name in names]
        parts = [*([f"begins with “{start}”"] if start else []), *([f"ends in “{end}”"] if end else [])]
        return cls([wrapped(name, room, size) for name in left], f"Each {' and '.join(parts)}." if parts else "")

    @property
    def lines(self) -> int:
        """Of the name with the most of them."""
        return max((name.count("\n") + 1 for name in self.shown), default=1)


def width(text: str, size: float = SIZE) -> float:
    """How wide a text is, in points, in a font that is no narrower than those of browsers."""
    return max(
        float(text_to_path.get_text_width_height_descent(line, FontProperties(size=size), ismath=False)[0])
        for line in text.split("\n")
    )


def wrapped(text: str, room: float, size: float = SIZE) -> str:
    """A text in lines of at most so many points: broken behind spaces, hyphens and underscores, else where it must."""
    lines = [""]
    for piece in re.findall(r"[^\s\-_./]*[\s\-_./]?", text):
        if lines[-1] and width((lines[-1] + piece).rstrip(), size) > room:
            lines.append("")
        while width(piece.rstrip(), size) > room and len(piece) > 1:
            fit = next(n for n in range(len(piece) - 1, 0, -1) if n == 1 or width(lines[-1] + piece[:n], size) <= room)
            lines[-1] += piece[:fit]
            piece = piece[fit:]
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines if line.strip())


def plain_text(name: str) -> str:
    """A name as matplotlib draws it literally: a dollar sign would start mathematics."""
    return name.replace("$", r"\$")


def _common(names: Sequence[str]) -> tuple[str, str]:
    """What all of several different names begin with and end in, up to a separator; "" where that is nothing."""
    if len(set(names)) < 2:
        return "", ""
    heads = [re.findall(r"[^\-_ ./]+[\-_ ./]+", name) for name in names]
    tails = [re.findall(r"[\-_ ./]+[^\-_ ./]+", name)[::-1] for name in names]
    start, end = "".join(_shared(heads)), "".join(_shared(tails)[::-1])
    return (start, end) if len(start) + len(end) < min(map(len, names)) else (start, "")


def _shared(parts: Sequence[Sequence[str]]) -> list[str]:
    """The first parts that all lists share."""
    return [same[0] for same in takewhile(lambda same: len(set(same)) == 1, zip(*parts, strict=False))]
