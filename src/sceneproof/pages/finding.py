"""What the pages of localizers and detectors share: models that find things, and start from classifiers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from sceneproof.metrics.map_bootstrap import DRAWS
from sceneproof.pages import charts
from sceneproof.pages.figures import gain, gain_chart
from sceneproof.pages.kit import ABSENT, Block, Cell, Chart, Charts, Section, Table
from sceneproof.studies.measures import StudyMeasures
from sceneproof.studies.recipes import AnyRun
from sceneproof.studies.study import Study

MOST_ACTIONS = 40  # beyond this nobody reads on; the files beside the page have all
INTERVALS = (
    f"percentile bootstrap, 95 %, {DRAWS:,} resamples of training seeds and test videos, crossed; differences see the "
    f"same seeds and videos on both sides, and average precision is taken anew in each resample."
)
Kind = TypeVar("Kind", bound=int)
Shares = Mapping[str, Mapping[str, NDArray[np.float64]]]
"""By slice and recipe's name."""


def sections(
    *,
    precision: Sequence[Block | None],
    paper: Table,
    actions: Sequence[Table],
    mistakes: Sequence[Block],
    shown: Section,
    others: Sequence[Section] = (),
) -> list[Section]:
    """The sections of a page, in their order; `others` stand before the actions."""
    return [
        Section("precision", "Mean average precision", *precision),
        Section("the-paper", "The paper", paper),
        *others,
        Section("actions", "Action by action", *actions),
        Section("mistakes", "What goes wrong", *mistakes),
        shown,
    ]


def missed(things: str) -> str:
    """What becomes of videos that could not be read."""
    return f"Nothing is found in them: their {things} count as missed."


def gains(
    study: Study[AnyRun], measures: StudyMeasures[Any], metric: str, words: str, columns: Mapping[str, str],
    *, model: str, caption: str, note: str,
) -> tuple[list[Chart], list[Table]]:  # fmt: skip
    """Gains in the leading metric as a chart, and in others as tables; none where nothing is compared.

    Args:
        study: the recipes.
        measures: their figures.
        metric: the leading one.
        words: what to call it.
        columns: a metric's name by its column's heading.
        model: what finds things.
        caption: of the tables.
        note: below them.
    """
    right = f"Right of zero is better than the same {model} on a plain backbone, or than the baseline that was named."
    chart = gain_chart(
        study, measures, metric, label=f"points of {words} gained", heading="Gains",
        caption=f"Paired on the same seeds and videos, with 95 % intervals. {right}",
    )  # fmt: skip
    tables = []
    for on in study.slices:
        rows = []
        for recipe in study.recipes:
            other, row = study.reference(recipe), [measures.find(recipe, name, on) for name in columns.values()]
            if other is not None and any(measure is not None and measure.gain is not None for measure in row):
                rows.append([Cell(recipe.name, f"against {other.name}"), *(gain(measure) for measure in row)])
        if rows:
            tables.append(Table(f"{caption}, {on}", [model.capitalize(), *columns], rows, note))
    return chart, tables


def slice_charts(study: Study[AnyRun], draw: Callable[[str, str], Markup]) -> list[Chart]:
    """A chart a slice; `draw` is given the slice and what ends the drawing's name."""
    return [Chart(draw(on, f"-{number}"), heading=on.capitalize()) for number, on in enumerate(study.slices)]


def mistakes(
    study: Study[AnyRun],
    shares: Shares,
    kinds: Mapping[Kind, str],
    *,
    model: str,
    title: str,
    label: str,
    note: str,
) -> list[Block]:
    """Shares of kinds of mistake, as stacked bars and as a table for each slice, a row a recipe.

    Args:
        study: the recipes.
        shares: float64 (K,), from 0 to 1; NaN: there is nothing.
        kinds: their words, by their places.
        model: what finds things.
        title: of charts and tables, without the slice.
        label: below the charts.
        note: below the tables.
    """

    def draw(on: str, end: str) -> Markup:
        parts = {
            words: [float(np.nan_to_num(by_kind[kind])) for by_kind in shares[on].values()]
            for kind, words in kinds.items()
        }
        text = f"{title}, {on}; the table has the figures"
        return charts.bars(list(shares[on]), parts, label=label, name=f"kinds{end}", text=text)

    header, tables = [model.capitalize(), *map(str.capitalize, kinds.values())], []
    for on, own in shares.items():
        rows = [[Cell(name), *(_share(by_kind[kind]) for kind in kinds)] for name, by_kind in own.items()]
        tables.append(Table(f"{title}, {on}", header, rows, note))
    return [Charts(slice_charts(study, draw)), *tables]


def _share(value: float) -> Cell:
    return Cell(f"{100 * value:.1f}" if np.isfinite(value) else ABSENT)


def action_tables(study: Study[AnyRun], measures: StudyMeasures[Any], *, note: str) -> list[Table]:
    """Average precision of each action: a table a slice, a row an action, a column a recipe; the hardest first.

    Args:
        study: the recipes.
        measures: with `by_class` in the details, float64 (A,), 0 to 1; NaN where there is nothing to find.
        note: how the figures are taken.
    """
    tables = []
    for on, details in measures.details.items():
        counts = study.slices[on]["action"].value_counts()
        values = {name: detail.by_class for name, detail in details.items()}
        first = values[study.lead.name]
        known = np.flatnonzero(np.isfinite(first))
        rows = [
            [
                Cell(study.actions[number], f"{counts.get(study.actions[number], 0)} {study.things.things}"),
                *(
                    Cell(f"{100 * precisions[number]:.1f}", shade=float(precisions[number]))
                    for precisions in values.values()
                ),
            ]
            for number in known[np.argsort(first[known], kind="stable")][:MOST_ACTIONS].tolist()
        ]
        hidden = f" The hardest {len(rows)} of {len(known)} for {study.lead.name}." if len(rows) < len(known) else ""
        tables.append(Table(f"Average precision by action, {on}", ["Action", *values], rows, note + hidden))
    return tables


def by_action(study: Study[AnyRun], measures: StudyMeasures[Any]) -> dict[str, dict[str, dict[str, float]]]:
    """The same for a file: by slice, recipe and action."""
    return {
        on: {name: dict(zip(study.actions, detail.by_class.tolist(), strict=True)) for name, detail in details.items()}
        for on, details in measures.details.items()
    }


def by_words(
    measures: StudyMeasures[Any], words: Mapping[Any, str], number: Callable[[Any, Any], float]
) -> dict[str, dict[str, dict[str, float]]]:
    """What lies behind the figures, for a file: by slice, recipe and the words for each kind.

    Args:
        measures: of the study.
        words: for each kind.
        number: of a recipe's detail and a kind.
    """
    return {
        on: {name: {said: number(detail, kind) for kind, said in words.items()} for name, detail in details.items()}
        for on, details in measures.details.items()
    }
