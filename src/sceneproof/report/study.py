"""The runs of one study: read, grouped by configuration, and aligned on the videos that all of them were tested on."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from sceneproof.files import read_json
from sceneproof.report.recipes import Described, describe
from sceneproof.run import Run

PREDICTIONS = ("video", "split", "action", "scene", "context", "group", "problem", "scores")


@dataclass(frozen=True)
class Tested:
    """One run with its predictions.

    Attributes:
        run: the run folder.
        rows: one row a video and split: video, split, action, scene, context, group, problem.
        scores: (N, A) probabilities, a row of NaN where the video could not be read.
        without_humans: (N, A), the same with the people masked out; NaN where that was not tested.
        figures: what `evaluate` wrote to metrics.json.
        commit: of the code that trained it, or "".
    """

    run: Run
    rows: pd.DataFrame
    scores: NDArray[np.float64]
    without_humans: NDArray[np.float64]
    figures: dict[str, Any]
    commit: str

    @property
    def seed(self) -> int:
        """The training seed."""
        return int(self.run.config.get("seed", 0))


@dataclass(frozen=True)
class Recipe:
    """Runs whose configurations differ in the seed alone, by seed.

    Attributes:
        name: what the runs' folder names have in common.
        tested: its runs.
        method: what they train with.
    """

    name: str
    tested: tuple[Tested, ...]
    method: Described

    @property
    def seeds(self) -> list[int]:
        """The training seeds."""
        return [tested.seed for tested in self.tested]


@dataclass(frozen=True)
class Study:
    """Recipes on common ground.

    Attributes:
        recipes: in the order in which their first runs were given.
        actions: class names, in the order of the scores.
        rows: the videos that every run was tested on: video, split, action, scene, context, group.
        baseline: what the others are compared with, and `debiased`, the one that the headline is about, or None.
        notes: what a reader should know of how the runs were brought together.
    """

    recipes: tuple[Recipe, ...]
    actions: list[str]
    rows: pd.DataFrame
    baseline: Recipe | None
    debiased: Recipe | None
    notes: list[str] = field(default_factory=list)

    @cached_property
    def truth(self) -> NDArray[np.int64]:
        """Class numbers (N,), -1 for an action the models do not know."""
        number = {name: place for place, name in enumerate(self.actions)}
        return np.array([number.get(name, -1) for name in self.rows["action"]], dtype=np.int64)

    def stacked(self, recipe: Recipe, *, without_humans: bool = False) -> NDArray[np.float64]:
        """The recipe's scores on the study's videos: (R, N, A), a layer a seed."""
        return np.stack([one.without_humans if without_humans else one.scores for one in recipe.tested])

    def slices(self) -> dict[str, NDArray[np.bool_]]:
        """Which videos count as "in context" and "out of context"; all are "test" where no context is known."""
        contexts = {"in": "in context", "out": "out of context"}
        found = {name: (self.rows["context"] == key).to_numpy(dtype=bool) for key, name in contexts.items()}
        found = {name: mask for name, mask in found.items() if mask.any()}
        return found or {"test": np.ones(len(self.rows), dtype=bool)}


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
        debiased: name of the recipe the headline is about; by default the first with both of SDN's terms and soft
            labels, else the first other than the baseline and the control with shuffled scene labels.

    Raises:
        InputError: no runs, a folder that is no run or has not been evaluated, runs of different actions or without a
            common video, one run twice, an unknown split or recipe.
    """
    if not runs:
        raise InputError("no runs given: name at least one run folder that `sceneproof evaluate` has tested")
    tested = [_read(Path(path)) for path in runs]
    first = tested[0]
    for other in tested[1:]:
        if other.run.actions != first.run.actions:
            raise InputError(
                f"{other.run.path} and {first.run.path} name different actions: make one page for each data set"
            )
    rows, notes = _common(tested, splits)
    recipes = _recipes([_aligned(one, rows) for one in tested])
    plain = _named(recipes, baseline) or next((recipe for recipe in recipes if recipe.method.terms == "none"), None)
    others = [recipe for recipe in recipes if recipe is not plain and not recipe.method.shuffled]
    full = next((recipe for recipe in others if (recipe.method.terms, recipe.method.labels) == ("both", "soft")), None)
    chosen = _named(recipes, debiased) or full or (others[0] if others else None)
    return Study(tuple(recipes), first.run.actions, rows, plain, chosen, notes)


def _read(path: Path) -> Tested:
    run = Run.open(path)
    file = path / "evaluation" / "predictions.parquet"
    if not file.is_file():
        raise InputError(f"{path}: this run has not been tested ({file} is missing): run `sceneproof evaluate` on it")
    rows, metadata = read_table(file, "predictions", PREDICTIONS)
    if metadata.get("actions", run.actions) != run.actions:
        raise InputError(f"{file}: holds scores of other actions than the run {path}: run `sceneproof evaluate` again")
    nothing = pd.Series([None] * len(rows), dtype=object)
    without = rows.get("scores_without_humans", nothing)
    figures = path / "evaluation" / "metrics.json"
    environment = path / "environment.json"
    return Tested(
        run,
        rows[list(PREDICTIONS[:-1])],
        _matrix(rows["scores"], len(run.actions), file),
        _matrix(without, len(run.actions), file),
        read_json(figures) if figures.is_file() else {},
        str((read_json(environment) if environment.is_file() else {}).get("commit") or ""),
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
    there = list(dict.fromkeys(rows["split"].astype(str)))
    for name in splits or ():
        if name not in there:
            raise InputError(f"{tested[0].run.path}: no test of split {name!r}; tested were: {', '.join(there)}")
    wanted = list(splits or [name for name in there if "test" in name] or there)
    counts = Counter(key for one in tested for key in set(_keys(one.rows)))
    mine = rows["split"].isin(wanted)
    shared = mine & np.array([counts[key] == len(tested) for key in _keys(rows)])
    if not shared.any():
        raise InputError(f"the runs share no tested video of the splits {', '.join(wanted)}: evaluate them on the same")
    left_out = int(mine.sum() - shared.sum())
    notes = [f"{left_out} videos that not every run was tested on are left out of all figures."] if left_out else []
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


def _recipes(tested: Sequence[Tested]) -> list[Recipe]:
    groups: dict[str, list[Tested]] = {}
    for one in tested:
        kept = {key: value for key, value in one.run.config.items() if key != "seed"}
        if kept.get("weights"):  # a transfer starts each seed from the run of that seed
            kept["weights"] = _stem([str(kept["weights"])])
        groups.setdefault(json.dumps(kept, sort_keys=True, default=str), []).append(one)
    names = [_stem([one.run.name for one in group]) for group in groups.values()]
    recipes = []
    for group, name in zip(groups.values(), names, strict=True):
        by_seed = sorted(group, key=lambda one: one.seed)
        for one, two in pairwise(by_seed):
            if one.seed == two.seed:
                raise InputError(f"{one.run.path} and {two.run.path} are one configuration and seed: give one of them")
        unique = name if names.count(name) == 1 else by_seed[0].run.name
        recipes.append(Recipe(unique, tuple(by_seed), describe(by_seed[0].run.config)))
    return recipes


def _stem(names: Sequence[str]) -> str:
    """What folder names have in common without the seed: 'sdn-seed0', 'sdn-seed1' give 'sdn'."""
    stems = {re.sub(r"[-_ .]*(seed|s)?[-_ .]*\d+$", "", name) or name for name in names}
    return stems.pop() if len(stems) == 1 else names[0]


def _named(recipes: Sequence[Recipe], name: str | None) -> Recipe | None:
    if name is None:
        return None
    for recipe in recipes:
        if recipe.name == name:
            return recipe
    raise InputError(f"no runs are called {name!r}; there are: {', '.join(recipe.name for recipe in recipes)}")
