"""Late fusion of classifiers: probabilities averaged with weights (Simonyan and Zisserman, NeurIPS 2014)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.run import Run
from sceneproof.task import Tested
from sceneproof.tasks.classification.scoring import figures
from sceneproof.tasks.joining import said, same_truth

KEPT = ("video", "split", "action", "scene", "context", "group", "problem")
TOLD_APART = ("split", "video", "action")


def fuse_classifiers(runs: Sequence[Run], shares: Sequence[float]) -> Tested:
    """Mean probabilities. A video that one of the runs could not read counts as missed.

    Raises:
        InputError: runs that were not tested, of other actions, or on other videos.
    """
    tables = [said(run, "predictions", "predictions", (*KEPT, "scores"))[0] for run in runs]
    rows = same_truth(runs, [table[list(KEPT)] for table in tables], TOLD_APART)
    ordered = [table.sort_values(list(TOLD_APART), kind="stable") for table in tables]
    scores = np.stack([_scores(table, len(runs[0].actions)) for table in ordered])
    joint = np.einsum("r,rna->na", shares, scores).astype(np.float32)
    rows["scores"] = pd.Series(list(joint), index=ordered[0].index)  # by row: `rows` stand as the first run has them
    splits = {str(split): _figures(part, runs[0].actions) for split, part in rows.groupby("split", sort=False)}
    return Tested(splits, {"predictions": ("predictions", rows)})


def _scores(rows: pd.DataFrame, actions: int) -> NDArray[np.float64]:
    """Probabilities (N, A); rows of NaN where a video could not be read."""
    return np.array([np.full(actions, np.nan) if values is None else values for values in rows["scores"]], np.float64)


def _figures(part: pd.DataFrame, actions: Sequence[str]) -> dict[str, Any]:
    scores = np.stack(part["scores"].to_list())
    number = {action: place for place, action in enumerate(actions)}
    truth = np.array([number.get(str(action), -1) for action in part["action"]], np.int64)
    return figures(part, scores, np.full_like(scores, np.nan), truth)
