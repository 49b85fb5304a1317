"""What an audit's page tells an engineer to look at and to do: clips and places that cost most, shortcuts, commands."""

import shlex
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sceneproof.audit.hardest import SWAP, by_place, ranked, static_shortcuts, worst
from sceneproof.audit.measures import Measures
from sceneproof.audit.remedy import AFTER, BEFORE, CHANGE, FILE, Remedied, sentences
from sceneproof.audit.table import AuditTable
from sceneproof.metrics.bootstrap import Interval
from sceneproof.pages import charts
from sceneproof.pages.kit import (
    ABSENT,
    Block,
    Card,
    Cell,
    Chart,
    Charts,
    Clips,
    Commands,
    Note,
    Section,
    Table,
    between,
    percent,
    points,
)
from sceneproof.wording import counted

MOST = 20
"""Rows of a table; audit.parquet has all."""
WATCHED = ("original", "human_inpainted", "human_filled", SWAP)
"""The variants that a clip to watch is shown in."""
LEANS, GAP = 0.3, 0.2
"""Shares above which a recipe fits: of accuracy that needs no person; between all clips and the worst group."""
TRAINED = {
    "SDN": "unlearns the scene, and is unsure of the action where nobody is seen",
    "GroupDRO": "trains for the worst of the groups that are an action in a scene",
    "LfF": "needs no labels of scenes: clips that a biased network fails on weigh more",
}


def watched_section(table: AuditTable, cards: Sequence[Card]) -> Section:
    """Clips in which the place is named in the person's stead."""
    name, heading = "clips-to-watch", "Clips to watch"
    if table.part("original", SWAP).rows.empty:
        return Section(name, heading, Note("Nobody was put in another action’s place."))
    if not cards:
        led = len(worst(table, len(table.rows)))
        none = "None: no clip that is named rightly as it is was named by the place it was put in."
        return Section(name, heading, Note(f"{counted(led, 'clip')} of this kind; none are shown." if led else none))
    text = (
        "Named rightly as they are, and by the place when the person stands in another action’s: picked, the loss grew "
        "most."
    )
    return Section(name, heading, text, Clips(cards, across="9rem", wide=True))


def places_section(table: AuditTable) -> Section:
    """Which places cost how much, and the hardest clips."""
    rows = ranked(table)
    name, heading = "your-places", "Does it matter for your places?"
    if rows.empty:
        return Section(name, heading, Note("Nobody was put in another place, so no place can be told from another."))
    return Section(name, heading, _place_table(by_place(table)), _clip_table(table, rows))


def _place_table(places: pd.DataFrame) -> Table | None:
    if places.empty:
        return None
    rows = [
        [Cell(str(row["place"])), Cell(str(row["videos"])), _nats(row["loss"]), Cell(f"{100 * row['top1']:.1f}")]
        for row in places.head(MOST).to_dict("records")
    ]
    note = (
        f"People of other actions were put there. Loss: −ln of the probability of the person’s action, in nats, less "
        f"that of the same clips as they are, with 95 % intervals over videos{_cut_off(len(places))}."
    )
    return Table("Places, the costliest first", ["Place", "Videos", "Loss added", "Top-1 there, %"], rows, note)


def _clip_table(table: AuditTable, rows: pd.DataFrame) -> Table:
    body = [
        [
            Cell(str(row["video"]), str(row["action"])),
            Cell(str(row["background_scene"] or row["background_action"]), str(row["background"])),
            Cell(f"{row['before'] + 0.0:.2f}"),
            Cell(f"{row['loss'] + 0.0:.2f}"),
            Cell(table.actions[row["named"]] if row["named"] >= 0 else "another class"),
        ]
        for row in rows.head(MOST).to_dict("records")
    ]
    note = f"Loss in nats: 0 where it is sure of the person’s action{_cut_off(len(rows))}; audit.parquet has all."
    header = ["Clip", "Put in", "Loss as it is", "Loss there", "Named there"]
    return Table("Clips out of context, ranked by loss", header, body, note)


def shortcuts_table(table: AuditTable, *, examples: int = 3) -> Table | Note:
    """Static shortcuts that nobody labelled; or why none were looked for."""
    outcome = static_shortcuts(table)
    if isinstance(outcome, str):
        return Note(f"Static shortcuts were not looked for: {outcome}.")
    shortcuts, rows = outcome
    if not shortcuts:
        return Note(f"No static shortcut was found among {counted(len(rows), 'clip')}.")
    named = table.predicted(table.original.set_index("video").loc[rows["video"]].reset_index())
    body = []
    for shortcut in shortcuts[:MOST]:
        wrong = [place for place in shortcut.members if named[place] >= 0]
        wrong = [place for place in wrong if table.actions[named[place]] != rows["action"].iat[place]]
        taken = pd.Series([table.actions[named[place]] for place in wrong]).value_counts().index[:2]
        shown = [str(rows["video"].iat[place]) for place in (wrong or list(shortcut.members))[:examples]]
        body.append([
            Cell(", ".join(shown)), Cell(str(len(shortcut.members))),
            Cell(", ".join(table.actions[number] for number in shortcut.actions)), Cell(", ".join(taken) or ABSENT),
            Cell(f"{100 * shortcut.error:.1f}"), Cell(f"{100 * shortcut.confidence:.1f}"),
        ])  # fmt: skip
    note = (
        "Clips whose stills look alike to the model (k-means on its features of one frame repeated), on which it is "
        "wrong more often than on other clips of the same actions, and for whose wrong answer one still is enough "
        "(after Varma et al., TRoVe, NeurIPS 2025). Points and percent; without intervals: a hint where to look, no "
        "test."
    )
    header = ["Such as", "Clips", "Actions", "Taken for", "Right less often by", "Probability by one still, %"]
    return Table("Static shortcuts, found without labels", header, body, note)


def recipes(table: AuditTable, measures: Measures) -> Commands | Note:
    """The trainings that fit what was found, with the commands to copy."""
    settings: Mapping[str, object] = table.facts.get("settings", {})
    kept = next((value for name in WATCHED[1:3] if (value := measures.value(f"survives_{name}")) is not None), None)
    worst_group, top1 = measures.value("worst_group"), measures.value("top1")
    leans = (kept or 0) > LEANS or (measures.value("scene_error") or 0) > (measures.value("human_accuracy") or 1) / 2
    uneven = worst_group is not None and top1 is not None and top1 - worst_group > GAP
    fitting = [*(["SDN"] if leans else []), *(["GroupDRO"] if uneven else []), *(["LfF"] if leans or uneven else [])]
    if not fitting:
        return Note(
            f"Nothing here asks for another training: less than {percent(LEANS, 0)} of the accuracy needs no person, "
            f"and no group lies {100 * GAP:.0f} points below the rest."
        )
    known = {name: _word(settings.get(name), name.upper()) for name in ("manifest", "scenes", "humans")}
    tables = {
        "SDN": f"--scenes {known['scenes']} --humans {known['humans']}", "GroupDRO": f"--scenes {known['scenes']}",
        "LfF": "",
    }  # fmt: skip
    commands = [f"sceneproof train {known['manifest']} runs/{name} --method {name} {tables[name]}" for name in fitting]
    labels = f"sceneproof label scenes {known['manifest']} SCENES"
    first = [(labels, "makes the soft scene labels")] if "SCENES" in " ".join(commands) else []
    return Commands([*first, *((text.strip(), TRAINED[name]) for text, name in zip(commands, fitting, strict=True))])


def _word(value: object, otherwise: str) -> str:
    return shlex.quote(str(value)) if value else otherwise


def _nats(interval: Interval) -> Cell:
    low, value, high = (f"{end:+.2f}".replace("-", "−") for end in (interval.low, interval.value, interval.high))
    return Cell(value, f"{low} to {high}")


def _cut_off(rows: int) -> str:
    return f"; the first {MOST} of {rows}" if rows > MOST else ""


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
