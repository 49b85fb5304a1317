"""The drawings of a page of detectors."""

import numpy as np
from markupsafe import Markup

from sceneproof.report.detection.measures import FRAME, DetectionMeasures
from sceneproof.report.detection.study import DetectionStudy
from sceneproof.report.detection.tables import KINDS
from sceneproof.report.drawing import drawn, svg
from sceneproof.report.figures import plot_lines
from sceneproof.report.transferred import figures as transferred
from sceneproof.tasks.detection.scoring import VIDEO_THRESHOLDS


def precision_figure(study: DetectionStudy, measures: DetectionMeasures, on: str, number: int) -> Markup:
    """Video-mAP against the intersection over union that is asked for, a line a recipe."""
    found = {recipe.name: measures.found[on][recipe.name].by_threshold for recipe in study.recipes}
    with drawn(3.0) as (figure, axes):
        plot_lines(axes, {name: (np.array(VIDEO_THRESHOLDS), 100 * values) for name, values in found.items()})
        axes.set_ylim(0, 1.08 * axes.dataLim.ymax or 1)
        axes.grid(linewidth=0.6)
        axes.set_xlabel("spatio-temporal IoU")
        axes.set_ylabel("video-mAP, %")
        return svg(figure, f"precision-{number}", f"Video-mAP by spatio-temporal IoU, {on}; the table has the figures")


def gain_figure(study: DetectionStudy, measures: DetectionMeasures) -> Markup | None:
    """Gains in frame-mAP with their paired intervals; None where nothing is compared."""
    return transferred.gain_figure(study, measures.measures, FRAME, FRAME)


def kind_figure(study: DetectionStudy, measures: DetectionMeasures, on: str, number: int) -> Markup:
    """Where average precision went, as stacked bars: a row a recipe."""
    return transferred.bars_figure(
        study,
        {name: found.areas[list(KINDS)] for name, found in measures.found[on].items()},
        list(KINDS.values()),
        label="share of average precision, %",
        name=f"kinds-{number}",
        text=f"Where average precision goes, {on}; the table has the figures",
    )
