"""What the pages of all tasks' studies share: sentences on the leading figure, tables of recipes, curves, the end."""

import csv
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import pandas as pd

from sceneproof.metrics.bootstrap import Interval
from sceneproof.pages import charts
from sceneproof.pages.kit import (
    ABSENT,
    MADE_BY,
    Block,
    Cell,
    Chart,
    Charts,
    Note,
    Section,
    Table,
    between,
    points,
)
from sceneproof.studies.grouping import AnyRun, Compared, Recipe
from sceneproof.studies.measures import NATS, Measure, Measures
from sceneproof.wording import counted

MOST_CURVES, MOST_FAILURES = 12, 50  # beyond this nobody reads on; the files beside the page have all


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


def gain_tables(
    study: Compared[AnyRun],
    measures: Measures,
    columns: Mapping[str, str],
    *,
    caption: str,
    head: str,
    note: str,
) -> list[Table]:
    """Gains with their intervals, a table a slice, a row a recipe; none where nothing is compared.

    Args:
        study: the recipes.
        measures: their figures.
        columns: a metric's name by its column's heading.
        caption: of the tables, without the slice.
        head: of the first column.
        note: below.
    """
    tables = []
    for on in study.slices:
        rows = []
        for recipe in study.recipes:
            other, found = study.reference(recipe), [measures.find(recipe, name, on) for name in columns.values()]
            if other is not None and any(one is not None and one.gain is not None for one in found):
                rows.append([Cell(recipe.name, f"against {other.name}"), *(gain(one) for one in found)])
        if rows:
            tables.append(Table(f"{caption}, {on}", [head, *columns], rows, note))
    return tables


def gain_chart(
    study: Compared[AnyRun], measures: Measures, metric: str, *, label: str, caption: str, heading: str = ""
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
        found = measures.find(recipe, metric, on)
        return None if found is None else found.gain

    rows = [recipe for recipe in study.recipes if any(of(recipe, on) is not None for on in study.slices)]
    if not rows:
        return []
    drawing = charts.points(
        [recipe.name for recipe in rows], {on: [of(recipe, on) for recipe in rows] for on in study.slices}, line=0,
        label=label, name="gain", text=f"{label}, with paired 95 % intervals; the tables have the figures", apart=True,
    )  # fmt: skip
    return [Chart(drawing, caption, heading)]


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
        kept = {one: table[name].dropna() for one, table in histories.items() if name in table}
        series = {one: (line.index.to_numpy(), line.to_numpy()) for one, line in kept.items()}
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


def ending(study: Compared[AnyRun], out: Path | None, *, missed: str, intervals: str) -> list[Section]:
    """The sections that every page of a study ends with.

    Args:
        study: the recipes.
        out: where the page goes, if anywhere.
        missed: what becomes of videos that could not be read.
        intervals: how the page's intervals are taken.
    """
    failures = failure_table(study)
    unread: list[Block] = ["None: every test video was read by every run."]
    beside = " and ".join(out.with_suffix(end).name for end in (".json", ".csv")) if out is not None else "files"
    note = (
        f"Intervals: {intervals} With few seeds they are somewhat too narrow. The same figures are in {beside} beside "
        f"this page. {MADE_BY}"
    )
    return [
        Section("training", "Training", *curves(study.recipes)),
        Section("failures", "Videos that could not be read", *([missed, failures] if failures else unread)),
        Section("runs", "How this page was made", run_table(study.recipes), Note(note)),
    ]


def failure_table(study: Compared[AnyRun]) -> Table | None:
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
            Cell(", ".join(sorted({one.commit[:10] for one in recipe.tested if one.commit})) or ABSENT),
            Cell(", ".join(one.run.name for one in recipe.tested)),
        ]
        for recipe in recipes
    ]
    return Table("The runs", ["Shown as", "Seeds", "Code", "Folders"], rows)


def quoted(name: str) -> list[dict[str, str]]:
    """The rows of a table of published figures that is shipped with their source."""
    return list(csv.DictReader(files("sceneproof.pages").joinpath(name).read_text(encoding="utf-8").splitlines()))
