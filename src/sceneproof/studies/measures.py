"""The figures of a study, whatever its task: one `Measure` for each recipe, slice of the test videos and metric."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike

import sceneproof
from sceneproof.metrics.bootstrap import Interval, mean_and_std
from sceneproof.metrics.map_bootstrap import paired_map_interval, unpaired_map_interval
from sceneproof.metrics.matching import Matches
from sceneproof.studies.recipes import AnyRun, Recipe
from sceneproof.studies.study import Study

Detail = TypeVar("Detail")
Taken = TypeVar("Taken")


@dataclass(frozen=True)
class Measure:
    """One figure of one recipe.

    Attributes:
        recipe: its name.
        metric: its name.
        on: the slice of the test videos: "in context", "out of context", or "test".
        mean: over seeds; `std`, the sample standard deviation over seeds (NaN with one seed).
        values: one a seed, in the order of `seeds`.
        videos: how many videos each value is over.
        interval: of the mean, over seeds and videos; None where the figure is no mean over videos.
        gain: this recipe minus the baseline, paired over seeds and videos; None for the baseline itself.
        detail: what else there is to say, such as which group is the worst.
    """

    recipe: str
    metric: str
    on: str
    mean: float
    std: float
    values: list[float]
    seeds: list[int]
    videos: int
    interval: Interval | None = None
    gain: Interval | None = None
    detail: str = ""


@dataclass(frozen=True)
class Measures(Generic[Detail]):
    """All figures of a study.

    Attributes:
        every: of each recipe, slice and metric.
        details: what lies behind them, by slice and recipe's name.
        lost: what `study.falling` loses out of context in the leading metric; None where contexts are not known.
    """

    every: list[Measure]
    details: dict[str, dict[str, Detail]] = field(default_factory=dict)
    lost: Interval | None = None

    def find(self, recipe: Recipe[AnyRun], metric: str, on: str) -> Measure | None:
        """The figure, or None where it could not be taken."""
        wanted = (recipe.name, metric, on)
        return next((measure for measure in self.every if (measure.recipe, measure.metric, measure.on) == wanted), None)

    def as_csv(self) -> str:
        """One line a figure; empty where there is none."""
        columns = ["recipe", "metric", "on", "mean", "std", "seeds", "videos", "low", "high", "gain", "gain_low",
                   "gain_high", "detail"]  # fmt: skip
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(columns)
        for measure in self.every:
            ends = [measure.interval.low, measure.interval.high] if measure.interval else [math.nan] * 2
            gain = [measure.gain.value, measure.gain.low, measure.gain.high] if measure.gain else [math.nan] * 3
            numbers = [
                f"{value:.6g}" if math.isfinite(value) else "" for value in (measure.mean, measure.std, *ends, *gain)
            ]
            counts = [str(len(measure.values)), str(measure.videos)]
            writer.writerow(
                [measure.recipe, measure.metric, measure.on, *numbers[:2], *counts, *numbers[2:], measure.detail]
            )
        return buffer.getvalue()


def as_json(study: Study[AnyRun], measures: Measures[Any], headline: Sequence[str]) -> dict[str, Any]:
    """The figures of a study, shares from 0 to 1, with what they were made of."""
    return {
        "sceneproof": sceneproof.__version__,
        "headline": list(headline),
        "notes": study.notes,
        "baseline": references(study) if study.transferred else study.baseline and study.baseline.name,
        "debiased": study.debiased and study.debiased.name,
        "runs": [
            {
                "run": run.run.name, "recipe": recipe.name, "seed": run.seed, "commit": run.run.commit,
                "method": recipe.method.text,
            }
            for recipe in study.recipes
            for run in recipe.tested
        ],
        "measures": [asdict(measure) for measure in measures.every],
    }  # fmt: skip


def references(study: Study[AnyRun]) -> dict[str, str | None]:
    """The name of what each recipe is compared with, by its own; None: nothing."""
    others = {recipe.name: study.reference(recipe) for recipe in study.recipes}
    return {name: None if other is None else other.name for name, other in others.items()}


def over_seeds(
    recipe: Recipe[AnyRun],
    metric: str,
    on: str,
    values: ArrayLike,
    videos: int,
    *,
    interval: Interval | None = None,
    gain: Interval | None = None,
    detail: str = "",
) -> Measure:
    """One figure of a recipe, of its values (R,), one a seed; see `Measure`."""
    each = np.asarray(values, np.float64)
    mean, std = mean_and_std(each)
    return Measure(recipe.name, metric, on, mean, std, each.tolist(), recipe.seeds, videos, interval, gain, detail)


def paired(
    study: Study[AnyRun], recipe: Recipe[AnyRun], taken: Mapping[str, Sequence[Taken]]
) -> tuple[list[Taken], list[Taken]]:
    """What was taken of a recipe and of what it is compared with, of the seeds that both have; none of nothing.

    Args:
        study: the recipes.
        recipe: one of them.
        taken: by recipe's name, one a run.
    """
    other = study.reference(recipe)
    shared = [seed for seed in recipe.seeds if other is not None and seed in other.seeds]
    if other is None or not shared:
        return [], []
    ours = [taken[recipe.name][recipe.seeds.index(seed)] for seed in shared]
    return ours, [taken[other.name][other.seeds.index(seed)] for seed in shared]


def gains(
    study: Study[AnyRun], recipe: Recipe[AnyRun], matches: Mapping[str, Sequence[Matches]]
) -> list[Interval | None]:
    """Gains in mAP at each of K thresholds, and last over their mean, paired over videos and seeds; None of nothing.

    Args:
        study: the recipes.
        recipe: one of them.
        matches: by recipe's name, one a run, at K thresholds.
    """
    ours, theirs = paired(study, recipe, matches)
    if not ours:
        return [None] * (len(matches[recipe.name][0].right) + 1)
    each, average = paired_map_interval(ours, theirs)
    return [*each, average]


def gain_over(study: Study[AnyRun], recipe: Recipe[AnyRun], gain: Interval | None) -> dict[str, Any]:
    """A gain, and what it is over, as `over_seeds` takes them."""
    other = study.reference(recipe)
    return {"gain": gain, "detail": f"gain over {other.name}" if other is not None and gain is not None else ""}


def lost_out_of_context(
    study: Study[AnyRun], matches: Mapping[str, Mapping[str, Sequence[Matches]]]
) -> Interval | None:
    """What `study.falling` loses in mAP out of context, mean over the thresholds; None without two slices.

    Args:
        study: the recipes.
        matches: by slice and recipe's name, one a run.
    """
    if len(study.slices) != 2:
        return None
    inside, outside = (matches[on][study.falling.name] for on in study.slices)
    return unpaired_map_interval(inside, outside)
