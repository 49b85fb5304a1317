"""The page of an audit, and its figures as JSON and CSV beside it."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import sceneproof
from sceneproof.audit.figures import CATALOG, SWAPPED, WORDS
from sceneproof.audit.hardest import worst
from sceneproof.audit.measures import Measures
from sceneproof.audit.remedy import Remedied
from sceneproof.audit.scoring import Scorer
from sceneproof.audit.table import AuditTable
from sceneproof.contexts.footage import Footage
from sceneproof.contexts.variants import CONTROLS, VARIANTS, Impossible
from sceneproof.data.manifest import Manifest
from sceneproof.data.subsets import in_turn
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError
from sceneproof.pages import audit_story as story
from sceneproof.pages import audit_tables as tables
from sceneproof.pages import charts
from sceneproof.pages.audit_story import WATCHED, remedy_blocks
from sceneproof.pages.audit_words import headline, known_in_part, notes
from sceneproof.pages.kit import MADE_BY, Card, Chart, Charts, Clips, Line, Note, Page, Picture, Section, percent
from sceneproof.pages.pictures import lit, moving, sized

PICTURE_WIDTH = 176  # pixels
MOST_FRAMES = 16
"""Of a picture."""
DRAWN = (
    "Drawn at random, the actions in turn; nothing is picked by hand. Under each picture: what the model names, and "
    "how surely."
)
MADE = (
    "Intervals: percentile bootstrap over videos, 95 %, 10,000 resamples; what compares two variants sees the same "
    "videos in both. Backgrounds and orders follow from the seed, the video and the variant alone. The same figures "
    "are in audit.json and audit.csv, what the model said of each clip in audit.parquet, beside this page. "
    f"{MADE_BY}"
)


def write_page(
    table: AuditTable,
    measures: Measures,
    out: Path,
    *,
    clips: Sequence[Card],
    title: str,
    watched: Sequence[Card] = (),
    remedy: Remedied | str | None = None,
) -> None:
    """Writes audit.html, audit.json and audit.csv to a folder, each whole or not at all.

    Args:
        table: what the model said.
        measures: the figures.
        out: the folder.
        clips: drawn at random, with their variants.
        title: of the page.
        watched: clips in which the place is named in the person's stead.
        remedy: what can be done without training, or why nothing can; None: that was not asked for.
    """
    told = sections(table, measures, clips, watched, remedy)
    page = Page(title, headline(table, measures), told, notes(table), sortable=True)
    page.write(out / "audit.html", as_json(table, measures), as_csv(measures), sealed=True)


def sections(
    table: AuditTable,
    measures: Measures,
    clips: Sequence[Card],
    watched: Sequence[Card],
    remedy: Remedied | str | None,
) -> list[Section]:
    """The page's sections: what the model leans on, whether that matters, what was not measured, and what to do."""
    scenes = None if measures.by_scene is None else tables.share_table(measures.by_scene, "scene", "Scene by scene")
    return [
        Section(
            "what-it-leans-on", "What it leans on",
            Charts([variant_chart(measures, table.chance), *swap_chart(measures)]),
            tables.variant_table(measures), tables.swap_table(measures), tables.still_table(measures),
        ),
        story.watched_section(table, watched),
        story.places_section(table),
        Section(
            "what-was-not-measured", "What was not measured",
            tables.missing_table(table, measures) or "Nothing: every clip has every variant that was asked for.",
        ),
        Section("what-to-do", "What to do", *remedy_blocks(remedy), story.recipes(table, measures)),
        Section(
            "clips", "Clips and their variants",
            *([DRAWN, Clips(clips, across="9rem", wide=True, hold=True)] if clips else [Note("None are shown.")]),
        ),
        Section(
            "actions-and-scenes", "Actions and scenes",
            tables.share_table(measures.by_action, "action", "Action by action"), scenes,
            tables.group_table(measures), tables.pull_table(table, measures),
        ),
        Section(
            "further-figures", "Further figures", tables.other_table(measures), story.shortcuts_table(table),
        ),
        Section(
            "how-this-page-was-made", "How this page was made", tables.note_table(table), tables.settings_table(table),
            Note(MADE),
        ),
    ]  # fmt: skip


def variant_chart(measures: Measures, chance: float) -> Chart:
    """Top-1 on each variant with 95 % intervals; controls are hollow, chance is dotted."""
    names = {name: measures.figures["top1" if name == "original" else f"top1_{name}"].interval for name in VARIANTS}
    intervals = {name: interval for name, interval in names.items() if interval is not None}
    series = {
        "": [None if name in CONTROLS else interval for name, interval in intervals.items()],
        "controls": [interval if name in CONTROLS else None for name, interval in intervals.items()],
    }
    drawing = charts.points(
        [WORDS[name] for name in intervals], series, line=100 * chance, line_name="chance", limits=(0, 102),
        label="top-1 accuracy, %", name="variants",
        text="Top-1 on each variant with 95 % intervals; the table has the figures",
    )  # fmt: skip
    note = "Hollow: the controls. Dotted: guessing."
    return Chart(drawing, f"Top-1 with 95 % intervals over videos. {note}")


def swap_chart(measures: Measures) -> list[Chart]:
    """Of swapped clips: how many are named by the person, by the place, by neither; none without swaps."""
    parts = {"human_accuracy": "the person’s action", "scene_error": "the place’s", "names_neither": "neither"}
    shares = {variant: [measures.value(f"{name}{end}") for name in parts] for end, variant in SWAPPED.items()}
    known = {
        variant: [share for share in own if share is not None] for variant, own in shares.items() if None not in own
    }
    if not known:
        return []
    drawing = charts.bars(
        [WORDS[variant] for variant in known],
        {words: [own[place] for own in known.values()] for place, words in enumerate(parts.values())},
        label="share of swapped clips, %", name="swaps",
        text="Whose action is named when person and place disagree; the table has the figures",
    )  # fmt: skip
    return [Chart(drawing, "Person and place of different actions in one clip: whose is named?")]


def watched_clips(table: AuditTable, scorer: Scorer, manifest: Manifest, count: int) -> list[Card]:
    """The clips that another action's place leads furthest astray, as they are, without the person, and there."""
    places = {str(video): row for row, video in enumerate(table.original["video"])}
    names = [name for name in scorer.names if name in WATCHED]
    return _cards(table, scorer, manifest, [places[video] for video in worst(table, count)], names)


def shown_clips(table: AuditTable, scorer: Scorer, manifest: Manifest, count: int, *, seed: int = 0) -> list[Card]:
    """Clips drawn at random, the actions in turn, of those with the most variants.

    Args:
        table: what the model said of them.
        scorer: makes the variants anew, the same ones.
        manifest: for their rates.
        count: how many.
        seed: another one draws other clips.
    """
    counts = table.rows[table.rows["problem"] == ""].groupby("video", sort=False).size()
    original = table.original
    variants = original["video"].map(counts).fillna(0).to_numpy()
    fullest = np.flatnonzero((variants == variants.max()) & (original["problem"] == "").to_numpy())
    chosen = in_turn(fullest, original["action"].to_numpy(), count, seed=seed)
    return _cards(table, scorer, manifest, chosen, scorer.names)


def _cards(
    table: AuditTable, scorer: Scorer, manifest: Manifest, rows: Iterable[int], names: Sequence[str]
) -> list[Card]:
    """Clips (rows of `table.original`) in some of their variants."""
    original = table.original
    rates = dict(zip(manifest.rows["video"], manifest.rows.get("rate", [np.nan] * len(manifest)), strict=True))
    cards = []
    for row in rows:
        video, scene = str(original["video"].iat[row]), original["scene"].iat[row]
        try:
            footage = scorer.variants.read(video)
        except (VideoError, InputError):
            continue  # gone since: the pictures are a sample, no figure needs them
        asides = [*([f"in {scene}"] if isinstance(scene, str) else []), video]
        rate = float(rates[video])
        pictures = _pictures(table, scorer, footage, rate, names)
        cards.append(Card(str(original["action"].iat[row]), asides, pictures))
    return cards


def _pictures(table: AuditTable, scorer: Scorer, footage: Footage, rate: float, names: Sequence[str]) -> list[Picture]:
    rows = table.rows[table.rows["video"] == footage.video].set_index("variant")
    wanted = scorer.subject.sampling.clips(len(footage.frames), scorer.clips)
    middle = wanted[len(wanted) // 2]
    own = scorer.subject.sampling.shown
    step = max(1, -(-len(own(middle)) // MOST_FRAMES))
    pictures = []
    for name, variant in scorer.variants.of(footage, [middle]).each(names):
        if isinstance(variant, Impossible) or name not in rows.index:
            continue
        behind = [Line(f"behind: {variant.background_action}")] if name.startswith("swap_") else []
        lines = [Line(strong=WORDS[name].capitalize()), _said(table, rows.loc[[name]]), *behind]
        clip = sized(own(variant.clips[0])[::step], PICTURE_WIDTH)
        pictures.append(moving(f"{footage.video}: {WORDS[name]}", clip, rate / step, lines))
        if name == "original" and scorer.maps:
            named = int(np.asarray(rows.loc[["original"]]["scores"].iat[0]).argmax())
            maps = scorer.subject.maps(variant.clips[0][None], np.array([named]))
            person = None if footage.people is None else footage.people[own(middle)]
            drawn = lit(own(variant.clips[0]), maps, person)
            share = float(rows.loc[["original"]]["on_person"].to_numpy(np.float64)[0])
            lines = [Line(strong="Where it looks")]
            lines += [] if np.isnan(share) else [Line(f"{percent(share, 0)} on the person")]
            alt = f"{footage.video}: where the evidence for {scorer.subject.actions[named]} is"
            pictures.append(moving(alt, sized(drawn, PICTURE_WIDTH)[::step], rate / step, lines))
    return pictures


def _said(table: AuditTable, row: pd.DataFrame) -> Line:
    """The class that is named, how surely, and whether it is the person's action."""
    scores = np.asarray(row["scores"].iat[0])
    named, number = int(scores.argmax()), int(table.predicted(row)[0])
    right = number >= 0 and table.actions[number] == row["action"].iat[0]
    answer = table.actions[number] if number >= 0 else str(table.classes[named])
    among = max(float(scores.sum()), 1e-12)  # of the classes that may be named
    return Line(f"{answer}, {percent(float(scores[named]) / among, 0)}", right=bool(right))


def as_json(table: AuditTable, measures: Measures) -> dict[str, Any]:
    """The figures of the page, shares from 0 to 1, with what they were made of; null where nothing was measured."""
    known = table.original["people_share"].astype(np.float64).dropna()
    nobody, few = known_in_part(table)
    people = {
        "least_share": table.least_share,
        "videos": len(known) - nobody - few if len(known) else None,
        "left_out": few if len(known) else None,
        "nobody_known": nobody,
        "frames_with_people": measures.value("people_known"),
        "picture_covered": measures.value("people_cover"),
        "doubts": list(table.facts.get("doubts") or []),
    }
    return {
        "sceneproof": sceneproof.__version__,
        "headline": headline(table, measures),
        "notes": notes(table),
        "people": people,
        "model": table.model,
        "settings": dict(sorted(table.facts.get("settings", {}).items())),
        "figures": {
            name: {
                **(asdict(figure.interval) if figure.interval else dict.fromkeys(("value", "low", "high"))),
                "videos": figure.n,
                "missing": figure.detail,
                "meaning": CATALOG[name].meaning,
            }
            for name, figure in measures.figures.items()
        },
        "missing": measures.missing.to_dict("records"),
        "by_action": measures.by_action.to_dict("records"),
        "by_scene": [] if measures.by_scene is None else measures.by_scene.to_dict("records"),
        "groups": [] if measures.groups is None else measures.groups.to_dict("records"),
        "pull": _pull(table, measures),
    }


def _pull(table: AuditTable, measures: Measures) -> list[dict[str, Any]]:
    """A row a background: clips on it, and its pull by action; NaN where too few clips tell."""
    if measures.pull is None:
        return []
    rows = zip(measures.pull.backgrounds, measures.pull.shares, measures.pull.counts, strict=True)
    return [
        {"background": name, "clips": int(count), "pull": dict(zip(table.actions, shares.tolist(), strict=True))}
        for name, shares, count in rows
    ]


def as_csv(measures: Measures) -> str:
    """One line a figure; empty where there is none."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["figure", "value", "low", "high", "videos", "missing"])
    for name, figure in measures.figures.items():
        interval = figure.interval
        ends = [f"{end:.6g}" for end in (interval.value, interval.low, interval.high)] if interval else ["", "", ""]
        writer.writerow([name, *ends, figure.n, figure.detail])
    return buffer.getvalue()
