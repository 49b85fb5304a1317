"""The page of a benchmark: every method in every world, in context against out of it, and which to take when."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sceneproof.metrics.bootstrap import Interval
from sceneproof.pages import charts
from sceneproof.pages.classification import PAGE
from sceneproof.pages.figures import figure
from sceneproof.pages.kit import (
    ABSENT,
    MADE_BY,
    Block,
    Cell,
    Chart,
    Charts,
    Listing,
    Note,
    Page,
    Section,
    Table,
    between,
    percent,
    points,
)
from sceneproof.studies.classification import LEAKAGE, TOP_1, WORST, ClassificationStudy, Recipe
from sceneproof.studies.measures import Measure, StudyMeasures, as_json
from sceneproof.studies.statics import METRICS, StaticMeasure
from sceneproof.wording import counted

IN_WORDS = {
    "scene": "scene labels",
    "people": "people",
    "without_humans": "people",
    "second_clip": "a second clip",
    "other_clip": "another clip",
    "swapped": "people",
    "group": "scene labels",
}
"""What a method's needs ask of a user's data."""


@dataclass(frozen=True)
class Arena:
    """A world after all of its runs.

    Attributes:
        name: of its folder, and `title`, for the page.
        about: what is in context there and what out of it, or "".
        folders: of its runs.
        needs: what each method needed besides clips and actions, by its name.
        refused: methods that were not run, with the reason.
        chosen: learning rate and strength of each method; empty where none were tried.
        references: rows for scale, which are no methods, with what they are.
        statics: what each method's runs name without a place and in stills, by method and metric.
    """

    name: str
    title: str
    about: str
    folders: Sequence[Path]
    needs: Mapping[str, Sequence[str]]
    refused: Mapping[str, str]
    chosen: Mapping[str, Mapping[str, float]]
    references: Mapping[str, str] = field(default_factory=dict)
    statics: Mapping[str, Mapping[str, StaticMeasure]] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a world's runs say.

    Attributes:
        arena: the world.
        study: its runs.
        measures: their figures.
    """

    arena: Arena
    study: ClassificationStudy
    measures: StudyMeasures[None]

    @classmethod
    def of(cls, arena: Arena, trust: Sequence[str] | None) -> "Outcome":
        """Reads a world's runs."""
        options = PAGE.options()
        study = PAGE.read(arena.folders, options, baseline="plain", trust=trust)
        return cls(arena, study, PAGE.measure(study, options))

    @property
    def ends(self) -> tuple[str, str]:
        """The slices in context and out of it; the same twice where contexts are not known."""
        slices = list(self.study.slices)
        return slices[0], slices[-1]

    @property
    def compared(self) -> list[Recipe]:
        """The methods, without the rows for scale."""
        return [recipe for recipe in self.study.recipes if recipe.name not in self.arena.references]

    def top1(self, name: str, on: str) -> Measure | None:
        """Top-1 of a method's runs; None where it was not run."""
        recipe = next((recipe for recipe in self.study.recipes if recipe.name == name), None)
        return None if recipe is None else self.measures.find(recipe, TOP_1, on)

    def mean(self, recipe: Recipe, on: str) -> float:
        """Mean top-1 over seeds."""
        measure = self.measures.find(recipe, TOP_1, on)
        assert measure is not None  # it is taken of every recipe and slice
        return measure.mean

    def frontier(self) -> list[Recipe]:
        """The recipes than which none is better both in context and out of it, from the best in context on."""
        first, last = self.ends
        best: list[Recipe] = []
        for recipe in sorted(self.compared, key=lambda recipe: (-self.mean(recipe, first), -self.mean(recipe, last))):
            if not best or self.mean(recipe, last) > self.mean(best[-1], last):
                best.append(recipe)
        return best

    def asked(self, name: str) -> str:
        """What a method needs of a user's data, in words."""
        words = dict.fromkeys(IN_WORDS.get(need, need) for need in self.arena.needs.get(name, ()))
        return " and ".join(words) or "nothing"


def write_page(
    out: Path, arenas: Sequence[Arena], *, trials: int, settings: str | None = None, trust: Sequence[str] | None = None
) -> Path:
    """Writes the page, with its figures as JSON beside it.

    Args:
        out: the page.
        arenas: the worlds, after all of their runs.
        trials: how many runs each method's settings were chosen from, in each world.
        settings: the file that they were taken from, where they were chosen before.
        trust: prefixes of import paths that runs may name besides sceneproof's own.
    """
    outcomes = [Outcome.of(arena, trust) for arena in arenas]
    said = [sentence for outcome in outcomes for sentence in [best_of(outcome)] if sentence]
    sections = [
        Section("methods", "Every method, in and out of context", overview(outcomes)),
        Section("choice", "Which method to take when", Listing(advice(outcomes)), Note(ADVICE)),
        *(world_section(outcome) for outcome in outcomes),
        Section("settings", "How the settings were chosen", *chosen_settings(outcomes, trials, settings)),
    ]
    value = {
        "worlds": [
            {
                "name": outcome.arena.name,
                "title": outcome.arena.title,
                "needs": outcome.arena.needs,
                "refused": outcome.arena.refused,
                "chosen": outcome.arena.chosen,
                "static": {
                    name: {metric: asdict(measure) for metric, measure in measures.items()}
                    for name, measures in outcome.arena.statics.items()
                },
                **as_json(outcome.study, outcome.measures, []),
            }
            for outcome in outcomes
        ]
    }
    notes = [f"{outcome.arena.title}: {note}" for outcome in outcomes for note in outcome.study.notes]
    Page("Which debiasing helps", said, sections, notes, sortable=True).write(out, value)
    return out


ADVICE = (
    "The method with the highest accuracy out of context among those that need no more than this; of several, the "
    "one that is better in context. It was looked for among many, so its gain is somewhat flattered; the intervals are "
    "each method's own."
)


def best_of(outcome: Outcome) -> str:
    """A sentence on the method that is best out of context, and on what it costs."""
    first, last = outcome.ends
    others = [recipe for recipe in outcome.compared if recipe is not outcome.study.baseline]
    if not others or first == last:
        return ""
    best = max(others, key=lambda recipe: (outcome.mean(recipe, last), outcome.mean(recipe, first)))
    return f"{outcome.arena.title}: {_advised(outcome, best)}"


def told(outcome: Outcome, recipe: Recipe) -> str:
    """What a method reaches out of context and costs in context, against plain training."""
    first, last = outcome.ends
    inside, outside = (outcome.measures.find(recipe, TOP_1, on) for on in (first, last))
    assert inside is not None
    assert outside is not None
    if inside.gain is None or outside.gain is None:
        return f"{recipe.name} is right on {percent(outside.mean)} {last}."
    chance = "" if outside.gain.excludes_zero else ", which may be chance"
    way = "more" if outside.gain.value >= 0 else "less"
    return (
        f"{recipe.name} is right on {percent(outside.mean)} {last}, {100 * abs(outside.gain.value):.1f} points {way} "
        f"than plain training (95 % interval {between(outside.gain)}){chance}; {first} {points(inside.gain.value)} "
        f"({between(inside.gain)})."
    )


def overview(outcomes: Sequence[Outcome]) -> Table:
    """A row a method; of each world its accuracy in context and out of it, with what it gains over plain training."""
    names = list(dict.fromkeys(name for outcome in outcomes for name in outcome.arena.needs))
    others = dict.fromkeys(name for outcome in outcomes for name in outcome.arena.refused if name not in names)
    header = ["Method", "Needs"]
    for outcome in outcomes:
        header += [f"{outcome.arena.name}: {on}" for on in dict.fromkeys(outcome.ends)]
    rows = []
    for name in names:
        cells = [accuracy(outcome.top1(name, on)) for outcome in outcomes for on in dict.fromkeys(outcome.ends)]
        rows.append([Cell(name), Cell(needed(outcomes, name)), *cells])
    note = (
        "Top-1 in percent, mean over seeds; below it the gain over plain training in points with its 95 % interval, "
        "paired over seeds and videos, bold where it excludes zero; of plain training the deviation over seeds. –: not "
        "run in this world, for the reason given there."
    )
    note += f" Run in no world: {', '.join(others)}." if others else ""
    return Table("Top-1, and what is gained over plain training", header, rows, note)


def needed(outcomes: Sequence[Outcome], name: str) -> str:
    """What a method needs of a user's data, in words; where its arguments differ, so that its needs do, by world."""
    asked = {outcome.arena.name: outcome.asked(name) for outcome in outcomes if name in outcome.arena.needs}
    if len(set(asked.values())) <= 1:
        return next(iter(asked.values()), ABSENT)
    return "; ".join(f"{world}: {what}" for world, what in asked.items())


def accuracy(measure: Measure | None) -> Cell:
    """Top-1, with the gain over plain training."""
    if measure is None or measure.gain is None:
        return figure(measure)
    gain = f"{points(measure.gain.value)} ({between(measure.gain)})"
    return Cell(f"{100 * measure.mean:.1f}", gain, strong=measure.gain.excludes_zero)


def advice(outcomes: Sequence[Outcome]) -> list[str]:
    """For what a user's data may have, the method that did best out of context in each world."""
    sentences = []
    for has in (set[str](), {"scene labels"}, {"people"}, {"scene labels", "people"}):
        words = f"With {' and '.join(sorted(has, reverse=True))}" if has else "With nothing but videos and actions"
        for outcome in outcomes:
            first, last = outcome.ends
            able = [
                recipe
                for recipe in outcome.compared
                if set(outcome.asked(recipe.name).split(" and ")) - {"nothing"} <= has
            ]
            if first == last or len(able) < 2:
                continue
            best = max(able, key=lambda recipe: (outcome.mean(recipe, last), outcome.mean(recipe, first)))
            sentences.append(f"{words}, {outcome.arena.name}: {_advised(outcome, best)}")
    return sentences


def _advised(outcome: Outcome, best: Recipe) -> str:
    """What is to be said of the best method: only where it surely gains is it one to take."""
    if best is outcome.study.baseline:
        return "nothing did better than plain training."
    measure = outcome.measures.find(best, TOP_1, outcome.ends[1])
    if measure is not None and measure.gain is not None and measure.gain.low > 0:
        return told(outcome, best)
    return f"nothing is surely better than plain training; of those that were tried, {told(outcome, best)}"


def world_section(outcome: Outcome) -> Section:
    """A world: the scatter, its table, and what was not run."""
    arena, (first, last) = outcome.arena, outcome.ends
    blocks: list[Block | None] = [arena.about]
    if first != last:
        blocks.append(Charts([scatter(outcome)]))
    rows = [
        [
            Cell(recipe.name, recipe.method.text),
            *(accuracy(outcome.measures.find(recipe, TOP_1, on)) for on in dict.fromkeys((first, last))),
            figure(outcome.measures.find(recipe, WORST, last), detail=True),
            figure(outcome.measures.find(recipe, LEAKAGE, first)),
        ]
        for recipe in [
            *outcome.compared,
            *(recipe for recipe in outcome.study.recipes if recipe.name in arena.references),
        ]
    ]
    header = [
        "Method",
        *(f"Top-1, {on}" for on in dict.fromkeys((first, last))),
        f"Worst group, {last}",
        "Scene leakage",
    ]
    seeds = max(len(recipe.tested) for recipe in outcome.study.recipes)
    blocks.append(Table(f"{arena.title}, {counted(seeds, 'seed')}", header, rows))
    if arena.statics:
        blocks += [static_table(arena), Note(STATIC)]
    if arena.references:
        blocks.append(Listing([f"{name}, for scale: {about}" for name, about in arena.references.items()]))
    if arena.refused:
        blocks.append(Listing([f"{name} was not run: {reason}" for name, reason in arena.refused.items()]))
    return Section(arena.name, arena.title, *blocks)


STATIC = (
    "The same test videos with their people on photographs, textures and stripes (SCUBA, the mean of the three), as "
    "stills of these (SCUFO), and on stripes before somebody of another action who stands still (ConflFG); contrasted: "
    "right on SCUBA and not the same on its still (Li et al., ICCV 2023; made anew here, with other backgrounds). A "
    "SCUFO near 0 is what ALBAR trains for: SCUBA and ConflFG are the fair columns for it."
)


def static_table(arena: Arena) -> Table:
    """A row a method: what it names of people without their places, and of stills of them."""
    rows = [
        [Cell(name), *(_static_cell(measures[metric]) for metric in METRICS)]
        for name, measures in arena.statics.items()
    ]
    return Table(f"{arena.title}: people without their places, and stills", ["Method", *METRICS.values()], rows)


def _static_cell(measure: StaticMeasure) -> Cell:
    if measure.gain is None:
        return Cell(f"{100 * measure.mean:.1f}")
    gain = f"{points(measure.gain.value)} ({between(measure.gain)})"
    return Cell(f"{100 * measure.mean:.1f}", gain, strong=measure.gain.excludes_zero)


def scatter(outcome: Outcome) -> Chart:
    """In context against out of it, with the frontier: the methods that none beats at both."""
    first, last = outcome.ends

    def interval(recipe: Recipe, on: str) -> Interval:
        mean = outcome.mean(recipe, on)
        measure = outcome.measures.find(recipe, TOP_1, on)
        return (measure.interval if measure is not None else None) or Interval(mean, mean, mean)

    drawing = charts.scatter(
        {recipe.name: (outcome.mean(recipe, first), outcome.mean(recipe, last)) for recipe in outcome.study.recipes},
        frontier=[recipe.name for recipe in outcome.frontier()],
        marked=outcome.study.baseline.name if outcome.study.baseline else "", apart=outcome.arena.references,
        label=f"top-1 {first}, %", side=f"top-1 {last}, %", name=f"scatter-{outcome.arena.name}",
        text=f"Top-1 {last} against top-1 {first} of each method; the table has the figures",
    )  # fmt: skip
    apart = " Squares are no methods: they give the scale." if outcome.arena.references else ""
    return Chart(
        drawing, f"Means over seeds. On the line: no other method is better both in and out of context.{apart}"
    )


def chosen_settings(outcomes: Sequence[Outcome], trials: int, source: str | None) -> list[Block]:
    """What was tried, and what each method was run with."""
    if not trials and source is None:
        return ["Nothing was tried: each method ran with its own default settings and the worlds’ learning rates."]
    text = (
        f"Each method had {counted(trials, 'trial')} in each world, with a seed that is not reported: learning rates "
        "with its own strength first, then other strengths at the best of these rates, or further rates where it has "
        "none. The best on the validation split was taken, by top-1 and then the loss; that split is in context, and "
        "nothing out of context chose anything."
    )
    if source is not None:
        text = f"Settings are those that {source} has of this benchmark, whose trials chose them elsewhere."
    rows = [
        [
            Cell(name),
            Cell(outcome.arena.name),
            Cell(f"{chosen['lr']:g}" if "lr" in chosen else ABSENT),
            Cell(", ".join(f"{key} {value:g}" for key, value in chosen.items() if key != "lr") or "its own"),
        ]
        for outcome in outcomes
        for name, chosen in outcome.arena.chosen.items()
    ]
    return [text, Table("Settings", ["Method", "World", "Learning rate", "Strength"], rows), Note(MADE_BY)]
