"""How often, and how firmly, a model is right, of all videos and by group.

Scores are (N, A): a row a video, a column a class, higher is better. A video that could not be read has a row of NaN:
it stays in every denominator and is never right, so a failure cannot raise a figure.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

MISSED = -1
"""The class number that `predicted` gives to a video that could not be read."""


def missed(scores: ArrayLike) -> NDArray[np.bool_]:
    """Which videos have no scores: bool (N,), True where any score of scores (N, A) is NaN."""
    return np.asarray(np.isnan(np.asarray(scores, dtype=np.float64)).any(axis=1))


def predicted(scores: ArrayLike) -> NDArray[np.int64]:
    """The class each video is taken for: int64 (N,), the first of the highest scores; MISSED for a row of NaN."""
    scores = np.asarray(scores, dtype=np.float64)
    best = np.where(np.isnan(scores), -np.inf, scores).argmax(axis=1)
    return np.where(missed(scores), MISSED, best).astype(np.int64)


def correct(scores: ArrayLike, truth: ArrayLike, k: int = 1) -> NDArray[np.bool_]:
    """Whether the true class is among the k best: bool (N,).

    Among equal scores the class with the lower number comes first, as in `argmax`, so that exactly k classes count
    and the best one is the one `predicted` names. A row of NaN is a miss.

    Args:
        scores: (N, A).
        truth: (N,), class numbers; a number outside 0 … A-1 (an action the model does not know) is a miss.
        k: how many classes count, from 1.
    """
    scores = np.asarray(scores, dtype=np.float64)
    truth = np.asarray(truth, dtype=np.int64)
    classes = np.arange(scores.shape[1])
    known = (truth >= 0) & (truth < len(classes)) & ~missed(scores)
    place = np.where(known, truth, 0)[:, None]
    own = np.take_along_axis(scores, place, axis=1)
    ahead = (scores > own) | ((scores == own) & (classes < place))
    return np.asarray(known & (ahead.sum(axis=1) < k))


def top_k(scores: ArrayLike, truth: ArrayLike, k: int = 1) -> float:
    """Share of videos whose true class is among the k best, 0 to 1; see `correct` for ties. NaN without videos."""
    return _mean(correct(scores, truth, k))


def mean_class_accuracy(scores: ArrayLike, truth: ArrayLike) -> float:
    """Top-1 accuracy of each class that occurs in `truth`, averaged with equal weight; NaN without videos."""
    truth = np.asarray(truth, dtype=np.int64)
    right = correct(scores, truth)
    _, number, count = np.unique(truth, return_inverse=True, return_counts=True)
    return _mean(np.bincount(number.ravel(), weights=right) / count)


def entropy(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Shannon entropy of each row of probabilities (N, A), in nats: float (N,), from 0 to ln A; 0 ln 0 is 0.

    A row of NaN stays NaN: leave it out of a mean with `numpy.nanmean`, and say how many were left out.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    logarithms = np.log(np.where(probabilities == 0, 1.0, probabilities))
    # adding zero turns the -0.0 of a certain prediction into 0.0
    return np.asarray(-(probabilities * logarithms).sum(axis=1) + 0.0)


def softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Probabilities (N, A) of scores before softmax (N, A)."""
    logits = np.asarray(logits, dtype=np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _mean(values: NDArray[np.bool_] | NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def group_accuracy(correct: ArrayLike, *keys: "pd.Series[Any]") -> pd.DataFrame:
    """Accuracy in each group of videos that share their keys.

    Args:
        correct: (N,), whether each video is right (or a share from 0 to 1).
        keys: named columns of N values, such as `rows["action"], rows["scene"]`. Videos without a value are left out.

    Returns:
        One row a group that occurs, sorted by key: a column a key, under its own name, then `count` and `accuracy`.
    """
    names = [str(key.name) for key in keys]
    table = pd.DataFrame(dict(zip(names, (key.to_numpy() for key in keys), strict=True)))
    table["accuracy"] = np.asarray(correct, dtype=np.float64)
    grouped = table.groupby(names, sort=True, observed=True)["accuracy"]
    return grouped.agg(["size", "mean"]).rename(columns={"size": "count", "mean": "accuracy"}).reset_index()


def worst_group(table: pd.DataFrame, minimum_count: int = 10) -> dict[str, Any] | None:
    """The group that fares worst, of those with at least `minimum_count` videos, since small groups are luck.

    Args:
        table: what `group_accuracy` returns.
        minimum_count: how many videos a group needs.

    Returns:
        Its row (the keys, `count`, `accuracy`) as plain Python values; among equals the largest, then the first.
        None where no group is large enough.
    """
    groups = table[table["count"] >= minimum_count]
    if groups.empty:
        return None
    worst = groups.sort_values(["accuracy", "count"], ascending=[True, False], kind="stable").iloc[0]
    return {str(name): value.item() if isinstance(value, np.generic) else value for name, value in worst.items()}
