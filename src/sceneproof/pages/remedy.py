"""What an audit's page says of what can be done about it."""

from collections.abc import Sequence

import numpy as np

from sceneproof.audit.remedy import AFTER, BEFORE, CHANGE, FILE, Remedied, sentences
from sceneproof.metrics.bootstrap import Interval
from sceneproof.pages import charts
from sceneproof.pages.kit import ABSENT, Block, Cell, Chart, Charts, Commands, Note, Table, between, points

SHOW = ((f"sceneproof app MODEL --remedy {FILE}", "shows the correction on clips of yours"),)
"""A command, and what it does."""
NOTE = (
    "Counterfactual correction (after Sun et al., ACM MM 2021): softmax of log p(clip) − α log p(the clip without its "
    "person). α is chosen on clips in context alone, so that top-1 there falls by no more than is allowed, and each "
    "clip is corrected with the α of other films; clips in another action’s place have no say in it. In percent with "
    "95 % intervals over videos; differences are paired, in points. It needs to know where people are when the model "
    "is used."
)


def remedy_blocks(correction: Remedied | str | None) -> list[Block]:
    """What can be done without training; nothing where that was not asked for.

    Args:
        correction: a remedy with what it changes, or why there is none.
    """
    if correction is None:
        return []
    if isinstance(correction, str):
        return [Note(f"No correction without training was tried: {correction}.")]
    return [*sentences(correction), *_shown(correction), Commands(SHOW)]


def _shown(correction: Remedied) -> Sequence[Block]:
    return [Charts([_curve(correction)]), _table(correction)]


def _table(correction: Remedied) -> Table:
    header, rows = ["Answers", "Top-1"], []
    if correction.swaps is not None:
        header += ["Person’s action (SHAcc)", "Place’s action (SBErr)", "Scene reliance"]
    for place, name in enumerate((BEFORE, AFTER, CHANGE)):
        row = [Cell(name.capitalize()), _cell(correction.top1[place], signed=name == CHANGE)]
        if correction.swaps is not None:
            swap = correction.swaps[place]
            row += [_cell(value, signed=name == CHANGE) for value in (swap.shacc, swap.sberr)]
            row.append(_cell(swap.reliance, signed=name == CHANGE, scale=1))
        rows.append(row)
    return Table("The scene’s part taken out of the answers", header, rows, NOTE)


def _cell(interval: Interval | None, *, signed: bool, scale: int = 100) -> Cell:
    if interval is None:
        return Cell(ABSENT)
    if scale == 1:
        form = "+.2f" if signed else ".2f"
        low, value, high = (f"{end:{form}}".replace("-", "−") for end in (interval.low, interval.value, interval.high))
        return Cell(value, f"{low} to {high}", strong=signed and interval.excludes_zero)
    text = points(interval.value) if signed else f"{100 * interval.value:.1f}"
    return Cell(text, between(interval), strong=signed and interval.excludes_zero)


def _curve(correction: Remedied) -> Chart:
    alphas = np.array(list(correction.curve))
    values = 100 * np.array(list(correction.curve.values()))
    names = ("top-1 as they are", "names the person’s action", "names the place’s action")
    series = {
        name: (alphas, values[:, column]) for column, name in enumerate(names) if np.isfinite(values[:, column]).all()
    }
    drawing = charts.lines(
        series, label="α, the share of the scene’s answer that is taken out", side="%", name="remedy",
        text="Accuracy, and whose action is named, by how much of the scene’s answer is taken out", from_zero=True,
    )  # fmt: skip
    return Chart(drawing, "On the audited clips, whichever α was chosen. The first line alone decides.")
