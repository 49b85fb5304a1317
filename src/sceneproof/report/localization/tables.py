"""The tables of a page of localizers."""

import csv
import math
from importlib.resources import files

import numpy as np

from sceneproof.metrics.temporal_diagnosis import Kind
from sceneproof.report.cells import ABSENT, Cell, Table
from sceneproof.report.localization.measures import AVERAGE, LOOKED_AT, LocalizationMeasures, at, in_reading
from sceneproof.report.localization.study import LocalizationStudy
from sceneproof.report.measures import Measure
from sceneproof.report.tables import between, points
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
MOST = 40  # actions: beyond this nobody reads a table


def precision_table(study: LocalizationStudy, measures: LocalizationMeasures, on: str) -> Table:
    """Mean average precision of each recipe at each tIoU, their average, and the average's gain."""
    others = [reading for reading in READINGS if reading != study.reading]
    metrics = [*(at(threshold) for threshold in study.thresholds), AVERAGE, *(in_reading(one) for one in others)]
    header = ["Localizer", *(f"{threshold:g}" for threshold in study.thresholds), "Average", "Average gain"]
    header += [f"Average, {NAMES[one]} reading" for one in others]
    rows = []
    for recipe in study.recipes:
        found = [measures.measures.find(recipe, metric, on) for metric in metrics]
        cells = [_figure(one) for one in found]
        cells.insert(len(study.thresholds) + 1, _gain(measures.measures.find(recipe, AVERAGE, on), named=True))
        seeds = len(recipe.tested)
        aside = f"{recipe.method.text} · {seeds} {'seed' if seeds == 1 else 'seeds'}"
        rows.append([Cell(recipe.name, aside), *cells])
    videos = study.slices[on]["video"].nunique()
    note = (
        f"Mean average precision in percent at temporal intersections over union (tIoU) of "
        f"{study.thresholds[0]:g} to {study.thresholds[-1]:g}, in {NAMES[study.reading]} official reading, "
        f"mean ± standard deviation over seeds; {videos} videos. Gains are in points, with their 95 % interval, paired "
        f"over seeds and videos; bold where it excludes zero. The two readings differ, "
        f"by much where what is found twice stays: compare within one."
    )
    return Table(f"mAP by tIoU, {on}", header, rows, note)


def gain_table(study: LocalizationStudy, measures: LocalizationMeasures, on: str) -> Table | None:
    """Gains at each tIoU with their intervals; None where nothing is compared."""
    rows = []
    for recipe in study.recipes:
        other = study.reference(recipe)
        found = [measures.measures.find(recipe, at(threshold), on) for threshold in study.thresholds]
        found.append(measures.measures.find(recipe, AVERAGE, on))
        if other is not None and any(one is not None and one.gain is not None for one in found):
            rows.append([Cell(recipe.name, f"against {other.name}"), *(_gain(one) for one in found)])
    if not rows:
        return None
    header = ["Localizer", *(f"{threshold:g}" for threshold in study.thresholds), "Average"]
    return Table(f"Gains in mAP by tIoU, {on}", header, rows, "In points, with 95 % intervals.")


def poster() -> Table:
    """The paper's own figures on THUMOS-14, with their source."""
    lines = list(csv.DictReader(files("sceneproof.report.localization").joinpath("paper.csv").read_text().splitlines()))
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


def class_table(study: LocalizationStudy, measures: LocalizationMeasures, on: str) -> Table:
    """Average precision of each action at one tIoU: a row an action, a column a recipe; the hardest first."""
    found = [measures.found[on][recipe.name].by_class for recipe in study.recipes]
    first = measures.found[on][study.debiased.name].by_class
    known = np.flatnonzero(np.isfinite(first))
    order = known[np.argsort(first[known], kind="stable")][:MOST]
    counts = study.slices[on]["action"].value_counts()
    rows = []
    for number in order.tolist():
        action = study.actions[number]
        cells = [Cell(f"{100 * values[number]:.1f}", shade=float(values[number])) for values in found]
        rows.append([Cell(action, f"{counts.get(action, 0)} segments"), *cells])
    hidden = f" The hardest {MOST} of {len(known)} for {study.debiased.name}." if len(known) > MOST else ""
    note = f"In percent, at tIoU {LOOKED_AT:g}, mean over seeds; the stronger the shade, the better.{hidden}"
    header = ["Action", *(recipe.name for recipe in study.recipes)]
    return Table(f"Average precision by action, {on}", header, rows, note)


def kind_table(study: LocalizationStudy, measures: LocalizationMeasures, on: str) -> Table:
    """What the best detections of each recipe are: shares of the kinds of mistake."""
    rows = []
    for recipe in study.recipes:
        counts = measures.found[on][recipe.name].kinds
        total = counts.sum()
        shares = [Cell(f"{100 * counts[kind] / total:.1f}" if total else ABSENT) for kind in KINDS]
        rows.append([Cell(recipe.name), *shares])
    note = (
        f"In percent of the best G detections of each action, G being its number of segments (at tIoU {LOOKED_AT:g}; "
        f"Alwassel et al., ECCV 2018). Localization: the right action, at a tIoU of .1 to {LOOKED_AT:g}; confusion: "
        f"another action, likewise; background: nothing there; wrong label: the right place, another action."
    )
    return Table(f"What is detected, {on}", ["Localizer", *(name.capitalize() for name in KINDS.values())], rows, note)


def failures(study: LocalizationStudy, most: int = 50) -> Table | None:
    """Videos that some run could not read, with the reason; None where there are none."""
    reasons: dict[tuple[str, str], list[str]] = {}
    tested = [one for recipe in study.recipes for one in recipe.tested]
    there = set(zip(study.truth["split"], study.truth["video"], strict=True))
    for one in tested:
        videos = one.truth.drop_duplicates(["split", "video"])
        for split, video, problem in zip(videos["split"], videos["video"], videos["problem"], strict=True):
            if problem and (split, video) in there:
                reasons.setdefault((split, video), []).append(str(problem))
    if not reasons:
        return None
    rows = [
        [Cell(video), Cell(split), Cell(f"{len(said)} of {len(tested)}"), Cell(said[0])]
        for (split, video), said in reasons.items()
    ]
    note = f"The first {most}." if len(rows) > most else ""
    caption = f"{len(rows)} {'video' if len(rows) == 1 else 'videos'}"
    return Table(caption, ["Video", "Split", "Runs that missed it", "Reason"], rows[:most], note)


def _figure(measure: Measure | None) -> Cell:
    if measure is None or not math.isfinite(measure.mean):
        return Cell(ABSENT)
    spread = f"±\N{NO-BREAK SPACE}{100 * measure.std:.1f}" if math.isfinite(measure.std) else ""
    return Cell(f"{100 * measure.mean:.1f}", spread)


def _gain(measure: Measure | None, *, named: bool = False) -> Cell:
    if measure is None or measure.gain is None:
        return Cell(ABSENT)
    ends = between(measure.gain)
    if named:
        ends += f", {measure.detail.removeprefix('gain ')}"
    return Cell(points(measure.gain.value), ends, strong=measure.gain.excludes_zero)
