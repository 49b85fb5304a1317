"""Drawings: matplotlib's SVG, put inline so that they take the page's ink, in the dark and in print too."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# matplotlib knows no CSS: these colours stand for the page's own, which replace them in the SVG
INK, MUTED, LINE, PAPER = "#010101", "#020202", "#030303", "#040404"
SERIES = ("#050501", "#050502", "#050503", "#050504", "#050505", "#050506")
CSS = {INK: "currentColor", MUTED: "var(--muted)", LINE: "var(--line)", PAPER: "var(--paper)"}
CSS |= {colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, 1)}
DASHES = ("-", "--", ":", "-.", (0, (1, 1)), (0, (6, 1, 1, 1, 1, 1)))  # told apart without colour
MARKERS = ("o", "D", "s", "^", "v", "P")
WIDTH = 4.4  # inches: text stays legible when a phone shows the figure at its own width

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "grid.color": LINE,
}


@contextmanager
def drawn(height: float) -> Iterator[tuple[Figure, Axes]]:
    """A figure of the page's width and this height, in inches, to draw in."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure, figure.add_subplot()


def svg(figure: Figure, name: str, text: str) -> Markup:
    """The figure as inline SVG: labelled with `text`, ids made unique by `name`, colours handed to the page."""
    buffer = io.StringIO()
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawing = buffer.getvalue()
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing[drawing.index("<svg") :], flags=re.DOTALL)
    drawing = re.sub(r'(?<=[ "(])(id="|xlink:href="#|url\(#)', rf"\g<1>{name}-", drawing)
    for colour, value in CSS.items():
        drawing = drawing.replace(colour, value)
    label = f'<svg role="img" aria-label="{escape(text)}" '
    return Markup(drawing.replace("<svg ", label, 1))  # matplotlib escapes what it draws


def plain_text(name: str) -> str:
    """A name as matplotlib draws it literally: a dollar sign would start mathematics."""
    return name.replace("$", r"\$")
