"""What is found about localizers, in plain words."""

from sceneproof.report.cells import percent
from sceneproof.report.localization.measures import AVERAGE, LocalizationMeasures
from sceneproof.report.localization.study import LocalizationStudy, Recipe
from sceneproof.report.localization.tables import NAMES
from sceneproof.report.measures import Measure
from sceneproof.report.tables import between


def headline(study: LocalizationStudy, measures: LocalizationMeasures) -> list[str]:
    """Sentences, the most important first."""
    slices = list(study.slices)
    other = study.reference(study.debiased)
    if other is None:
        sentences = [_alone(study, measures, study.debiased, study.last)]
    else:
        sentences = [_difference(study, measures, other)]
        sentences += [_cost(study, measures, on) for on in slices[:-1]]
    if len(slices) == 2:
        sentences.append(_fall(measures, other or study.debiased, *slices))
    return [sentence for sentence in sentences if sentence]


def _found(measures: LocalizationMeasures, recipe: Recipe, on: str) -> Measure:
    found = measures.measures.find(recipe, AVERAGE, on)
    assert found is not None  # mAP is taken of every recipe and slice
    return found


def _where(on: str) -> str:
    return "On the test videos" if on == "test" else on.capitalize()


def _alone(study: LocalizationStudy, measures: LocalizationMeasures, recipe: Recipe, on: str) -> str:
    found = _found(measures, recipe, on)
    return (
        f"{_where(on)}, {recipe.name} reaches a mean average precision of {percent(found.mean)} ({_how(study, found)})."
    )


def _difference(study: LocalizationStudy, measures: LocalizationMeasures, other: Recipe) -> str:
    ours, theirs = (_found(measures, recipe, study.last) for recipe in (study.debiased, other))
    text = (
        f"{_where(study.last)}, {study.debiased.name} reaches a mean average precision of {percent(ours.mean)} and "
        f"{other.name} {percent(theirs.mean)}"
    )
    if ours.gain is None:
        return f"{text}; they share no training seed, so the difference has no interval ({_how(study, ours)})."
    gain = ours.gain
    size = f"{100 * abs(gain.value):.1f} points {'more' if gain.value >= 0 else 'less'}"
    chance = "" if gain.excludes_zero else ", which may be chance"
    return f"{text}: {size}{chance} (95 % interval {between(gain)}; {_how(study, ours)})."


def _cost(study: LocalizationStudy, measures: LocalizationMeasures, on: str) -> str:
    found = _found(measures, study.debiased, on)
    if found.gain is None:
        return ""
    word = "gains" if found.gain.value >= 0 else "loses"
    size = f"{100 * abs(found.gain.value):.1f} points"
    return f"{_where(on)} it {word} {size} ({between(found.gain)}), at {percent(found.mean)}."


def _fall(measures: LocalizationMeasures, recipe: Recipe, inside: str, outside: str) -> str:
    here, there = (_found(measures, recipe, on) for on in (inside, outside))
    lost = 100 * (here.mean - there.mean)
    ends = f"from {percent(here.mean)} to {percent(there.mean)}"
    if lost <= 0:
        return f"Taken out of context, {recipe.name} does not fall: {ends}."
    return f"Taken out of context, {recipe.name} falls {ends}: {lost:.1f} points."


def _how(study: LocalizationStudy, found: Measure) -> str:
    seeds = len(found.values)
    return (
        f"average over tIoU {study.thresholds[0]:g} to {study.thresholds[-1]:g} in {NAMES[study.reading]} reading; "
        f"{seeds} training {'seed' if seeds == 1 else 'seeds'}, {found.videos:,} videos"
    )
