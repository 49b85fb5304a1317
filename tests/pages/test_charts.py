"""Charts with few and many, short and long names: no label leaves its drawing, none covers another."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from sceneproof.metrics.bootstrap import Interval
from sceneproof.pages import charts, timeline
from sceneproof.pages.names import Names, width, wrapped
from sceneproof.pages.timeline import TimeLine, timeline_svg

ENDED = [f"method-{number}-as-in-the-paper-from-pretrained" for number in range(20)]
MIXED = [*(f"control-masked-augmentation-from-{number}-pretrained-models" for number in range(18)), "A" * 70, "plain"]
SHORT = [f"m{number}" for number in range(20)]
SERIES = ("in context", "out of context")


def points(names: Sequence[str]) -> None:
    intervals = [Interval(0.5, 0.4, 0.6)] * len(names)
    label = f"points of top-1 above {names[0]}"
    charts.points(names, dict.fromkeys(SERIES, intervals), line=0, line_name="chance", label=label, name="a", text="a")


def bars(names: Sequence[str]) -> None:
    parts = {f"a kind of mistake that is the {number}th": [1 / 6] * len(names) for number in range(6)}
    charts.bars(names, parts, label="share of the best detections, %", name="a", text="a")


def lines(names: Sequence[str]) -> None:
    series = {name: (np.arange(5), np.arange(5) * number) for number, name in enumerate(names)}
    charts.lines(series, label="epoch", side="top-1, %", name="a", text="a")


def times(names: Sequence[str]) -> None:
    found = pd.DataFrame({"action": names, "start": 1.0, "end": 2.0, "score": 0.5})
    timeline_svg(TimeLine(9.0, found, found.drop(columns="score"), rows=20), "a", "a")


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are drawn from now on."""
    kept: list[Figure] = []

    def keep(figure: Figure, name: str, text: str) -> Markup:
        FigureCanvasAgg(figure)
        figure.draw_without_rendering()
        kept.append(figure)
        return Markup()

    monkeypatch.setattr(charts, "svg", keep)
    monkeypatch.setattr(timeline, "svg", keep)
    return kept


def boxes(texts: Sequence[Text]) -> list[Bbox]:
    return [text.get_window_extent() for text in texts if text.get_visible() and text.get_text()]


def ticks(axis: Any) -> list[Any]:
    """The marks of an axis that are drawn."""
    return list(axis._update_ticks())


def shown(figure: Figure) -> list[Text]:
    """The texts that are drawn: matplotlib keeps labels of marks beyond an axis's ends, too."""
    (axes,) = figure.axes
    marks = {*axes.get_xticklabels(which="both"), *axes.get_yticklabels(which="both")}
    drawn = {tick.label1 for axis in (axes.xaxis, axes.yaxis) for tick in ticks(axis)}
    return [text for text in figure.findobj(Text) if text not in marks or text in drawn]


@pytest.mark.parametrize("names", [ENDED, MIXED, SHORT], ids=["one end", "no end", "short"])
@pytest.mark.parametrize("count", [2, 20])
@pytest.mark.parametrize("draw", [points, bars, lines, times], ids=lambda draw: draw.__name__)
def test_no_label_leaves_its_drawing_or_covers_another(
    draw: Callable[[Sequence[str]], None], count: int, names: Sequence[str], figures: list[Figure]
) -> None:
    draw(names[-count:])
    (figure,) = figures
    whole, (axes,) = figure.bbox, figure.axes
    for box in boxes(shown(figure)):
        assert box.x0 >= whole.x0 - 1
        assert box.x1 <= whole.x1 + 1
        assert box.y0 >= whole.y0 - 1
        assert box.y1 <= whole.y1 + 1
    for upper, lower in pairwise(boxes([tick.label1 for tick in ticks(axes.yaxis)])):
        assert lower.y1 <= upper.y0 + 1 or upper.y1 <= lower.y0 + 1
    for left, right in pairwise(boxes([tick.label1 for tick in ticks(axes.xaxis)])):
        assert left.x1 <= right.x0 + 1
    assert axes.bbox.width > whole.width / 3, "room is left for what is drawn"


def test_what_all_names_have_in_common_is_said_once() -> None:
    names = Names.fitting(["both-from-pretrained-models", "plain-from-pretrained-models"])
    assert names.shown == ["both", "plain"]
    assert names.common == "Each ends in “-from-pretrained-models”."
    names = Names.fitting(["mall-study-2026-both-frozen-backbone", "mall-study-2026-plain-frozen-backbone"])
    assert names.shown == ["both", "plain"]
    assert names.common == "Each begins with “mall-study-2026-” and ends in “-frozen-backbone”."


@pytest.mark.parametrize(
    "names", [["plain", "both-x"], ["same-from-pretrained-models"] * 2, ["a-from-pretrained-x", "b"]]
)
def test_names_that_fit_or_share_nothing_are_whole(names: list[str]) -> None:
    found = Names.fitting(names)
    assert [name.replace("\n", "") for name in found.shown] == names
    assert found.common == ""


def test_wrapping_keeps_every_letter_within_the_room() -> None:
    for text in (*MIXED, "a very long name of many words", "x" * 200, "under_scores_and-hyphens.and.points"):
        made = wrapped(text, 100)
        assert made.replace("\n", "").replace(" ", "") == text.replace(" ", "")
        assert width(made) <= 100


def test_twenty_lines_differ(figures: list[Figure]) -> None:
    lines(SHORT)
    drawn: list[Any] = figures[0].axes[0].get_lines()
    looks = {(str(one.get_color()), str(one._dash_pattern), str(one.get_marker())) for one in drawn}
    assert len(looks) == 20
