"""Tested localizers on common ground: grouped over seeds, and held against the same segments of the same videos."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from sceneproof.data.segments import BACKGROUND
from sceneproof.metrics.temporal_matching import Reading
from sceneproof.studies import grouping
from sceneproof.studies.transfer import TransferredRun, TransferStudy, Words, gathered, open_run
from sceneproof.tasks.localization.scoring import AMBIGUOUS, THRESHOLDS, TRUTH

DETECTIONS = ("video", "split", "action", "start", "end", "score")
WORDS = Words("localization", "segment", "segments")


@dataclass(frozen=True)
class Localized(TransferredRun):
    """One run with what it found: one row a detection, from start to end in seconds.

    Attributes:
        nms_by_threshold: whether what was found still wants suppression, at each tIoU less 0.1.
    """

    nms_by_threshold: bool


Recipe: TypeAlias = grouping.Recipe[Localized]


@dataclass(frozen=True)
class LocalizationStudy(TransferStudy[Localized]):
    """Recipes of localizers on common ground.

    Attributes:
        thresholds: tIoUs.
        reading: whose official way of counting the figures follow.
    """

    thresholds: tuple[float, ...]
    reading: Reading


def read_study(
    runs: Sequence[str | Path],
    *,
    splits: Sequence[str] | None = None,
    baseline: str | None = None,
    debiased: str | None = None,
    reading: Reading = "activitynet",
) -> LocalizationStudy:
    """Reads the run folders of localizers that have been tested; `reading` is whose official way of counting to follow.

    The other arguments, and what is refused, are those of `transfer.gathered`.
    """
    columns = ("split", "video", "action", "start", "end")
    study = gathered(runs, _read, WORDS, columns, splits=splits, baseline=baseline, debiased=debiased)
    thresholds = study.recipes[0].tested[0].figures.get("settings", {}).get("thresholds", THRESHOLDS)
    return LocalizationStudy(**vars(study), thresholds=tuple(thresholds), reading=reading)


def _read(path: Path) -> Localized:
    run, metadata = open_run(path, WORDS, ("detections", DETECTIONS), ("truth", TRUTH))
    return Localized(**vars(run), nms_by_threshold=bool(metadata.get("nms_by_threshold", False)))


def segments_of(truth: pd.DataFrame) -> pd.DataFrame:
    """The rows that are segments of an action."""
    return truth[~truth["action"].isin((BACKGROUND, AMBIGUOUS))]
