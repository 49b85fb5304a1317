"""The tables of a page of detectors."""

import csv
from importlib.resources import files
from pathlib import Path
from typing import Any

from sceneproof.metrics.frame_diagnosis import Kind
from sceneproof.metrics.frame_map import Reading
from sceneproof.report.cells import ABSENT, Cell, Table
from sceneproof.report.detection.measures import FRAME, LOOKED_AT, LOT, METRICS, DetectionMeasures, in_reading
from sceneproof.report.detection.study import DetectionStudy
from sceneproof.report.transferred import tables as transferred
from sceneproof.report.transferred.tables import heading, share
from sceneproof.run import Run

NAMES: dict[Reading, str] = {"act": "ACT’s", "voc": "Singh et al.’s (PASCAL VOC’s)"}
KINDS = {
    Kind.RIGHT: "right",
    Kind.LOCALIZATION: "localization",
    Kind.CLASSIFICATION: "classification",
    Kind.TIME: "time",
    Kind.OTHER: "other",
    Kind.MISSED: "missed",
}


def precision_table(study: DetectionStudy, measures: DetectionMeasures, on: str, reading: Reading) -> Table:
    """Frame-mAP and video-mAP of each recipe in a reading; in the page's own beside the floor."""
    own = reading == study.reading
    names = [in_reading(metric, reading, study) for metric in METRICS]
    rows = []
    for recipe in study.recipes:
        found = [measures.measures.find(recipe, metric, on) for metric in [*names, *([LOT] if own else [])]]
        rows.append([heading(recipe), *(share(one) for one in found)])
    videos = study.slices[on]["video"].nunique()
    note = (
        f"Mean average precision in percent, of boxes (frame-mAP) and of tubes (video-mAP), at the intersections over "
        f"union behind the @, in {NAMES[reading]} official reading, mean ± standard deviation over seeds; {videos} "
        f"videos. The two readings differ: compare within one."
    )
    if own:
        note += (
            " By lot: frame-mAP of the same boxes with the names of the actions exchanged in each video at random: "
            "what a detector reaches that knows where people are and not what they do."
        )
    header = ["Detector", *(_titled(metric) for metric in METRICS), *(["Frame-mAP, actions by lot"] if own else [])]
    return Table(f"Frame-mAP and video-mAP, {on}, {NAMES[reading]} reading", header, rows, note)


def gain_table(study: DetectionStudy, measures: DetectionMeasures, on: str, reading: Reading) -> Table | None:
    """Gains in each figure with their intervals; None where nothing is compared."""
    return transferred.gain_table(
        study,
        measures.measures,
        on,
        {_titled(metric): in_reading(metric, reading, study) for metric in METRICS},
        caption=f"Gains, {NAMES[reading]} reading",
        head="Detector",
        note="In points, with 95 % intervals, paired over seeds and videos; bold where they exclude zero.",
    )


def poster(study: DetectionStudy, measures: DetectionMeasures) -> Table:
    """The paper's own figures on J-HMDB, with their source, and ours beside them."""
    lines = list(csv.DictReader(files("sceneproof.report.detection").joinpath("paper.csv").read_text().splitlines()))
    rows = [
        [
            Cell(f"The paper: {line['method']}", f"{line['backbone']}, {line['input']}"),
            Cell(line["pretraining"] or ABSENT),
            Cell(line["mean AP"]),
        ]
        for line in lines
    ]
    starts = {recipe.name: _starts(recipe.tested[0].run.config) for recipe in study.recipes}
    for recipe in study.recipes:
        found = share(measures.measures.find(recipe, FRAME, study.last))
        rows.append([Cell(f"Ours: {recipe.name}", recipe.method.text), Cell(starts[recipe.name][0]), found])
    unknown = sorted({file for _, file in starts.values() if file})
    seen = (
        f"Ours, as far as their runs say, started from {', '.join(unknown)}; what these had seen the runs do not tell."
        if unknown
        else "Ours, as far as their runs say, saw neither, but what the table names, from random weights on."
    )
    where = "the test videos" if study.last == "test" else f"the test videos {study.last}"
    note = (
        f"The paper’s: mean AP in percent on J-HMDB, as quoted; source: {lines[0]['source']}. Ours: {FRAME} on {where}."
        f" The paper’s networks were pre-trained on ImageNet and Kinetics. {seen} Compare the step from baseline "
        "to debiased, not the level."
    )
    return Table("The paper’s figures on J-HMDB, and ours", ["Detector", "Trained before on", "Mean AP"], rows, note)


def _starts(config: dict[str, Any]) -> tuple[str, str]:
    """What a run's training started from, in words, and the file at the end of its line, where it is no run's."""
    seen: list[str] = []
    visited: set[str] = set()
    while (weights := str(config.get("weights") or "")) not in {"", *visited}:
        visited.add(weights)
        if not (Path(weights) / "config.yaml").is_file():
            return ", ".join([*seen, Path(weights).name]), Path(weights).name
        config = Run.open(weights).config
        seen.append(Path(str(config.get("manifest"))).parent.name)
    return ", ".join(dict.fromkeys(seen)) or "nothing", ""


def class_table(study: DetectionStudy, measures: DetectionMeasures, on: str) -> Table:
    """Average precision of each action's boxes."""
    values = {name: found.by_class for name, found in measures.found[on].items()}
    note = (
        f"Of boxes, in percent, at an intersection over union of {LOOKED_AT:g}, in {NAMES[study.reading]} reading, "
        f"mean over seeds; the stronger the shade, the better."
    )
    return transferred.class_table(study, on, values, things="boxes", note=note)


def kind_table(study: DetectionStudy, measures: DetectionMeasures, on: str) -> Table:
    """Where average precision went: the area of each kind of mistake."""
    rows = []
    for recipe in study.recipes:
        areas = measures.found[on][recipe.name].areas
        rows.append([Cell(recipe.name), *(Cell(f"{100 * areas[kind]:.1f}") for kind in KINDS)])
    note = (
        f"Areas under the curves of each kind’s share over recall, in percent, mean over actions and seeds; they sum "
        f"to 100, and the first is {FRAME} in ACT’s reading (Kalogeiton et al., ICCV 2017). Localization: the frame "
        f"shows that action, but not there, or the person was found before; classification: a person who does "
        f"something else; time: nobody acts in this frame, though that action is in the video; missed: not found."
    )
    return Table(f"Where average precision goes, {on}", ["Detector", *map(str.capitalize, KINDS.values())], rows, note)


def _titled(metric: str) -> str:
    return metric[0].upper() + metric[1:]
