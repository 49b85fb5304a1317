"""The tables of a study's page."""

import csv
import math
from collections.abc import Sequence
from importlib.resources import files

from sceneproof.metrics.bootstrap import Interval
from sceneproof.report import grouping
from sceneproof.report import measures as m
from sceneproof.report.cells import ABSENT, Cell, Table
from sceneproof.report.grouping import AnyRun
from sceneproof.report.measures import Measure, Measures
from sceneproof.report.study import Recipe, Study


def points(difference: float) -> str:
    """A signed difference of shares in percentage points, '+5.4' or '−0.3'."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def between(interval: Interval) -> str:
    """The ends of an interval in percentage points, '3.1 to 7.7'."""
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}".replace("-", "−")


def comparison(study: Study, measures: Measures) -> Table:
    """One row a recipe: in and out of context, without people, scene leakage, worst group."""
    slices = list(study.slices())
    first, last = slices[0], slices[-1]
    header = ["Method", *(f"Top-1, {on}" for on in slices)]
    gains = [on for on in slices if study.baseline is not None and len(study.recipes) > 1]
    header += [f"Against {study.baseline.name}, {on}" for on in gains if study.baseline is not None]
    header += [
        f"People removed: top-1, {first}",
        "People removed: entropy (nats)",
        f"Scene leakage, {first}",
        f"Worst group, {last}",
    ]
    rows = []
    for recipe in study.recipes:
        found = [measures.find(recipe, m.TOP_1, on) for on in slices]
        more = [measures.find(recipe, m.TOP_1, on) for on in gains]
        rest = [(m.NOBODY, first), (m.NOBODY_ENTROPY, first), (m.LEAKAGE, first), (m.WORST, last)]
        rows.append(
            [
                Cell(recipe.name, f"{recipe.method.text} · {_seeds(len(recipe.tested))}"),
                *(_figure(one) for one in found),
                *(_gain(one) for one in more),
                *(_figure(measures.find(recipe, metric, on)) for metric, on in rest),
            ]
        )
    note = (
        "Accuracies in percent, mean ± standard deviation over seeds. Differences are in percentage points with "
        "their 95 % interval, paired over seeds and videos; bold where it excludes zero. Without people a model that "
        "does not lean on the scene can only guess: accuracy near chance, entropy near "
        f"ln {len(study.actions)} = {math.log(len(study.actions)):.2f}. Scene leakage: how often a linear probe names "
        "the scene from the features, and below it from the true action alone. "
        "Worst group: of the groups of one action in one scene, the least accurate."
    )
    return Table("What each model leans on", header, rows, note)


def _seeds(count: int) -> str:
    return f"{count} {'seed' if count == 1 else 'seeds'}"


def _figure(measure: Measure | None) -> Cell:
    if measure is None or not math.isfinite(measure.mean):
        return Cell(ABSENT)
    scale, digits = (100, 1) if measure.metric in m.SHARES else (1, 2)
    spread = f"±\N{NO-BREAK SPACE}{scale * measure.std:.{digits}f}" if math.isfinite(measure.std) else ""
    return Cell(f"{scale * measure.mean:.{digits}f}", " · ".join(part for part in (spread, measure.detail) if part))


def _gain(measure: Measure | None) -> Cell:
    if measure is None or measure.gain is None:
        return Cell(ABSENT)
    return Cell(points(measure.gain.value), between(measure.gain), strong=measure.gain.excludes_zero)


def paper_figures(table: str) -> list[dict[str, str]]:
    """The rows of the paper's own `table` ("losses", "labels" or "localization"), as shipped with their source."""
    text = files("sceneproof.report").joinpath("paper.csv").read_text()
    return [row for row in csv.DictReader(text.splitlines()) if row["table"] == table]


def ablation(study: Study, measures: Measures, table: str) -> Table:
    """The paper's ablation of the "losses" or of the pseudo "labels", our figures beside its own."""
    slices = list(study.slices())
    rows = []
    for row in paper_figures(table):
        theirs = Cell(row["value"], "", strong=False)
        ours = [recipe for recipe in study.recipes if _belongs(recipe, table, row["row"])]
        for recipe in ours:
            figures = [_figure(measures.find(recipe, m.TOP_1, on)) for on in slices]
            rows.append([Cell(row["row"]), Cell(recipe.name), *figures, theirs])
        if not ours:
            rows.append([Cell(row["row"]), Cell("not run"), *[Cell(ABSENT)] * len(slices), theirs])
    source = paper_figures(table)[0]
    captions = {"losses": "The losses, one by one", "labels": "The pseudo scene labels of L_Adv"}
    heads = {"losses": "Losses added", "labels": "Scene labels"}
    header = [heads[table], "Ours", *(f"Top-1, {on}" for on in slices), "The paper"]
    note = (
        f"The paper's: {source['metric']} on {source['benchmark']}; {source['source']}. Ours is on other videos: "
        f"compare the order and the steps, not the level."
    )
    return Table(captions[table], header, rows, note)


def _belongs(recipe: Recipe, table: str, row: str) -> bool:
    method = recipe.method
    if table == "losses":
        return method.terms == row and (row not in ("L_Adv", "both") or method.labels == "soft")
    return method.terms == ("none" if row == "none" else "L_Adv") and method.labels == row


def models(study: Study) -> list[Recipe]:
    """The recipes that the detailed tables and pictures show: baseline and debiased, or what there is."""
    chosen = [recipe for recipe in (study.baseline, study.debiased) if recipe is not None]
    return chosen or list(study.recipes[:1])


def failures(study: Study, most: int = 50) -> Table | None:
    """Videos that some run could not read, with the reason; None where there are none."""
    tested = [one for recipe in study.recipes for one in recipe.tested]
    rows = []
    for place, row in enumerate(study.rows.itertuples()):
        reasons = [str(one.rows["problem"].iat[place] or "") for one in tested]
        reasons = [reason for reason in reasons if reason]
        if reasons:
            rows.append(
                [Cell(str(row.video)), Cell(str(row.split)), Cell(f"{len(reasons)} of {len(tested)}"), Cell(reasons[0])]
            )
    if not rows:
        return None
    note = f"The first {most}." if len(rows) > most else ""
    header = ["Video", "Split", "Runs that missed it", "Reason"]
    return Table(f"{len(rows)} {'video' if len(rows) == 1 else 'videos'}", header, rows[:most], note)


def runs(recipes: Sequence[grouping.Recipe[AnyRun]]) -> Table:
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
