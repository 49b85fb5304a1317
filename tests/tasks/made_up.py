"""Run folders of localizers and detectors as `evaluate` leaves them, with what they found written by hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sceneproof.data.human_tables import CORNERS
from sceneproof.data.tables import write_table
from sceneproof.figures import FILE, figures_of_run, write_figures
from sceneproof.files import write_json
from sceneproof.run import Run
from sceneproof.tasks import Detection, Localization
from sceneproof.tasks.detection.linking import TubeSettings
from sceneproof.tasks.detection.scoring import BOXES, TUBES
from sceneproof.tasks.detection.scoring import TRUTH as BOX_TRUTH
from sceneproof.tasks.localization.detecting import COLUMNS
from sceneproof.tasks.localization.scoring import TRUTH

ACTIONS = ["jump", "run"]
KNOWN = {"split": "test", "context": "in", "scene": "hall"}
THRESHOLDS = [0.3, 0.5]


def localizer(
    folder: Path,
    found: Sequence[tuple[str, str, float, float, float]],
    *,
    true: Sequence[tuple[str, str, float, float]] = (("a", "jump", 1, 3), ("b", "run", 0, 4)),
    problems: Sequence[str] = (),
    wants: bool = False,
    known: Mapping[str, str] = KNOWN,
    **config: Any,
) -> Path:
    """A localizer that found (video, action, start, end, score), held against (video, action, start, end)."""
    method = "sceneproof.tasks.localization.actionformer.ActionFormer"
    run = _begun(folder, Localization().config(), method, config)
    rows = pd.DataFrame(found, columns=["video", "action", "start", "end", "score"]).assign(split="test")
    truth = pd.DataFrame(true, columns=["video", "action", "start", "end"])
    truth = truth.assign(**{**KNOWN, **known}, duration=10.0)
    truth["problem"] = ["unreadable" if video in problems else "" for video in truth["video"]]
    about = {"actions": ACTIONS, "run": run.name}
    evaluation = folder / "evaluation"
    write_table(evaluation / "predictions.parquet", rows[list(COLUMNS)], "detections", **about, nms_by_threshold=wants)
    write_table(evaluation / "truth.parquet", truth[[*TRUTH, "problem"]], "truth", **about)
    _measured(run, {"mAP": {"thumos": {"average": 0.5}}})
    return folder


def detector(
    folder: Path,
    found: Sequence[tuple[str, int, str, tuple[float, ...], float]],
    *,
    true: Sequence[tuple[str, int, str, tuple[float, ...]]] = (),
    problems: Sequence[str] = (),
    **config: Any,
) -> Path:
    """A detector that found (video, frame, action, corners, score), held against (video, frame, action, corners)."""
    tubes = TubeSettings(switch_cost=None, least_frames=2)
    run = _begun(folder, Detection(tubes=tubes).config(), "sceneproof.tasks.detection.ssd.SSD", config)
    rows = pd.DataFrame(
        [(video, "test", frame, action, *corners, score) for video, frame, action, corners, score in found],
        columns=list(BOXES),
    ).astype(dict.fromkeys(CORNERS, "float32"))
    truth = pd.DataFrame(
        [(video, frame, action, *corners) for video, frame, action, corners in true],
        columns=["video", "frame", "action", *CORNERS],
    ).assign(**KNOWN, track=0)
    truth["problem"] = ["unreadable" if video in problems else "" for video in truth["video"]]
    evaluation, about = folder / "evaluation", {"actions": ACTIONS, "run": run.name}
    write_table(evaluation / "predictions.parquet", rows, "found boxes", **about)
    write_table(evaluation / "truth.parquet", truth[[*BOX_TRUTH, "problem"]], "true boxes", **about)
    write_table(evaluation / "tubes.parquet", pd.DataFrame(columns=list(TUBES)), "found tubes", **about)
    _measured(run, {"frame_mAP": {"act": {"0.5": 0.5}}})
    return folder


def _begun(folder: Path, task: dict[str, Any], method: str, config: dict[str, Any]) -> Run:
    backbone = {"class_path": "sceneproof.backbones.resnet3d.ResNet3D", "init_args": {}}
    plain = {"manifest": "manifest.parquet", "backbone": backbone, "method": {"class_path": method, "init_args": {}}}
    run = Run(folder, {"task": task, **plain, "seed": 0, **config}, config.pop("actions", ACTIONS), [])
    run.begin()
    return run


def _measured(run: Run, figures: dict[str, Any]) -> None:
    metrics = {"run": run.name, "settings": {"thresholds": THRESHOLDS}, "splits": {"test": {"videos": 2, **figures}}}
    write_json(run.path / "evaluation" / "metrics.json", metrics, sealed=True)
    write_figures(run.path / "evaluation" / FILE, figures_of_run(metrics, run.name, run.seed))
