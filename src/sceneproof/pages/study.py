"""The page of a study of tested runs, declared: what a task's has of its own, and what all have alike."""

import dataclasses
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import pandas as pd

from sceneproof.addresses import Address
from sceneproof.errors import InputError
from sceneproof.metrics.bootstrap import Interval
from sceneproof.pages import charts
from sceneproof.pages.kit import ABSENT, MADE_BY, Block, Cell, Chart, Charts, Clips, Note, Page, Section, Table
from sceneproof.studies.measures import Measures, as_json
from sceneproof.studies.recipes import AnyRun, Recipe
from sceneproof.studies.study import Study
from sceneproof.wording import counted

MOST_CURVES, MOST_FAILURES = 12, 50  # beyond this nobody reads on; the files beside the page have all
AnyStudy = TypeVar("AnyStudy", bound=Study[Any])


@dataclass(frozen=True)
class Sources:
    """What clips are shown from.

    Attributes:
        manifest: the table of videos; None: no clips.
        humans: table of person boxes or masks, or None.
        root: where the manifest's paths start from, where it is not the manifest's own.
        trust: prefixes of import paths that runs may name besides sceneproof's own.
        quiet: show no progress.
    """

    manifest: Address | None = None
    humans: Address | None = None
    root: Address | None = None
    trust: Sequence[str] | None = None
    quiet: bool = False

    def refuse_strangers(self, drawn: Sequence[str], known: Container[str]) -> None:
        """Raises InputError where videos were drawn and the manifest knows none of them."""
        if len(drawn) and not any(name in known for name in drawn):
            raise InputError(
                f"{self.manifest}: none of the tested videos is in this manifest: is it of another data set?"
            )


@dataclass(frozen=True)
class Shown:
    """Clips of a page, and what is measured on them.

    Attributes:
        text: how they were chosen.
        clips: of test videos.
        table: of shares, where they are measured.
        shares: by name, for the JSON.
        missing: what is not shown, and why.
    """

    text: str = ""
    clips: Clips | None = None
    table: Table | None = None
    shares: Mapping[str, Interval] = field(default_factory=dict)
    missing: str = ""

    @property
    def blocks(self) -> list[Block | None]:
        """Of a section."""
        return [self.text, self.clips, self.table, Note(self.missing) if self.missing else None]


@dataclass(frozen=True)
class StudyPage(Generic[AnyStudy]):
    """How the tested runs of a task become a page; `Task.page` names one.

    Attributes:
        title: of the page, where none is given.
        study: how runs are read.
        options: a dataclass: the task's own options of `report`.
        of_study: those of the options that are fields of the study.
        humans: whether clips are shown with people.
        measure: takes the figures.
        show: makes the clips.
        headline: says what was found, the most important first.
        sections: all but the last, which are alike: training, failures, runs.
        figures: what the JSON holds besides the measures.
        missed: what becomes of videos that could not be read.
        intervals: how the page's intervals are taken.
    """

    title: str
    study: type[AnyStudy]
    options: type[Any]
    measure: Callable[[AnyStudy, Any], Measures[Any]]
    show: Callable[[AnyStudy, Any, Sources], Shown]
    headline: Callable[[AnyStudy, Measures[Any]], list[str]]
    sections: Callable[[AnyStudy, Measures[Any], Shown], list[Section]]
    figures: Callable[[AnyStudy, Measures[Any], Shown], dict[str, Any]]
    missed: str
    intervals: str
    of_study: tuple[str, ...] = ()
    humans: bool = False

    def read(self, runs: Sequence[Path], options: Any, **chosen: Any) -> AnyStudy:
        """The study of some runs; `chosen` as `Study.of` takes it."""
        return self.study.of(runs, **chosen, **{name: getattr(options, name) for name in self.of_study})

    def asked(self, given: Mapping[str, Any]) -> Any:
        """The options, with the defaults of what is not given.

        Raises:
            InputError: an option that the task does not have.
        """
        known = [item.name for item in dataclasses.fields(self.options)]
        for name in given:
            if name not in known:
                raise InputError(f"report: {self.study.task} has no option {name!r}; it has: {', '.join(known)}")
        return self.options(**given)

    def write(
        self,
        out: Path,
        study: AnyStudy,
        measures: Measures[Any],
        shown: Shown,
        *,
        title: str | None = None,
        opening: Sequence[Section] = (),
        said: Sequence[str] = (),
    ) -> Path:
        """Writes the page and, beside it, its figures as JSON and CSV; each file whole or not at all.

        Args:
            out: the page.
            study: the runs.
            measures: their figures.
            shown: clips.
            title: of the page.
            opening: sections that come first.
            said: sentences in place of the usual headline.
        """
        said = said or self.headline(study, measures)
        sections = [*opening, *self.sections(study, measures, shown), *ending(study, out, self.missed, self.intervals)]
        value = {"task": study.task, **as_json(study, measures, said), **self.figures(study, measures, shown)}
        Page(title or self.title, said, sections, study.notes).write(out, value, measures.as_csv())
        return out


def ending(study: Study[AnyRun], out: Path, missed: str, intervals: str) -> list[Section]:
    """The sections that every page of a study ends with."""
    failures = failure_table(study)
    unread: list[Block] = ["None: every test video was read by every run."]
    beside = " and ".join(out.with_suffix(end).name for end in (".json", ".csv"))
    note = (
        f"Intervals: {intervals} With few seeds they are somewhat too narrow. The same figures are in {beside} beside "
        f"this page. {MADE_BY}"
    )
    return [
        Section("training", "Training", *curves(study.recipes)),
        Section("failures", "Videos that could not be read", *([missed, failures] if failures else unread)),
        Section("runs", "How this page was made", run_table(study.recipes), Note(note)),
    ]


def curves(recipes: Sequence[Recipe[AnyRun]]) -> list[Block]:
    """Training curves, validation first: a chart a series that is not 0 throughout, a line a recipe."""
    histories = {recipe.name: _history(recipe) for recipe in recipes}
    names = {name for table in histories.values() for name in table.columns if table[name].fillna(0).any()}
    names -= {name for name in names if name.startswith("lr/") and name != "lr/backbone"}  # heads follow the backbone
    order = sorted(names, key=lambda name: (not name.startswith("validation"), not name.startswith("train"), name))
    if not order:
        return [Note("The runs logged no curves.")]
    drawings, below = [], False
    for number, name in enumerate(order[:MOST_CURVES]):
        kept = {recipe_name: table[name].dropna() for recipe_name, table in histories.items() if name in table}
        series = {recipe_name: (line.index.to_numpy(), line.to_numpy()) for recipe_name, line in kept.items()}
        below |= name.startswith("train") and any((line < 0).any() for line in kept.values())
        drawing = charts.lines(series, label="epoch", name=f"curve-{number}", text=f"{name} by epoch")
        drawings.append(Chart(drawing, heading=name))
    maximised = " A loss below zero is a term that is maximised." if below else ""
    return [Charts(drawings), Note(f"Means over seeds, by epoch.{maximised}")]


def _history(recipe: Recipe[AnyRun]) -> pd.DataFrame:
    """One row an epoch, one column a series: the mean over the epoch's lines and the seeds."""
    table = pd.DataFrame([line for tested in recipe.tested for line in tested.run.history()])
    if "epoch" not in table:
        return pd.DataFrame()
    return table.select_dtypes("number").groupby("epoch").mean().drop(columns=["step"], errors="ignore")


def failure_table(study: Study[AnyRun]) -> Table | None:
    """Videos that some run could not read, with the reason; None where there are none."""
    if not study.failures:
        return None
    tested = sum(len(recipe.tested) for recipe in study.recipes)
    rows = [
        [Cell(video), Cell(split), Cell(f"{len(said)} of {tested}"), Cell(said[0])]
        for (split, video), said in study.failures.items()
    ]
    note = f"The first {MOST_FAILURES}." if len(rows) > MOST_FAILURES else ""
    header = ["Video", "Split", "Runs that missed it", "Reason"]
    return Table(counted(len(rows), "video"), header, rows[:MOST_FAILURES], note)


def run_table(recipes: Sequence[Recipe[AnyRun]]) -> Table:
    """Which runs the page is made of."""
    rows = [
        [
            Cell(recipe.name, recipe.method.text),
            Cell(", ".join(map(str, recipe.seeds))),
            Cell(
                ", ".join(sorted({evaluated.run.commit[:10] for evaluated in recipe.tested if evaluated.run.commit}))
                or ABSENT
            ),
            Cell(", ".join(evaluated.run.name for evaluated in recipe.tested)),
        ]
        for recipe in recipes
    ]
    return Table("The runs", ["Shown as", "Seeds", "Code", "Folders"], rows)
