"""Accuracy by group: bias is a property of the data's groups, read off after the fact (as WILDS does)."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


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
