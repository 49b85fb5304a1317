"""The tables of an audit's page."""

import numpy as np
import pandas as pd

from sceneproof.audit.figures import SWAPPED, WORDS, Figure
from sceneproof.audit.measures import Measures
from sceneproof.audit.table import AuditTable
from sceneproof.contexts.variants import CONTROLS, STILLS, VARIANTS
from sceneproof.report.cells import ABSENT, Cell, Table
from sceneproof.report.tables import between

MOST = 40
"""Rows of a table of groups: beyond this nobody reads on; the CSV has all."""


def shown(figure: Figure) -> Cell:
    """A figure with its interval: a share in percent, all else as it is; absent where it was not measured."""
    found = figure.interval
    if found is None:
        return Cell(ABSENT)
    if figure.about.unit == "nats":
        return Cell(f"{found.value:.2f}", f"{found.low:.2f} to {found.high:.2f}")
    return Cell(f"{100 * found.value:.1f}".replace("-", "−"), between(found))


def _reliance(figure: Figure) -> Cell:
    found = figure.interval
    return Cell(ABSENT) if found is None else Cell(f"{found.value:.2f}", f"{found.low:.2f} to {found.high:.2f}")


def variant_table(measures: Measures) -> Table:
    """Top-1 on each variant, and how much of it survives on the same clips."""
    figures, rows = measures.figures, []
    for name in VARIANTS:
        top1 = figures["top1"] if name == "original" else figures[f"top1_{name}"]
        survives = Cell("100.0") if name == "original" else shown(figures[f"survives_{name}"])
        if top1.interval is None:
            continue
        kind = "control" if name in CONTROLS else ""
        rows.append([Cell(WORDS[name].capitalize(), name), Cell(kind), Cell(str(top1.videos)), shown(top1), survives])
    note = (
        "In percent, with 95 % intervals over videos. Survives: top-1 on the variant over top-1 on the same clips as "
        "they are. The two controls have all marks of cutting and pasting and no other action’s scene: read every "
        "swap against them."
    )
    return Table(
        "What the model names when the clip is changed", ["Clip", "Kind", "Videos", "Top-1", "Survives"], rows, note
    )


def swap_table(measures: Measures) -> Table | None:
    """Which of the two actions is named when they disagree; None where no clip was swapped."""
    rows = []
    for end, variant in SWAPPED.items():
        figures = {
            name: measures.figures[f"{name}{end}"]
            for name in ("human_accuracy", "scene_error", "scene_error_control", "names_neither", "scene_reliance")
        }
        if figures["scene_error"].interval is None:
            continue
        rows.append([
            Cell(WORDS[variant].capitalize(), variant), Cell(str(figures["scene_error"].videos)),
            *(shown(figures[name]) for name in ("human_accuracy", "scene_error", "scene_error_control", "names_neither")),
            _reliance(figures["scene_reliance"]),
        ])  # fmt: skip
    if not rows:
        return None
    header = ["Swap", "Videos", "Person’s action (SHAcc)", "Place’s action (SBErr)", "… without that place", "Neither",
              "Scene reliance"]  # fmt: skip
    note = (
        "In percent. Scene reliance is SBErr / (SHAcc + SBErr): 0 where only the person decides, 1 where only the scene "
        "does; read it beside the share that names neither. “… without that place”: how often the same other action is "
        "named on the clip pasted back on its own background, by confusion alone (HAT: Chung, Wu, Russakovsky, NeurIPS "
        "2022; this control is ours)."
    )
    return Table("Whose action is named", header, rows, note)


def still_table(measures: Measures) -> Table | None:
    """The person on pictures, and the frozen twins of these; None where there are none."""
    rows = []
    for still in STILLS:
        scuba, scufo, both = (
            measures.figures[f"{name}_{still}"] for name in ("top1_scuba", "top1_scufo", "contrasted")
        )
        if scuba.interval is not None:
            rows.append([Cell(still.capitalize()), Cell(str(scuba.videos)), shown(scuba), shown(scufo), shown(both)])
    if not rows:
        return None
    note = (
        "Top-1 in percent. The person keeps moving on another background (SCUBA): accuracy should hold. One such frame "
        "repeated (SCUFO): it should fall to chance. Contrasted: right on the first and no longer on the second (Li et "
        "al., ICCV 2023)."
    )
    header = ["Background", "Videos", "Moving (SCUBA)", "Frozen (SCUFO)", "Contrasted accuracy"]
    return Table("On pictures that no action belongs to", header, rows, note)


def other_table(measures: Measures) -> Table:
    """All that has no table of its own, with what each figure means or why it is missing."""
    names = (
        "top1", "mean_class", "scene_cost", "cutting_cost", "worst_group", "scene_leakage", "scene_bias", "on_person",
        "person_area", "static_share", "dynamic_share", "outline_leak",
        "outline_chance",
    )  # fmt: skip
    rows = []
    for name in names:
        figure = measures.figures[name]
        meaning = figure.about.meaning if figure.interval else f"Not measured: {figure.missing}"
        videos = Cell(str(figure.videos)) if figure.interval else Cell(ABSENT)
        rows.append([Cell(figure.about.title, name), shown(figure), videos, Cell(meaning)])
    note = (
        "In percent with 95 % intervals, but for B_scene, which is a natural logarithm. Small: the name for --fail_if."
    )
    return Table("Further figures", ["Figure", "Value", "Videos", "What it is"], rows, note)


def share_table(found: pd.DataFrame, column: str, title: str) -> Table:
    """Top-1 by action or scene in each variant; the stronger the shade, the better."""
    variants = [name for name in VARIANTS if name in found]
    found = found.sort_values(["original", "videos"], kind="stable").head(MOST)
    rows = [
        [Cell(str(row[column])), Cell(str(row["videos"])), *(_shaded(float(row[name])) for name in variants)]
        for row in found.to_dict("records")
    ]
    note = "Top-1 in percent on the clips that have the variant; hardest first."
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
    return Table(
        "Actions in scenes, worst first", ["Group", "Videos", "Top-1"], rows, "In percent; small groups are luck."
    )


def pull_table(table: AuditTable, measures: Measures) -> Table | None:
    """Which backgrounds pull towards which actions; None without swaps."""
    pull = measures.pull
    if pull is None or not np.isfinite(pull.shares).any():
        return None
    highest = max(float(np.nanmax(pull.shares)), 1e-9)
    rows = [
        [Cell(name, f"{count} clips"), *(_pulled(float(share), highest) for share in shares)]
        for name, shares, count in zip(pull.backgrounds, pull.shares, pull.counts, strict=True)
        if np.isfinite(shares).any()
    ]
    note = (
        "Points by which an action is named more often on this background than on the others, of swapped clips whose "
        "person does something else. The stronger the shade, the stronger the pull."
    )
    return Table("Which place pulls towards which action", ["Background", *table.actions], rows, note, narrow=True)


def missing_table(measures: Measures) -> Table | None:
    """Which clips are left out of which variants, and why; None where none is."""
    if measures.missing.empty:
        return None
    rows = [
        [Cell(row["variant"]), Cell(str(row["videos"])), Cell(str(row["reason"]))]
        for row in measures.missing.head(MOST).to_dict("records")
    ]
    note = "Left out of that variant’s figures; a video that cannot be read counts as missed in top-1 as it is."
    return Table("Clips that have no such variant", ["Variant", "Videos", "Why"], rows, note)


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
        [Cell(row["variant"]), Cell(str(row["videos"])), Cell(str(row["note"]))]
        for row in counted.head(MOST).to_dict("records")
    ]
    return Table("How variants were made", ["Variant", "Videos", "How"], body)


def settings_table(table: AuditTable) -> Table:
    """What the audit followed from."""
    rows = [
        [Cell(name.replace("_", " ")), Cell(_plain(value))]
        for name, value in {
            "model": table.model,
            **table.facts.get("about", {}),
            **table.facts.get("settings", {}),
        }.items()
    ]
    return Table("Settings", ["Setting", "Value"], rows)


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or ABSENT
    return ABSENT if value is None else str(value)


def _shaded(share: float) -> Cell:
    return Cell(ABSENT) if np.isnan(share) else Cell(f"{100 * share:.0f}", shade=share)


def _pulled(share: float, highest: float) -> Cell:
    if np.isnan(share):
        return Cell(ABSENT)
    return Cell(f"{100 * share:+.0f}".replace("-", "−"), shade=max(share, 0) / highest)
