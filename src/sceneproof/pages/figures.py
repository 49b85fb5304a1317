"""Figures of a study on a page: in sentences, in cells of tables, and a chart of gains."""

import math
from dataclasses import dataclass
from typing import Any

from sceneproof.metrics.bootstrap import Interval
from sceneproof.pages import charts
from sceneproof.pages.kit import ABSENT, Cell, Chart, between, percent, points
from sceneproof.studies.classification import ENTROPY, NOBODY_ENTROPY
from sceneproof.studies.measures import Measure, Measures
from sceneproof.studies.recipes import AnyRun, Recipe
from sceneproof.studies.study import Study
from sceneproof.wording import counted

NATS = (ENTROPY, NOBODY_ENTROPY)
"""Metrics in nats; all others are shares from 0 to 1."""


@dataclass(frozen=True)
class Leading:
    """The figure that leads a page.

    Attributes:
        metric: its name among the measures.
        reaches: what a model does, with {} for the figure: "reaches a frame-mAP of {}".
        other: likewise, what the model does that it is compared with, behind its name: "on {}".
        how: how the figure is taken, for the brackets behind it.
        lost: what to say of points that are surely lost out of context, behind their number.
    """

    metric: str
    reaches: str
    other: str = "{}"
    how: str = ""
    lost: str = ""


def headline_of(study: Study[AnyRun], measures: Measures[Any], leading: Leading, *, warning: str = "") -> list[str]:
    """What the leading figure says, the most important first; no difference is claimed whose interval includes zero.

    Args:
        study: the recipes.
        measures: their figures.
        leading: the figure.
        warning: a sentence that must not be missed, before what is lost.
    """
    lead, other, lost = study.lead, study.reference(study.lead), measures.lost

    def at(recipe: Recipe[AnyRun], on: str) -> Measure:
        measure = measures.find(recipe, leading.metric, on)
        assert measure is not None  # it is taken of every recipe and slice
        return measure

    ours = at(lead, study.last)
    seeds = counted(len(ours.values), "training seed")
    brackets = [part for part in (leading.how, f"{seeds}, {ours.videos:,} videos") if part]
    text = f"{where(study.last)}, {lead.name} {leading.reaches.format(percent(ours.mean))}"
    sure = ours.interval if other is None else ours.gain
    if other is not None:
        text += f" and {other.name} {leading.other.format(percent(at(other, study.last).mean))}"
        if ours.gain is None:
            text += "; they share no training seed, so the difference has no interval"
        else:
            text += f": {_size(ours.gain)}"
    if sure is not None:
        brackets.insert(0, f"95 % interval {between(sure)}")
    said = [f"{text} ({'; '.join(brackets)})."]
    if other is not None:
        costs = [(on, at(lead, on)) for on in list(study.slices)[:-1]]
        said += [cost(where(on), measure.gain, measure.mean) for on, measure in costs if measure.gain is not None]
    if lost is not None:
        in_context, out_of_context = (at(study.falling, on).mean for on in study.slices)
        return [
            *said,
            *([warning] if warning else []),
            fall(study.falling.name, in_context, out_of_context, lost, leading.lost),
        ]
    return [*said, *([warning] if warning else [])]


def where(on: str) -> str:
    """A slice at the start of a sentence."""
    return "On the test videos" if on == "test" else on.capitalize()


def _size(gain: Interval) -> str:
    size = f"{100 * abs(gain.value):.1f} points {'more' if gain.value >= 0 else 'less'}"
    return size if gain.excludes_zero else f"{size}, which may be chance"


def cost(place: str, gain: Interval, mean: float) -> str:
    """What "it" gains or loses in a slice, with the interval of that.

    Args:
        place: the slice, as a sentence begins.
        gain: over what it is compared with.
        mean: what it reaches.
    """
    word = "gains" if gain.value >= 0 else "loses"
    chance = "" if gain.excludes_zero else ", which may be chance"
    return f"{place} it {word} {100 * abs(gain.value):.1f} points ({between(gain)}){chance}, at {percent(mean)}."


def fall(name: str, in_context: float, out_of_context: float, lost: Interval, verdict: str = "") -> str:
    """What is lost out of context, with its interval; that something is lost at all only where that excludes zero.

    Args:
        name: of the recipe.
        in_context: what it reaches in context, 0 to 1.
        out_of_context: out of context.
        lost: the first less the second, on different videos.
        verdict: what to say of points that are surely lost, behind their number.
    """
    ends, size = f"from {percent(in_context)} to {percent(out_of_context)}", f"{100 * abs(lost.value):.1f} points"
    if lost.low > 0:
        return f"Taken out of context, {name} falls {ends}: {size}{verdict} (95 % interval {between(lost)})."
    if lost.high < 0 or lost.low == lost.high == 0:
        more = f", {size} more (95 % interval {between(lost.negative)})" if lost.high < 0 else ""
        return f"Taken out of context, {name} does not fall: {ends}{more}."
    way, sides = ("less", lost) if lost.value >= 0 else ("more", lost.negative)
    return (
        f"Whether {name} falls when it is taken out of context cannot be told: {ends} is {size} {way} (95 % interval "
        f"{between(sides)}), which may be chance."
    )


def heading(recipe: Recipe[AnyRun]) -> Cell:
    """A recipe as the head of a row: its name, what it trains with and how often it was trained."""
    return Cell(recipe.name, f"{recipe.method.text} · {counted(len(recipe.tested), 'seed')}")


def figure(measure: Measure | None, *, detail: bool = False) -> Cell:
    """A figure, shares in percent, with its deviation over seeds; with its `detail` where asked for."""
    if measure is None or not math.isfinite(measure.mean):
        return Cell(ABSENT)
    scale, digits = (1, 2) if measure.metric in NATS else (100, 1)
    spread = f"±\N{NO-BREAK SPACE}{scale * measure.std:.{digits}f}" if math.isfinite(measure.std) else ""
    asides = (spread, measure.detail if detail else "")
    return Cell(f"{scale * measure.mean:.{digits}f}", " · ".join(part for part in asides if part))


def gain(measure: Measure | None, *, over: bool = False) -> Cell:
    """A gain in points with its interval, and what it is `over` where that is to be said."""
    if measure is None or measure.gain is None:
        return Cell(ABSENT)
    ends = between(measure.gain)
    if over:
        ends += f", {measure.detail.removeprefix('gain ')}"
    return Cell(points(measure.gain.value), ends, strong=measure.gain.excludes_zero)


def gain_chart(
    study: Study[AnyRun], measures: Measures[Any], metric: str, *, label: str, caption: str, heading: str = ""
) -> list[Chart]:
    """Gains in a metric with their paired intervals, a marker a slice; none where none is compared.

    Args:
        study: the recipes.
        measures: their figures.
        metric: which of them.
        label: below the axis.
        caption: below the drawing.
        heading: above it.
    """

    def of(recipe: Recipe[AnyRun], on: str) -> Interval | None:
        measure = measures.find(recipe, metric, on)
        return None if measure is None else measure.gain

    rows = [recipe for recipe in study.recipes if any(of(recipe, on) is not None for on in study.slices)]
    if not rows:
        return []
    drawing = charts.points(
        [recipe.name for recipe in rows], {on: [of(recipe, on) for recipe in rows] for on in study.slices}, line=0,
        label=label, name="gain", text=f"{label}, with paired 95 % intervals; the tables have the figures", apart=True,
    )  # fmt: skip
    return [Chart(drawing, caption, heading)]
