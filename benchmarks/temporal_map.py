"""Temporal mAP beside ActivityNet's own evaluator, in one run: processor seconds, and whether the figures are equal.

    git clone https://github.com/activitynet/ActivityNet
    python -m lib2to3 -w -n ActivityNet/Evaluation/{eval_detection,utils}.py         (up to Python 3.12: it is Python 2)
    python -m benchmarks.temporal_map --official ActivityNet/Evaluation [--results results/results.csv]

Segments and detections are made up: 200 videos, 20 classes, 3,000 segments, 200,000 detections near them, 5 values of
tIoU. Both sides start from arrays or data frames in memory, and work on one core; the official side goes through the
classes one after the other, as each of its processes does.
"""

import argparse
import importlib
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.keeping import keep
from sceneproof.metrics.temporal_matching import temporal_average_precision
from sceneproof.metrics.temporal_segments import Detections, TrueSegments

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
VIDEOS, ACTIONS, SEGMENTS = 200, 20, 3000


def made_up(count: int) -> tuple[TrueSegments, Detections]:
    generator = np.random.default_rng(0)
    start = generator.random(SEGMENTS) * 300
    times = np.stack([start, start + 0.5 + generator.exponential(5, SEGMENTS)], axis=1)
    video, action = generator.integers(VIDEOS, size=SEGMENTS), generator.integers(ACTIONS, size=SEGMENTS)
    near = generator.integers(SEGMENTS, size=count)
    moved = np.sort(times[near] + generator.normal(0, 2, (count, 2)), axis=1)
    label = np.where(generator.random(count) < 0.3, generator.integers(ACTIONS, size=count), action[near])
    found = Detections(video[near], label, moved, generator.permutation(count) / count)
    return TrueSegments(video, action, times, VIDEOS, ACTIONS), found


def official_way(folder: Path) -> Callable[..., NDArray[np.float64]]:
    """Their function for one class."""
    sys.path.insert(0, str(folder))
    setattr(np, "float", float)  # noqa: B010  their code is older than NumPy 1.24, which took the name away
    way: Callable[..., NDArray[np.float64]] = importlib.import_module(
        "eval_detection"
    ).compute_average_precision_detection
    return way


def frame(video: NDArray[np.int64], times: NDArray[np.float64], **more: NDArray[Any]) -> pd.DataFrame:
    names = np.array([f"video{number:03d}" for number in range(VIDEOS)], dtype=object)
    return pd.DataFrame({"video-id": names[video], "t-start": times[:, 0], "t-end": times[:, 1], **more})


def theirs(way: Callable[..., NDArray[np.float64]], truth: pd.DataFrame, found: pd.DataFrame) -> NDArray[np.float64]:
    columns = []
    by_label = found.groupby("label")
    for label, part in truth.groupby("label"):
        own = by_label.get_group(label).reset_index(drop=True)
        columns.append(way(part.reset_index(drop=True), own, tiou_thresholds=np.array(THRESHOLDS)))
    return np.stack(columns, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", type=Path, required=True, help="ActivityNet's folder Evaluation, in Python 3")
    parser.add_argument("--detections", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3, help="rounds, each side in turn (default: 3)")
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    arguments = parser.parse_args()
    way = official_way(arguments.official)
    truth, found = made_up(arguments.detections)
    frames = (
        frame(truth.video, truth.times, label=truth.action),
        frame(found.video, found.times, label=found.action, score=found.score),
    )
    ours_seconds, theirs_seconds, difference = [], [], 0.0
    for _ in range(arguments.rounds):
        began = time.process_time()
        ours = temporal_average_precision(truth, found, THRESHOLDS, reading="activitynet")
        between = time.process_time()
        official = theirs(way, *frames)
        ours_seconds.append(between - began)
        theirs_seconds.append(time.process_time() - between)
        difference = max(difference, float(np.abs(ours - official).max()))
    times = statistics.median(b / a for a, b in zip(ours_seconds, theirs_seconds, strict=True))
    figures = {
        "processor seconds": statistics.median(ours_seconds),
        "official: processor seconds": statistics.median(theirs_seconds),
        "times faster": times,
        "largest difference of an average precision": difference,
        "mAP": float(ours.mean()),
    }
    for name, value in figures.items():
        print(f"{name:<45}{value:>12.6g}")
    if arguments.results:
        keep(arguments.results, {"benchmarks/temporal_map": figures})


if __name__ == "__main__":
    main()
