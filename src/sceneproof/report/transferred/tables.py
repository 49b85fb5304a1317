"""Tables that the pages of several tasks show."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sceneproof.report.cells import ABSENT, Cell, Table
from sceneproof.report.grouping import Recipe
from sceneproof.report.measures import Measure, Measures
from sceneproof.report.tables import between, points
from sceneproof.report.transferred.study import AnyRun, TransferStudy
from sceneproof.wording import counted

MOST = 40  # actions: beyond this nobody reads a table


def heading(recipe: Recipe[AnyRun]) -> Cell:
    """A recipe as the head of a row: its name, what it trains and how often it was trained."""
    seeds = len(recipe.tested)
    return Cell(recipe.name, f"{recipe.method.text} · {seeds} {'seed' if seeds == 1 else 'seeds'}")


def share(measure: Measure | None) -> Cell:
    """A share in percent with its deviation over seeds."""
    if measure is None or not math.isfinite(measure.mean):
        return Cell(ABSENT)
    spread = f"±\N{NO-BREAK SPACE}{100 * measure.std:.1f}" if math.isfinite(measure.std) else ""
    return Cell(f"{100 * measure.mean:.1f}", spread)


def gain(measure: Measure | None, *, named: bool = False) -> Cell:
    """A gain in points with its interval, and what it is over where that is to be `named`."""
    if measure is None or measure.gain is None:
        return Cell(ABSENT)
    ends = between(measure.gain)
    if named:
        ends += f", {measure.detail.removeprefix('gain ')}"
    return Cell(points(measure.gain.value), ends, strong=measure.gain.excludes_zero)


def gain_table(
    study: TransferStudy[AnyRun],
    measures: Measures,
    on: str,
    columns: Mapping[str, str],
    *,
    caption: str,
    head: str,
    note: str,
) -> Table | None:
    """Gains with their intervals, a row a recipe; None where nothing is compared.

    Args:
        study: the recipes.
        measures: their figures.
        on: the slice.
        columns: a metric's name by its column's heading.
        caption: of the table, without the slice.
        head: of the first column.
        note: below.
    """
    rows = []
    for recipe in study.recipes:
        other = study.reference(recipe)
        found = [measures.find(recipe, metric, on) for metric in columns.values()]
        if other is not None and any(one is not None and one.gain is not None for one in found):
            rows.append([Cell(recipe.name, f"against {other.name}"), *(gain(one) for one in found)])
    return Table(f"{caption}, {on}", [head, *columns], rows, note) if rows else None


def class_table(
    study: TransferStudy[AnyRun],
    on: str,
    values: Mapping[str, NDArray[np.float64]],
    *,
    things: str,
    note: str,
) -> Table:
    """Average precision of each action: a row an action, a column a recipe; the hardest first.

    Args:
        study: the recipes.
        on: the slice.
        values: by recipe's name, float64 (A,), 0 to 1; NaN where there is nothing to find.
        things: what is counted in each action.
        note: how the figures are taken.
    """
    first = values[study.debiased.name]
    known = np.flatnonzero(np.isfinite(first))
    order = known[np.argsort(first[known], kind="stable")][:MOST]
    counts = study.slices[on]["action"].value_counts()
    rows = []
    for number in order.tolist():
        action = study.actions[number]
        found = [float(values[recipe.name][number]) for recipe in study.recipes]
        cells = [Cell(f"{100 * value:.1f}", shade=value) for value in found]
        rows.append([Cell(action, f"{counts.get(action, 0)} {things}"), *cells])
    hidden = f" The hardest {MOST} of {len(known)} for {study.debiased.name}." if len(known) > MOST else ""
    header = ["Action", *(recipe.name for recipe in study.recipes)]
    return Table(f"Average precision by action, {on}", header, rows, note + hidden)


def failures(study: TransferStudy[AnyRun], most: int = 50) -> Table | None:
    """Videos that some run could not read, with the reason; None where there are none."""
    reasons: dict[tuple[str, str], list[str]] = {}
    tested = [one for recipe in study.recipes for one in recipe.tested]
    there = set(zip(study.truth["split"], study.truth["video"], strict=True))
    for one in tested:
        videos = one.truth.drop_duplicates(["split", "video"])
        for split, video, problem in zip(videos["split"], videos["video"], videos["problem"], strict=True):
            if problem and (split, video) in there:
                reasons.setdefault((split, video), []).append(str(problem))
    if not reasons:
        return None
    rows = [
        [Cell(video), Cell(split), Cell(f"{len(said)} of {len(tested)}"), Cell(said[0])]
        for (split, video), said in reasons.items()
    ]
    note = f"The first {most}." if len(rows) > most else ""
    return Table(counted(len(rows), "video"), ["Video", "Split", "Runs that missed it", "Reason"], rows[:most], note)
