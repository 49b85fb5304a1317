"""The drawings of a page of localizers."""

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import NullLocator

from sceneproof.report.drawing import MUTED, PAPER, SERIES, drawn, plain_text, svg
from sceneproof.report.figures import legend, marker, plot_lines, row_names
from sceneproof.report.localization.measures import AVERAGE, COUNTS, LocalizationMeasures, at
from sceneproof.report.localization.study import LocalizationStudy
from sceneproof.report.localization.tables import KINDS

HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "--")  # told apart without colour


def precision_figure(study: LocalizationStudy, measures: LocalizationMeasures, on: str, number: int) -> Markup:
    """Mean average precision against tIoU, a line a recipe."""
    lines = {}
    for recipe in study.recipes:
        found = [measures.measures.find(recipe, at(threshold), on) for threshold in study.thresholds]
        values = [100 * one.mean if one is not None else np.nan for one in found]
        lines[recipe.name] = np.array(study.thresholds), np.array(values)
    with drawn(3.0) as (_figure, axes):
        plot_lines(axes, lines)
        axes.set_ylim(0, 1.08 * axes.dataLim.ymax or 1)
        axes.grid(linewidth=0.6)
        axes.set_xlabel("tIoU")
        axes.set_ylabel("mAP, %")
        return svg(_figure, f"precision-{number}", f"mAP by tIoU, {on}; the table has the figures")


def gain_figure(study: LocalizationStudy, measures: LocalizationMeasures) -> Markup | None:
    """Gains in average mAP with their paired intervals, a marker a slice; None where nothing is compared."""
    slices = list(study.slices)
    gains = {
        (recipe.name, on): found.gain
        for recipe in study.recipes
        for on in slices
        if (found := measures.measures.find(recipe, AVERAGE, on)) is not None and found.gain is not None
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
        axes.set_xlabel("points of average mAP gained")
        legend(figure, axes)
        return svg(figure, "gain", "Gains in average mAP with paired 95 % intervals")


def recall_figure(study: LocalizationStudy, measures: LocalizationMeasures, on: str, number: int) -> Markup:
    """Average recall against the number of proposals a video, a line a recipe."""
    lines = {
        recipe.name: (np.array(COUNTS), 100 * measures.found[on][recipe.name].recall.mean(axis=0))
        for recipe in study.recipes
    }
    with drawn(3.0) as (figure, axes):
        plot_lines(axes, lines)
        axes.set_xscale("log")
        axes.set_xticks(COUNTS, [str(count) for count in COUNTS])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_ylim(0, 1.08 * axes.dataLim.ymax or 1)
        axes.grid(linewidth=0.6)
        axes.set_xlabel("proposals a video")
        axes.set_ylabel("average recall, %")
        return svg(figure, f"recall-{number}", f"Average recall against the number of proposals, {on}")


def kind_figure(study: LocalizationStudy, measures: LocalizationMeasures, on: str, number: int) -> Markup:
    """What the best detections are, as stacked bars: a row a recipe."""
    with drawn(1.5 + 0.42 * len(study.recipes)) as (figure, axes):
        for row, recipe in enumerate(study.recipes):
            counts = measures.found[on][recipe.name].kinds
            shares = 100 * counts / max(counts.sum(), 1)
            left = 0.0
            for place, (kind, name) in enumerate(KINDS.items()):
                axes.barh(
                    row,
                    shares[kind],
                    0.62,
                    left,
                    color=SERIES[place],
                    edgecolor=PAPER,
                    linewidth=0.6,
                    hatch=HATCHES[place],
                    label=plain_text(name) if row == 0 else None,
                )
                left += shares[kind]
        row_names(axes, study.recipes)
        axes.set_xlim(0, 100)
        axes.set_xlabel("share of the best detections, %")
        legend(figure, axes)
        return svg(figure, f"kinds-{number}", f"What the best detections are, {on}; the table has the figures")
