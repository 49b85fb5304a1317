"""Figures that papers have published, beside ours: each is data, with its source."""

import csv
from importlib.resources import files
from pathlib import Path
from typing import Any

from sceneproof.pages.figures import figure
from sceneproof.pages.kit import ABSENT, Cell, Table
from sceneproof.run import Run
from sceneproof.studies.classification import TOP_1, ClassificationStudy, Recipe
from sceneproof.studies.detection import FRAME, DetectionStudy
from sceneproof.studies.measures import Measures


def quoted(name: str) -> list[dict[str, str]]:
    """The rows of a table of published figures that is shipped with their source."""
    return list(csv.DictReader(files("sceneproof.pages").joinpath(name).read_text(encoding="utf-8").splitlines()))


def ablations(study: ClassificationStudy, measures: Measures[None]) -> list[Table]:
    """Ablations that papers published of methods in the study, our figures beside theirs."""
    lines = quoted("published.csv")
    tables, slices = [], list(study.slices)
    for name in dict.fromkeys(line["table"] for line in lines):
        own, rows, compared = [line for line in lines if line["table"] == name], [], False
        for line in own:
            theirs, ours = Cell(line["value"]), [recipe for recipe in study.recipes if _belongs(recipe, line)]
            for recipe in ours:
                figures = [figure(measures.find(recipe, TOP_1, on)) for on in slices]
                rows.append([Cell(line["row"]), Cell(recipe.name), *figures, theirs])
            if not ours:
                rows.append([Cell(line["row"]), Cell("not run"), *[Cell(ABSENT)] * len(slices), theirs])
            compared |= bool(ours)
        header = [own[0]["heading"], "Ours", *(f"Top-1, {on}" for on in slices), "The paper"]
        note = (
            f"The paper's: {own[0]['metric']} on {own[0]['benchmark']}; {own[0]['source']}. Ours is on other videos: "
            f"compare the order and the steps, not the level."
        )
        tables += [Table(own[0]["caption"], header, rows, note)] if compared else []
    return tables


def _belongs(recipe: Recipe, line: dict[str, str]) -> bool:
    """Whether a recipe is what a published line is of: the class, the losses and the arguments that it names."""
    method, losses = recipe.method, line["losses"].split()
    if method.name != line["method"] or method.control:
        return False
    wanted = [argument.split("=") for argument in line["arguments"].split()]
    same = all(str(method.arguments.get(name)) == value for name, value in wanted)
    return same and (sorted(method.losses) == sorted(losses) if losses else method.plain)


def on_thumos() -> Table:
    """The paper's own figures on THUMOS-14, with their source."""
    lines = quoted("published-thumos14.csv")
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


def on_jhmdb(study: DetectionStudy, measures: Measures[Any]) -> Table:
    """The paper's own figures on J-HMDB, with their source, and ours beside them."""
    lines = quoted("published-jhmdb.csv")
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
        frame_map = figure(measures.find(recipe, FRAME, study.last))
        rows.append([Cell(f"Ours: {recipe.name}", recipe.method.text), Cell(starts[recipe.name][0]), frame_map])
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
