"""What is found, in plain words."""

from sceneproof.metrics.bootstrap import Interval, unpaired_interval
from sceneproof.report.cells import percent
from sceneproof.report.measures import TOP_1, Measure, Measures, right
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
        sentences.append(_fall(study, measures, first, *slices))
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
    return cost(_where(on), found.gain, found.mean)


def _guessing(study: Study, measures: Measures, recipe: Recipe, on: str) -> str:
    """A warning where the figure that leads the page is not above chance."""
    found, chance = _found(measures, recipe, on), 1 / len(study.actions)
    if found.interval is None or found.interval.low > chance:
        return ""
    return f"{recipe.name} is not clearly better there than guessing, which is right on {percent(chance)}."


def cost(where: str, gain: Interval, mean: float) -> str:
    """What "it" gains or loses in a slice, with the interval of that.

    Args:
        where: the slice, as a sentence begins.
        gain: over what it is compared with.
        mean: what it reaches.
    """
    word = "gains" if gain.value >= 0 else "loses"
    chance = "" if gain.excludes_zero else ", which may be chance"
    return f"{where} it {word} {100 * abs(gain.value):.1f} points ({between(gain)}){chance}, at {percent(mean)}."


def fall(name: str, here: float, there: float, lost: Interval, *, verdict: str = "") -> str:
    """What is lost out of context, with its interval; that something is lost at all only where that excludes zero.

    Args:
        name: of the recipe.
        here: what it reaches in context, 0 to 1.
        there: out of context.
        lost: the first less the second, on different videos.
        verdict: what to say of points that are surely lost, behind their number.
    """
    ends, size = f"from {percent(here)} to {percent(there)}", f"{100 * abs(lost.value):.1f} points"
    if lost.low > 0:
        return f"Taken out of context, {name} falls {ends}: {size}{verdict} (95 % interval {between(lost)})."
    if lost.low == lost.high == 0:
        return f"Taken out of context, {name} does not fall: {ends}."
    if lost.high < 0:
        return (
            f"Taken out of context, {name} does not fall: {ends}, {size} more (95 % interval {between(lost.negative)})."
        )
    way, sides = ("less", lost) if lost.value >= 0 else ("more", lost.negative)
    return (
        f"Whether {name} falls when it is taken out of context cannot be told: {ends} is {size} {way} (95 % interval "
        f"{between(sides)}), which may be chance."
    )


def _fall(study: Study, measures: Measures, recipe: Recipe, inside: str, outside: str) -> str:
    here, there = _found(measures, recipe, inside), _found(measures, recipe, outside)
    hits, slices = right(study, recipe), study.slices()
    lost = unpaired_interval(hits[:, slices[inside]], hits[:, slices[outside]])
    return fall(recipe.name, here.mean, there.mean, lost, verdict=" hang on the scene")


def _counts(found: Measure) -> str:
    seeds = len(found.values)
    return f"{seeds} training {'seed' if seeds == 1 else 'seeds'}, {found.videos:,} videos"
