"""The kit's charts: matplotlib's SVG, put inline so that it takes the page's ink, in the dark and in print too."""

import io
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.bootstrap import Interval
from sceneproof.pages.names import SIZE, SMALL, Names, plain_text, width, wrapped

# matplotlib knows no CSS: these colours stand for the page's own, which replace them in the SVG
INK, MUTED, LINE, PAPER = "#010101", "#020202", "#030303", "#040404"
SERIES = ("#050501", "#050502", "#050503", "#050504", "#050505", "#050506")
CSS = {INK: "currentColor", MUTED: "var(--muted)", LINE: "var(--line)", PAPER: "var(--paper)"}
CSS |= {colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, 1)}
DASHES = ("-", "--", ":", "-.", (0, (1, 1)), (0, (6, 1, 1, 1, 1, 1)))  # told apart without colour
MARKERS = ("o", "D", "s", "^", "v", "P")
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "--")
WIDTH = 4.4  # inches: text stays legible when a phone shows the figure at its own width
LINE_HEIGHT = 1.25 * SIZE / 72  # inches

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": SIZE,
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


def points(
    rows: Sequence[str],
    series: Mapping[str, Sequence[Interval | None]],
    *,
    name: str,
    text: str,
    label: str,
    line: float,
    line_name: str = "",
    limits: tuple[float, float] | None = None,
    apart: bool = False,
) -> Markup:
    """Shares with their intervals, in percent: a row a name, a marker a series.

    Args:
        rows: names, from top to bottom.
        series: by name, one interval a row; None: there is none.
        name: of the drawing, unique on its page.
        text: what it shows, for those who do not see it.
        label: below the axis.
        line: where a line is drawn, in percent.
        line_name: of that line, for the legend.
        limits: of the axis, in percent.
        apart: markers of one row one above the other.
    """
    names = Names.fitting(rows)
    pitch = max(0.42 if len(rows) <= 12 else 0.28, LINE_HEIGHT * names.lines + 0.08)
    with drawn(0.9 + pitch * len(rows)) as (figure, axes):
        for number, (on, intervals) in enumerate(series.items()):
            shift = 0.13 * (2 * number - len(series) + 1) if apart else 0.0
            for row, interval in enumerate(intervals):
                if interval is not None:
                    _marker(axes, interval, row + shift, number)
            if on:
                axes.plot([], [], marker=MARKERS[number], color=SERIES[number], linestyle="none", label=plain_text(on),
                          markerfacecolor=SERIES[number] if number == 0 else PAPER)  # fmt: skip
        dotted = ":" if line_name else "-"
        axes.axvline(line, color=MUTED, linestyle=dotted, linewidth=1, zorder=0, label=line_name or None)
        name_rows(axes, names)
        if limits is not None:
            axes.set_xlim(*limits)
        _label(figure, axes, label, names)
        legend(figure, axes.get_legend_handles_labels()[0])
        return svg(figure, name, text)


def _marker(axes: Axes, interval: Interval, row: float, number: int) -> None:
    ends = np.maximum([[interval.value - interval.low], [interval.high - interval.value]], 0)
    axes.errorbar(
        100 * interval.value, row, xerr=100 * ends, color=SERIES[number], marker=MARKERS[number], markersize=6,
        markerfacecolor=SERIES[number] if number == 0 else PAPER, capsize=3, linestyle="none",
    )  # fmt: skip


def bars(rows: Sequence[str], parts: Mapping[str, Sequence[float]], *, label: str, name: str, text: str) -> Markup:
    """Stacked bars, a row a name; told apart without colour, too.

    Args:
        rows: names, from top to bottom.
        parts: by name, at most six, a share from 0 to 1 a row.
        label: below the axis.
        name: of the drawing, unique on its page.
        text: what it shows, for those who do not see it.
    """
    names = Names.fitting(rows)
    pitch = max(0.42, LINE_HEIGHT * names.lines + 0.12)
    with drawn(1.1 + pitch * len(rows)) as (figure, axes):
        left = np.zeros(len(rows))
        for place, (part, shares) in enumerate(parts.items()):
            values = 100 * np.asarray(shares, np.float64)
            axes.barh(
                np.arange(len(rows)), values, 0.62, left, color=SERIES[place], edgecolor=PAPER, linewidth=0.6,
                hatch=HATCHES[place], label=plain_text(part),
            )  # fmt: skip
            left = left + values
        name_rows(axes, names)
        axes.set_xlim(0, 100)
        _label(figure, axes, label, names)
        legend(figure, axes.get_legend_handles_labels()[0])
        return svg(figure, name, text)


def lines(
    series: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    label: str,
    side: str = "",
    name: str,
    text: str,
    from_zero: bool = False,
    counts: Sequence[int] = (),
    height: float = 2.4,
) -> Markup:
    """Lines, told apart without colour, too.

    Args:
        series: by name, places (N,) and heights (N,).
        label: below the axis.
        side: beside the axis.
        name: of the drawing, unique on its page.
        text: what it shows, for those who do not see it.
        from_zero: begin the heights at 0.
        counts: the places, on a logarithmic axis; else whole numbers are marked where all are.
        height: of the drawing without its legend, inches.
    """
    with drawn(height) as (figure, axes):
        for place, (line_name, (x, y)) in enumerate(series.items()):
            turn = place + place // len(SERIES)  # so that 36 series differ
            axes.plot(
                x, y, color=SERIES[place % len(SERIES)], linestyle=DASHES[turn % len(DASHES)], markersize=4,
                marker=MARKERS[turn % len(MARKERS)], markevery=max(1, len(np.asarray(x)) // 6), linewidth=1.6,
                label=plain_text(line_name),
            )  # fmt: skip
        if from_zero:
            axes.set_ylim(0, 1.08 * axes.dataLim.ymax or 1)
        if counts:
            axes.set_xscale("log")
            axes.set_xticks(counts, [str(count) for count in counts])
            axes.xaxis.set_minor_locator(NullLocator())
        elif all(np.issubdtype(np.asarray(x).dtype, np.integer) for x, _ in series.values()):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(linewidth=0.6)
        _label(figure, axes, label)
        axes.set_ylabel(side)
        legend(figure, axes.get_legend_handles_labels()[0])
        return svg(figure, name, text)


def scatter(
    spots: Mapping[str, tuple[float, float]],
    *,
    frontier: Sequence[str],
    marked: str = "",
    apart: Container[str] = (),
    label: str,
    side: str,
    name: str,
    text: str,
) -> Markup:
    """Shares against shares, in percent; names stand in a column at the right, as near to their heights as can be.

    Args:
        spots: by name, (x, y) from 0 to 1.
        frontier: names that a line joins, from right to left.
        marked: the one that is drawn filled.
        apart: those that are drawn as squares, for scale.
        label: below the axis.
        side: beside the axis.
        name: of the drawing, unique on its page.
        text: what it shows, for those who do not see it.
    """
    order = sorted(spots, key=lambda spot: spots[spot][1])
    with drawn(max(3.2, 0.9 + 0.19 * len(order))) as (figure, axes):
        xs, ys = (np.array([100 * spots[spot][axis] for spot in order]) for axis in (0, 1))
        line = np.array([[100 * share for share in spots[spot]] for spot in frontier]).reshape(-1, 2)
        axes.plot(line[:, 0], line[:, 1], color=SERIES[1], linewidth=1.6, zorder=1)
        margin = 0.06 * max(float(np.ptp(ys)), 1.0)
        axes.set_ylim(float(ys.min()) - margin, float(ys.max()) + margin)
        low, high = axes.get_ylim()
        heights = _apart((ys - low) / (high - low), min(0.065, 0.96 / max(len(order) - 1, 1)))
        leader = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.5, "shrinkA": 1, "shrinkB": 3, "relpos": (0, 0.5)}
        for spot, x, y, height in zip(order, xs, ys, heights, strict=True):
            axes.annotate(
                plain_text(spot), (x, y), (1.06, height), xycoords="data", textcoords="axes fraction", va="center",
                fontsize=SMALL, annotation_clip=False,
                arrowprops=leader,
            )  # fmt: skip
            shape, color = ("s", MUTED) if spot in apart else ("o", SERIES[0])
            axes.plot(x, y, shape, color=color, markersize=6, markerfacecolor=color if spot == marked else PAPER)
        axes.grid(linewidth=0.6)
        _label(figure, axes, label)
        axes.set_ylabel(side)
        return svg(figure, name, text)


def _apart(heights: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """Heights (N,), from 0 to 1 and ascending, moved as little as need be for this gap between neighbours."""
    places = heights.copy()
    for number in range(1, len(places)):
        places[number] = max(places[number], places[number - 1] + gap)
    ceilings = 0.99 - gap * np.arange(len(places))[::-1]
    return np.asarray(np.minimum(places, ceilings), np.float64)


def histogram(shares: ArrayLike, *, label: str, side: str, name: str, text: str, line: float | None = None) -> Markup:
    """How many have which share, from 0 to 1; with a line at a share."""
    with drawn(2.4) as (figure, axes):
        axes.hist(100 * np.asarray(shares), bins=np.linspace(0, 100, 21).tolist(), color=SERIES[0], rwidth=0.9)
        if line is not None:
            axes.axvline(100 * line, color=INK, linestyle="--", linewidth=1.2)
        axes.set_xlim(0, 100)
        _label(figure, axes, label)
        axes.set_ylabel(side)
        axes.grid(axis="y", linewidth=0.6)
        return svg(figure, name, text)


@contextmanager
def drawn(height: float, style: Mapping[Any, Any] = STYLE) -> Iterator[tuple[Figure, Axes]]:
    """A figure of the page's width and this height, in inches, to draw in."""
    with mpl.rc_context(dict(style)):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        axes.set_axisbelow(True)
        yield figure, axes


def name_rows(axes: Axes, names: Names) -> None:
    """Names the rows of a drawing, the first on top."""
    axes.set_yticks(range(len(names.shown)), [plain_text(name) for name in names.shown])
    axes.set_ylim(max(len(names.shown), 1) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", linewidth=0.6)
    axes.spines["left"].set_visible(False)


def legend(figure: Figure, handles: Sequence[Any]) -> None:
    """Puts what has a label above the drawing, in as many columns as there is room for; what marks chance last."""
    if not handles:
        return
    handles = sorted(handles, key=lambda handle: handle.get_label() == "chance")
    room = 72 * figure.get_figwidth() - 20
    names = Names.fitting([handle.get_label().replace(r"\$", "$") for handle in handles], room - 34, SMALL)
    needs = [width(name, SMALL) + 45 for name in names.shown]
    columns = next(n for n in (3, 2, 1) if n == 1 or _columns_fit(needs, n, room))
    rows = -(-len(handles) // columns) * names.lines
    figure.set_figheight(figure.get_figheight() + 0.18 * (rows - 1))
    figure.legend(
        handles, [plain_text(name) for name in names.shown], loc="outside upper left", ncols=columns, frameon=False,
        fontsize=SMALL, title=names.common or None, title_fontsize=SMALL - 1, alignment="left",
    )  # fmt: skip


def _columns_fit(needs: Sequence[float], columns: int, room: float) -> bool:
    """Whether a legend's entries, so wide, fit in columns that are filled one after the other."""
    rows = -(-len(needs) // columns)
    return sum(max(needs[start : start + rows]) for start in range(0, len(needs), rows)) <= room


def _label(figure: Figure, axes: Axes, label: str, names: Names | None = None) -> None:
    """What is below the axis, in as many lines as it takes, and what the names of the rows have in common."""
    taken = max((width(name) for name in names.shown), default=0) if names is not None else 30
    text = wrapped(label, 72 * WIDTH - taken - 40)
    axes.set_xlabel(plain_text(text))
    lines_more = text.count("\n")
    if names is not None and names.common:
        common = wrapped(names.common, 72 * WIDTH - 20, SMALL)
        figure.supxlabel(plain_text(common), x=0.02, ha="left", fontsize=SMALL, color=MUTED)
        lines_more += common.count("\n") + 1
    figure.set_figheight(figure.get_figheight() + LINE_HEIGHT * lines_more)


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
