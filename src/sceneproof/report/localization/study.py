"""Tested localizers on common ground: grouped over seeds, and held against the same segments of the same videos."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from sceneproof.data.segments import BACKGROUND
from sceneproof.errors import InputError
from sceneproof.metrics.temporal_matching import Reading
from sceneproof.report import grouping
from sceneproof.report.grouping import grouped, refuse_other_actions
from sceneproof.report.transferred.study import (
    TransferredRun,
    TransferStudy,
    Words,
    chosen,
    common,
    described,
    open_run,
    within,
)
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
    """Reads the run folders of localizers that have been tested.

    Args:
        runs: the folders.
        splits: the splits to report on; by default those with "test" in their name, or all where none has.
        baseline: name of the recipe that all others are compared with; by default each is compared with the same
            localizer on a plainly trained backbone.
        debiased: name of the recipe the headline is about; by default the first that started from a full SDN, else the
            first that can be compared, else the first.
        reading: whose official way of counting to follow.

    Raises:
        InputError: no runs, a folder that is no tested localizer, runs of different actions or annotations or without a
            common video, one run twice, an unknown split or recipe.
    """
    if not runs:
        raise InputError("no runs given: name at least one run folder that `sceneproof evaluate` has tested")
    tested = [_read(Path(path)) for path in runs]
    refuse_other_actions(tested)
    truth, notes = common(tested, splits, ("split", "video", "action", "start", "end"), WORDS)
    recipes = grouped([replace(one, found=within(one.found, truth)) for one in tested], described)
    plain, debiasing = chosen(recipes, baseline, debiased)
    thresholds = tuple(tested[0].figures.get("settings", {}).get("thresholds", THRESHOLDS))
    return LocalizationStudy(tuple(recipes), tested[0].run.actions, truth, plain, debiasing, notes, thresholds, reading)


def _read(path: Path) -> Localized:
    run, metadata = open_run(path, WORDS, ("detections", DETECTIONS), ("truth", TRUTH))
    return Localized(**vars(run), nms_by_threshold=bool(metadata.get("nms_by_threshold", False)))


def segments_of(truth: pd.DataFrame) -> pd.DataFrame:
    """The rows that are segments of an action."""
    return truth[~truth["action"].isin((BACKGROUND, AMBIGUOUS))]
