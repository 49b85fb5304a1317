"""Late fusion, whatever the task: what tested runs said, held to be of the same videos, and what they found joined."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from sceneproof.figures import tested_folder
from sceneproof.metrics.fusion import partners
from sceneproof.run import Run

Iou = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
"""Intersection over union (P,) of places (P, D) and places (P, D), such as corners of boxes."""
NEARLY = 0.01
"""Pixels or seconds by which the truth of two runs may differ."""
TOLD = ("context", "scene")
"""Columns of a truth that must be the same where both runs know them: videos of one name may show other places."""


def said(run: Run, name: str, kind: str, columns: Sequence[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A table that `evaluate` wrote for a run, by its file's name without .parquet, and its metadata.

    Raises:
        InputError: it was not tested, or by a version that wrote another table.
    """
    file = tested_folder(run.path) / f"{name}.parquet"
    if not file.is_file():
        raise InputError(f"{run.path}: was not tested: run `sceneproof evaluate {run.path} MANIFEST` first")
    return read_table(file, kind, columns)


def same_truth(
    runs: Sequence[Run], truths: Sequence[pd.DataFrame], names: Sequence[str], numbers: Sequence[str] = ()
) -> pd.DataFrame:
    """The first run's truth, with a problem wherever a run had one.

    Args:
        runs: two or more.
        truths: what each was tested on, in any order of the videos.
        names: columns that must be the same, in the order in which rows are told apart.
        numbers: columns that must be nearly the same, but where a run that could not read a video does not know them.

    Raises:
        InputError: runs of other actions, or tested on other videos, splits or annotations.
    """
    ordered = [truth.sort_values([*names, *numbers], kind="stable") for truth in truths]
    first = ordered[0]
    for run, other in zip(runs[1:], ordered[1:], strict=True):
        if run.actions != runs[0].actions:
            raise InputError(f"{run.path}: knows other actions than {runs[0].path}: their scores cannot be joined")
        differs = next((name for name in names if first[name].tolist() != other[name].tolist()), None)
        differs = differs or next((name for name in numbers if not _near(first, other, name)), None)
        differs = differs or next((name for name in TOLD if not _as_told(first[name], other[name])), None)
        if differs:
            raise InputError(
                f"{run.path}: was tested on other videos than {runs[0].path} ({len(other)} and {len(first)}; column "
                f"{differs!r}): test both on the same splits of the same videos"
            )
    problems = [_problems(truth) for truth in ordered]
    joint = first.assign(problem=[next(filter(None, each), "") for each in zip(*problems, strict=True)])
    return joint.loc[truths[0].index]


def joined(
    found: Sequence[pd.DataFrame],
    shares: Sequence[float],
    truth: pd.DataFrame,
    same: Sequence[str],
    places: Sequence[str],
    iou: Iou,
) -> pd.DataFrame:
    """What several runs found, as if one had: scores are averaged with the shares as weights.

    Each run in turn is held against what those before it found: what overlaps by half or more in one place of the same
    video, with the same action, is the same thing, each with one at most, the best first. It stays where the first run
    has it. What a run did not find counts 0 for it, so what a single run found keeps its score times its share.

    Args:
        found: rows by run, with the columns video, split and score.
        shares: (R,), which sum to 1.
        truth: of the videos, in their order; where it has a problem nothing is found.
        same: columns in which one thing agrees: its action, and its frame where things have one.
        places: columns of numbers that say where it is.
        iou: of such places.

    Returns:
        Rows with the first run's columns, by video, in each by the columns `same` less the action, the best first.
    """
    videos = truth.loc[truth["problem"] == "", ["split", "video"]].drop_duplicates()
    parts = [dict(list(rows.groupby(["split", "video"], sort=False))) for rows in found]
    order = [name for name in same if name != "action"]
    joint = [found[0].iloc[:0]]
    for key in videos.itertuples(index=False, name=None):
        rows = found[0].iloc[:0]
        for of_run, share in zip(parts, shares, strict=True):
            own = of_run.get(key, found[0].iloc[:0])
            rows = _with(rows, own.assign(score=own["score"] * share), same, places, iou)
        rows = rows.iloc[np.argsort(-rows["score"].to_numpy(), kind="stable")]
        joint.append(rows.sort_values(order, kind="stable") if order else rows)
    return pd.concat(joint, ignore_index=True)


def _with(
    rows: pd.DataFrame, others: pd.DataFrame, same: Sequence[str], places: Sequence[str], iou: Iou
) -> pd.DataFrame:
    """One video's things, with those of another run: matched ones add their scores, the others are put behind."""
    if rows.empty or others.empty:
        return others if rows.empty else rows
    groups = pd.concat([rows, others]).groupby(list(same), sort=False).ngroup().to_numpy().astype(np.int64)
    at, there = (table[list(places)].to_numpy(np.float64) for table in (rows, others))
    scores = rows["score"].to_numpy(np.float64).copy()
    partner = partners(
        groups[: len(rows)], groups[len(rows) :], scores, lambda first, second: iou(at[first], there[second])
    )
    matched = partner >= 0
    scores[matched] += others["score"].to_numpy(np.float64)[partner[matched]]
    alone = np.setdiff1d(np.arange(len(others)), partner[matched])
    return pd.concat([rows.assign(score=scores), others.iloc[alone]], ignore_index=True)


def _problems(truth: pd.DataFrame) -> NDArray[np.object_]:
    """Why the video of each row could not be read; "" where it could."""
    return truth["problem"].fillna("").astype(str).to_numpy(dtype=object)


def _near(first: pd.DataFrame, second: pd.DataFrame, name: str) -> bool:
    """Whether a column of numbers says the same in both; in rows of as many videos, actions and so on."""
    own, other = (truth[name].to_numpy(np.float64) for truth in (first, second))
    missed = (_problems(first) != "") | (_problems(second) != "")  # its length, and so an open end, may not be known
    unknown = missed & ~(np.isfinite(own) & np.isfinite(other))
    return bool((np.isclose(own, other, rtol=0, atol=NEARLY, equal_nan=True) | unknown).all())


def _as_told(first: pd.Series, second: pd.Series) -> bool:
    """Whether texts are the same in all rows in which both have one."""
    own, other = (column.fillna("").astype(str).to_numpy(dtype=object) for column in (first, second))
    return bool(((own == other) | (own == "") | (other == "")).all())
