"""The drawings of a study's page."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from sceneproof.metrics.bootstrap import Interval
from sceneproof.report.drawing import DASHES, MARKERS, MUTED, PAPER, SERIES, drawn, plain_text, svg
from sceneproof.report.grouping import AnyRun, Recipe
from sceneproof.report.measures import TOP_1, Measures
from sceneproof.report.study import Study

MOST_CURVES = 12


def accuracy_figure(study: Study, measures: Measures) -> Markup:
    """Top-1 of each recipe in and out of context with 95 % intervals: a row a recipe, a marker a slice."""
    slices = list(study.slices())
    with drawn(0.9 + 0.42 * len(study.recipes)) as (figure, axes):
        for number, on in enumerate(slices):
            for row, recipe in enumerate(study.recipes):
                found = measures.find(recipe, TOP_1, on)
                if found is None or found.interval is None:
                    continue
                marker(axes, found.mean, found.interval, row, number, label=on if row == 0 else None)
        row_names(axes, study.recipes)
        axes.axvline(100 / len(study.actions), color=MUTED, linestyle=":", linewidth=1, zorder=0, label="chance")
        axes.set_xlim(0, 102)
        axes.set_xlabel("top-1 accuracy, %")
        legend(figure, axes)
        return svg(figure, "accuracy", "Top-1 accuracy of each method with 95 % intervals; the table has the figures")


def marker(axes: Axes, value: float, interval: Interval, row: float, number: int, *, label: str | None) -> None:
    """A share with its interval, in percent, in the looks of slice `number`; filled for the first."""
    axes.errorbar(
        100 * value,
        row,
        xerr=np.maximum([[100 * (value - interval.low)], [100 * (interval.high - value)]], 0),
        color=SERIES[number],
        marker=MARKERS[number],
        markerfacecolor=SERIES[number] if number == 0 else PAPER,
        markersize=6,
        capsize=3,
        label=label,
        linestyle="none",
    )


def gain_figure(study: Study, measures: Measures) -> Markup | None:
    """Differences against the baseline with their paired 95 % intervals; None without a baseline."""
    others = [recipe for recipe in study.recipes if recipe is not study.baseline]
    slices = list(study.slices())
    if study.baseline is None or not others:
        return None
    with drawn(0.9 + 0.42 * len(others)) as (figure, axes):
        for number, on in enumerate(slices):
            shift = 0.13 * (2 * number - len(slices) + 1)
            for row, recipe in enumerate(others):
                gain = getattr(measures.find(recipe, TOP_1, on), "gain", None)
                if gain is None:
                    continue
                marker(axes, gain.value, gain, row + shift, number, label=on if row == 0 else None)
        row_names(axes, others)
        axes.axvline(0, color=MUTED, linewidth=1, zorder=0)
        axes.set_xlabel(f"points of top-1 above {plain_text(study.baseline.name)}")
        legend(figure, axes)
        return svg(figure, "gain", "Differences against the baseline with paired 95 % intervals")


def legend(figure: Figure, axes: Axes) -> None:
    """Puts what is labelled above the drawing, "chance" last."""
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda place: labels[place] == "chance")
    handles, labels = [handles[place] for place in order], [labels[place] for place in order]
    figure.legend(handles, labels, loc="outside upper left", ncols=3, frameon=False, fontsize=9)


def row_names(axes: Axes, recipes: Sequence[Recipe[AnyRun]]) -> None:
    """Names the rows of a drawing that has one for each recipe, the first on top."""
    axes.set_yticks(range(len(recipes)), [plain_text(recipe.name) for recipe in recipes])
    axes.set_ylim(len(recipes) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)


def curves(recipes: Sequence[Recipe[AnyRun]]) -> list[tuple[str, Markup]]:
    """Training curves, validation first: the name of each series that is not 0 throughout, and its drawing."""
    histories = {recipe.name: history(recipe) for recipe in recipes}
    names = {name for table in histories.values() for name in table.columns if table[name].fillna(0).any()}
    names -= {name for name in names if name.startswith("lr/") and name != "lr/backbone"}  # heads follow the backbone
    order = sorted(names, key=lambda name: (not name.startswith("validation"), not name.startswith("train"), name))
    return [(name, _curve(name, number, histories)) for number, name in enumerate(order[:MOST_CURVES])]


def history(recipe: Recipe[AnyRun]) -> pd.DataFrame:
    """One row an epoch, one column a series: the mean over the epoch's lines and the seeds."""
    lines = [line for tested in recipe.tested for line in tested.run.history()]
    table = pd.DataFrame(lines)
    if "epoch" not in table:
        return pd.DataFrame()
    series = table.select_dtypes("number").groupby("epoch").mean()
    return series.drop(columns=["step"], errors="ignore")


def _curve(name: str, number: int, histories: dict[str, pd.DataFrame]) -> Markup:
    with drawn(2.6) as (figure, axes):
        series = {recipe: table[name].dropna() for recipe, table in histories.items() if name in table}
        plot_lines(axes, {recipe: (line.index.to_numpy(), line.to_numpy()) for recipe, line in series.items()})
        axes.grid(linewidth=0.6)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return svg(figure, f"curve-{number}", f"{name} by epoch")


def plot_lines(axes: Axes, lines: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]) -> None:
    """Draws named lines, each given as (N,) places and (N,) heights, told apart without colour too, with a legend."""
    for place, (name, (x, y)) in enumerate(lines.items()):
        axes.plot(
            x,
            y,
            color=SERIES[place % len(SERIES)],
            linestyle=DASHES[place % len(DASHES)],
            marker=MARKERS[place % len(MARKERS)],
            markevery=max(1, len(x) // 6),
            markersize=4,
            linewidth=1.6,
            label=plain_text(name),
        )
    axes.legend(frameon=False, fontsize=9)
