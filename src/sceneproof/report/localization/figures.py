"""The drawings of a page of localizers."""

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import NullLocator

from sceneproof.report.drawing import drawn, svg
from sceneproof.report.figures import plot_lines
from sceneproof.report.localization.measures import AVERAGE, COUNTS, LocalizationMeasures, at
from sceneproof.report.localization.study import LocalizationStudy
from sceneproof.report.localization.tables import KINDS
from sceneproof.report.transferred import figures as transferred


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
    """Gains in average mAP with their paired intervals; None where nothing is compared."""
    return transferred.gain_figure(study, measures.measures, AVERAGE, "average mAP")


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
    counts = {name: found.kinds[list(KINDS)] for name, found in measures.found[on].items()}
    return transferred.bars_figure(
        study,
        {name: one / max(one.sum(), 1) for name, one in counts.items()},
        list(KINDS.values()),
        label="share of the best detections, %",
        name=f"kinds-{number}",
        text=f"What the best detections are, {on}; the table has the figures",
    )
