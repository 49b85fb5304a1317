"""Figures of a study on a page: cells of tables, a chart of gains, and what papers have published."""

import csv
import math
from importlib.resources import files
from typing import Any

from sceneproof.metrics.bootstrap import Interval
from sceneproof.pages import charts
from sceneproof.pages.kit import ABSENT, Cell, Chart, between, points
from sceneproof.studies.classification import ENTROPY, NOBODY_ENTROPY
from sceneproof.studies.measures import Measure, Measures
from sceneproof.studies.recipes import AnyRun, Recipe
from sceneproof.studies.study import Study
from sceneproof.wording import counted

NATS = (ENTROPY, NOBODY_ENTROPY)
"""Metrics in nats; all others are shares from 0 to 1."""


def heading(recipe: Recipe[AnyRun]) -> Cell:
    """A recipe as the head of a row: its name, what it trains with and how often it was trained."""
    return Cell(recipe.name, f"{recipe.method.text} · {counted(len(recipe.tested), 'seed')}")


def figure(measure: Measure | None, *, detail: bool = False) -> Cell:
    """A figure, shares in percent, with its deviation over seeds; with its `detail` where asked for."""
    if measure is None or not math.isfinite(measure.mean):
        return Cell(ABSENT)
    scale, digits = (1, 2) if measure.metric in NATS else (100, 1)
    spread = f"±\N{NO-BREAK SPACE}{scale * measure.std:.{digits}f}" if math.isfinite(measure.std) else ""
    asides = (spread, measure.detail if detail else "")
    return Cell(f"{scale * measure.mean:.{digits}f}", " · ".join(part for part in asides if part))


def gain(measure: Measure | None, *, over: bool = False) -> Cell:
    """A gain in points with its interval, and what it is `over` where that is to be said."""
    if measure is None or measure.gain is None:
        return Cell(ABSENT)
    ends = between(measure.gain)
    if over:
        ends += f", {measure.detail.removeprefix('gain ')}"
    return Cell(points(measure.gain.value), ends, strong=measure.gain.excludes_zero)


def gain_chart(
    study: Study[AnyRun], measures: Measures[Any], metric: str, *, label: str, caption: str, heading: str = ""
) -> list[Chart]:
    """Gains in a metric with their paired intervals, a marker a slice; none where none is compared.

    Args:
        study: the recipes.
        measures: their figures.
        metric: which of them.
        label: below the axis.
        caption: below the drawing.
        heading: above it.
    """

    def of(recipe: Recipe[AnyRun], on: str) -> Interval | None:
        found = measures.find(recipe, metric, on)
        return None if found is None else found.gain

    rows = [recipe for recipe in study.recipes if any(of(recipe, on) is not None for on in study.slices)]
    if not rows:
        return []
    drawing = charts.points(
        [recipe.name for recipe in rows], {on: [of(recipe, on) for recipe in rows] for on in study.slices}, line=0,
        label=label, name="gain", text=f"{label}, with paired 95 % intervals; the tables have the figures", apart=True,
    )  # fmt: skip
    return [Chart(drawing, caption, heading)]


def quoted(name: str) -> list[dict[str, str]]:
    """The rows of a table of published figures that is shipped with their source."""
    return list(csv.DictReader(files("sceneproof.pages").joinpath(name).read_text(encoding="utf-8").splitlines()))
