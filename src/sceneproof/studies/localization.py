"""Tested localizers on common ground, and their figures: mean average precision by tIoU, and what lies behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.segments import BACKGROUND
from sceneproof.errors import InputError
from sceneproof.figures import tested_settings
from sceneproof.metrics.average_precision import average_precision, mean_average_precision
from sceneproof.metrics.matching import Matches
from sceneproof.metrics.temporal_diagnosis import kind_counts, kinds
from sceneproof.metrics.temporal_matching import Reading, left_at, match, recall_at
from sceneproof.metrics.temporal_segments import Detections, TrueSegments
from sceneproof.run import Run
from sceneproof.studies import recipes
from sceneproof.studies.measures import Measure, StudyMeasures, gain_over, gains, lost_out_of_context, over_seeds
from sceneproof.studies.reading import Things, found_table, rows_within, tested_figures, truth_table
from sceneproof.studies.recipes import EvaluatedRun
from sceneproof.studies.study import Study
from sceneproof.tasks.localization.scoring import (
    AMBIGUOUS,
    READINGS,
    THRESHOLDS,
    TRUTH,
    detections,
    true_segments,
)

DETECTIONS = ("video", "split", "action", "start", "end", "score")
AVERAGE = "mAP"
LOOKED_AT = 0.5
"""The tIoU of the tables by class and of the diagnosis of false detections."""
COUNTS = (1, 2, 5, 10, 20, 50, 100)
RECALL_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""ActivityNet's, for proposals: .5, .55, …, .95."""


@dataclass(frozen=True)
class Localized(EvaluatedRun):
    """One run with what it found.

    Attributes:
        detections: one row a detection, from start to end in seconds, with the columns `DETECTIONS`.
        nms_by_threshold: whether what was found still wants suppression, at each tIoU less 0.1.
    """

    detections: pd.DataFrame
    nms_by_threshold: bool


Recipe: TypeAlias = recipes.Recipe[Localized]


@dataclass(frozen=True)
class LocalizationStudy(Study[Localized]):
    """Recipes of localizers on common ground.

    Attributes:
        reading: whose official way of counting the figures follow.
    """

    reading: Reading = "activitynet"

    task: ClassVar[str] = "localization"
    things: ClassVar[Things] = Things("segment", "segments", ("start", "end"))
    transferred: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Raises InputError for an unknown reading."""
        if self.reading not in READINGS:
            raise InputError(f"reading: must be {' or '.join(READINGS)}, not {self.reading!r}")

    @staticmethod
    def read(run: Run) -> Localized:
        """Reads detections."""
        detections, metadata = found_table(run, "predictions", "detections", DETECTIONS)
        wants = bool(metadata.get("nms_by_threshold", False))
        return Localized(run, tested_figures(run), truth_table(run, "truth", TRUTH), detections, wants)

    @staticmethod
    def within(run: Localized, truth: pd.DataFrame) -> Localized:
        """The run with its detections in these videos."""
        return replace(run, detections=rows_within(run.detections, truth))

    @cached_property
    def thresholds(self) -> tuple[float, ...]:
        """The tIoUs that the first run was tested at."""
        return tuple(tested_settings(self.recipes[0].tested[0].run.path).get("thresholds", THRESHOLDS))


def at(threshold: float) -> str:
    """The name of mAP at a tIoU."""
    return f"mAP@{threshold:g}"


def in_reading(reading: Reading) -> str:
    """The name of the average mAP in another reading than the page's."""
    return f"mAP, {reading} reading"


def recall_name(count: int) -> str:
    """The name of average recall with so many proposals a video."""
    return f"AR@{count}"


@dataclass(frozen=True)
class LocalizationDetail:
    """What a recipe's R runs found in one slice of the test videos.

    Attributes:
        by_class: float64 (A,), average precision at `LOOKED_AT`, mean over seeds; NaN where there is no segment.
        kinds: int64 (6,), of the best G detections of each class (of G segments), how many are of each `Kind`.
        recall: float64 (R, len(COUNTS)), average recall.
    """

    by_class: NDArray[np.float64]
    kinds: NDArray[np.int64]
    recall: NDArray[np.float64]


def measure(study: LocalizationStudy) -> StudyMeasures[LocalizationDetail]:
    """Takes all figures of a study."""
    every: list[Measure] = []
    details: dict[str, dict[str, LocalizationDetail]] = {}
    matched: dict[str, dict[str, list[Matches]]] = {}
    for on, part in study.slices.items():
        truth, videos = true_segments(part, study.actions)
        detected = {
            recipe.name: [_detections(run, videos, study.actions) for run in recipe.tested] for recipe in study.recipes
        }
        matches = {
            recipe.name: [
                match(truth, predicted, study.thresholds, reading=study.reading, nms_by_threshold=run.nms_by_threshold)
                for predicted, run in zip(detected[recipe.name], recipe.tested, strict=True)
            ]
            for recipe in study.recipes
        }
        matched[on] = matches
        details[on] = {recipe.name: _detail(study, truth, recipe, detected[recipe.name]) for recipe in study.recipes}
        for recipe in study.recipes:
            every += _maps(study, recipe, on, matches)
            every += _other_reading(study, recipe, on, truth, detected[recipe.name])
            for count, values in zip(COUNTS, details[on][recipe.name].recall.T, strict=True):
                every.append(over_seeds(recipe, recall_name(count), on, values, truth.videos))
    return StudyMeasures(every, details, lost_out_of_context(study, matched))


def _detections(run: Localized, videos: Sequence[str], actions: Sequence[str]) -> Detections:
    return detections(run.detections[run.detections["video"].isin(videos)], videos, actions)


def _maps(study: LocalizationStudy, recipe: Recipe, on: str, matches: dict[str, list[Matches]]) -> list[Measure]:
    """Mean average precision at each tIoU and their average, with the gain over what the recipe is compared with."""
    mine = matches[recipe.name]
    values = np.stack([mean_average_precision(average_precision(run_matches)) for run_matches in mine])
    videos = len(mine[0].positives)
    names = [*(at(threshold) for threshold in study.thresholds), AVERAGE]
    columns = [*values.T, values.mean(axis=1)]
    return [
        over_seeds(recipe, name, on, column, videos, **gain_over(study, recipe, gain))
        for name, column, gain in zip(names, columns, gains(study, recipe, matches), strict=True)
    ]


def _other_reading(
    study: LocalizationStudy, recipe: Recipe, on: str, truth: TrueSegments, detected: Sequence[Detections]
) -> list[Measure]:
    """The average mAP in the readings that the page does not follow, since they differ by points."""
    measures = []
    for reading in READINGS:
        if reading != study.reading:
            values = [
                mean_average_precision(
                    average_precision(
                        match(
                            truth, predicted, study.thresholds, reading=reading, nms_by_threshold=run.nms_by_threshold
                        )
                    )
                ).mean()
                for predicted, run in zip(detected, recipe.tested, strict=True)
            ]
            measures.append(over_seeds(recipe, in_reading(reading), on, values, truth.videos))
    return measures


def _detail(
    study: LocalizationStudy, truth: TrueSegments, recipe: Recipe, detected: Sequence[Detections]
) -> LocalizationDetail:
    precisions, counts, recalls = [], [], []
    for predicted, run in zip(detected, recipe.tested, strict=True):
        wants = run.nms_by_threshold
        kept = predicted.take(left_at(predicted, truth.actions, LOOKED_AT)) if wants else predicted
        precisions.append(average_precision(match(truth, kept, (LOOKED_AT,), reading=study.reading))[0])
        matches = match(truth, kept, (LOOKED_AT,), reading="activitynet")
        counts.append(kind_counts(kinds(truth, kept, matches, LOOKED_AT), matches, slices=1)[0])
        recalls.append(
            recall_at(truth, predicted, RECALL_THRESHOLDS, counts=COUNTS, nms_by_threshold=wants).mean(axis=0)
        )
    return LocalizationDetail(np.mean(precisions, axis=0), np.sum(counts, axis=0), np.stack(recalls))


def segments_of(truth: pd.DataFrame) -> pd.DataFrame:
    """The rows that are segments of an action."""
    return truth[~truth["action"].isin((BACKGROUND, AMBIGUOUS))]
