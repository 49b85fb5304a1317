"""The time line of one video: a row an action, the scores of what was found as shade, what is true above it."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MultipleLocator
from numpy.typing import NDArray

from sceneproof.addresses import Address, Place
from sceneproof.files import whole
from sceneproof.pages.charts import (
    INK,
    LINE,
    LINE_HEIGHT,
    MUTED,
    PAPER,
    SERIES,
    STYLE,
    drawn,
    legend,
    name_rows,
    svg,
)
from sceneproof.pages.names import Names, plain_text

STEPS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
"""Seconds between two marks of the axis."""
SHADE, FAINTEST = SERIES[0], 0.1
PRINTED = {INK: "#1b1b1f", MUTED: "#5d5d68", LINE: "#dcd9d2", PAPER: "#fdfcfa", SHADE: "#0b5e8a"}
"""The page's colours by day, for pictures that stand alone."""
WIDE, DPI = 9.0, 150


@dataclass(frozen=True)
class TimeLine:
    """What a time line shows.

    Attributes:
        length: of the video, seconds.
        detected: action, start, end (seconds), score: one row a segment.
        true: the same without score; None where it is not known.
        rows: most actions that are shown: the true ones first, then those with the best scores.
    """

    length: float
    detected: pd.DataFrame
    true: pd.DataFrame | None = None
    rows: int = 12


def timeline_svg(line: TimeLine, name: str, text: str) -> Markup:
    """The time line for a page.

    Args:
        line: what to show.
        name: no other drawing of the page has it.
        text: what those hear who do not see it.
    """
    with drawn(1.0) as (figure, axes):
        _draw(line, figure, axes, {}, bins=500, marks=5)
        return svg(figure, name, text)


def write_timeline(path: Address | Place, line: TimeLine, *, title: str = "") -> None:
    """Writes the time line as a PNG picture, whole or not at all."""
    with drawn(1.0, {key: PRINTED.get(value, value) for key, value in STYLE.items()}) as (figure, axes):
        FigureCanvasAgg(figure)
        figure.set_figwidth(WIDE)
        figure.set_facecolor(PRINTED[PAPER])
        _draw(line, figure, axes, PRINTED, bins=1000, marks=8)
        axes.set_title(plain_text(title), loc="left", fontsize=10)
        with whole(path) as temporary:
            figure.savefig(temporary, format="png", dpi=DPI)


def shown_actions(line: TimeLine) -> tuple[list[str], int]:
    """The actions that have a row, and how many have none."""
    true = [] if line.true is None else line.true.sort_values("start")["action"].tolist()
    detected = line.detected.sort_values("score", ascending=False, kind="stable")["action"].tolist()
    actions = list(dict.fromkeys([*true, *detected]))
    return actions[: line.rows], max(len(actions) - line.rows, 0)


def profile(segments: pd.DataFrame, length: float, bins: int) -> NDArray[np.float64]:
    """The best score of any segment in each of `bins` equal parts of the video, 0 where there is none; (bins,).

    Every segment that begins within the video fills a part at least, so that none is too short to be seen.
    """
    best = np.zeros(bins)
    scores = segments["score"].to_numpy(np.float64) if "score" in segments else np.ones(len(segments))
    places = segments[["start", "end"]].to_numpy(np.float64) / length * bins
    first = np.clip(np.floor(places[:, 0] + 1e-9), 0, bins - 1).astype(np.int64)
    last = np.clip(np.ceil(places[:, 1] - 1e-9), first + 1, bins).astype(np.int64)
    for row in np.argsort(scores, kind="stable"):  # so that the best is painted over the others
        best[first[row] : last[row]] = scores[row]
    return best


def clock(seconds: float, length: float) -> str:
    """A time as the axis of a video of this length has it: 7.5, 12:30 or 1:02:00."""
    if length < 120:
        return f"{seconds:g}"
    minutes, rest = divmod(round(seconds), 60)
    if length < 3600:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _draw(line: TimeLine, figure: Figure, axes: Axes, colours: dict[str, str], *, bins: int, marks: int) -> None:
    actions, hidden = shown_actions(line)
    names = Names.fitting(actions)
    figure.set_figheight(1.0 + max(0.34, LINE_HEIGHT * names.lines + 0.06) * max(len(actions), 1))
    shade, ink = colours.get(SHADE, SHADE), colours.get(INK, INK)
    top = float(line.detected["score"].max()) if len(line.detected) else 0.0
    for row, action in enumerate(actions):
        detected = line.detected[line.detected["action"] == action]
        low, high = (row - 0.08, row + 0.38) if line.true is not None else (row - 0.32, row + 0.32)
        _bars(axes, profile(detected, line.length, bins), line.length, (low, high), shade, top)
        if line.true is not None:
            true = line.true[line.true["action"] == action]
            _bars(axes, profile(true, line.length, bins), line.length, (row - 0.34, row - 0.18), ink, 1.0)
    name_rows(axes, names)
    _time_axis(axes, line.length, marks)
    handles = [Patch(color=ink, label="true")] if line.true is not None else []
    handles.append(Patch(color=shade, label=f"found (darkest: score {top:.2f})" if top > 0 else "nothing found"))
    if hidden:
        note = f"{hidden} more actions" if hidden > 1 else "one more action"
        handles.append(Patch(alpha=0, label=f"and {note}, not shown"))
    legend(figure, handles)


def _bars(
    axes: Axes, best: NDArray[np.float64], length: float, ends: tuple[float, float], colour: str, top: float
) -> None:
    """Runs of one score as bars from `ends[0]` to `ends[1]`, opaque at the score `top`."""
    edges = np.flatnonzero(np.diff(best, prepend=np.nan, append=np.nan) != 0)
    for first, last in pairwise(edges.tolist()):
        if best[first] > 0:
            alpha = FAINTEST + (1 - FAINTEST) * best[first] / top
            place = (first / len(best) * length, (last - first) / len(best) * length)
            axes.broken_barh([place], (ends[0], ends[1] - ends[0]), color=colour, alpha=min(alpha, 1.0), linewidth=0)


def _time_axis(axes: Axes, length: float, marks: int) -> None:
    axes.set_xlim(0, length)
    step = next((step for step in STEPS if length / step <= marks), STEPS[-1])
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds, length)))
    axes.set_xlabel("time, s" if length < 120 else "time, min:s" if length < 3600 else "time, h:min:s")
