"""The kit: the blocks that pages are made of, and how a declared list of sections becomes one HTML file."""

import base64
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

import sceneproof
from sceneproof.files import whole, write_json
from sceneproof.metrics.bootstrap import Interval

ABSENT = "–"
MADE_BY = f"Made by sceneproof {sceneproof.__version__}."


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

    kind: ClassVar = "table"
    caption: str
    header: list[str]
    rows: list[list[Cell]]
    note: str = ""
    narrow: bool = False

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers alone."""
        return [all(row[column].is_number for row in self.rows) for column in range(len(self.header))]


@dataclass(frozen=True)
class Note:
    """A paragraph in small print; a paragraph in usual print is a `str`."""

    kind: ClassVar = "note"
    text: str


@dataclass(frozen=True)
class Chart:
    """A drawing, as inline SVG, with a heading above and a caption below."""

    drawing: Markup
    caption: str = ""
    heading: str = ""


@dataclass(frozen=True)
class Charts:
    """Drawings side by side, as many as the window is wide."""

    kind: ClassVar = "charts"
    charts: Sequence[Chart]


@dataclass(frozen=True)
class SideBySide:
    """Tables beside each other, where the window is wide enough."""

    kind: ClassVar = "tables"
    tables: Sequence[Table]


@dataclass(frozen=True)
class Line:
    """A line below a picture: `strong` words, whether an answer is right (None: it is no answer), and the text."""

    text: str = ""
    strong: str = ""
    right: bool | None = None


@dataclass(frozen=True)
class Picture:
    """A picture as data URIs.

    Attributes:
        alt: what it shows, in words.
        held: a picture that stands still, for print and for readers who want that.
        width: in pixels.
        height: likewise.
        lines: what is said below it.
        moving: the picture that moves; "" where there is none.
    """

    alt: str
    held: str
    width: int
    height: int
    lines: Sequence[Line] = ()
    moving: str = ""


@dataclass(frozen=True)
class Card:
    """A clip.

    Attributes:
        title: its heading, and `asides`, in small print beside it.
        pictures: of it.
        problem: why it cannot be shown; "" where it can.
        facts: a sentence below the pictures.
        bars: names with shares from 0 to 1, drawn as bars called `bars_name`.
        charts: below the pictures.
    """

    title: str
    asides: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    problem: str = ""
    facts: str = ""
    bars: Sequence[tuple[str, float]] = ()
    bars_name: str = ""
    charts: Sequence[Chart] = ()


@dataclass(frozen=True)
class Clips:
    """Clips one after the other.

    Attributes:
        cards: the clips.
        across: how many of a clip's pictures stand side by side; or how wide each is at least, such as "9rem".
        wide: one clip a row, else two where the window is wide enough.
        hold: offer a box that holds moving pictures still; once on a page.
    """

    kind: ClassVar = "clips"
    cards: Sequence[Card]
    across: int | str = 3
    wide: bool = False
    hold: bool = False

    @property
    def columns(self) -> str:
        """Their columns in CSS."""
        if isinstance(self.across, int):
            return f"repeat({self.across}, 1fr)"
        return f"repeat(auto-fill, minmax(min(100%, {self.across}), 1fr))"


@dataclass(frozen=True)
class Listing:
    """A list of sentences."""

    kind: ClassVar = "listing"
    items: Sequence[str]


@dataclass(frozen=True)
class Commands:
    """Commands to type, each with what it does."""

    kind: ClassVar = "commands"
    commands: Sequence[tuple[str, str]]


Block: TypeAlias = str | Note | Table | Charts | SideBySide | Clips | Listing | Commands


class Section:
    """A part of a page: its place in the address and in the contents, its heading, and its blocks; None is no block."""

    def __init__(self, name: str, heading: str, *blocks: Block | None) -> None:
        self.name, self.heading = name, heading
        self.blocks = [block for block in blocks if block is not None and block != ""]

    @property
    def title(self) -> str:
        """Its name in the table of contents."""
        return self.name.replace("-", " ").capitalize()


@dataclass(frozen=True)
class Page:
    """A page that stands alone.

    Attributes:
        title: its heading.
        headline: sentences, the most important first.
        sections: its parts.
        notes: in small print below the headline.
        sortable: whether its tables sort by a click; then it has a script, the only one that it lets run.
    """

    title: str
    headline: Sequence[str]
    sections: Sequence[Section]
    notes: Sequence[str] = field(default=())
    sortable: bool = False

    @cached_property
    def script(self) -> str:
        """What sorts tables, or ""."""
        return _file("sort.js") if self.sortable else ""

    @property
    def policy(self) -> str:
        """What the page may load and run: nothing but what is in it."""
        digest = base64.b64encode(hashlib.sha256(self.script.encode()).digest()).decode()
        scripts = f"; script-src 'sha256-{digest}'" if self.script else ""
        return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'{scripts}"

    def html(self) -> str:
        """The page as HTML; all that comes from outside is escaped."""
        values = {"page": self, "version": sceneproof.__version__, "css": Markup(_file("page.css"))}
        return fill("page.html.j2", **values, script=Markup(self.script), policy=Markup(self.policy))

    def write(
        self, path: Path, value: Mapping[str, Any] | None = None, lines: str | None = None, *, sealed: bool = False
    ) -> None:
        """Writes the page and, where given, its figures beside it; each file whole or not at all.

        Args:
            path: of the page.
            value: the figures for a JSON file; what is not finite becomes null.
            lines: the figures as the lines of a CSV file.
            sealed: the JSON with its own SHA-256.
        """
        html = self.html()
        if value is not None:
            write_json(path.with_suffix(".json"), _finite(value), sealed=sealed)
        for suffix, text in ((".csv", lines), (path.suffix, html)):
            if text is not None:
                with whole(path.with_suffix(suffix)) as temporary:
                    temporary.write_text(text, encoding="utf-8")


def fill(template: str, **values: Any) -> str:
    """A template of this package with its values, all of them escaped but what is `Markup`.

    Raises:
        jinja2.UndefinedError: a value that the template shows is missing.
    """
    environment = Environment(
        loader=PackageLoader("sceneproof.pages", "."), autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["percent"] = percent
    return environment.get_template(template).render(**values)


def percent(share: float, digits: int = 1) -> str:
    """'62.7 %', with a space at which no line breaks."""
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%" if math.isfinite(share) else ABSENT


def points(difference: float) -> str:
    """A signed difference of shares in percentage points, '+5.4' or '−0.3'."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def between(interval: Interval) -> str:
    """The ends of an interval in percentage points, '3.1 to 7.7'."""
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}".replace("-", "−")


def _file(name: str) -> str:
    return files("sceneproof.pages").joinpath(name).read_text(encoding="utf-8")


def _finite(value: Any) -> Any:
    """The value with None for what JSON has no number for."""
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
