"""The tables of an audit's page by action, by scene, by both and by background."""

import numpy as np
import pandas as pd

from sceneproof.audit.measures import Measures
from sceneproof.audit.table import AuditTable
from sceneproof.contexts.variants import VARIANTS
from sceneproof.report.cells import ABSENT, Cell, Table

MOST = 40
"""Rows of a table: beyond this nobody reads on; the JSON has all."""


def share_table(found: pd.DataFrame, column: str, title: str) -> Table:
    """Top-1 by action or scene in each variant; the stronger the shade, the better."""
    variants = [name for name in VARIANTS if name in found]
    hardest = found.sort_values(["original", "videos"], kind="stable").head(MOST)
    rows = [
        [Cell(str(row[column])), Cell(str(row["videos"])), *(_shaded(float(row[name])) for name in variants)]
        for row in hardest.to_dict("records")
    ]
    note = f"Top-1 in percent on the clips that have the variant; hardest first{cut_off(len(found))}."
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
        [Cell(name, f"{count} clip{'' if count == 1 else 's'}"), *(_pulled(float(share), highest) for share in shares)]
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
