"""What is found about localizers, in plain words."""

from sceneproof.report.localization.measures import AVERAGE, LocalizationMeasures
from sceneproof.report.localization.study import LocalizationStudy
from sceneproof.report.localization.tables import NAMES
from sceneproof.report.transferred.headline import Leading, sentences


def headline(study: LocalizationStudy, measures: LocalizationMeasures) -> list[str]:
    """Sentences, the most important first."""
    how = f"average over tIoU {study.thresholds[0]:g} to {study.thresholds[-1]:g} in {NAMES[study.reading]} reading"
    return sentences(study, measures.measures, Leading(AVERAGE, "a mean average precision", how), measures.lost)
