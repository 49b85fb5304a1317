"""What is found about detectors, in plain words."""

from sceneproof.report.cells import percent
from sceneproof.report.detection.measures import FRAME, LOOKED_AT, LOT, DetectionMeasures
from sceneproof.report.detection.study import DetectionStudy, Recipe
from sceneproof.report.detection.tables import NAMES
from sceneproof.report.transferred.headline import Leading, sentences, where


def headline(study: DetectionStudy, measures: DetectionMeasures) -> list[str]:
    """Sentences, the most important first: that nothing follows, where nothing does."""
    leading = Leading(FRAME, "a frame-mAP", f"at an IoU of {LOOKED_AT:g} in {NAMES[study.reading]} reading")
    said = sentences(study, measures.measures, leading, measures.lost)
    lost = [recipe for recipe in study.recipes if at_floor(study, measures, recipe)]
    if len(lost) == len(study.recipes):
        return [_nothing(study, measures), *said]
    about = [(recipe, _guessing(study, measures, recipe)) for recipe in study.models() if recipe in lost]
    own = [sentence for recipe, sentence in about if recipe is study.debiased]
    others = [sentence for recipe, sentence in about if recipe is not study.debiased]
    return [said[0], *own, *said[1:], *others]  # what follows the first calls the debiased one "it"


def at_floor(study: DetectionStudy, measures: DetectionMeasures, recipe: Recipe) -> bool:
    """Whether a recipe's boxes, in the slice that matters most, do no better than with their actions by lot."""
    above = measures.found[study.last][recipe.name].above_lot
    return above is not None and not above.low > 0


def _floor(study: DetectionStudy, measures: DetectionMeasures, recipe: Recipe) -> float:
    found = measures.measures.find(recipe, LOT, study.last)
    assert found is not None  # it is taken of every recipe and slice
    return found.mean


def _nothing(study: DetectionStudy, measures: DetectionMeasures) -> str:
    floors = [_floor(study, measures, recipe) for recipe in study.recipes]
    ends = " to ".join(dict.fromkeys((percent(min(floors)), percent(max(floors)))))
    many = len(study.recipes) > 1
    who = "No detector here is" if many else f"{study.debiased.name} is not"
    return (
        f"Nothing follows from these figures. {where(study.last)}, {who[0].lower() + who[1:] if many else who} clearly "
        f"better than its own boxes with the actions of each video exchanged by lot, which reach a frame-mAP of {ends}."
    )


def _guessing(study: DetectionStudy, measures: DetectionMeasures, recipe: Recipe) -> str:
    return (
        f"{where(study.last)}, {recipe.name} is not clearly better than its own boxes with the actions of each video "
        f"exchanged by lot, which reach {percent(_floor(study, measures, recipe))}."
    )
