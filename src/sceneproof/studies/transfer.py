"""Tested models of a task that classifiers are transferred to, on common ground: the same truth of the same videos."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.segments import BACKGROUND
from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from sceneproof.run import Run
from sceneproof.studies import grouping
from sceneproof.studies.grouping import (
    Compared,
    EvaluatedRun,
    Recipe,
    fullest,
    grouped,
    named,
    open_tested,
    refuse_other_actions,
    stem,
    without_seed,
)
from sceneproof.studies.recipes import PLAIN, Described, described_run
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

    def within(self, truth: pd.DataFrame) -> Self:
        """The run with what it found in the videos of a truth, split by split."""
        return replace(self, found=within(self.found, truth))


AnyRun = TypeVar("AnyRun", bound=TransferredRun)


@dataclass(frozen=True)
class TransferStudy(Compared[AnyRun]):
    """Recipes on common ground; `baseline` is there only where the user named it: else see `reference`.

    Attributes:
        truth: of the videos that every run was tested on.
    """

    truth: pd.DataFrame

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

    @cached_property
    def failures(self) -> dict[tuple[str, str], list[str]]:
        """Why runs could not read a video, one reason a run, by split and video."""
        reasons: dict[tuple[str, str], list[str]] = {}
        known = set(_keys(self.truth))
        for run in (run for recipe in self.recipes for run in recipe.tested):
            videos = run.truth.drop_duplicates(["split", "video"])
            for key, problem in zip(_keys(videos), videos["problem"], strict=True):
                if problem and key in known:
                    reasons.setdefault(key, []).append(str(problem))
        return reasons


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


def gathered(
    runs: Sequence[str | Path],
    read: Callable[[Path], AnyRun],
    words: Words,
    columns: Sequence[str],
    *,
    splits: Sequence[str] | None,
    baseline: str | None,
    debiased: str | None,
) -> TransferStudy[AnyRun]:
    """Reads the run folders of a task, grouped over seeds, on the videos that all were tested on.

    Args:
        runs: the folders.
        read: reads a run.
        words: of the task.
        columns: in which the truth of two runs must agree.
        splits: the splits to report on; by default those with "test" in their name, or all where none has.
        baseline: name of the recipe that all others are compared with; by default each is compared with the same
            model on a plainly trained backbone.
        debiased: name of the recipe the headline is about; by default, of those that can be compared, the one whose
            backbone was trained with the most losses.

    Raises:
        InputError: no runs, a folder that is no tested run of the task, runs of different actions or annotations or
            without a common video, one run twice, an unknown split or recipe.
    """
    if not runs:
        raise InputError("no runs given: name at least one run folder that `sceneproof evaluate` has tested")
    tested = [read(Path(path)) for path in runs]
    refuse_other_actions(tested)
    truth, notes = common(tested, splits, columns, words)
    recipes = grouped([run.within(truth) for run in tested], described)
    return TransferStudy(tuple(recipes), tested[0].run.actions, *chosen(recipes, baseline, debiased), notes, truth)


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

    That is the named one; by default, of those that can be compared, the one whose backbone was trained with the most
    losses, and of these the first that departs least from its method's defaults; else the first.

    Raises:
        InputError: no recipe is called so.
    """
    compared = [recipe for recipe in recipes if plain_twin(recipe, recipes) not in (None, recipe)]
    plain = named(recipes, baseline)
    others = [recipe for recipe in recipes if recipe is not plain] if plain is not None else compared
    full = fullest([recipe for recipe in compared if recipe is not plain and recipe.method.losses])
    return plain, named(recipes, debiased) or full or (others or recipes)[0]


def plain_twin(recipe: Recipe[AnyRun], recipes: Sequence[Recipe[AnyRun]]) -> Recipe[AnyRun] | None:
    """The first recipe of this one's configuration whose backbone was trained plainly."""
    return next((one for one in recipes if one.key == recipe.key and one.method.plain), None)


def described(run: Run) -> Described:
    """A model and what its backbone was trained with: the method of the run that it started from, where it is."""
    name = str((run.config.get("method") or {}).get("class_path", "")).rpartition(".")[2] or "unknown model"
    weights = run.config.get("weights")
    if not weights:
        return Described(f"{name}, from scratch")
    if (Path(str(weights)) / "config.yaml").is_file():
        origin = described_run(Run.open(str(weights)))
        return replace(origin, text=f"{name}, backbone: {origin.text}")
    start = stem([Path(weights).name])
    return Described(f"{name}, from {start}", plain=without_seed(start) == PLAIN.lower())


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
