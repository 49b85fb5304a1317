"""The tables of a page of localizers."""

import csv
from importlib.resources import files

from sceneproof.metrics.temporal_diagnosis import Kind
from sceneproof.report.cells import ABSENT, Cell, Table
from sceneproof.report.localization.measures import AVERAGE, LOOKED_AT, LocalizationMeasures, at, in_reading
from sceneproof.report.localization.study import LocalizationStudy
from sceneproof.report.transferred import tables as transferred
from sceneproof.report.transferred.tables import gain, heading, share
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


def precision_table(study: LocalizationStudy, measures: LocalizationMeasures, on: str) -> Table:
    """Mean average precision of each recipe at each tIoU, their average, and the average's gain."""
    others = [reading for reading in READINGS if reading != study.reading]
    metrics = [*(at(threshold) for threshold in study.thresholds), AVERAGE, *(in_reading(one) for one in others)]
    header = ["Localizer", *(f"{threshold:g}" for threshold in study.thresholds), "Average", "Average gain"]
    header += [f"Average, {NAMES[one]} reading" for one in others]
    rows = []
    for recipe in study.recipes:
        found = [measures.measures.find(recipe, metric, on) for metric in metrics]
        cells = [share(one) for one in found]
        cells.insert(len(study.thresholds) + 1, gain(measures.measures.find(recipe, AVERAGE, on), named=True))
        rows.append([heading(recipe), *cells])
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
    columns = {**{f"{threshold:g}": at(threshold) for threshold in study.thresholds}, "Average": AVERAGE}
    note = "In points, with 95 % intervals."
    return transferred.gain_table(
        study, measures.measures, on, columns, caption="Gains in mAP by tIoU", head="Localizer", note=note
    )


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
    """Average precision of each action at one tIoU."""
    values = {name: found.by_class for name, found in measures.found[on].items()}
    note = f"In percent, at tIoU {LOOKED_AT:g}, mean over seeds; the stronger the shade, the better."
    return transferred.class_table(study, on, values, things="segments", note=note)


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
