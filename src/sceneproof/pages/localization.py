"""The page of a study of localizers: what was found when, in one file to be mailed, read on a phone and printed."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from markupsafe import Markup

from sceneproof.metrics.temporal_diagnosis import SegmentKind
from sceneproof.metrics.temporal_matching import Reading
from sceneproof.pages import charts, finding
from sceneproof.pages.examples import shown_videos
from sceneproof.pages.figures import Leading, figure, gain, heading, headline_of
from sceneproof.pages.kit import Chart, Charts, Note, Section, Table
from sceneproof.pages.published import on_thumos
from sceneproof.pages.study import Shown, StudyPage
from sceneproof.studies import measures as m
from sceneproof.studies.localization import (
    AVERAGE,
    COUNTS,
    LOOKED_AT,
    LocalizationDetail,
    LocalizationStudy,
    at,
    in_reading,
    measure,
)
from sceneproof.tasks.localization.scoring import READINGS

LocalizationMeasures: TypeAlias = m.StudyMeasures[LocalizationDetail]
NAMES = {"activitynet": "ActivityNet’s", "thumos": "THUMOS’"}
KINDS = {
    SegmentKind.TRUE_POSITIVE: "right",
    SegmentKind.DOUBLE_DETECTION: "double detection",
    SegmentKind.WRONG_LABEL: "wrong label",
    SegmentKind.LOCALIZATION: "localization",
    SegmentKind.CONFUSION: "confusion",
    SegmentKind.BACKGROUND: "background",
}


@dataclass(frozen=True)
class LocalizationOptions:
    """What the page of localizers shows.

    Args:
        reading: whose official way of counting mAP to follow, activitynet or thumos.
        videos: how many videos to show time lines of.
    """

    reading: Reading = "activitynet"
    videos: int = 4


def sections(study: LocalizationStudy, measures: LocalizationMeasures, shown: Shown) -> list[Section]:
    """The page's sections."""
    columns = {**{f"{threshold:g}": at(threshold) for threshold in study.thresholds}, "Average": AVERAGE}
    gain_chart, gain_tables = finding.gains(
        study, measures, AVERAGE, "average mAP", columns, model="localizer", caption="Gains in mAP by tIoU",
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
    return finding.sections(
        precision=[
            Charts([*precision_charts(study, measures), *gain_chart]),
            *(precision_table(study, measures, on) for on in study.slices),
            *gain_tables,
        ],
        paper=on_thumos(),
        others=[recall],
        actions=finding.action_tables(
            study, measures,
            note=f"In percent, at tIoU {LOOKED_AT:g}, mean over seeds; the stronger the shade, the better.",
        ),
        mistakes=finding.mistakes(
            study,
            {on: {name: detail.kinds / (detail.kinds.sum() or np.nan) for name, detail in own.items()}
             for on, own in measures.details.items()},
            KINDS, model="localizer", title="What is detected", label="share of the best detections, %",
            note=f"In percent of the best G detections of each action, G being its number of segments (at tIoU "
            f"{LOOKED_AT:g}; Alwassel et al., ECCV 2018). Localization: the right action, at a tIoU of .1 to "
            f"{LOOKED_AT:g}; confusion: another action, likewise; background: nothing there; wrong label: the right "
            f"place, another action.",
        ),
        shown=Section("time-lines", "Time lines", *shown.blocks),
    )  # fmt: skip


def headline(study: LocalizationStudy, measures: LocalizationMeasures) -> list[str]:
    """What was found, in plain words, the most important first."""
    how = f"average over tIoU {study.thresholds[0]:g} to {study.thresholds[-1]:g} in {NAMES[study.reading]} reading"
    leading = Leading(AVERAGE, "reaches a mean average precision of {}", how=how)
    return headline_of(study, measures, leading)


def precision_charts(study: LocalizationStudy, measures: LocalizationMeasures) -> list[Chart]:
    """Mean average precision against tIoU, a line a recipe."""

    def draw(on: str, end: str) -> Markup:
        lines = {}
        for recipe in study.recipes:
            precisions = [measures.find(recipe, at(threshold), on) for threshold in study.thresholds]
            lines[recipe.name] = (
                study.thresholds,
                [np.nan if measure is None else 100 * measure.mean for measure in precisions],
            )
        text = f"mAP by tIoU, {on}; the table has the figures"
        return charts.lines(lines, label="tIoU", side="mAP, %", name=f"precision{end}", text=text, from_zero=True)

    return finding.slice_charts(study, draw)


def recall_charts(study: LocalizationStudy, measures: LocalizationMeasures) -> list[Chart]:
    """Average recall against the number of proposals a video, a line a recipe."""

    def draw(on: str, end: str) -> Markup:
        lines = {name: (COUNTS, 100 * detail.recall.mean(axis=0)) for name, detail in measures.details[on].items()}
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
    header += [f"Average, {NAMES[reading]} reading" for reading in others]
    rows = []
    for recipe in study.recipes:
        averages = {metric: measures.find(recipe, metric, on) for metric in (AVERAGE, *map(in_reading, others))}
        each = [measures.find(recipe, at(threshold), on) for threshold in study.thresholds]
        average = averages.pop(AVERAGE)
        rows.append([
            heading(recipe), *map(figure, each), figure(average), gain(average, over=True),
            *map(figure, averages.values()),
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


def figures(study: LocalizationStudy, measures: LocalizationMeasures, _: Shown) -> dict[str, Any]:
    """What the JSON holds besides the measures: shares from 0 to 1."""
    return {
        "reading": study.reading,
        "thresholds": list(study.thresholds),
        "average_precision": finding.by_action(study, measures),
        "detections_by_kind": finding.by_words(measures, KINDS, lambda detail, kind: int(detail.kinds[kind])),
    }


PAGE = StudyPage(
    "What is done when",
    LocalizationStudy,
    LocalizationOptions,
    measure=lambda study, options: measure(study),
    show=lambda study, options, sources: shown_videos(study, sources, videos=options.videos),
    headline=headline,
    sections=sections,
    figures=figures,
    missed=finding.missed("segments"),
    intervals=finding.INTERVALS,
    of_study=("reading",),
)
