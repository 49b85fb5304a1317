"""A localizer's run + manifest of segments -> detections, truth and metrics."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sceneproof import locks
from sceneproof.addresses import Address, located
from sceneproof.data.digests import file_digests
from sceneproof.data.manifest import Manifest
from sceneproof.data.segments import BACKGROUND, problems, seconds, video_names
from sceneproof.data.tables import write_table
from sceneproof.errors import InputError
from sceneproof.evaluate import refuse_twice
from sceneproof.files import write_json
from sceneproof.metrics.average_recall import recall_at
from sceneproof.numerics import device_named
from sceneproof.run import Run
from sceneproof.spec import plain
from sceneproof.tasks.localization.buffers import BufferSettings
from sceneproof.tasks.localization.detecting import localize_all
from sceneproof.tasks.localization.footage import Footage
from sceneproof.tasks.localization.scoring import (
    AMBIGUOUS,
    THRESHOLDS,
    average_precisions,
    detections,
    map_figures,
    true_segments,
    truth_table,
)
from sceneproof.wording import counted

SETTINGS: dict[str, Any] = {
    "manifest": None, "splits": ("test",), "thresholds": THRESHOLDS, "ambiguous": None, "root": None,
}  # fmt: skip
"""The arguments of `evaluate_localization` that its figures depend on, with their defaults."""


PROPOSALS = (10, 50, 100)
RECALL_THRESHOLDS = np.arange(0.5, 0.96, 0.05)
"""Average recall: over these tIoUs, of so many best detections a video, whatever their action."""


@dataclass(frozen=True)
class LocalizationEvaluation:
    """What a localizer found, what there was, and the figures drawn from both."""

    detections: pd.DataFrame
    truth: pd.DataFrame
    metrics: dict[str, Any]


@locks.alone(locks.evaluation)
def evaluate_localization(
    run: Path,
    manifest: Address,
    *,
    splits: Sequence[str] = ("test",),
    thresholds: Sequence[float] = THRESHOLDS,
    ambiguous: Address | None = None,
    root: Address | None = None,
    out: Address | None = None,
    device: str = "auto",
    at_once: int = 1,
    trust: Sequence[str] | None = None,
    quiet: bool = False,
) -> LocalizationEvaluation:
    """Tests a localizer: writes predictions.parquet, truth.parquet and metrics.json to the run's folder `evaluation`.

    Mean average precision is given in both official readings, THUMOS-14's and ActivityNet's: they differ by points or
    more, so compare figures of one reading only. In a video that cannot be read nothing is found: its segments count
    as missed.

    Args:
        run: the run folder.
        manifest: the table of segments. It, the root and `out` may be addresses (s3://, gs://, hf://).
        splits: splits to test on.
        thresholds: temporal intersections over union (tIoU) that a detection must reach.
        ambiguous: a table of segments that are hard to call an action or none, as `sceneproof index thumos14` writes
            it: THUMOS' reading does not count what is detected there.
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        out: folder to write to, instead of the run's own.
        device: 'auto', 'cpu' or 'cuda'.
        at_once: buffers that go through the network together.
        trust: modules or classes (mypackage, mypackage.models.Net) that the run's configuration may name besides
            sceneproof's own. To import them executes their code.
        quiet: show no progress.

    Raises:
        InputError: bad input; names the file, row or key.
    """
    tested = settings_of(locals())
    refuse_twice(splits)
    if not thresholds or not all(0 < threshold <= 1 for threshold in thresholds):
        raise InputError(f"--thresholds: must be one tIoU or more, above 0 and up to 1, not {list(thresholds)}")
    trained = Run.open(run, trust=trust)
    where = device_named(device)
    numerics = trained.tested_in(where)
    network = numerics.arrange(trained.localizer().to(where))
    settings = buffer_settings(trained)
    table = Manifest.read(manifest, root)
    unclear = Manifest.read(ambiguous, root) if ambiguous is not None else None
    figures, tables, truths = {}, [], []
    for split in splits:
        part = table.split(split)
        part.action_numbers([*trained.actions, BACKGROUND])  # refuses others
        footage = Footage.gather(part, settings.rate)
        _tell_problems(part, footage, quiet=quiet)
        what = f"testing {trained.name} on {split}"
        found = localize_all(
            network,
            footage,
            settings,
            where,
            trained.actions,
            at_once=at_once,
            autocast=numerics.dtype,
            quiet=quiet,
            what=what,
        )
        truth = truth_table(footage, nothing=BACKGROUND)
        if unclear is not None:
            truth = pd.concat([truth, _ambiguous(unclear, truth)], ignore_index=True)
        suppress = network.nms_by_threshold
        figures[split] = {
            "videos": len(footage.videos),
            "segments": int(truth["action"].isin(trained.actions).sum()),
            "missed": len(found.problems),
            **_figures(truth, found.detections, trained.actions, thresholds, nms_by_threshold=suppress),
        }
        truth["problem"] = [found.problems.get(name, "") for name in truth["video"]]
        tables.append(found.detections)
        truths.append(truth)
    metrics = {
        "run": trained.name,
        "settings": tested,
        "precision": numerics.precision,
        "tables": file_digests(manifest=manifest, ambiguous=ambiguous),
        "splits": figures,
    }
    everything = LocalizationEvaluation(
        pd.concat(tables, ignore_index=True), pd.concat(truths, ignore_index=True), metrics
    )
    folder = located(out) if out is not None else trained.path / "evaluation"
    facts = {"actions": trained.actions, "run": trained.name, "nms_by_threshold": network.nms_by_threshold}
    facts["precision"] = numerics.precision
    write_table(folder / "predictions.parquet", everything.detections, "detections", **facts)
    write_table(folder / "truth.parquet", everything.truth, "truth", actions=trained.actions)
    write_json(folder / "metrics.json", metrics, sealed=True)
    return everything


def settings_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What the figures depend on besides the run, as plain values; a study tests again where it has changed."""
    return {key: plain(arguments.get(key, default)) for key, default in SETTINGS.items()}


def buffer_settings(run: Run) -> BufferSettings:
    """How a run's buffers were cut."""
    return run.settings("buffer", BufferSettings)


def _figures(
    truth: pd.DataFrame,
    found: pd.DataFrame,
    actions: Sequence[str],
    thresholds: Sequence[float],
    *,
    nms_by_threshold: bool,
) -> dict[str, Any]:
    there, videos = true_segments(truth, actions)
    made = detections(found, videos, actions)
    values = average_precisions(there, made, nms_by_threshold=nms_by_threshold, thresholds=thresholds)
    figures: dict[str, Any] = {"mAP": {reading: map_figures(one, thresholds) for reading, one in values.items()}}
    if len(there.video):
        recall = recall_at(there, made, RECALL_THRESHOLDS, counts=PROPOSALS).mean(axis=0)
        figures["AR"] = {str(count): float(value) for count, value in zip(PROPOSALS, recall, strict=True)}
    return figures


def _tell_problems(part: Manifest, footage: Footage, *, quiet: bool) -> None:
    """Says that annotations look wrong; official ones are tested on as they are."""
    wrong = len(problems(part, length=footage.length))
    if wrong and not quiet:
        print(
            f"{part.name}: {counted(wrong, 'problem')} with the segments: `sceneproof index check` shows them",
            file=sys.stderr,
        )


def _ambiguous(unclear: Manifest, truth: pd.DataFrame) -> pd.DataFrame:
    """The ambiguous segments of the videos in a table of the truth, as rows of it."""
    rows = unclear.rows.assign(video=video_names(unclear.rows), action=AMBIGUOUS)
    rows[["start", "end"]] = seconds(unclear.rows)
    known = truth.drop_duplicates("video").set_index("video")[["split", "context", "scene", "duration"]]
    rows = rows[["video", "action", "start", "end"]].join(known, on="video", how="inner")
    return rows[list(truth.columns)]
