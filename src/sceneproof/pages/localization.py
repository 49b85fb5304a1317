"""The page of a study of localizers: what was found when, in one file to be mailed, read on a phone and printed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from sceneproof import locks
from sceneproof.addresses import Address
from sceneproof.metrics.temporal_diagnosis import Kind
from sceneproof.metrics.temporal_matching import Reading
from sceneproof.pages import charts, finding, sentences
from sceneproof.pages import study as shared
from sceneproof.pages.kit import ABSENT, Card, Cell, Chart, Charts, Clips, Note, Page, Section, Table
from sceneproof.pages.untrimmed import STILLS, SUREST, shown_videos
from sceneproof.studies import measures as m
from sceneproof.studies.localization import LocalizationStudy, read_study
from sceneproof.studies.localization_measures import (
    AVERAGE,
    COUNTS,
    LOOKED_AT,
    LocalizationMeasures,
    at,
    in_reading,
    measure,
)
from sceneproof.tasks.localization.scoring import READINGS

NAMES = {"activitynet": "ActivityNet’s", "thumos": "THUMOS’"}
KINDS = {
    Kind.TRUE_POSITIVE: "right",
    Kind.DOUBLE_DETECTION: "double detection",
    Kind.WRONG_LABEL: "wrong label",
    Kind.LOCALIZATION: "localization",
    Kind.CONFUSION: "confusion",
    Kind.BACKGROUND: "background",
}


@locks.alone(locks.beside_out)
def report_localization(
    runs: Sequence[Path],
    out: Path = Path("report.html"),
    *,
    manifest: Address | None = None,
    root: Address | None = None,
    title: str = "What is done when",
    splits: Sequence[str] | None = None,
    baseline: str | None = None,
    debiased: str | None = None,
    reading: Reading = "activitynet",
    videos: int = 4,
    quiet: bool = False,
) -> Path:
    """Writes one self-contained HTML page about tested localizers, and its figures as JSON and CSV beside it.

    Runs that differ in their seed alone are shown as one row, with mean, deviation and intervals over seeds and videos.

    Args:
        runs: run folders of localizers that `sceneproof evaluate` has tested, all on the same videos.
        out: the page to write; report.json and report.csv, named after it, are put beside.
        manifest: the table of segments: with it the page shows frames of the videos above their time lines.
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        title: the page's title.
        splits: splits to report on; by default those with 'test' in their name.
        baseline: the runs that all others are compared with, by their folders' name without the seed; by default each
            localizer is compared with the same one on a plainly trained backbone.
        debiased: the runs that the headline is about; by default those whose backbone was trained with the most losses.
        reading: whose official way of counting mAP to follow, activitynet or thumos.
        videos: how many videos to show time lines of.
        quiet: taken for the other tasks' sake: this page takes seconds and shows no progress.

    Raises:
        InputError: a folder that is no tested localizer, runs of different actions, or other bad input; names it.
    """
    study = read_study(runs, splits=splits, baseline=baseline, debiased=debiased, reading=reading)
    measures = measure(study)
    shown = shown_videos(study, manifest, root=root, videos=videos)
    lacking = "Frames are not shown: give the manifest (--manifest)." if manifest is None else ""
    out, said = Path(out), headline(study, measures)
    page = Page(title, said, sections(study, measures, shown, lacking, out), study.notes)
    page.write(out, as_json(study, measures, said), measures.measures.as_csv())
    return out


def sections(
    study: LocalizationStudy, measures: LocalizationMeasures, shown: Sequence[Card], lacking: str, out: Path | None
) -> list[Section]:
    """The page's sections."""
    on = "" if study.last == "test" else f" {study.last}"
    columns = {**{f"{threshold:g}": at(threshold) for threshold in study.thresholds}, "Average": AVERAGE}
    gain_chart, gain_tables = finding.gains(
        study, measures.measures, AVERAGE, "average mAP", columns, model="localizer", caption="Gains in mAP by tIoU",
        note="In points, with 95 % intervals.",
    )  # fmt: skip
    recall = Section(
        "proposals", "Recall of proposals", Charts(recall_charts(study, measures)),
        Note(
            "The share of true segments that the best so many detections of a video find, whatever they are called: "
            "average over tIoU .5, .55, …, .95 and over seeds. Of localizers whose detections still want suppression, "
            "what is left after it at tIoU .4."
        ),
    )  # fmt: skip
    text = (
        f"Videos{on}, drawn at random. Above each action’s line what is true, below it what was found, the {SUREST} "
        f"surest alone: the surer, the darker. Each localizer’s first seed."
    )
    return finding.sections(
        study,
        out,
        precision=[
            Charts([*precision_charts(study, measures), *gain_chart]),
            *(precision_table(study, measures, one) for one in study.slices),
            *gain_tables,
        ],
        paper=published(),
        others=[recall],
        actions=finding.action_tables(
            study, precisions(measures), things="segments",
            note=f"In percent, at tIoU {LOOKED_AT:g}, mean over seeds; the stronger the shade, the better.",
        ),
        mistakes=finding.mistakes(
            study,
            {on: {name: one.kinds / (one.kinds.sum() or np.nan) for name, one in own.items()}
             for on, own in measures.found.items()},
            KINDS, model="localizer", title="What is detected", label="share of the best detections, %",
            note=f"In percent of the best G detections of each action, G being its number of segments (at tIoU "
            f"{LOOKED_AT:g}; Alwassel et al., ECCV 2018). Localization: the right action, at a tIoU of .1 to "
            f"{LOOKED_AT:g}; confusion: another action, likewise; background: nothing there; wrong label: the right "
            f"place, another action.",
        ),
        shown=finding.clips_section(
            "time-lines", "Time lines", text, Clips(shown, across=STILLS, wide=True), lacking=lacking
        ),
        things="segments",
    )  # fmt: skip


def as_json(study: LocalizationStudy, measures: LocalizationMeasures, said: Sequence[str]) -> dict[str, Any]:
    """The figures of the page, shares from 0 to 1, with what they were made of."""
    return {
        **m.as_json(study, measures.measures, said),
        "task": "localization",
        "reading": study.reading,
        "thresholds": list(study.thresholds),
        "baseline": finding.references(study),
        "average_precision": finding.by_action(study, precisions(measures)),
        "detections_by_kind": {
            on: {name: {words: int(one.kinds[kind]) for kind, words in KINDS.items()} for name, one in found.items()}
            for on, found in measures.found.items()
        },
    }


def precisions(measures: LocalizationMeasures) -> finding.Shares:
    """Average precision of each action at one tIoU."""
    return {on: {name: one.by_class for name, one in found.items()} for on, found in measures.found.items()}


def headline(study: LocalizationStudy, measures: LocalizationMeasures) -> list[str]:
    """What was found, in plain words, the most important first."""
    how = f"average over tIoU {study.thresholds[0]:g} to {study.thresholds[-1]:g} in {NAMES[study.reading]} reading"
    leading = sentences.Leading(AVERAGE, "reaches a mean average precision of {}", how=how)
    return sentences.headline(study, measures.measures, leading, measures.lost)


def precision_charts(study: LocalizationStudy, measures: LocalizationMeasures) -> list[Chart]:
    """Mean average precision against tIoU, a line a recipe."""

    def draw(on: str, end: str) -> Markup:
        lines = {}
        for recipe in study.recipes:
            found = [measures.measures.find(recipe, at(threshold), on) for threshold in study.thresholds]
            lines[recipe.name] = study.thresholds, [np.nan if one is None else 100 * one.mean for one in found]
        text = f"mAP by tIoU, {on}; the table has the figures"
        return charts.lines(lines, label="tIoU", side="mAP, %", name=f"precision{end}", text=text, from_zero=True)

    return finding.slice_charts(study, draw)


def recall_charts(study: LocalizationStudy, measures: LocalizationMeasures) -> list[Chart]:
    """Average recall against the number of proposals a video, a line a recipe."""

    def draw(on: str, end: str) -> Markup:
        lines = {name: (COUNTS, 100 * one.recall.mean(axis=0)) for name, one in measures.found[on].items()}
        text = f"Average recall against the number of proposals, {on}"
        return charts.lines(
            lines, label="proposals a video", side="average recall, %", name=f"recall{end}", text=text, from_zero=True,
            counts=COUNTS,
        )  # fmt: skip

    return finding.slice_charts(study, draw)


def precision_table(study: LocalizationStudy, measures: LocalizationMeasures, on: str) -> Table:
    """Mean average precision of each recipe at each tIoU, their average, and the average's gain."""
    others = [reading for reading in READINGS if reading != study.reading]
    header = ["Localizer", *(f"{threshold:g}" for threshold in study.thresholds), "Average", "Average gain"]
    header += [f"Average, {NAMES[one]} reading" for one in others]
    rows = []
    for recipe in study.recipes:
        found = {one: measures.measures.find(recipe, one, on) for one in (AVERAGE, *map(in_reading, others))}
        each = [measures.measures.find(recipe, at(threshold), on) for threshold in study.thresholds]
        average = found.pop(AVERAGE)
        rows.append([
            shared.heading(recipe), *map(shared.figure, each), shared.figure(average), shared.gain(average, over=True),
            *map(shared.figure, found.values()),
        ])  # fmt: skip
    videos = study.slices[on]["video"].nunique()
    note = (
        f"Mean average precision in percent at temporal intersections over union (tIoU) of "
        f"{study.thresholds[0]:g} to {study.thresholds[-1]:g}, in {NAMES[study.reading]} official reading, "
        f"mean ± standard deviation over seeds; {videos} videos. Gains are in points, with their 95 % interval, paired "
        f"over seeds and videos; bold where it excludes zero. The two readings differ, "
        f"by much where what is found twice stays: compare within one."
    )
    return Table(f"mAP by tIoU, {on}", header, rows, note)


def published() -> Table:
    """The paper's own figures on THUMOS-14, with their source."""
    lines = shared.quoted("published-thumos14.csv")
    columns = [name for name in lines[0] if name not in ("method", "input", "backbone", "source")]
    rows = [
        [
            Cell(line["method"], f"{line['backbone']}, {line['input']}"),
            *(Cell(line[name] or ABSENT) for name in columns),
        ]
        for line in lines
    ]
    note = (
        f"mAP in percent, as quoted; source: {lines[0]['source']}. These are other videos and a larger network: "
        f"compare the step from baseline to debiased, not the level."
    )
    return Table("The paper’s figures on THUMOS-14", ["Method", *(name.capitalize() for name in columns)], rows, note)
