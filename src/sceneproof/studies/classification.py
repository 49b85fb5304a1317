"""The runs of one study: read, grouped by configuration, and aligned on the videos that all of them were tested on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from sceneproof.studies import grouping
from sceneproof.studies.grouping import (
    Compared,
    EvaluatedRun,
    fullest,
    grouped,
    named,
    open_tested,
    refuse_other_actions,
    wanted_splits,
)
from sceneproof.studies.recipes import described_run
from sceneproof.wording import counted

PREDICTIONS = ("video", "split", "action", "scene", "context", "group", "problem", "scores")


@dataclass(frozen=True)
class Tested(EvaluatedRun):
    """One run with its predictions.

    Attributes:
        rows: one row a video and split: video, split, action, scene, context, group, problem.
        scores: (N, A) probabilities, a row of NaN where the video could not be read.
        without_humans: (N, A), the same with the people masked out; NaN where that was not tested.
    """

    rows: pd.DataFrame
    scores: NDArray[np.float64]
    without_humans: NDArray[np.float64]


Recipe: TypeAlias = grouping.Recipe[Tested]


@dataclass(frozen=True)
class Study(Compared[Tested]):
    """Recipes on common ground.

    Attributes:
        rows: the videos that every run was tested on: video, split, action, scene, context, group.
    """

    rows: pd.DataFrame

    @cached_property
    def truth(self) -> NDArray[np.int64]:
        """Class numbers (N,), -1 for an action the models do not know."""
        number = {name: place for place, name in enumerate(self.actions)}
        return np.array([number.get(name, -1) for name in self.rows["action"]], dtype=np.int64)

    def stacked(self, recipe: Recipe, *, without_humans: bool = False) -> NDArray[np.float64]:
        """The recipe's scores on the study's videos: (R, N, A), a layer a seed."""
        return np.stack([one.without_humans if without_humans else one.scores for one in recipe.tested])

    @cached_property
    def slices(self) -> dict[str, NDArray[np.bool_]]:
        """Which videos count as "in context" and "out of context"; all are "test" where no context is known."""
        contexts = {"in": "in context", "out": "out of context"}
        found = {name: (self.rows["context"] == key).to_numpy(dtype=bool) for key, name in contexts.items()}
        found = {name: mask for name, mask in found.items() if mask.any()}
        return found or {"test": np.ones(len(self.rows), dtype=bool)}

    @cached_property
    def failures(self) -> dict[tuple[str, str], list[str]]:
        """Why runs could not read a video, one reason a run, by split and video."""
        reasons: dict[tuple[str, str], list[str]] = {}
        for run in (run for recipe in self.recipes for run in recipe.tested):
            for key, reason in zip(_keys(run.rows), run.rows["problem"], strict=True):
                if reason:
                    reasons.setdefault(key, []).append(str(reason))
        return {key: reasons[key] for key in _keys(self.rows) if key in reasons}


def read_study(
    runs: Sequence[str | Path],
    *,
    splits: Sequence[str] | None = None,
    baseline: str | None = None,
    debiased: str | None = None,
) -> Study:
    """Reads run folders that have been evaluated.

    Args:
        runs: the folders.
        splits: the splits to report on; by default those with "test" in their name, or all where none has.
        baseline: name of the recipe to compare with; by default the first plain one.
        debiased: name of the recipe the headline is about; by default the one with the most losses, and of these the
            first that departs least from its method's defaults; never the baseline or a control.

    Raises:
        InputError: no runs, a folder that is no run or has not been evaluated, runs of different actions or without a
            common video, one run twice, an unknown split or recipe.
    """
    if not runs:
        raise InputError("no runs given: name at least one run folder that `sceneproof evaluate` has tested")
    tested = [_read(Path(path)) for path in runs]
    refuse_other_actions(tested)
    rows, notes = _common(tested, splits)
    recipes = grouped([_aligned(one, rows) for one in tested], described_run)
    plain = named(recipes, baseline) or next((recipe for recipe in recipes if recipe.method.plain), None)
    others = [recipe for recipe in recipes if recipe is not plain and not recipe.method.control]
    chosen = named(recipes, debiased) or fullest(others)
    return Study(tuple(recipes), tested[0].run.actions, plain, chosen, notes, rows)


def _read(path: Path) -> Tested:
    file, run, commit, figures = open_tested(path)
    rows, metadata = read_table(file, "predictions", PREDICTIONS)
    if metadata.get("actions", run.actions) != run.actions:
        raise InputError(f"{file}: holds scores of other actions than the run {path}: run `sceneproof evaluate` again")
    nothing = pd.Series([None] * len(rows), dtype=object)
    without = rows.get("scores_without_humans", nothing)
    return Tested(
        run,
        commit,
        figures,
        rows[list(PREDICTIONS[:-1])],
        _matrix(rows["scores"], len(run.actions), file),
        _matrix(without, len(run.actions), file),
    )


def _matrix(lists: "pd.Series[Any]", actions: int, file: Path) -> NDArray[np.float64]:
    matrix = np.full((len(lists), actions), np.nan)
    for row, values in enumerate(lists):
        if values is None:
            continue
        if len(values) != actions:
            raise InputError(f"{file}: row {row}: {len(values)} scores, but the run has {actions} actions")
        matrix[row] = values
    return matrix


def _keys(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(rows["split"].astype(str), rows["video"].astype(str), strict=True))


def _common(tested: Sequence[Tested], splits: Sequence[str] | None) -> tuple[pd.DataFrame, list[str]]:
    """The rows of the first run that all runs share, and what to say of those left out."""
    rows = tested[0].rows
    wanted = wanted_splits(list(dict.fromkeys(rows["split"].astype(str))), splits, tested[0].run.path)
    counts = Counter(key for one in tested for key in set(_keys(one.rows)))
    mine = rows["split"].isin(wanted)
    shared = mine & np.array([counts[key] == len(tested) for key in _keys(rows)])
    if not shared.any():
        raise InputError(f"the runs share no tested video of the splits {', '.join(wanted)}: evaluate them on the same")
    left_out = int(mine.sum() - shared.sum())
    notes = (
        [f"{counted(left_out, 'video')} that not every run was tested on are left out of all figures."]
        if left_out
        else []
    )
    return rows[shared].reset_index(drop=True), notes


def _aligned(tested: Tested, rows: pd.DataFrame) -> Tested:
    """The run's predictions for these rows, in their order."""
    place = {key: row for row, key in enumerate(_keys(tested.rows))}
    order = [place[key] for key in _keys(rows)]
    return replace(
        tested,
        rows=tested.rows.iloc[order].reset_index(drop=True),
        scores=tested.scores[order],
        without_humans=tested.without_humans[order],
    )
