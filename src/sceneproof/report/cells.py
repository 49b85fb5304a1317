"""Tables as cells of text: the template only lays them out."""

import math
import re
from dataclasses import dataclass

ABSENT = "–"


@dataclass(frozen=True)
class Cell:
    """A cell: its text, a smaller `aside` after it, and how strongly it is shaded, 0 to 1."""

    text: str
    aside: str = ""
    shade: float | None = None
    strong: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it is to be aligned as a number; what is absent is."""
        return re.fullmatch(r"[+−]?[\d.,]+(\s?%)?|–|", self.text) is not None


@dataclass(frozen=True)
class Table:
    """A table with a caption; the first cell of each row is the row's heading.

    Attributes:
        narrow: whether the columns are many and alike, as in a heat map.
    """

    caption: str
    header: list[str]
    rows: list[list[Cell]]
    note: str = ""
    narrow: bool = False

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers alone."""
        return [all(row[column].is_number for row in self.rows) for column in range(len(self.header))]


def percent(share: float, digits: int = 1) -> str:
    """'62.7 %', with a space at which no line breaks."""
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%" if math.isfinite(share) else ABSENT


def clock(seconds: float) -> str:
    """Minutes, with hours where there are any, and seconds to a tenth: "1:02:03.4"."""
    minutes, rest = divmod(round(float(seconds), 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"
