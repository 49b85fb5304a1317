"""Drawings that the pages of several tasks show."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from sceneproof.report.drawing import MUTED, PAPER, SERIES, drawn, plain_text, svg
from sceneproof.report.figures import legend, marker, row_names
from sceneproof.report.measures import Measures
from sceneproof.report.transferred.study import AnyRun, TransferStudy

HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "--")  # told apart without colour


def gain_figure(study: TransferStudy[AnyRun], measures: Measures, metric: str, what: str) -> Markup | None:
    """Gains in a metric, called `what`, with their paired intervals, a marker a slice; None where none is compared."""
    slices = list(study.slices)
    gains = {
        (recipe.name, on): found.gain
        for recipe in study.recipes
        for on in slices
        if (found := measures.find(recipe, metric, on)) is not None and found.gain is not None
    }
    compared = [recipe for recipe in study.recipes if any((recipe.name, on) in gains for on in slices)]
    if not compared:
        return None
    with drawn(0.9 + 0.42 * len(compared)) as (figure, axes):
        for number, on in enumerate(slices):
            shift = 0.13 * (2 * number - len(slices) + 1)
            for row, recipe in enumerate(compared):
                gain = gains.get((recipe.name, on))
                if gain is not None:
                    marker(axes, gain.value, gain, row + shift, number, label=on if row == 0 else None)
        row_names(axes, compared)
        axes.axvline(0, color=MUTED, linewidth=1, zorder=0)
        axes.set_xlabel(f"points of {what} gained")
        legend(figure, axes)
        return svg(figure, "gain", f"Gains in {what} with paired 95 % intervals")


def bars_figure(
    study: TransferStudy[AnyRun],
    shares: Mapping[str, NDArray[np.float64]],
    kinds: Sequence[str],
    *,
    label: str,
    name: str,
    text: str,
) -> Markup:
    """Stacked bars, a row a recipe.

    Args:
        study: the recipes.
        shares: by recipe's name, float64 (K,), from 0 to 1.
        kinds: K names, at most six.
        label: below the axis.
        name: of the drawing, unique on its page.
        text: what it shows, for those who do not see it.
    """
    with drawn(1.5 + 0.42 * len(study.recipes)) as (figure, axes):
        for row, recipe in enumerate(study.recipes):
            left = 0.0
            for place, (kind, value) in enumerate(zip(kinds, 100 * shares[recipe.name], strict=True)):
                axes.barh(
                    row,
                    value,
                    0.62,
                    left,
                    color=SERIES[place],
                    edgecolor=PAPER,
                    linewidth=0.6,
                    hatch=HATCHES[place],
                    label=plain_text(kind) if row == 0 else None,
                )
                left += value
        row_names(axes, study.recipes)
        axes.set_xlim(0, 100)
        axes.set_xlabel(label)
        legend(figure, axes)
        return svg(figure, name, text)
