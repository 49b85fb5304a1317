"""The page of an audit, and its figures as JSON and CSV beside it."""

import base64
import csv
import hashlib
import io
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

import sceneproof
from sceneproof.audit.measures import Measures
from sceneproof.audit.table import AuditTable
from sceneproof.files import whole, write_json
from sceneproof.report.audit import group_tables, tables
from sceneproof.report.audit.clips import ShownClip
from sceneproof.report.audit.drawings import swap_figure, variant_figure
from sceneproof.report.audit.headline import headline
from sceneproof.report.cells import percent
from sceneproof.report.html import html
from sceneproof.wording import counted

SECTIONS = (
    "changed-clips", "clips", "actions-and-scenes", "further-figures", "what-is-missing", "how-this-page-was-made",
)  # fmt: skip


def write_page(table: AuditTable, measures: Measures, out: Path, *, clips: Sequence[ShownClip], title: str) -> None:
    """Writes audit.html, audit.json and audit.csv to a folder, each whole or not at all."""
    write_json(out / "audit.json", as_json(table, measures), sealed=True)
    with whole(out / "audit.csv") as temporary:
        temporary.write_text(as_csv(measures), encoding="utf-8")
    with whole(out / "audit.html") as temporary:
        temporary.write_text(render(table, measures, clips=clips, title=title), encoding="utf-8")


def render(table: AuditTable, measures: Measures, *, clips: Sequence[ShownClip], title: str) -> str:
    """The page as HTML. Its one script sorts tables; the page allows no other."""
    script = files("sceneproof.report.audit").joinpath("sort.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    main = [tables.variant_table(measures), tables.swap_table(measures), tables.still_table(measures)]
    groups = [
        group_tables.share_table(measures.by_action, "action", "Action by action"),
        group_tables.share_table(measures.by_scene, "scene", "Scene by scene")
        if measures.by_scene is not None
        else None,
        group_tables.group_table(measures),
        group_tables.pull_table(table, measures),
    ]
    return html(
        "page.html.j2",
        package="sceneproof.report.audit",
        title=title,
        headline=headline(table, measures),
        notes=notes(table),
        sections=SECTIONS,
        variants_drawn=variant_figure(measures, len(table.actions)),
        swaps_drawn=swap_figure(measures),
        main_tables=[one for one in main if one is not None],
        clips=clips,
        group_tables=[one for one in groups if one is not None],
        others=tables.other_table(measures),
        missing=tables.missing_table(table, measures),
        how=tables.note_table(table),
        settings=tables.settings_table(table),
        script=Markup(script),
        script_hash=f"sha256-{digest}",
    )


def notes(table: AuditTable) -> list[str]:
    """What every reader must know before the figures."""
    original = table.original
    unread = int((original["problem"] != "").sum())
    guessing = f"guessing among these gives {100 / len(table.actions):.1f} %"
    said = [f"{counted(len(original), 'video')} of {counted(len(table.actions), 'action')}; {guessing}."]
    if unread:
        said.append(f"{counted(unread, 'video')} could not be read: missed in top-1, and left out elsewhere.")
    nobody, few = _known_in_part(table)
    if few:
        why = f"with people known in less than {percent(table.least_share, 0)} of the frames"
        said.append(f"{counted(few, 'video')} {why}: left out of all that needs them.")
    if nobody == len(original) - unread > 0:
        said.append("Nobody is known to be in any video: nothing that needs people was measured.")
    elif nobody:
        said.append(f"{counted(nobody, 'video')} with no known people: left out of all that needs them.")
    said += [f"May be wrong: {doubt}." for doubt in table.facts.get("doubts") or []]
    left = table.facts.get("left_out") or []
    if left:
        said.append(f"Left out, as the mapping says: {', '.join(map(str, left))}.")
    return said


def _known_in_part(table: AuditTable) -> tuple[int, int]:
    """How many videos that can be read have no known people, and how many have them in too few frames."""
    original = table.original
    share = original["people_share"].astype(np.float64)
    if share.notna().any():
        return int((share == 0).sum()), int(((share > 0) & (share < table.least_share)).sum())
    filled = table.rows[(table.rows["variant"] == "human_filled") & (table.rows["problem"] != "")]  # an older audit
    return int(filled["video"].isin(original["video"][original["problem"] == ""]).sum()), 0


def as_json(table: AuditTable, measures: Measures) -> dict[str, Any]:
    """The figures of the page, shares from 0 to 1, with what they were made of."""
    return {
        "sceneproof": sceneproof.__version__,
        "headline": headline(table, measures),
        "notes": notes(table),
        "people": _people(table, measures),
        "model": table.model,
        "settings": dict(sorted(table.facts.get("settings", {}).items())),
        "figures": {
            name: {
                "value": figure.interval.value if figure.interval else None,
                "low": figure.interval.low if figure.interval else None,
                "high": figure.interval.high if figure.interval else None,
                "videos": figure.videos,
                "missing": figure.missing,
                "meaning": figure.about.meaning,
            }
            for name, figure in measures.figures.items()
        },
        "missing": measures.missing.to_dict("records"),
        "by_action": _records(measures.by_action),
        "by_scene": _records(measures.by_scene),
        "groups": _records(measures.groups),
        "pull": _pull(table, measures),
    }


def _people(table: AuditTable, measures: Measures) -> dict[str, Any]:
    """What the figures that need people stand on; null where it was not counted."""
    known = table.original["people_share"].astype(np.float64).dropna()
    nobody, few = _known_in_part(table)
    return {
        "least_share": table.least_share,
        "videos": len(known) - nobody - few if len(known) else None,
        "left_out": few if len(known) else None,
        "nobody_known": nobody,
        "frames_with_people": measures.value("people_known"),
        "picture_covered": measures.value("people_cover"),
        "doubts": list(table.facts.get("doubts") or []),
    }


def _records(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Rows of a table as JSON has them: what was not measured is null."""
    if table is None:
        return []
    return [
        {str(name): None if value != value else value for name, value in row.items()}
        for row in table.to_dict("records")
    ]


def _pull(table: AuditTable, measures: Measures) -> list[dict[str, Any]]:
    """A row a background: clips on it, and its pull by action; null where too few clips tell."""
    pull = measures.pull
    if pull is None:
        return []
    return [
        {
            "background": name,
            "clips": int(count),
            "pull": {
                action: None if np.isnan(share) else float(share)
                for action, share in zip(table.actions, shares, strict=True)
            },
        }
        for name, shares, count in zip(pull.backgrounds, pull.shares, pull.counts, strict=True)
    ]


def as_csv(measures: Measures) -> str:
    """One line a figure; empty where there is none."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["figure", "value", "low", "high", "videos", "missing"])
    for name, figure in measures.figures.items():
        found = figure.interval
        ends = [f"{end:.6g}" for end in (found.value, found.low, found.high)] if found else ["", "", ""]
        writer.writerow([name, *ends, figure.videos, figure.missing])
    return buffer.getvalue()
