"""Scores held against the truth of some videos: each figure of classifiers, in its one place."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.accuracy import correct, entropy, group_accuracy, mean_class_accuracy, worst_group
from sceneproof.metrics.bootstrap import mean_interval

Values = NDArray[np.float64]


def by_video(figure: str, scores: ArrayLike, truth: NDArray[np.int64]) -> Values:
    """A figure that is a mean over videos, of each of them: float64 (N,).

    Args:
        figure: "top1" or "top5": 1 where the true class is among the best, 0 where not or where the video could not be
            read; "entropy": in nats, NaN where it could not be read.
        scores: probabilities (N, A), a row of NaN where a video could not be read.
        truth: class numbers (N,).
    """
    if figure == "entropy":
        return entropy(scores)
    return correct(scores, truth, {"top1": 1, "top5": 5}[figure]).astype(np.float64)


def worst_scene(right: Values, rows: pd.DataFrame, minimum_count: int = 10) -> dict[str, Any] | None:
    """Of the groups of one action in one scene the least accurate; None where no scene is known or no group so large.

    Args:
        right: (N,), whether each video is right, or a share from 0 to 1.
        rows: of the same videos, with columns action and scene.
        minimum_count: videos that a group needs.
    """
    if not rows["scene"].notna().any():
        return None
    return worst_group(group_accuracy(right, rows["action"], rows["scene"]), minimum_count)


def figures(
    rows: pd.DataFrame, scores: ArrayLike, without_humans: ArrayLike, truth: NDArray[np.int64]
) -> dict[str, Any]:
    """All figures of some videos, as they stand in metrics.json: None where there is nothing to say.

    Args:
        rows: one a video, with columns action, scene and problem.
        scores: probabilities (N, A), a row of NaN where a video could not be read.
        without_humans: the same with the people masked out, NaN where that was not tested.
        truth: class numbers (N,).
    """
    right = by_video("top1", scores, truth)
    measured: dict[str, Any] = {
        "videos": len(truth),
        "missed": int(rows["problem"].astype(bool).sum()),
        "top1": _mean(right),
        "top1_interval": asdict(mean_interval(right)),
        "top5": _mean(by_video("top5", scores, truth)),
        "mean_class": mean_class_accuracy(scores, truth),
        "entropy": _mean(by_video("entropy", scores, truth)),
        "worst_group": worst_scene(right, rows),
        "without_humans": None,
    }
    without = np.asarray(without_humans, np.float64)
    tested = ~np.isnan(without).any(axis=1)
    if tested.any():
        measured["without_humans"] = {
            "videos": int(tested.sum()),
            "top1": _mean(by_video("top1", without[tested], truth[tested])),
            "top1_with_humans": _mean(right[tested]),
            "entropy": _mean(by_video("entropy", without[tested], truth[tested])),
        }
    return measured


def _mean(values: Values) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
