"""What is found about models that find things, in plain words."""

from dataclasses import dataclass

from sceneproof.metrics.bootstrap import Interval
from sceneproof.report.cells import percent
from sceneproof.report.grouping import Recipe
from sceneproof.report.headline import cost, fall
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


def sentences(study: TransferStudy[AnyRun], measures: Measures, leading: Leading, lost: Interval | None) -> list[str]:
    """What the leading figure says, the most important first; `lost` is what `measures.lost_out_of_context` says."""
    slices = list(study.slices)
    other = study.reference(study.debiased)
    if other is None:
        said = [_alone(measures, leading, study.debiased, study.last)]
    else:
        said = [_difference(study, measures, leading, other)]
        said += [_cost(study, measures, leading, on) for on in slices[:-1]]
    if lost is not None:
        recipe = study.falling
        here, there = (_found(measures, leading, recipe, on).mean for on in slices)
        said.append(fall(recipe.name, here, there, lost))
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
    return cost(where(on), found.gain, found.mean)


def _how(leading: Leading, found: Measure) -> str:
    seeds = len(found.values)
    return f"{leading.how}; {seeds} training {'seed' if seeds == 1 else 'seeds'}, {found.videos:,} videos"
