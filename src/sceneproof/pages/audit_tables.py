"""The tables of an audit's page."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sceneproof.audit.figures import CATALOG, SWAPPED, WORDS, note_in_words
from sceneproof.audit.measures import NOT_ASKED, Measures
from sceneproof.audit.table import AuditTable
from sceneproof.contexts.variants import CONTROLS, STILLS, VARIANTS
from sceneproof.figures import Figure
from sceneproof.pages.kit import ABSENT, Cell, Table, between
from sceneproof.wording import counted

MOST = 40
"""Rows of a table: beyond this nobody reads on; the JSON has all."""


def shown(figure: Figure) -> Cell:
    """A figure with its interval: a share in percent, all else as it is; absent where it was not measured."""
    interval = figure.interval
    if interval is None:
        return Cell(ABSENT)
    if CATALOG[figure.metric].unit == "nats" or figure.metric.startswith("scene_reliance"):
        return Cell(_signed(interval.value, 2), f"{_signed(interval.low, 2)} to {_signed(interval.high, 2)}")
    return Cell(_signed(100 * interval.value, 1), between(interval))


def _signed(value: float, digits: int) -> str:
    """With a true minus sign, and none before what is rounded to nothing."""
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def _row(measures: Measures, heading: Cell, *names: str) -> list[list[Cell]]:
    """A row of figures with how many videos the first is taken from; none where that was not measured."""
    figures = [measures.figures[name] for name in names]
    return [[heading, Cell(str(figures[0].n)), *map(shown, figures)]] if figures[0].interval else []


def variant_table(measures: Measures) -> Table:
    """Top-1 on each variant, and how much of it survives on the same clips."""
    ((*original, top1),) = _row(measures, _named("original"), "top1")
    rows = [[*original, top1, Cell("100.0" if measures.value("top1") else ABSENT)]]  # nothing of nothing is no share
    for name in VARIANTS[1:]:
        heading = Cell(WORDS[name].capitalize() + (" (control)" if name in CONTROLS else ""), name)
        rows += _row(measures, heading, f"top1_{name}", f"survives_{name}")
    note = (
        "In percent, with 95 % intervals over videos. Survives: top-1 on the variant over top-1 on the same clips as "
        "they are. The two controls have all marks of cutting and pasting and no other action’s scene: read every "
        "swap against them."
    )
    return Table("What the model names when the clip is changed", ["Clip", "Videos", "Top-1", "Survives"], rows, note)


def swap_table(measures: Measures) -> Table | None:
    """Which of the two actions is named when they disagree; None where no clip was swapped."""
    names = ("human_accuracy", "scene_error", "scene_error_control", "names_neither", "scene_reliance")
    rows = [
        row
        for end, variant in SWAPPED.items()
        for row in _row(measures, _named(variant), *(f"{name}{end}" for name in names))
    ]
    header = ["Swap", "Videos", "Person’s action (SHAcc)", "Place’s action (SBErr)", "… without that place", "Neither",
              "Scene reliance"]  # fmt: skip
    note = (
        "In percent. Scene reliance is SBErr / (SHAcc + SBErr): 0 where only the person decides, 1 where only the "
        "scene does; read it beside the share that names neither. “… without that place”: how often the same other "
        "action is named on the clip pasted back on its own background, by confusion alone (HAT: Chung, Wu, "
        "Russakovsky, NeurIPS 2022; this control is ours)."
    )
    return Table("Whose action is named", header, rows, note) if rows else None


def still_table(measures: Measures) -> Table | None:
    """The person on pictures, and the frozen twins of these; None where there are none."""
    kinds = ("top1_scuba", "top1_scufo", "contrasted")
    rows = [
        row
        for still in STILLS
        for row in _row(measures, Cell(still.capitalize()), *(f"{kind}_{still}" for kind in kinds))
    ]
    note = (
        "Top-1 in percent. The person keeps moving on another background (SCUBA): accuracy should hold. One such frame "
        "repeated (SCUFO): it should fall to chance. Contrasted: right on the first and no longer on the second (Li et "
        "al., ICCV 2023)."
    )
    header = ["Background", "Videos", "Moving (SCUBA)", "Frozen (SCUFO)", "Contrasted accuracy"]
    return Table("On pictures that no action belongs to", header, rows, note) if rows else None


def other_table(measures: Measures) -> Table:
    """All that has no table of its own, with what each figure means or why it is missing."""
    names = (
        "top1", "mean_class", "people_known", "people_cover", "people_left_out", "scene_cost", "cutting_cost",
        "worst_group", "scene_leakage", "scene_bias", "on_person",
        "person_area", "static_share", "dynamic_share", "outline_leak",
        "hole_leak", "outline_chance",
    )  # fmt: skip
    rows = []
    for name in names:
        figure, about = measures.figures[name], CATALOG[name]
        if figure.detail.endswith(NOT_ASKED):
            continue
        meaning = about.meaning if figure.interval else f"Not measured: {figure.detail}"
        videos = Cell(str(figure.n)) if figure.interval else Cell(ABSENT)
        rows.append([Cell(about.title, name), shown(figure), videos, Cell(meaning)])
    note = (
        "In percent with 95 % intervals, but for B_scene, which is a natural logarithm. In small print under each "
        "title: its name in audit.json, audit.csv and conditions for --fail-if."
    )
    return Table(
        "Figures of the model, its features and its maps", ["Figure", "Value", "Videos", "What it is"], rows, note
    )


def missing_table(table: AuditTable, measures: Measures) -> Table | None:
    """Which clips are left out of which variants, and why; None where none is."""
    if measures.missing.empty:
        return None
    asked, body = table.rows["variant"].nunique(), []
    for (reason, videos), missing in measures.missing.groupby(["reason", "videos"], sort=False):
        everywhere = len(missing) == asked > 1  # an unreadable video, say: once, not in every variant
        for variant in missing["variant"][:1] if everywhere else missing["variant"]:
            heading = Cell("Every variant") if everywhere else _named(str(variant))
            such = table.rows[table.rows["variant"].eq(variant) & table.rows["problem"].eq(str(reason))]
            body.append([heading, Cell(str(videos)), Cell(str(reason)), Cell(_some(such["video"].tolist()))])
    note = "Left out of that variant’s figures; a video that cannot be read counts as missed in top-1 as it is"
    return Table(
        "Clips that have no such variant",
        ["Variant", "Videos", "Why", "Which"],
        body[:MOST],
        f"{note}{cut_off(len(body))}.",
    )


def note_table(table: AuditTable) -> Table | None:
    """What a reader should know of how variants were made; None where there is nothing."""
    rows = table.rows[table.rows["note"] != ""]
    if rows.empty:
        return None
    counted = rows.groupby(["variant", "note"], sort=False).size().rename("videos").reset_index()
    order = {name: place for place, name in enumerate(VARIANTS)}
    counted = counted.sort_values("videos", ascending=False).sort_values(
        "variant", key=lambda names: names.map(order), kind="stable"
    )
    body = [
        [_named(str(row["variant"])), Cell(str(row["videos"])), Cell(note_in_words(str(row["note"])))]
        for row in counted.head(MOST).to_dict("records")
    ]
    note = f"The most frequent ways{cut_off(len(counted))}." if len(counted) > MOST else ""
    return Table("How variants were made", ["Variant", "Videos", "How"], body, note)


def settings_table(table: AuditTable) -> Table:
    """What the audit followed from."""
    rows = [
        [Cell(name.replace("_", " ")), Cell(_plain(value))]
        for name, value in [
            ("model", table.model),
            *sorted(table.facts.get("about", {}).items()),
            *sorted(table.facts.get("settings", {}).items()),  # the order in which a table that is read has them
        ]
    ]
    return Table("Settings", ["Setting", "Value"], rows)


def _some(names: Sequence[str], most: int = 3) -> str:
    """The first names, and how many more there are; audit.parquet has all."""
    return ", ".join([*names[:most], *([f"{len(names) - most} more"] if len(names) > most else [])])


def _named(variant: str) -> Cell:
    """A variant in words, with its name."""
    return Cell(WORDS[variant].capitalize(), variant)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or ABSENT
    return ABSENT if value is None else str(value)


def share_table(shares: pd.DataFrame, column: str, title: str) -> Table:
    """Top-1 by action or scene in each variant; the stronger the shade, the better."""
    variants = [name for name in VARIANTS if name in shares]
    hardest = shares.sort_values(["original", "videos"], kind="stable").head(MOST)
    rows = [
        [Cell(str(row[column])), Cell(str(row["videos"])), *(_shaded(float(row[name])) for name in variants)]
        for row in hardest.to_dict("records")
    ]
    note = f"Top-1 in percent on the clips that have the variant; hardest first{cut_off(len(shares))}."
    return Table(title, [column.capitalize(), "Videos", *variants], rows, note, narrow=True)


def group_table(measures: Measures) -> Table | None:
    """Actions in scenes, worst first; None without scenes."""
    if measures.groups is None or measures.groups.empty:
        return None
    worst = measures.groups.sort_values(["accuracy", "count"], ascending=[True, False], kind="stable").head(MOST)
    rows = [
        [Cell(f"{row['action']} in {row['scene']}"), Cell(str(row["count"])), Cell(f"{100 * row['accuracy']:.1f}")]
        for row in worst.to_dict("records")
    ]
    note = f"In percent; small groups are luck{cut_off(len(measures.groups))}."
    return Table("Actions in scenes, worst first", ["Group", "Videos", "Top-1"], rows, note)


def cut_off(rows: int) -> str:
    """What to say where a table shows only the first of so many rows."""
    return f"; the first {MOST} of {rows}" if rows > MOST else ""


def pull_table(table: AuditTable, measures: Measures) -> Table | None:
    """Which backgrounds pull towards which actions; None without swaps."""
    pull = measures.pull
    if pull is None or not np.isfinite(pull.shares).any():
        return None
    highest = max(float(np.nanmax(pull.shares)), 1e-9)
    rows = [
        [Cell(name, counted(int(count), "clip")), *(_pulled(float(share), highest) for share in shares)]
        for name, shares, count in zip(pull.backgrounds, pull.shares, pull.counts, strict=True)
        if np.isfinite(shares).any()
    ]
    note = (
        "Points by which an action is named more often on this background than on the others, of swapped clips whose "
        "person does something else. The stronger the shade, the stronger the pull."
    )
    return Table("Which place pulls towards which action", ["Background", *table.actions], rows, note, narrow=True)


def _shaded(share: float) -> Cell:
    return Cell(ABSENT) if np.isnan(share) else Cell(f"{100 * share:.0f}", shade=share)


def _pulled(share: float, highest: float) -> Cell:
    if np.isnan(share):
        return Cell(ABSENT)
    return Cell(
        f"{round(100 * share):+d}".replace("-", "−") if round(100 * share) else "0", shade=max(share, 0) / highest
    )
