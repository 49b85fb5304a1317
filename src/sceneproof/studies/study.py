"""Tested runs on common ground, whatever their task: grouped over seeds, and held against the same truth."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, Self

import pandas as pd

from sceneproof.errors import InputError
from sceneproof.run import Run
from sceneproof.studies.reading import Things, common_truth, keys_of
from sceneproof.studies.recipes import AnyRun, Recipe, described_run, described_transfer, grouped, named
from sceneproof.wording import counted

CONTEXTS = {"in": "in context", "out": "out of context"}


@dataclass(frozen=True)
class Study(ABC, Generic[AnyRun]):
    """Recipes on common ground. Each task has its own, which says how a run of it is read.

    Attributes:
        recipes: in the order in which their first runs were given.
        actions: class names, in the order of scores.
        baseline: what all others are compared with; see `reference`.
        debiased: the recipe that the headline is about.
        notes: what a reader should know of how the runs were brought together.
        truth: of the videos that every run was tested on, in the first run's order.
        task: the task's name.
        things: what there is to find in a video.
        transferred: whether the models start from classifiers: then each is compared with the same one on a plainly
            trained backbone, where no baseline is named.
    """

    recipes: tuple[Recipe[AnyRun], ...]
    actions: list[str]
    baseline: Recipe[AnyRun] | None
    debiased: Recipe[AnyRun] | None
    notes: list[str]
    truth: pd.DataFrame

    task: ClassVar[str]
    things: ClassVar[Things]
    transferred: ClassVar[bool] = False

    @staticmethod
    @abstractmethod
    def read(run: Run) -> AnyRun:
        """Reads what `evaluate` wrote for a run.

        Raises:
            InputError: it has not been tested, or a table of unknown actions.
        """

    @staticmethod
    @abstractmethod
    def within(run: AnyRun, truth: pd.DataFrame) -> AnyRun:
        """The run with what it said of the videos of a truth, split by split."""

    @classmethod
    def of(
        cls,
        runs: Sequence[str | Path],
        *,
        splits: Sequence[str] | None = None,
        baseline: str | None = None,
        debiased: str | None = None,
        trust: Sequence[str] | None = None,
        **more: Any,
    ) -> Self:
        """Reads run folders that have been tested, grouped over seeds, on the videos that all were tested on.

        Args:
            runs: the folders.
            splits: the splits to report on; by default those with "test" in their name, or all where none has.
            baseline: name of the recipe that all others are compared with; by default the first plain one, or for each
                transferred model the same one on a plainly trained backbone.
            debiased: name of the recipe the headline is about; by default, of those that can be compared, the one with
                the most losses, and of these the first that departs least from its method's defaults; no control.
            trust: prefixes of import paths that configurations may name besides sceneproof's own.
            more: further fields of the task's study.

        Raises:
            InputError: no runs, a folder that is no tested run of the task, runs of different actions or annotations or
                without a common video, one run twice, an unknown split or recipe.
        """
        if not runs:
            raise InputError("no runs given: name at least one run folder that `sceneproof evaluate` has tested")
        tested = [cls.read(cls._opened(Path(path), trust)) for path in runs]
        first = tested[0].run
        for other in tested[1:]:
            if other.run.actions != first.actions:
                raise InputError(
                    f"{other.run.path} and {first.path} name different actions: make one page for each data set"
                )
        truth, notes = common_truth(tested, splits, cls.things)
        notes = [*notes, *cls._of_no_context(truth, first.actions)]
        describe = described_transfer if cls.transferred else described_run
        recipes = grouped([cls.within(run, truth) for run in tested], describe)
        return cls(tuple(recipes), first.actions, *cls._chosen(recipes, baseline, debiased), notes, truth, **more)

    @classmethod
    def _of_no_context(cls, truth: pd.DataFrame, actions: Sequence[str]) -> list[str]:
        """What to say of videos that are in neither slice, where there are slices."""
        held, known = truth["action"].isin(actions), truth["context"].isin(CONTEXTS)
        left_out = len(truth[held & ~known].drop_duplicates(["split", "video"]))
        if not left_out or not (held & known).any():
            return []
        return [
            f"Left out of all figures: {counted(left_out, 'video')} of which the manifest does not say whether they "
            f"are in context."
        ]

    @classmethod
    def _opened(cls, path: Path, trust: Sequence[str] | None) -> Run:
        run = Run.open(path, trust=trust)
        if run.task.name != cls.task:
            raise InputError(f"{path}: a run of {run.task.name}; make its page apart from those of {cls.task}")
        return run

    @classmethod
    def _chosen(
        cls, recipes: Sequence[Recipe[AnyRun]], baseline: str | None, debiased: str | None
    ) -> tuple[Recipe[AnyRun] | None, Recipe[AnyRun] | None]:
        """The baseline of all, and the recipe that the headline is about.

        Raises:
            InputError: no recipe is called so.
        """
        plain = named(recipes, baseline)
        if plain is None and not cls.transferred:
            plain = next((recipe for recipe in recipes if recipe.method.plain), None)
        others = [recipe for recipe in recipes if recipe is not plain and not recipe.method.control]
        if plain is None and cls.transferred:
            others = [recipe for recipe in others if _plain_twin(recipe, recipes) not in (None, recipe)]
        fullest = max(others, key=lambda recipe: recipe.method.fullness, default=None)
        return plain, named(recipes, debiased) or fullest

    def reference(self, recipe: Recipe[AnyRun]) -> Recipe[AnyRun] | None:
        """What a recipe is compared with: the baseline, or its like on a plainly trained backbone; None: nothing."""
        other = self.baseline or _plain_twin(recipe, self.recipes)
        return None if other is recipe else other

    @cached_property
    def slices(self) -> dict[str, pd.DataFrame]:
        """The truth of the videos "in context" and "out of context"; all are "test" where no context is known."""
        parts = {name: self.truth[self.truth["context"] == key] for key, name in CONTEXTS.items()}
        parts = {name: part for name, part in parts.items() if part["action"].isin(self.actions).any()}
        return parts or {"test": self.truth}

    @cached_property
    def failures(self) -> dict[tuple[str, str], list[str]]:
        """Why runs could not read a video, one reason a run, by split and video."""
        reasons: dict[tuple[str, str], list[str]] = {key: [] for key in keys_of(self.truth)}
        for run in (run for recipe in self.recipes for run in recipe.tested):
            videos = run.truth.drop_duplicates(["split", "video"])
            for key, problem in zip(keys_of(videos), videos["problem"], strict=True):
                if problem and key in reasons:
                    reasons[key].append(str(problem))
        return {key: said for key, said in reasons.items() if said}

    @property
    def lead(self) -> Recipe[AnyRun]:
        """The recipe that the page begins with."""
        return self.debiased or self.baseline or self.recipes[0]

    @property
    def last(self) -> str:
        """The slice that matters most: out of context, where there is one."""
        return list(self.slices)[-1]

    @property
    def on(self) -> str:
        """That slice behind a word, with a space: " out of context"; "" where all are "test"."""
        return "" if self.last == "test" else f" {self.last}"

    @property
    def falling(self) -> Recipe[AnyRun]:
        """The recipe whose fall out of context the page tells: what the first one is compared with, or itself."""
        return self.reference(self.lead) or self.lead

    def models(self) -> list[Recipe[AnyRun]]:
        """The recipes that detailed tables and pictures show: the first one and what it is compared with."""
        other = self.reference(self.lead)
        return [*([other] if other is not None else []), self.lead]


def _plain_twin(recipe: Recipe[AnyRun], recipes: Sequence[Recipe[AnyRun]]) -> Recipe[AnyRun] | None:
    """The first recipe of this one's configuration whose backbone was trained plainly."""
    return next((other for other in recipes if other.key == recipe.key and other.method.plain), None)
