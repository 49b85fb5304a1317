"""The figures of localizers: mean average precision by tIoU, with paired intervals, and what lies behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.average_precision import average_precision, mean_average_precision
from sceneproof.metrics.average_recall import recall_at
from sceneproof.metrics.bootstrap import Interval
from sceneproof.metrics.matching import Matches
from sceneproof.metrics.temporal_diagnosis import kind_counts, kinds
from sceneproof.metrics.temporal_matching import BELOW, Reading, match
from sceneproof.metrics.temporal_segments import Detections, TrueSegments, grouped_nms
from sceneproof.studies.localization import LocalizationStudy, Localized, Recipe
from sceneproof.studies.measures import Measure, Measures
from sceneproof.studies.transfer_measures import figure, gains, lost_out_of_context
from sceneproof.tasks.localization.scoring import READINGS, detections, true_segments

AVERAGE = "mAP"
LOOKED_AT = 0.5
"""The tIoU of the tables by class and of the diagnosis of false detections."""
COUNTS = (1, 2, 5, 10, 20, 50, 100)
RECALL_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""ActivityNet's, for proposals: .5, .55, …, .95."""


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
class Found:
    """What a recipe's R runs found in one slice of the test videos.

    Attributes:
        by_class: float64 (A,), average precision at `LOOKED_AT`, mean over seeds; NaN where there is no segment.
        kinds: int64 (6,), of the best G detections of each class (of G segments), how many are of each `Kind`.
        recall: float64 (R, len(COUNTS)), average recall.
    """

    by_class: NDArray[np.float64]
    kinds: NDArray[np.int64]
    recall: NDArray[np.float64]


@dataclass(frozen=True)
class LocalizationMeasures:
    """All figures of a study of localizers.

    Attributes:
        measures: mAP by recipe, slice and tIoU.
        found: by slice and recipe's name.
        lost: average mAP that `study.falling` loses out of context; None where the videos' context is not known.
    """

    measures: Measures
    found: dict[str, dict[str, Found]]
    lost: Interval | None = None


def measure(study: LocalizationStudy) -> LocalizationMeasures:
    """Takes all figures of a study."""
    every: list[Measure] = []
    found: dict[str, dict[str, Found]] = {}
    matched: dict[str, dict[str, list[Matches]]] = {}
    for on, part in study.slices.items():
        truth, videos = true_segments(part, study.actions)
        made = {
            recipe.name: [_detections(one, videos, study.actions) for one in recipe.tested] for recipe in study.recipes
        }
        matches = {
            recipe.name: [
                match(truth, one, study.thresholds, reading=study.reading, nms_by_threshold=run.nms_by_threshold)
                for one, run in zip(made[recipe.name], recipe.tested, strict=True)
            ]
            for recipe in study.recipes
        }
        matched[on] = matches
        found[on] = {recipe.name: _found(study, truth, recipe, made[recipe.name]) for recipe in study.recipes}
        for recipe in study.recipes:
            every += _maps(study, recipe, on, matches)
            every += _other_reading(study, recipe, on, truth, made[recipe.name])
            for count, values in zip(COUNTS, found[on][recipe.name].recall.T, strict=True):
                every.append(figure(study, recipe, recall_name(count), on, values, truth.videos))
    return LocalizationMeasures(Measures(every), found, lost_out_of_context(study, matched))


def _detections(run: Localized, videos: Sequence[str], actions: Sequence[str]) -> Detections:
    return detections(run.found[run.found["video"].isin(videos)], videos, actions)


def _maps(study: LocalizationStudy, recipe: Recipe, on: str, matches: dict[str, list[Matches]]) -> list[Measure]:
    """Mean average precision at each tIoU and their average, with the gain over what the recipe is compared with."""
    mine = matches[recipe.name]
    values = np.stack([mean_average_precision(average_precision(one)) for one in mine])
    each, average = gains(study, recipe, matches)
    videos = len(mine[0].positives)
    names = [*(at(threshold) for threshold in study.thresholds), AVERAGE]
    columns = [*values.T, values.mean(axis=1)]
    return [
        figure(study, recipe, name, on, column, videos, gain=gain)
        for name, column, gain in zip(names, columns, [*each, average], strict=True)
    ]


def _other_reading(
    study: LocalizationStudy, recipe: Recipe, on: str, truth: TrueSegments, made: Sequence[Detections]
) -> list[Measure]:
    """The average mAP in the readings that the page does not follow, since they differ by points."""
    measures = []
    for reading in READINGS:
        if reading != study.reading:
            values = [
                mean_average_precision(
                    average_precision(
                        match(truth, one, study.thresholds, reading=reading, nms_by_threshold=run.nms_by_threshold)
                    )
                ).mean()
                for one, run in zip(made, recipe.tested, strict=True)
            ]
            measures.append(figure(study, recipe, in_reading(reading), on, np.array(values), truth.videos))
    return measures


def _found(study: LocalizationStudy, truth: TrueSegments, recipe: Recipe, made: Sequence[Detections]) -> Found:
    precisions, counts, recalls = [], [], []
    for one, run in zip(made, recipe.tested, strict=True):
        kept = suppressed(one, truth.actions) if run.nms_by_threshold else one
        precisions.append(average_precision(match(truth, kept, (LOOKED_AT,), reading=study.reading))[0])
        matches = match(truth, kept, (LOOKED_AT,), reading="activitynet")
        counts.append(kind_counts(kinds(truth, kept, matches, LOOKED_AT), matches, slices=1)[0])
        recalls.append(recall_at(truth, kept, RECALL_THRESHOLDS, counts=COUNTS).mean(axis=0))
    return Found(np.mean(precisions, axis=0), np.sum(counts, axis=0), np.stack(recalls))


def suppressed(found: Detections, actions: int) -> Detections:
    """What is left of detections that still want suppression, as they are evaluated at the tIoU `LOOKED_AT`."""
    groups = found.video * actions + found.action
    return found.take(grouped_nms(found.times, found.score, groups, LOOKED_AT - BELOW))
