"""Tested detectors on common ground, and their figures: frame-mAP, video-mAP, and where average precision goes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.human_tables import CORNERS
from sceneproof.errors import InputError
from sceneproof.metrics.average_precision import average_precision, mean_average_precision
from sceneproof.metrics.bootstrap import Interval
from sceneproof.metrics.boxes import FoundBoxes, TrueBoxes
from sceneproof.metrics.frame_diagnosis import error_areas, kinds
from sceneproof.metrics.frame_map import Reading, area_of, match_boxes
from sceneproof.metrics.map_bootstrap import paired_map_interval
from sceneproof.metrics.matching import Matches
from sceneproof.metrics.tubes import TrueTubes
from sceneproof.metrics.video_map import match_tubes
from sceneproof.run import Run
from sceneproof.studies import recipes
from sceneproof.studies.measures import Measure, Measures, gain_over, gains, lost_out_of_context, over_seeds
from sceneproof.studies.reading import Things, found_table, rows_within, tested_figures, truth_table
from sceneproof.studies.recipes import EvaluatedRun
from sceneproof.studies.study import Study
from sceneproof.tasks.detection.scoring import (
    BOXES,
    FRAME_THRESHOLDS,
    MEAN,
    READINGS,
    SHOWN,
    TRUTH,
    TUBES,
    VIDEO_THRESHOLDS,
    found_boxes,
    found_tubes,
    true_boxes,
    true_tubes,
    video_numbers,
)

LOOKED_AT = FRAME_THRESHOLDS[0]
"""The intersection over union of frame-mAP, of the tables by class and of the diagnosis."""
FRAME = f"frame-mAP@{LOOKED_AT:g}"
VIDEO = {threshold: f"video-mAP@{threshold:g}" for threshold in SHOWN}
MEAN_VIDEO = f"video-mAP@{MEAN}"
METRICS = (FRAME, *VIDEO.values(), MEAN_VIDEO)
LOT = f"{FRAME}, actions by lot"
"""What the same boxes would reach without their actions: a floor."""
STRICT = VIDEO_THRESHOLDS.index(0.5)  # video-mAP over .5 to .95 leaves out what stands before


@dataclass(frozen=True)
class Detected(EvaluatedRun):
    """One run with what it found, in pixels of the videos.

    Attributes:
        boxes: one row a box, with the columns `scoring.BOXES`.
        tubes: one row a box of a tube, with the columns `scoring.TUBES`.
    """

    boxes: pd.DataFrame
    tubes: pd.DataFrame


Recipe: TypeAlias = recipes.Recipe[Detected]


@dataclass(frozen=True)
class DetectionStudy(Study[Detected]):
    """Recipes of detectors on common ground.

    Attributes:
        reading: whose official way of counting the headline, the actions and the drawings follow.
    """

    reading: Reading = "act"

    task: ClassVar[str] = "detection"
    things: ClassVar[Things] = Things("box", "boxes", ("track", "frame", *CORNERS))
    transferred: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Raises InputError for an unknown reading."""
        if self.reading not in READINGS:
            raise InputError(f"reading: must be {' or '.join(READINGS)}, not {self.reading!r}")

    @staticmethod
    def read(run: Run) -> Detected:
        """Reads boxes and tubes."""
        boxes, _ = found_table(run, "predictions", "found boxes", BOXES)
        tubes, _ = found_table(run, "tubes", "found tubes", TUBES)
        return Detected(run, tested_figures(run), truth_table(run, "true boxes", TRUTH), boxes, tubes)

    @staticmethod
    def within(run: Detected, truth: pd.DataFrame) -> Detected:
        """The run with what it found in these videos."""
        return replace(run, boxes=rows_within(run.boxes, truth), tubes=rows_within(run.tubes, truth))


def in_reading(metric: str, reading: Reading, study: DetectionStudy) -> str:
    """The name of a metric in a reading: its own in the page's, which is not repeated."""
    return metric if reading == study.reading else f"{metric}, {reading} reading"


@dataclass(frozen=True)
class DetectionDetail:
    """What a recipe's R runs found in one slice of the test videos.

    Attributes:
        by_class: float64 (A,), average precision of boxes at `LOOKED_AT`, mean over seeds; NaN where there is no box.
        by_threshold: float64 (K,), video-mAP at each of `VIDEO_THRESHOLDS`, mean over seeds.
        areas: float64 (6,), where average precision went, by `Kind`, mean over classes and seeds: sums to 1.
        above_lot: how much higher frame-mAP is than that of the same boxes with their actions by lot; None where there
            is one action only.
    """

    by_class: NDArray[np.float64]
    by_threshold: NDArray[np.float64]
    areas: NDArray[np.float64]
    above_lot: Interval | None


@dataclass(frozen=True)
class _Matched:
    """One run against the truth of a slice, in the reading "act" unless said: matched once, used by every figure.

    Attributes:
        frame: of boxes at `LOOKED_AT`; readings differ in how its area is summed alone.
        lot: the same with the actions by lot.
        video: of tubes at `VIDEO_THRESHOLDS`, by reading.
        areas: float64 (6,), see `DetectionDetail`.
    """

    frame: Matches
    lot: Matches
    video: dict[Reading, Matches]
    areas: NDArray[np.float64]


def measure(study: DetectionStudy) -> Measures[DetectionDetail]:
    """Takes all figures of a study."""
    every: list[Measure] = []
    details: dict[str, dict[str, DetectionDetail]] = {}
    frames: dict[str, dict[str, list[Matches]]] = {}
    for on, part in study.slices.items():
        videos = video_numbers(part)
        boxes, tubes = true_boxes(part, videos, study.actions), true_tubes(part, videos, study.actions)
        matched = {
            recipe.name: [_matched(run, boxes, tubes, videos, study.actions) for run in recipe.tested]
            for recipe in study.recipes
        }
        details[on] = {name: _detail(study, runs) for name, runs in matched.items()}
        frames[on] = {name: [_read_as(run.frame, study.reading) for run in runs] for name, runs in matched.items()}
        for recipe in study.recipes:
            lot = [
                mean_average_precision(average_precision(_read_as(run.lot, study.reading)))
                for run in matched[recipe.name]
            ]
            every.append(over_seeds(recipe, LOT, on, np.concatenate(lot), len(videos)))
            for reading in (study.reading, *(other for other in READINGS if other != study.reading)):
                every += _maps(study, recipe, on, matched, reading)
    return Measures(every, details, lost_out_of_context(study, frames))


def _matched(
    run: Detected, boxes: TrueBoxes, tubes: TrueTubes, videos: dict[str, int], actions: Sequence[str]
) -> _Matched:
    predicted = found_boxes(run.boxes[run.boxes["video"].isin(videos)], videos, actions)
    linked = found_tubes(run.tubes[run.tubes["video"].isin(videos)], videos, actions)
    frame = match_boxes(boxes, predicted, FRAME_THRESHOLDS, reading="act")
    areas = error_areas(kinds(boxes, predicted, frame, LOOKED_AT), frame)
    return _Matched(
        frame,
        match_boxes(boxes, by_lot(predicted, boxes), FRAME_THRESHOLDS, reading="act"),
        {reading: match_tubes(tubes, linked, VIDEO_THRESHOLDS, reading=reading) for reading in READINGS},
        np.nanmean(areas, axis=0),
    )


def by_lot(boxes: FoundBoxes, truth: TrueBoxes, *, seed: int = 0) -> FoundBoxes:
    """The same boxes, the names of the actions exchanged in each video by lot: what is left is where people are.

    Args:
        boxes: after suppression, which this cannot change: boxes of one action stay of one action.
        truth: says how many videos and actions there are.
        seed: of the lot.
    """
    names = np.tile(np.arange(truth.actions), (truth.videos, 1))
    names = np.random.default_rng(seed).permuted(names, axis=1)
    return replace(boxes, action=names[boxes.video, boxes.action])


def _read_as(frame: Matches, reading: Reading) -> Matches:
    return replace(frame, area=area_of(reading))


def _at(video: Matches, which: slice) -> Matches:
    """The matches at some of their thresholds."""
    return replace(video, right=video.right[which], counted=video.counted[which])


def _maps(
    study: DetectionStudy, recipe: Recipe, on: str, matched: dict[str, list[_Matched]], reading: Reading
) -> list[Measure]:
    """Frame-mAP and video-mAP in a reading, with the gain over what the recipe is compared with."""
    frames = {name: [_read_as(run.frame, reading) for run in runs] for name, runs in matched.items()}
    tubes = {name: [run.video[reading] for run in runs] for name, runs in matched.items()}
    mine, linked = frames[recipe.name], tubes[recipe.name]
    values = np.stack([mean_average_precision(average_precision(matches)) for matches in linked])
    of_frames, _ = gains(study, recipe, frames)
    loose, strict = (
        {name: [_at(matches, part) for matches in runs] for name, runs in tubes.items()}
        for part in (slice(STRICT), slice(STRICT, None))
    )
    (*each, _), (*more, average) = gains(study, recipe, loose), gains(study, recipe, strict)
    of_tubes = dict(zip(VIDEO_THRESHOLDS, [*each, *more], strict=True))
    columns = dict(zip(VIDEO_THRESHOLDS, values.T, strict=True))
    told = [
        (FRAME, np.concatenate([mean_average_precision(average_precision(matches)) for matches in mine]), of_frames)
    ]
    told += [(name, columns[threshold], of_tubes[threshold]) for threshold, name in VIDEO.items()]
    told += [(MEAN_VIDEO, values[:, STRICT:].mean(axis=1), average)]
    videos = len(mine[0].positives)
    return [
        over_seeds(recipe, in_reading(metric, reading, study), on, column, videos, **gain_over(study, recipe, gain))
        for metric, column, gain in told
    ]


def _detail(study: DetectionStudy, runs: Sequence[_Matched]) -> DetectionDetail:
    frames = [_read_as(run.frame, study.reading) for run in runs]
    lots = [_read_as(run.lot, study.reading) for run in runs]
    above = paired_map_interval(frames, lots)[1] if len(study.actions) > 1 else None
    videos = [mean_average_precision(average_precision(run.video[study.reading])) for run in runs]
    return DetectionDetail(
        np.mean([average_precision(matches)[0] for matches in frames], axis=0),
        np.mean(videos, axis=0),
        np.mean([run.areas for run in runs], axis=0),
        above,
    )
