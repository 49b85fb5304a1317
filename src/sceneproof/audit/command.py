"""`sceneproof audit`: a model and labelled videos -> how much the model leans on the scene, as a page and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from sceneproof.audit.collecting import Answers, collect, for_processes
from sceneproof.audit.conditions import Condition, ConditionMetError
from sceneproof.audit.extra import extra_figures
from sceneproof.audit.figures import CATALOG
from sceneproof.audit.measures import Measures, measure
from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.naming import Naming, class_table
from sceneproof.audit.scoring import Scorer
from sceneproof.audit.settings import DataSettings, ModelSettings, plain_settings
from sceneproof.audit.subject import Subject
from sceneproof.audit.table import AuditTable
from sceneproof.data.manifest import Manifest
from sceneproof.errors import InputError
from sceneproof.mall.studio import processors
from sceneproof.report.audit.page import write_page
from sceneproof.report.html import said


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        table: what the model said of every variant of every video.
        measures: the figures.
        folder: where audit.parquet, audit.json and audit.html are.
    """

    table: AuditTable
    measures: Measures
    folder: Path


def audit(
    model: str | Subject,
    manifest: Path,
    out: Path = Path("audit"),
    *,
    humans: Path | None = None,
    scenes: Path | None = None,
    backgrounds: Path | None = None,
    splits: list[str] | None = None,
    names: Path | None = None,
    mapping: Path | None = None,
    inputs: InputSettings = InputSettings(),
    weights: str | None = None,
    among: Literal["all", "audited"] = "all",
    variants: list[str] | None = None,
    clips: int = 1,
    seed: int = 0,
    fail_if: list[str] | None = None,
    title: str | None = None,
    shown: int = 6,
    root: Path | None = None,
    device: str = "auto",
    batch: int = 8,
    workers: int | None = None,
    time_limit: float = 600.0,
    dry_run: bool = False,
    quiet: bool = False,
) -> Audit | None:
    """Says how much of a video model's accuracy is the place: one page and one JSON; no training.

    MODEL is a run of ours, a torchvision video model (torchvision:r3d_18), a Hugging Face video classifier (a folder or
    hf:ORG/NAME), a TorchScript (.pt, .ts) or ONNX file, or package.module:callable, which takes a clip, uint8 (T, H, W,
    3), and gives scores. Each video is shown as it is, without its people, without its scene, in other scenes and out
    of order; all of it is made on the fly. Stopped at any moment, the same command goes on where it was.

    Args:
        model: The model: see above.
        manifest: The table of labelled videos, as `sceneproof index` writes it.
        out: The folder for audit.html, audit.json and audit.parquet.
        humans: Table of person masks or boxes (`sceneproof label humans`); masks give clean cuts. Without it nothing
            that needs people is measured.
        scenes: Table of scene labels (`sceneproof label scenes`): for scene leakage, B_scene, similar and different
            places; where the manifest has a column `scene` that is used for what it suffices.
        backgrounds: Folder of pictures or videos to put people in front of; without one, drawn scenes.
        splits: Only videos of these splits; by default those with "test" in their name, or all where none has.
        names: File of the model's class names, one a line or as JSON, where the model does not bring them.
        mapping: File that says which class of the model is which action: CSV (action,class) or YAML.
        inputs: What an exported file or a callable takes: frames, size, layout, mean and deviation.
        weights: Of a torchvision model: the name of other weights than the default, or a file.
        among: Which classes the model may name: all of its own, or only those of audited actions.
        variants: Names of variants; by default all that the data allows.
        clips: Clips of each video; their probabilities are averaged.
        seed: Another seed, other backgrounds and orders.
        fail_if: Conditions on the figures; where one holds the command ends with exit code 3, for a pipeline. Quote
            each: --fail_if "scene_error > 0.2" "survives_human_filled > .5".
        title: What to call the model.
        shown: Clips to show on the page, with their variants.
        root: The folder that the manifest's paths start from; by default the manifest's own.
        device: 'auto', 'cpu' or 'cuda'.
        batch: Clips that go through the model together; the figures do not depend on it.
        workers: Processes, each with a model of its own; by default one a processor, or one with a GPU; 0: this one.
        time_limit: Seconds that all variants of a video may take in a process of its own.
        dry_run: Only say what would be measured, on how many videos, and how long it would take.
        quiet: No progress and no summary.

    Raises:
        InputError: bad input; names the file, row or key.
        ConditionMetError: a condition of `fail_if` holds.
    """
    conditions = [Condition.parse(text, CATALOG) for text in fail_if or ()]
    opening = ModelSettings(str(model), _text(names), inputs, weights, device, batch)
    subject = model if isinstance(model, Subject) else opening.open()
    whole = Manifest.read(manifest, root)
    chosen = tuple(splits) if splits else test_splits(whole)
    naming = class_table(subject.actions, whole.split(*chosen).actions, mapping)
    data = DataSettings(
        str(manifest), _text(root), chosen, tuple(naming.left_out), _text(humans), _text(scenes), _text(backgrounds),
        tuple(variants or ()), seed, clips,
    )  # fmt: skip
    if dry_run:
        print(plan(data, subject))
        return None
    table = _said(opening, data, subject, naming, among, title, out, _workers(workers, device), time_limit, quiet)
    measures = measure(table, extra=probe_figures(table, _labels(scenes)))
    clips_shown = show(table, data.scorer(subject), data.table(), shown)
    write_page(table, measures, out, clips=clips_shown, title=f"How much does {table.model} lean on the scene?")
    if not quiet:
        print(summary(table, measures, out))
    _refuse(conditions, measures)
    return Audit(table, measures, out)
