"""What is found, in plain words."""

from sceneproof.metrics.bootstrap import Interval
from sceneproof.report.cells import percent
from sceneproof.report.measures import TOP_1, Measure, Measures
from sceneproof.report.study import Recipe, Study
from sceneproof.report.tables import between


def headline(study: Study, measures: Measures) -> list[str]:
    """Sentences, the most important first."""
    slices = list(study.slices())
    last = slices[-1]
    first = study.baseline or study.recipes[0]
    sentences = []
    if study.debiased is not None and study.debiased is not first:
        sentences.append(_difference(measures, study.debiased, first, last))
        sentences += [_cost(measures, study.debiased, on) for on in slices[:-1]]
    else:
        sentences.append(_alone(measures, first, last))
    sentences.append(_guessing(study, measures, study.debiased or first, last))
    if len(slices) == 2:
        sentences.append(_fall(measures, first, *slices))
    return [sentence for sentence in sentences if sentence]


def _found(measures: Measures, recipe: Recipe, on: str) -> Measure:
    found = measures.find(recipe, TOP_1, on)
    assert found is not None  # top-1 is taken of every recipe and slice
    return found


def _where(on: str) -> str:
    return "On the test videos" if on == "test" else on.capitalize()


def _alone(measures: Measures, recipe: Recipe, on: str) -> str:
    found = _found(measures, recipe, on)
    assert found.interval is not None
    return (
        f"{_where(on)}, {recipe.name} is right on {percent(found.mean)} of clips "
        f"(95 % interval {between(found.interval)}; {_counts(found)})."
    )


def _difference(measures: Measures, debiased: Recipe, baseline: Recipe, on: str) -> str:
    ours, theirs = _found(measures, debiased, on), _found(measures, baseline, on)
    text = f"{_where(on)}, {debiased.name} is right on {percent(ours.mean)} of clips"
    text += f" and {baseline.name} on {percent(theirs.mean)}"
    if ours.gain is None:
        return f"{text}; they share no training seed, so the difference has no interval."
    return f"{text}: {_size(ours.gain)} (95 % interval {between(ours.gain)}; {_counts(ours)})."


def _size(gain: Interval) -> str:
    size = f"{100 * abs(gain.value):.1f} points {'more' if gain.value >= 0 else 'less'}"
    return size if gain.excludes_zero else f"{size}, which may be chance"


def _cost(measures: Measures, debiased: Recipe, on: str) -> str:
    found = _found(measures, debiased, on)
    if found.gain is None:
        return ""
    word = "gains" if found.gain.value >= 0 else "loses"
    size = f"{100 * abs(found.gain.value):.1f} points"
    return f"{_where(on)} it {word} {size} ({between(found.gain)}), at {percent(found.mean)}."


def _guessing(study: Study, measures: Measures, recipe: Recipe, on: str) -> str:
    """A warning where the figure that leads the page is not above chance."""
    found, chance = _found(measures, recipe, on), 1 / len(study.actions)
    if found.interval is None or found.interval.low > chance:
        return ""
    return f"{recipe.name} is not clearly better there than guessing, which is right on {percent(chance)}."


def _fall(measures: Measures, recipe: Recipe, inside: str, outside: str) -> str:
    here, there = _found(measures, recipe, inside), _found(measures, recipe, outside)
    lost = 100 * (here.mean - there.mean)
    ends = f"from {percent(here.mean)} to {percent(there.mean)}"
    if lost <= 0:
        return f"Taken out of context, {recipe.name} does not fall: {ends}."
    return f"Taken out of context, {recipe.name} falls {ends}: {lost:.1f} points hang on the scene."


def _counts(found: Measure) -> str:
    seeds = len(found.values)
    return f"{seeds} training {'seed' if seeds == 1 else 'seeds'}, {found.videos:,} videos"
