"""Detections held against the truth of some videos: tables to the metrics' arrays, and the figures of both readings."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.metrics.average_precision import mean_average_precision
from sceneproof.metrics.temporal_matching import Reading, temporal_average_precision
from sceneproof.metrics.temporal_segments import Detections, TrueSegments
from sceneproof.tasks.localization.footage import UntrimmedVideos

READINGS: tuple[Reading, ...] = ("thumos", "activitynet")
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""The tIoUs of the paper's table."""
AMBIGUOUS = "Ambiguous"
TRUTH = ("video", "split", "context", "scene", "action", "start", "end", "duration")
"""Columns of a table of the truth: times in seconds, `duration` the video's; NaN where a video cannot be read."""


def truth_table(footage: UntrimmedVideos, *, nothing: str) -> pd.DataFrame:
    """The segments of videos, one row each; a video without one has a row with the action `nothing`.

    An end that nothing tells, of a video that cannot be read, is NaN.
    """
    rows: list[tuple[object, ...]] = []
    for video, timeline in zip(footage.videos, footage.timelines, strict=True):
        duration = timeline.seconds if timeline is not None else np.nan
        named = (video.name, video.split, video.context, video.scene)
        rows += [
            (*named, action, start, end if np.isfinite(end) else np.nan, duration)
            for action, (start, end) in zip(video.actions, video.times.tolist(), strict=True)
        ]
        if not video.actions:
            rows.append((*named, nothing, np.nan, np.nan, duration))
    return pd.DataFrame(rows, columns=list(TRUTH))


def true_segments(truth: pd.DataFrame, actions: Sequence[str]) -> tuple[TrueSegments, list[str]]:
    """The truth as arrays, and the names of its videos, whose places are their numbers.

    Rows of other actions (the background's) only make their video known; ambiguous ones are kept apart.
    """
    videos = list(dict.fromkeys(truth["video"].astype(str)))
    video, action, times = _numbers(truth, videos, actions)
    known, unclear = action >= 0, (truth["action"] == AMBIGUOUS).to_numpy(bool)
    segments = TrueSegments(
        video[known], action[known], times[known], len(videos), len(actions), video[unclear], times[unclear]
    )
    return segments, videos


def detections(table: pd.DataFrame, videos: Sequence[str], actions: Sequence[str]) -> Detections:
    """A table of detections as arrays; the videos must be known."""
    video, action, times = _numbers(table, videos, actions)
    return Detections(video, action, times, table["score"].to_numpy(np.float64))


def average_precisions(
    truth: TrueSegments, detected: Detections, *, nms_by_threshold: bool, thresholds: Sequence[float] = THRESHOLDS
) -> dict[str, NDArray[np.float64]]:
    """Average precision (K, A) by reading."""
    return {
        reading: temporal_average_precision(
            truth, detected, thresholds, reading=reading, nms_by_threshold=nms_by_threshold
        )
        for reading in READINGS
    }


def map_figures(values: NDArray[np.float64], thresholds: Sequence[float]) -> dict[str, float | None]:
    """Average precisions (K, A) as they stand in metrics.json: mAP by tIoU, and their average."""
    means = mean_average_precision(values)
    return {
        **{f"{threshold:g}": _number(mean) for threshold, mean in zip(thresholds, means, strict=True)},
        "average": _number(means.mean()),
    }


def _numbers(
    table: pd.DataFrame, videos: Sequence[str], actions: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Video and action numbers, -1 for an action that is not known, and times (N, 2)."""
    video = pd.Index(videos).get_indexer(pd.Index(table["video"].astype(str)))
    action = pd.Index(actions).get_indexer(pd.Index(table["action"].astype(str)))
    return video.astype(np.int64), action.astype(np.int64), table[["start", "end"]].to_numpy(np.float64)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
