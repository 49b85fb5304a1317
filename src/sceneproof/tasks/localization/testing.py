"""What a localizer finds in splits of untrimmed videos, and the figures drawn from it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from sceneproof.addresses import Address
from sceneproof.data.manifest import Manifest
from sceneproof.data.segments import BACKGROUND, problems, seconds, video_names
from sceneproof.errors import InputError
from sceneproof.metrics.temporal_matching import recall_at
from sceneproof.task import Tables, Tested, Tester, Testing
from sceneproof.tasks.localization.buffers import BufferSettings
from sceneproof.tasks.localization.detecting import localize_all
from sceneproof.tasks.localization.footage import UntrimmedVideos
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

PROPOSALS = (10, 50, 100)
RECALL_THRESHOLDS = np.arange(0.5, 0.96, 0.05)
"""Average recall: over these tIoUs, of so many best detections a video, whatever their action."""


@dataclass(frozen=True)
class LocalizationTesting(Testing):
    """How localizers are tested.

    Mean average precision is given in both official readings, THUMOS-14's and ActivityNet's: they differ by points or
    more, so compare figures of one reading only.

    Args:
        thresholds: temporal intersections over union (tIoU) that a detection must reach.
        ambiguous: a table of segments that are hard to call an action or none, as `sceneproof index thumos14` writes
            it: THUMOS' reading does not count what is detected there.
        at_once: buffers that go through the network together.
    """

    thresholds: Sequence[float] = THRESHOLDS
    ambiguous: Address | None = None
    at_once: int = 1

    without_effect: ClassVar[frozenset[str]] = frozenset({"at_once"})

    def __post_init__(self) -> None:
        """Refuses thresholds that no detection reaches."""
        thresholds = self.thresholds
        if not thresholds or not all(0 < threshold <= 1 for threshold in thresholds):
            raise InputError(f"--thresholds: must be one tIoU or more, above 0 and up to 1, not {list(thresholds)}")


def test_localizer(
    tester: Tester, settings: BufferSettings, tables: Tables, splits: Sequence[str], options: LocalizationTesting
) -> Tested:
    """Localizes in every video of the splits. In a video that cannot be read nothing is found: its segments are missed.

    Raises:
        InputError: names the file, row or key.
    """
    run, network, table = tester.run, tester.network, tables.manifest
    run.refuse_other_videos(table)
    unclear = _unclear(options.ambiguous, table, splits, run.actions) if options.ambiguous is not None else None
    figures, found_in, truths = {}, [], []
    for split in splits:
        part = table.split(split)
        part.action_numbers([*run.actions, BACKGROUND])  # refuses others
        footage = UntrimmedVideos.gather(part, settings.rate)
        _tell_problems(part, footage, quiet=tester.quiet)
        localized = localize_all(
            network, footage, settings, tester.device, run.actions, at_once=options.at_once,
            autocast=tester.numerics.dtype, kept=tables.features, quiet=tester.quiet,
            what=f"testing {run.name} on {split}",
        )  # fmt: skip
        truth = truth_table(footage, nothing=BACKGROUND)
        if unclear is not None:
            truth = pd.concat([truth, _ambiguous(unclear, truth)], ignore_index=True)
        truth["problem"] = [localized.problems.get(name, "") for name in truth["video"]]
        figures[split] = split_figures(
            truth, localized.detections, run.actions, options.thresholds, nms_by_threshold=network.nms_by_threshold
        )
        found_in.append(localized.detections)
        truths.append(truth)
    return Tested(
        figures,
        {
            "predictions": ("detections", pd.concat(found_in, ignore_index=True)),
            "truth": ("truth", pd.concat(truths, ignore_index=True)),
        },
        metadata={"nms_by_threshold": network.nms_by_threshold},
        sources={"ambiguous": options.ambiguous},
    )


def split_figures(
    truth: pd.DataFrame,
    detected: pd.DataFrame,
    actions: Sequence[str],
    thresholds: Sequence[float],
    *,
    nms_by_threshold: bool,
) -> dict[str, Any]:
    """The figures of a split, as they stand in metrics.json.

    Args:
        truth: of its videos, with the column problem.
        detected: what was found in them.
        actions: the network's class names.
        thresholds: tIoUs.
        nms_by_threshold: whether what was found wants suppression at each tIoU less 0.1.
    """
    true, videos = true_segments(truth, actions)
    predicted = detections(detected, videos, actions)
    values = average_precisions(true, predicted, nms_by_threshold=nms_by_threshold, thresholds=thresholds)
    figures: dict[str, Any] = {
        "videos": len(videos),
        "segments": int(truth["action"].isin(actions).sum()),
        "missed": truth.loc[truth["problem"] != "", "video"].nunique(),
        "mAP": {reading: map_figures(precisions, thresholds) for reading, precisions in values.items()},
    }
    if len(true.video):
        recall = recall_at(
            true, predicted, RECALL_THRESHOLDS, counts=PROPOSALS, nms_by_threshold=nms_by_threshold
        ).mean(axis=0)
        figures["AR"] = {str(count): float(value) for count, value in zip(PROPOSALS, recall, strict=True)}
    return figures


def _tell_problems(part: Manifest, footage: UntrimmedVideos, *, quiet: bool) -> None:
    """Says that annotations look wrong; official ones are tested on as they are."""
    wrong = len(problems(part, length=footage.length))
    if wrong and not quiet:
        print(
            f"{part.name}: {counted(wrong, 'problem')} with the segments: `sceneproof index check` shows them",
            file=sys.stderr,
        )


def _unclear(path: Address, table: Manifest, splits: Sequence[str], actions: Sequence[str]) -> Manifest:
    """The table of ambiguous segments.

    Raises:
        InputError: it is another one: of segments of actions, or of none of these videos.
    """
    unclear = Manifest.read(path, table.root)
    if known := sorted({*unclear.actions} & {*actions}):
        raise InputError(
            f"--ambiguous: {unclear.name} holds segments of {known[0]!r}, an action: what is found in them would not "
            f"count; give the table of ambiguous segments alone"
        )
    if not np.isin(video_names(unclear.rows), video_names(table.split(*splits).rows)).any():
        raise InputError(
            f"--ambiguous: {unclear.name} has no segment in a video of {', '.join(splits)} in {table.name}: give the "
            f"table that was indexed with it, or none"
        )
    return unclear


def _ambiguous(unclear: Manifest, truth: pd.DataFrame) -> pd.DataFrame:
    """The ambiguous segments of the videos in a table of the truth, as rows of it."""
    rows = unclear.rows.assign(video=video_names(unclear.rows), action=AMBIGUOUS)
    rows[["start", "end"]] = seconds(unclear.rows)
    known = truth.drop_duplicates("video").set_index("video")[["split", "context", "scene", "duration"]]
    rows = rows[["video", "action", "start", "end"]].join(known, on="video", how="inner")
    rows["end"] = rows["end"].where(np.isfinite(rows["end"]), rows["duration"])  # one without an end
    return rows[list(truth.columns)]
