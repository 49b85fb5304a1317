"""Tested localizers on common ground: grouped over seeds, and held against the same segments of the same videos."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from sceneproof.data.segments import BACKGROUND
from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from sceneproof.metrics.temporal_matching import Reading
from sceneproof.report import grouping
from sceneproof.report.grouping import EvaluatedRun, grouped, named, open_tested, refuse_other_actions, stem
from sceneproof.report.recipes import Described, describe
from sceneproof.run import Run
from sceneproof.tasks.localization.scoring import AMBIGUOUS, THRESHOLDS, TRUTH

DETECTIONS = ("video", "split", "action", "start", "end", "score")


@dataclass(frozen=True)
class Localized(EvaluatedRun):
    """One run with what it found.

    Attributes:
        found: one row a detection: video, split, action, start, end (seconds), score.
        truth: what there was, as `evaluate` wrote it, with the column problem.
        nms_by_threshold: whether what was found still wants suppression, at each tIoU less 0.1.
    """

    found: pd.DataFrame
    truth: pd.DataFrame
    nms_by_threshold: bool


Recipe: TypeAlias = grouping.Recipe[Localized]


@dataclass(frozen=True)
class LocalizationStudy:
    """Recipes of localizers on common ground.

    Attributes:
        recipes: in the order in which their first runs were given.
        actions: class names.
        truth: the segments of the videos that every run was tested on.
        thresholds: tIoUs.
        reading: whose official way of counting the figures follow.
        baseline: what all others are compared with, where the user named it; else see `reference`.
        debiased: the recipe that the headline is about.
        notes: what a reader should know of how the runs were brought together.
    """

    recipes: tuple[Recipe, ...]
    actions: list[str]
    truth: pd.DataFrame
    thresholds: tuple[float, ...]
    reading: Reading
    baseline: Recipe | None
    debiased: Recipe
    notes: list[str] = field(default_factory=list)

    def reference(self, recipe: Recipe) -> Recipe | None:
        """What a recipe is compared with: the same localizer on a plainly trained backbone, or the named baseline."""
        found = self.baseline or _plain_twin(recipe, self.recipes)
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

    def models(self) -> list[Recipe]:
        """The recipes that pictures show: the debiased one and what it is compared with."""
        other = self.reference(self.debiased)
        return [*([other] if other is not None else []), self.debiased]


def read_study(
    runs: Sequence[str | Path],
    *,
    splits: Sequence[str] | None = None,
    baseline: str | None = None,
    debiased: str | None = None,
    reading: Reading = "activitynet",
) -> LocalizationStudy:
    """Reads the run folders of localizers that have been tested.

    Args:
        runs: the folders.
        splits: the splits to report on; by default those with "test" in their name, or all where none has.
        baseline: name of the recipe that all others are compared with; by default each is compared with the same
            localizer on a plainly trained backbone.
        debiased: name of the recipe the headline is about; by default the first that started from a full SDN, else the
            first that can be compared, else the first.
        reading: whose official way of counting to follow.

    Raises:
        InputError: no runs, a folder that is no tested localizer, runs of different actions or annotations or without a
            common video, one run twice, an unknown split or recipe.
    """
    if not runs:
        raise InputError("no runs given: name at least one run folder that `sceneproof evaluate` has tested")
    tested = [_read(Path(path)) for path in runs]
    refuse_other_actions(tested)
    truth, notes = _common(tested, splits)
    there = set(zip(truth["split"], truth["video"], strict=True))
    recipes = grouped([_only(one, there) for one in tested], _described)
    compared = [recipe for recipe in recipes if _plain_twin(recipe, recipes) not in (None, recipe)]
    full = next(
        (recipe for recipe in compared if (recipe.method.terms, recipe.method.labels) == ("both", "soft")), None
    )
    plain = named(recipes, baseline)
    others = [recipe for recipe in recipes if recipe is not plain] if plain is not None else compared
    chosen = named(recipes, debiased) or full or (others or recipes)[0]
    thresholds = tuple(tested[0].figures.get("settings", {}).get("thresholds", THRESHOLDS))
    return LocalizationStudy(tuple(recipes), tested[0].run.actions, truth, thresholds, reading, plain, chosen, notes)


def _plain_twin(recipe: Recipe, recipes: Sequence[Recipe]) -> Recipe | None:
    """The first recipe of this one's configuration whose backbone was trained plainly."""
    return next((one for one in recipes if one.key == recipe.key and one.method.terms == "none"), None)


def _read(path: Path) -> Localized:
    file, run, commit, figures = open_tested(path)
    if run.task != "localization":
        raise InputError(f"{path}: a run of {run.task}; make its page apart from those of localization")
    found, metadata = read_table(file, "detections", DETECTIONS)
    truth, _ = read_table(path / "evaluation" / "truth.parquet", "truth", TRUTH)
    if "problem" not in truth:
        truth = truth.assign(problem="")
    unknown = sorted(set(found["action"]) - set(run.actions))
    if unknown:
        raise InputError(
            f"{file}: holds the action {unknown[0]!r}, which the run {path} does not know: evaluate it again"
        )
    return Localized(run, commit, figures, found, truth, bool(metadata.get("nms_by_threshold", False)))


def _described(config: dict[str, Any]) -> Described:
    """A localizer and what its backbone was trained with: the method of the run that it started from, where it is."""
    name = str((config.get("method") or {}).get("class_path", "")).rpartition(".")[2] or "unknown localizer"
    weights = config.get("weights")
    if not weights:
        return Described("other", "none", f"{name}, from scratch")
    if (Path(weights) / "config.yaml").is_file():
        origin = describe(Run.open(weights).config)
        return replace(origin, text=f"{name}, backbone: {origin.text}")
    start = stem([Path(weights).name])
    return Described("none" if start == "plain" else "other", "none", f"{name}, from {start}")


def _common(tested: Sequence[Localized], splits: Sequence[str] | None) -> tuple[pd.DataFrame, list[str]]:
    """The truth of the videos that all runs were tested on, and what to say of those left out."""
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
            f"{first.run.path}: the tested videos hold no segment of the run's actions: nothing to measure"
        )
    for other in tested[1:]:
        theirs = other.truth[[key in shared for key in _keys(other.truth)]]
        if _segments(theirs) != _segments(truth):
            raise InputError(
                f"{other.run.path} and {first.run.path} were tested on different annotations of the same videos: "
                f"evaluate them on one manifest"
            )
    left_out = len(set(keys) - shared)
    notes = [f"Left out of all figures: {_counted(left_out)} that not every run was tested on."] if left_out else []
    missed = int(truth.drop_duplicates(["split", "video"])["problem"].astype(bool).sum())
    if missed:
        notes.append(f"{first.run.name} could not read {_counted(missed)}: the segments there count as missed.")
    return truth, notes


def _counted(videos: int) -> str:
    return f"{videos} {'video' if videos == 1 else 'videos'}"


def _segments(truth: pd.DataFrame) -> list[tuple[Any, ...]]:
    known = truth[truth["action"] != BACKGROUND]
    return sorted(known[["split", "video", "action", "start", "end"]].itertuples(index=False, name=None))


def _keys(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(rows["split"].astype(str), rows["video"].astype(str), strict=True))


def _only(tested: Localized, there: set[tuple[str, str]]) -> Localized:
    """The run with what it found in these videos alone."""
    kept = np.array([key in there for key in _keys(tested.found)], dtype=bool)  # a run may have found nothing
    return replace(tested, found=tested.found[kept].reset_index(drop=True))


def segments_of(truth: pd.DataFrame) -> pd.DataFrame:
    """The rows that are segments of an action."""
    return truth[~truth["action"].isin((BACKGROUND, AMBIGUOUS))]
