"""Tested models of a task that classifiers are transferred to, on common ground: the same truth of the same videos."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.segments import BACKGROUND
from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from sceneproof.report import grouping
from sceneproof.report.grouping import EvaluatedRun, Recipe, named, open_tested, stem, without_seed
from sceneproof.report.recipes import Described, describe
from sceneproof.run import Run
from sceneproof.wording import counted


@dataclass(frozen=True)
class TransferredRun(EvaluatedRun):
    """One run with what it found.

    Attributes:
        found: the rows of predictions.parquet, with columns video, split, action and score.
        truth: what there was, as `evaluate` wrote it, with the column problem.
    """

    found: pd.DataFrame
    truth: pd.DataFrame


AnyRun = TypeVar("AnyRun", bound=TransferredRun)


@dataclass(frozen=True)
class TransferStudy(Generic[AnyRun]):
    """Recipes on common ground.

    Attributes:
        recipes: in the order in which their first runs were given.
        actions: class names.
        truth: of the videos that every run was tested on.
        baseline: what all others are compared with, where the user named it; else see `reference`.
        debiased: the recipe that the headline is about.
        notes: what a reader should know of how the runs were brought together.
    """

    recipes: tuple[Recipe[AnyRun], ...]
    actions: list[str]
    truth: pd.DataFrame
    baseline: Recipe[AnyRun] | None
    debiased: Recipe[AnyRun]
    notes: list[str]

    def reference(self, recipe: Recipe[AnyRun]) -> Recipe[AnyRun] | None:
        """What a recipe is compared with: the same model on a plainly trained backbone, or the named baseline."""
        found = self.baseline or plain_twin(recipe, self.recipes)
        return None if found is recipe else found

    @cached_property
    def slices(self) -> dict[str, pd.DataFrame]:
        """The truth of the videos "in context" and "out of context"; all are "test" where no context is known."""
        contexts = {"in": "in context", "out": "out of context"}
        parts = {name: self.truth[self.truth["context"] == key] for key, name in contexts.items()}
        parts = {name: part for name, part in parts.items() if part["action"].isin(self.actions).any()}
        return parts or {"test": self.truth}

    @property
    def last(self) -> str:
        """The slice that matters most: out of context, where there is one."""
        return list(self.slices)[-1]

    @property
    def falling(self) -> Recipe[AnyRun]:
        """The recipe whose fall out of context the page tells: what the debiased one is compared with, or itself."""
        return self.reference(self.debiased) or self.debiased

    def models(self) -> list[Recipe[AnyRun]]:
        """The recipes that pictures show: the debiased one and what it is compared with."""
        other = self.reference(self.debiased)
        return [*([other] if other is not None else []), self.debiased]


@dataclass(frozen=True)
class Words:
    """What a task calls its things in messages.

    Attributes:
        task: its name.
        thing: what there is to find, such as "segment".
        things: several of them.
    """

    task: str
    thing: str
    things: str


def open_run(
    path: Path, words: Words, found: tuple[str, Sequence[str]], truth: tuple[str, Sequence[str]]
) -> tuple[TransferredRun, dict[str, Any]]:
    """A tested run of a task, and what its table of predictions says of itself.

    Args:
        path: the run folder.
        words: of the task.
        found: kind and columns of the table of predictions.
        truth: of the table of the truth.

    Raises:
        InputError: no run, one of another task, one that has not been tested, or a table of unknown actions.
    """
    file, run, commit, figures = open_tested(path)
    if run.task.name != words.task:
        raise InputError(f"{path}: a run of {run.task.name}; make its page apart from those of {words.task}")
    rows, metadata = read_table(file, *found)
    there, _ = read_table(path / "evaluation" / "truth.parquet", *truth)
    if "problem" not in there:
        there = there.assign(problem="")
    refuse_unknown(rows, run, file)
    return TransferredRun(run, commit, figures, rows, there), metadata


def refuse_unknown(found: pd.DataFrame, run: Run, file: Path) -> None:
    """Raises InputError where a table, read from `file`, holds an action that the run does not know."""
    unknown = sorted(set(found["action"].unique()) - set(run.actions))
    if unknown:
        raise InputError(
            f"{file}: holds the action {unknown[0]!r}, which the run {run.path} does not know: evaluate it again"
        )


def common(
    tested: Sequence[TransferredRun], splits: Sequence[str] | None, columns: Sequence[str], words: Words
) -> tuple[pd.DataFrame, list[str]]:
    """The truth of the videos that all runs were tested on, and what to say of those left out.

    Args:
        tested: the runs.
        splits: to report on; None: those with "test" in their name, or all where none has.
        columns: in which the truth of two runs must agree.
        words: of the task.

    Raises:
        InputError: an unknown split, no video in common, nothing to find in them, or another truth.
    """
    first = tested[0]
    wanted = grouping.wanted_splits(list(dict.fromkeys(first.truth["split"].astype(str))), splits, first.run.path)
    mine = first.truth[first.truth["split"].isin(wanted)]
    keys = _keys(mine)
    shared = set(keys).intersection(*(_keys(one.truth) for one in tested))
    if not shared:
        raise InputError(f"the runs share no tested video of the splits {', '.join(wanted)}: evaluate them on the same")
    truth = mine[[key in shared for key in keys]].reset_index(drop=True)
    if not truth["action"].isin(first.run.actions).any():
        raise InputError(
            f"{first.run.path}: the tested videos hold no {words.thing} of the run's actions: nothing to measure"
        )
    for other in tested[1:]:
        theirs = other.truth[[key in shared for key in _keys(other.truth)]]
        if _annotated(theirs, columns) != _annotated(truth, columns):
            raise InputError(
                f"{other.run.path} and {first.run.path} were tested on different annotations of the same videos: "
                f"evaluate them on one manifest"
            )
    left_out = len(set(keys) - shared)
    notes = (
        [f"Left out of all figures: {counted(left_out, 'video')} that not every run was tested on."] if left_out else []
    )
    missed = int(truth.drop_duplicates(["split", "video"])["problem"].astype(bool).sum())
    if missed:
        notes.append(
            f"{first.run.name} could not read {counted(missed, 'video')}: the {words.things} there count as missed."
        )
    return truth, notes


def chosen(
    recipes: Sequence[Recipe[AnyRun]], baseline: str | None, debiased: str | None
) -> tuple[Recipe[AnyRun] | None, Recipe[AnyRun]]:
    """The named baseline, if any, and the recipe that the headline is about.

    That is the named one; by default the first that started from a full SDN and can be compared, else the first that
    can be compared, else the first.

    Raises:
        InputError: no recipe is called so.
    """
    compared = [recipe for recipe in recipes if plain_twin(recipe, recipes) not in (None, recipe)]
    full = next(
        (recipe for recipe in compared if (recipe.method.terms, recipe.method.labels) == ("both", "soft")), None
    )
    plain = named(recipes, baseline)
    others = [recipe for recipe in recipes if recipe is not plain] if plain is not None else compared
    return plain, named(recipes, debiased) or full or (others or recipes)[0]


def plain_twin(recipe: Recipe[AnyRun], recipes: Sequence[Recipe[AnyRun]]) -> Recipe[AnyRun] | None:
    """The first recipe of this one's configuration whose backbone was trained plainly."""
    return next((one for one in recipes if one.key == recipe.key and one.method.terms == "none"), None)


def described(config: dict[str, Any]) -> Described:
    """A model and what its backbone was trained with: the method of the run that it started from, where it is."""
    name = str((config.get("method") or {}).get("class_path", "")).rpartition(".")[2] or "unknown model"
    weights = config.get("weights")
    if not weights:
        return Described("other", "none", f"{name}, from scratch")
    if (Path(str(weights)) / "config.yaml").is_file():
        origin = describe(Run.open(str(weights)).config)
        return replace(origin, text=f"{name}, backbone: {origin.text}")
    start = stem([Path(weights).name])
    return Described("none" if without_seed(start) == "plain" else "other", "none", f"{name}, from {start}")


def within(table: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table that are of the videos of the truth, split by split."""
    there = pd.MultiIndex.from_frame(truth[["split", "video"]].astype(str).drop_duplicates())
    kept: NDArray[np.bool_] = pd.MultiIndex.from_frame(table[["split", "video"]].astype(str)).isin(there)
    return table[kept].reset_index(drop=True)


def _annotated(truth: pd.DataFrame, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    known = truth[truth["action"] != BACKGROUND]
    return sorted(known[list(columns)].itertuples(index=False, name=None))


def _keys(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(rows["split"].astype(str), rows["video"].astype(str), strict=True))
