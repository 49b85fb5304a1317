"""Which videos a page shows: drawn at random, never picked by hand."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def in_turn(rows: NDArray[np.int64], groups: NDArray[Any], count: int, *, seed: int = 0) -> list[int]:
    """At most `count` of some rows drawn at random, the groups in turn, so that each has about as many.

    Args:
        rows: row numbers to draw from.
        groups: each row's group, such as its action; by row number.
        count: how many.
        seed: the same one draws the same rows.
    """
    mixed = np.random.default_rng(seed).permutation(rows)
    turn = pd.Series(groups[mixed]).groupby(groups[mixed]).cumcount().to_numpy()
    return [int(row) for row in mixed[np.argsort(turn, kind="stable")][:count]]
