"""What is found about models that find things, in plain words."""

from dataclasses import dataclass

from sceneproof.report.cells import percent
from sceneproof.report.grouping import Recipe
from sceneproof.report.measures import Measure, Measures
from sceneproof.report.tables import between
from sceneproof.report.transferred.study import AnyRun, TransferStudy


@dataclass(frozen=True)
class Leading:
    """The figure that leads a page.

    Attributes:
        metric: its name among the measures.
        name: what to call it in a sentence, with its article.
        how: how it is taken, in brackets behind it.
    """

    metric: str
    name: str
    how: str


def sentences(study: TransferStudy[AnyRun], measures: Measures, leading: Leading) -> list[str]:
    """What the leading figure says, the most important first."""
    slices = list(study.slices)
    other = study.reference(study.debiased)
    if other is None:
        said = [_alone(measures, leading, study.debiased, study.last)]
    else:
        said = [_difference(study, measures, leading, other)]
        said += [_cost(study, measures, leading, on) for on in slices[:-1]]
    if len(slices) == 2:
        said.append(_fall(measures, leading, other or study.debiased, *slices))
    return [sentence for sentence in said if sentence]


def where(on: str) -> str:
    """A slice at the start of a sentence."""
    return "On the test videos" if on == "test" else on.capitalize()


def _found(measures: Measures, leading: Leading, recipe: Recipe[AnyRun], on: str) -> Measure:
    found = measures.find(recipe, leading.metric, on)
    assert found is not None  # it is taken of every recipe and slice
    return found


def _alone(measures: Measures, leading: Leading, recipe: Recipe[AnyRun], on: str) -> str:
    found = _found(measures, leading, recipe, on)
    return f"{where(on)}, {recipe.name} reaches {leading.name} of {percent(found.mean)} ({_how(leading, found)})."


def _difference(study: TransferStudy[AnyRun], measures: Measures, leading: Leading, other: Recipe[AnyRun]) -> str:
    ours, theirs = (_found(measures, leading, recipe, study.last) for recipe in (study.debiased, other))
    text = (
        f"{where(study.last)}, {study.debiased.name} reaches {leading.name} of {percent(ours.mean)} and "
        f"{other.name} {percent(theirs.mean)}"
    )
    if ours.gain is None:
        return f"{text}; they share no training seed, so the difference has no interval ({_how(leading, ours)})."
    gain = ours.gain
    size = f"{100 * abs(gain.value):.1f} points {'more' if gain.value >= 0 else 'less'}"
    chance = "" if gain.excludes_zero else ", which may be chance"
    return f"{text}: {size}{chance} (95 % interval {between(gain)}; {_how(leading, ours)})."


def _cost(study: TransferStudy[AnyRun], measures: Measures, leading: Leading, on: str) -> str:
    found = _found(measures, leading, study.debiased, on)
    if found.gain is None:
        return ""
    word = "gains" if found.gain.value >= 0 else "loses"
    size = f"{100 * abs(found.gain.value):.1f} points"
    return f"{where(on)} it {word} {size} ({between(found.gain)}), at {percent(found.mean)}."


def _fall(measures: Measures, leading: Leading, recipe: Recipe[AnyRun], inside: str, outside: str) -> str:
    here, there = (_found(measures, leading, recipe, on) for on in (inside, outside))
    lost = 100 * (here.mean - there.mean)
    ends = f"from {percent(here.mean)} to {percent(there.mean)}"
    if lost <= 0:
        return f"Taken out of context, {recipe.name} does not fall: {ends}."
    return f"Taken out of context, {recipe.name} falls {ends}: {lost:.1f} points."


def _how(leading: Leading, found: Measure) -> str:
    seeds = len(found.values)
    return f"{leading.how}; {seeds} training {'seed' if seeds == 1 else 'seeds'}, {found.videos:,} videos"
