"""What the pages of localizers and detectors share: models that find things, and start from classifiers."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from sceneproof.metrics.map_bootstrap import DRAWS
from sceneproof.pages import charts
from sceneproof.pages.kit import ABSENT, Block, Cell, Chart, Charts, Clips, Note, Section, Table
from sceneproof.pages.study import ending, gain_chart, gain_tables
from sceneproof.studies.grouping import AnyRun, Compared
from sceneproof.studies.measures import Measures

MOST_ACTIONS = 40  # beyond this nobody reads on; the files beside the page have all
INTERVALS = (
    f"percentile bootstrap, 95 %, {DRAWS:,} resamples of training seeds and test videos, crossed; differences see the "
    f"same seeds and videos on both sides, and average precision is taken anew in each resample."
)
Kind = TypeVar("Kind", bound=int)
Shares = Mapping[str, Mapping[str, NDArray[np.float64]]]
"""By slice and recipe's name."""


def sections(
    study: Compared[AnyRun],
    out: Path | None,
    *,
    precision: Sequence[Block | None],
    paper: Table,
    actions: Sequence[Table],
    mistakes: Sequence[Block],
    shown: Section,
    others: Sequence[Section] = (),
    things: str,
) -> list[Section]:
    """The sections of a page, in their order; `others` stand before the actions, `things` are what is found."""
    return [
        Section("precision", "Mean average precision", *precision),
        Section("the-paper", "The paper", paper),
        *others,
        Section("actions", "Action by action", *actions),
        Section("mistakes", "What goes wrong", *mistakes),
        shown,
        *ending(study, out, missed=f"Nothing is found in them: their {things} count as missed.", intervals=INTERVALS),
    ]


def clips_section(name: str, heading: str, text: str, clips: Clips, *, lacking: str) -> Section:
    """Clips with what is said of them, or what is lacking to show them."""
    shown: list[Block] = [text, clips] if clips.cards else []
    return Section(name, heading, *shown, Note(lacking) if lacking else None)


def gains(
    study: Compared[AnyRun], measures: Measures, metric: str, words: str, columns: Mapping[str, str],
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
    return chart, gain_tables(study, measures, columns, caption=caption, head=model.capitalize(), note=note)


def slice_charts(study: Compared[AnyRun], draw: Callable[[str, str], Markup]) -> list[Chart]:
    """A chart a slice; `draw` is given the slice and what ends the drawing's name."""
    return [Chart(draw(on, f"-{number}"), heading=on.capitalize()) for number, on in enumerate(study.slices)]


def mistakes(
    study: Compared[AnyRun],
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
            words: [float(np.nan_to_num(one[kind])) for one in shares[on].values()] for kind, words in kinds.items()
        }
        text = f"{title}, {on}; the table has the figures"
        return charts.bars(list(shares[on]), parts, label=label, name=f"kinds{end}", text=text)

    header, tables = [model.capitalize(), *map(str.capitalize, kinds.values())], []
    for on, own in shares.items():
        rows = [[Cell(name), *(_share(one[kind]) for kind in kinds)] for name, one in own.items()]
        tables.append(Table(f"{title}, {on}", header, rows, note))
    return [Charts(slice_charts(study, draw)), *tables]


def _share(value: float) -> Cell:
    return Cell(f"{100 * value:.1f}" if np.isfinite(value) else ABSENT)


def action_tables(study: Compared[AnyRun], precisions: Shares, *, things: str, note: str) -> list[Table]:
    """Average precision of each action: a table a slice, a row an action, a column a recipe; the hardest first.

    Args:
        study: the recipes.
        precisions: float64 (A,), 0 to 1; NaN where there is nothing to find.
        things: what is counted in each action.
        note: how the figures are taken.
    """
    tables = []
    for on, values in precisions.items():
        counts = study.slices[on]["action"].value_counts()
        first = values[study.lead.name]
        known = np.flatnonzero(np.isfinite(first))
        rows = [
            [
                Cell(study.actions[number], f"{counts.get(study.actions[number], 0)} {things}"),
                *(Cell(f"{100 * one[number]:.1f}", shade=float(one[number])) for one in values.values()),
            ]
            for number in known[np.argsort(first[known], kind="stable")][:MOST_ACTIONS].tolist()
        ]
        hidden = f" The hardest {len(rows)} of {len(known)} for {study.lead.name}." if len(rows) < len(known) else ""
        tables.append(Table(f"Average precision by action, {on}", ["Action", *values], rows, note + hidden))
    return tables


def by_action(study: Compared[AnyRun], precisions: Shares) -> dict[str, dict[str, dict[str, float]]]:
    """The same for a file: by slice, recipe and action."""
    return {
        on: {name: dict(zip(study.actions, one.tolist(), strict=True)) for name, one in found.items()}
        for on, found in precisions.items()
    }


def references(study: Compared[AnyRun]) -> dict[str, str | None]:
    """The name of what each recipe is compared with, by its own; None: nothing."""
    others = {recipe.name: study.reference(recipe) for recipe in study.recipes}
    return {name: other.name if other is not None else None for name, other in others.items()}
