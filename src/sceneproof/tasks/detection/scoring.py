"""Boxes and tubes held against the truth of some videos: tables to the metrics' arrays, and the figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.human_tables import CORNERS
from sceneproof.data.segments import BACKGROUND
from sceneproof.metrics.average_precision import mean_average_precision
from sceneproof.metrics.boxes import FoundBoxes, TrueBoxes, box_nms
from sceneproof.metrics.frame_map import Reading, frame_average_precision
from sceneproof.metrics.tubes import FoundTubes, TrueTubes, Tubes
from sceneproof.metrics.video_map import video_average_precision

READINGS: tuple[Reading, ...] = ("act", "voc")
FRAME_THRESHOLDS = (0.5,)
VIDEO_THRESHOLDS = (0.2, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
SHOWN = (0.2, 0.5, 0.75)
MEAN = "0.5:0.95"
"""Papers report video-mAP at `SHOWN` and its mean over ten thresholds from .5 to .95."""
FRAME_NMS = 0.3
"""Suppression before frame-mAP (ACT's code)."""
NOTHING = BACKGROUND
"""The action of a row that only makes a video known in which nobody has a box."""
BOXES = ("video", "split", "frame", "action", *CORNERS, "score")
"""Columns of a table of found boxes: frame from 0 in the file, corners in pixels of the video, score from 0 to 1."""
TUBES = ("video", "split", "tube", "action", "score", "frame", *CORNERS, "frame_score")
"""Columns of a table of found tubes, one row a box: `tube` is its number in its video, `score` the tube's."""
TRUTH = ("video", "split", "context", "scene", "action", "track", "frame", *CORNERS)
"""Columns of a table of the truth; in a row of `NOTHING` the frame is -1 and there are no corners."""


def video_numbers(truth: pd.DataFrame) -> dict[str, int]:
    """The videos of a table of the truth, numbered in the order in which they first stand there."""
    return {name: place for place, name in enumerate(truth["video"].astype(str).unique())}


def true_boxes(truth: pd.DataFrame, videos: Mapping[str, int], actions: Sequence[str]) -> TrueBoxes:
    """The truth as arrays of boxes. Rows of unknown actions (`NOTHING`) only make their video known."""
    rows = truth[truth["action"].isin(actions)]
    return TrueBoxes(
        _video(rows, videos),
        rows["frame"].to_numpy(np.int64),
        _action(rows, actions),
        rows[list(CORNERS)].to_numpy(np.float64),
        len(videos),
        len(actions),
    )


def true_tubes(truth: pd.DataFrame, videos: Mapping[str, int], actions: Sequence[str]) -> TrueTubes:
    """The truth as arrays of tubes: one for each stretch of frames in which someone has a box in all of them."""
    rows = truth[truth["action"].isin(actions)].sort_values(["video", "track", "frame"], kind="stable")
    heads, tubes = _tubes(rows, ("video", "track"))
    return TrueTubes(_video(heads, videos), _action(heads, actions), tubes, len(videos), len(actions))


def found_boxes(table: pd.DataFrame, videos: Mapping[str, int], actions: Sequence[str]) -> FoundBoxes:
    """Found boxes as arrays, less those that a better one of their action overlaps by more than `FRAME_NMS`."""
    boxes = FoundBoxes(
        _video(table, videos),
        table["frame"].to_numpy(np.int64),
        _action(table, actions),
        table[list(CORNERS)].to_numpy(np.float64),
        table["score"].to_numpy(np.float64),
    )
    return boxes.take(box_nms(boxes, FRAME_NMS))


def found_tubes(table: pd.DataFrame, videos: Mapping[str, int], actions: Sequence[str]) -> FoundTubes:
    """Found tubes as arrays."""
    rows = table.sort_values(["video", "tube", "frame"], kind="stable")
    heads, tubes = _tubes(rows, ("video", "tube"))
    return FoundTubes(_video(heads, videos), _action(heads, actions), tubes, heads["score"].to_numpy(np.float64))


def figures(
    truth: pd.DataFrame, boxes: pd.DataFrame, tubes: pd.DataFrame, actions: Sequence[str]
) -> dict[str, dict[str, dict[str, float | None]]]:
    """Frame-mAP and video-mAP by reading and threshold, as they stand in metrics.json: from 0 to 1."""
    videos = video_numbers(truth)
    true, predicted = true_boxes(truth, videos, actions), found_boxes(boxes, videos, actions)
    acted, linked = true_tubes(truth, videos, actions), found_tubes(tubes, videos, actions)
    return {
        "frame_mAP": {
            reading: frame_figures(frame_average_precision(true, predicted, FRAME_THRESHOLDS, reading=reading))
            for reading in READINGS
        },
        "video_mAP": {
            reading: video_figures(video_average_precision(acted, linked, VIDEO_THRESHOLDS, reading=reading))
            for reading in READINGS
        },
    }


def frame_figures(values: NDArray[np.float64]) -> dict[str, float | None]:
    """Mean average precision at each of `FRAME_THRESHOLDS`, of average precisions (K, A)."""
    return {
        f"{threshold:g}": _number(mean)
        for threshold, mean in zip(FRAME_THRESHOLDS, mean_average_precision(values), strict=True)
    }


def video_figures(values: NDArray[np.float64]) -> dict[str, float | None]:
    """Mean average precision at each of `SHOWN`, and over .5 to .95, of average precisions (K, A)."""
    means = dict(zip(VIDEO_THRESHOLDS, mean_average_precision(values), strict=True))
    over = np.mean([mean for threshold, mean in means.items() if threshold >= 0.5])
    return {**{f"{threshold:g}": _number(means[threshold]) for threshold in SHOWN}, MEAN: _number(over)}


def _tubes(rows: pd.DataFrame, keys: tuple[str, str]) -> tuple[pd.DataFrame, Tubes]:
    """The first row of each tube, and the tubes, of rows sorted by video, number and frame; holes cut a tube in two."""
    frame = rows["frame"].to_numpy(np.int64)
    new = np.ones(len(rows), np.bool_)
    if len(rows):
        same = np.logical_and.reduce([rows[key].to_numpy()[1:] == rows[key].to_numpy()[:-1] for key in keys])
        new[1:] = ~(same & (np.diff(frame) == 1))
    heads = np.flatnonzero(new)
    length = np.diff(heads, append=len(rows)).astype(np.int64)
    return rows.iloc[heads], Tubes(frame[heads], length, rows[list(CORNERS)].to_numpy(np.float64))


def _video(rows: pd.DataFrame, videos: Mapping[str, int]) -> NDArray[np.int64]:
    return np.array([videos[name] for name in rows["video"].astype(str)], np.int64)


def _action(rows: pd.DataFrame, actions: Sequence[str]) -> NDArray[np.int64]:
    return pd.Index(actions).get_indexer(pd.Index(rows["action"].astype(str))).astype(np.int64)


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
