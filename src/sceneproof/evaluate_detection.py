"""A detector's run + manifest + table of boxes -> boxes, tubes, truth and metrics."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sceneproof import locks
from sceneproof.addresses import Address, located
from sceneproof.data.dataset import Videos
from sceneproof.data.digests import file_digests
from sceneproof.data.manifest import Manifest
from sceneproof.data.people import PeopleTable
from sceneproof.data.plausibility import tell
from sceneproof.data.tables import write_table
from sceneproof.evaluate import refuse_twice
from sceneproof.files import write_json
from sceneproof.numerics import device_named
from sceneproof.run import Run
from sceneproof.spec import plain
from sceneproof.tasks.detection.clips import BoxClipSettings
from sceneproof.tasks.detection.detecting import detect_all, truth_table
from sceneproof.tasks.detection.linking import TubeSettings
from sceneproof.tasks.detection.scoring import NOTHING, figures

SETTINGS: dict[str, Any] = {"manifest": None, "humans": None, "splits": ("test",), "kept": 100, "root": None}
"""The arguments of `evaluate_detection` that its figures depend on, with their defaults."""


@dataclass(frozen=True)
class DetectionEvaluation:
    """What a detector found, what there was, and the figures drawn from both."""

    boxes: pd.DataFrame
    tubes: pd.DataFrame
    truth: pd.DataFrame
    metrics: dict[str, Any]


@locks.alone(locks.evaluation)
def evaluate_detection(
    run: Path,
    manifest: Address,
    *,
    humans: Address,
    splits: Sequence[str] = ("test",),
    kept: int = 100,
    root: Address | None = None,
    out: Address | None = None,
    device: str = "auto",
    at_once: int = 8,
    trust: Sequence[str] | None = None,
    quiet: bool = False,
) -> DetectionEvaluation:
    """Tests a detector: writes predictions, tubes and truth (.parquet) and metrics.json to the run's `evaluation`.

    Frame-mAP at an IoU of .5, and video-mAP at .2, .5, .75 and over .5 to .95, both in the readings of two official
    evaluators, ACT's and Singh et al.'s (voc): they differ, so compare figures of one reading only. In a video that
    cannot be read nothing is found: its boxes count as missed.

    Args:
        run: the run folder.
        manifest: the table of videos. It, the table of boxes, the root and `out` may be addresses (s3://, gs://,
            hf://).
        humans: the table of boxes of the people who act.
        splits: splits to test on.
        kept: boxes of a frame, the best of all actions.
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        out: folder to write to, instead of the run's own.
        device: 'auto', 'cpu' or 'cuda'.
        at_once: clips that go through the network together.
        trust: modules or classes (mypackage, mypackage.models.Net) that the run's configuration may name besides
            sceneproof's own. To import them executes their code.
        quiet: show no progress.

    Raises:
        InputError: bad input; names the file, row or key.
    """
    tested = settings_of(locals())
    refuse_twice(splits)
    trained = Run.open(run, trust=trust)
    where = device_named(device)
    numerics = trained.tested_in(where)
    network = numerics.arrange(trained.detector().to(where))
    clip, tubes = clip_settings(trained), tube_settings(trained)
    table = Manifest.read(manifest, root)
    people = PeopleTable.read(humans, table)
    tell(people.doubts)
    measured, parts = {}, []
    for split in splits:
        videos = Videos(table.split(split))
        truth, outside = truth_table(videos, people, trained.actions)
        if outside and not quiet:
            print(f"{table.name}: {split}: {outside} boxes lie outside their clips: left out", file=sys.stderr)
        what = f"testing {trained.name} on {split}"
        found = detect_all(
            network, videos, clip, where, trained.actions, tubes=tubes, kept=kept, at_once=at_once,
            autocast=numerics.dtype, quiet=quiet, what=what,
        )  # fmt: skip
        measured[split] = {
            "videos": len(videos.manifest),
            "boxes": int((truth["action"] != NOTHING).sum()),
            "missed": len(found.problems),
            **figures(truth, found.boxes, found.tubes, trained.actions),
        }
        truth["problem"] = [found.problems.get(name, "") for name in truth["video"]]
        parts.append((found.boxes, found.tubes, truth))
    boxes, linked, truths = (pd.concat(one, ignore_index=True) for one in zip(*parts, strict=True))
    metrics = {
        "run": trained.name,
        "settings": tested,
        "precision": numerics.precision,
        "tables": file_digests(manifest=manifest, humans=humans),
        "splits": measured,
    }
    folder = located(out) if out is not None else trained.path / "evaluation"
    facts = {"actions": trained.actions, "run": trained.name, "precision": numerics.precision}
    write_table(folder / "predictions.parquet", boxes, "found boxes", **facts)
    write_table(folder / "tubes.parquet", linked, "found tubes", **facts)
    write_table(folder / "truth.parquet", truths, "true boxes", actions=trained.actions)
    write_json(folder / "metrics.json", metrics, sealed=True)
    return DetectionEvaluation(boxes, linked, truths, metrics)


def settings_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What the figures depend on besides the run, as plain values; a study tests again where it has changed."""
    return {key: plain(arguments.get(key, default)) for key, default in SETTINGS.items()}


def clip_settings(run: Run) -> BoxClipSettings:
    """How a detector's clips were cut."""
    return run.settings("clip", BoxClipSettings)


def tube_settings(run: Run) -> TubeSettings:
    """How a detector's boxes are linked."""
    return run.settings("tubes", TubeSettings)
