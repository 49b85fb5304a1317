"""Runs that differ in their seed alone are one recipe, whatever their task; recipes on common ground are a study."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Generic, TypeVar

from sceneproof.errors import InputError
from sceneproof.files import read_json
from sceneproof.run import Run
from sceneproof.studies.recipes import Described


@dataclass(frozen=True)
class EvaluatedRun:
    """A run that was tested.

    Attributes:
        run: the run folder.
        commit: of the code that trained it, or "".
        figures: what `evaluate` wrote to metrics.json.
    """

    run: Run
    commit: str
    figures: dict[str, Any]

    @property
    def seed(self) -> int:
        """The training seed."""
        return self.run.seed


AnyRun = TypeVar("AnyRun", bound=EvaluatedRun)


@dataclass(frozen=True)
class Recipe(Generic[AnyRun]):
    """Runs whose configurations differ in the seed alone, by seed.

    Attributes:
        name: what the runs' folder names have in common.
        tested: its runs.
        method: what they train with.
    """

    name: str
    tested: tuple[AnyRun, ...]
    method: Described

    @property
    def seeds(self) -> list[int]:
        """The training seeds."""
        return [tested.seed for tested in self.tested]

    @property
    def key(self) -> str:
        """The configuration without the seed and what training started from: equal where only these differ."""
        return _text({**self.tested[0].run.config, "seed": None, "weights": None})


@dataclass(frozen=True)
class Compared(Generic[AnyRun]):
    """Recipes on common ground; what tasks add to it, their studies say.

    Attributes:
        recipes: in the order in which their first runs were given.
        actions: class names, in the order of scores.
        baseline: what the others are compared with.
        debiased: the recipe that the headline is about.
        notes: what a reader should know of how the runs were brought together.
    """

    recipes: tuple[Recipe[AnyRun], ...]
    actions: list[str]
    baseline: Recipe[AnyRun] | None
    debiased: Recipe[AnyRun] | None
    notes: list[str]

    @property
    def slices(self) -> Mapping[str, Any]:
        """What counts as "in context" and "out of context"; all is "test" where no context is known."""
        raise NotImplementedError  # each task's study holds its videos in its own way

    @property
    def failures(self) -> dict[tuple[str, str], list[str]]:
        """Why runs could not read a video, one reason a run, by split and video."""
        raise NotImplementedError  # likewise

    def reference(self, recipe: Recipe[AnyRun]) -> Recipe[AnyRun] | None:
        """What a recipe is compared with; None: nothing."""
        return None if recipe is self.baseline else self.baseline

    @property
    def lead(self) -> Recipe[AnyRun]:
        """The recipe that the page begins with."""
        return self.debiased or self.baseline or self.recipes[0]

    @property
    def last(self) -> str:
        """The slice that matters most: out of context, where there is one."""
        return list(self.slices)[-1]

    @property
    def falling(self) -> Recipe[AnyRun]:
        """The recipe whose fall out of context the page tells: what the first one is compared with, or itself."""
        return self.reference(self.lead) or self.lead

    def models(self) -> list[Recipe[AnyRun]]:
        """The recipes that detailed tables and pictures show: the first one and what it is compared with."""
        other = self.reference(self.lead)
        return [*([other] if other is not None else []), self.lead]


def fullest(recipes: Sequence[Recipe[AnyRun]]) -> Recipe[AnyRun] | None:
    """The first of those whose method has the most losses, and departs least from its class; None of none."""
    return max(recipes, key=lambda recipe: recipe.method.fullness, default=None)


def open_tested(path: Path, predictions: str = "predictions.parquet") -> tuple[Path, Run, str, dict[str, Any]]:
    """The table that `evaluate` wrote for a run, the run, the commit that trained it, and its metrics.json.

    Raises:
        InputError: no run folder, or one that has not been tested.
    """
    run = Run.open(path)
    file = path / "evaluation" / predictions
    if not file.is_file():
        raise InputError(f"{path}: this run has not been tested ({file} is missing): run `sceneproof evaluate` on it")
    figures = path / "evaluation" / "metrics.json"
    return file, run, run.commit, read_json(figures, dict) if figures.is_file() else {}


def refuse_other_actions(runs: Sequence[EvaluatedRun]) -> None:
    """Raises InputError unless all runs name the same actions."""
    first = runs[0].run
    for other in runs[1:]:
        if other.run.actions != first.actions:
            raise InputError(
                f"{other.run.path} and {first.path} name different actions: make one page for each data set"
            )


def grouped(tested: Sequence[AnyRun], describe: Callable[[Run], Described]) -> list[Recipe[AnyRun]]:
    """The runs by configuration, in the order in which the first of each was given.

    Raises:
        InputError: two runs of one configuration and seed.
    """
    groups: dict[str, list[AnyRun]] = {}
    for one in tested:
        kept = {key: value for key, value in one.run.config.items() if key != "seed"}
        if kept.get("weights"):  # a transfer starts each seed from the run of that seed
            kept["weights"] = without_seed(str(kept["weights"]))
        groups.setdefault(_text(kept), []).append(one)
    names = [stem([one.run.name for one in group]) for group in groups.values()]
    recipes = []
    for group, name in zip(groups.values(), names, strict=True):
        by_seed = sorted(group, key=lambda one: one.seed)
        for one, two in pairwise(by_seed):
            if one.seed == two.seed:
                raise InputError(f"{one.run.path} and {two.run.path} are one configuration and seed: give one of them")
        unique = name if names.count(name) == 1 else by_seed[0].run.name
        recipes.append(Recipe(unique, tuple(by_seed), describe(by_seed[0].run)))
    return recipes


def stem(names: Sequence[str]) -> str:
    """What folder names have in common without the seed: 'sdn-seed0', 'sdn-seed1' give 'sdn'.

    A number at the end of a single name is the seed's only where it says so: 'set1' may be a name.
    """
    if len(names) == 1:
        return re.sub(r"[-_ .]+(seed|s)[-_ .]*\d+$|(?<=.)seed[-_ .]*\d+$", "", names[0]) or names[0]
    stems = {without_seed(name) for name in names}
    return stems.pop() if len(stems) == 1 else names[0]


def without_seed(name: str) -> str:
    """A name without the number at its end."""
    return re.sub(r"[-_ .]*(seed|(?<![A-Za-z])s)?[-_ .]*\d+$", "", name) or name


def named(recipes: Sequence[Recipe[AnyRun]], name: str | None) -> Recipe[AnyRun] | None:
    """The recipe of this name; None for no name.

    Raises:
        InputError: no recipe is called so.
    """
    if name is None:
        return None
    for recipe in recipes:
        if recipe.name == name:
            return recipe
    raise InputError(f"no runs are called {name!r}; there are: {', '.join(recipe.name for recipe in recipes)}")


def wanted_splits(there: Sequence[str], splits: Sequence[str] | None, path: Path) -> list[str]:
    """The splits to report on: those asked for, else those with "test" in their name, or all where none has.

    Raises:
        InputError: a split that was not tested.
    """
    for name in splits or ():
        if name not in there:
            raise InputError(f"{path}: no test of split {name!r}; tested were: {', '.join(there)}")
    return list(splits or [name for name in there if "test" in name] or there)


def _text(config: dict[str, Any]) -> str:
    return json.dumps(config, sort_keys=True, default=str)
