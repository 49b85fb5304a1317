"""The figures of a study: one `Measure` for each recipe, slice of the test videos and metric."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sceneproof
from sceneproof.metrics.accuracy import correct, entropy, group_accuracy, mean_class_accuracy, worst_group
from sceneproof.metrics.bootstrap import Interval, mean_and_std, paired_interval
from sceneproof.studies import grouping
from sceneproof.studies.classification import Recipe, Study
from sceneproof.studies.grouping import AnyRun, Compared

Values = NDArray[np.float64]
Truth = NDArray[np.int64]

TOP_1, TOP_5, MEAN_CLASS, WORST = "top-1", "top-5", "mean class accuracy", "worst group"
ENTROPY, NOBODY, NOBODY_ENTROPY = "entropy", "top-1 without people", "entropy without people"
LEAKAGE = "scene leakage"
NATS = (ENTROPY, NOBODY_ENTROPY)
"""Metrics in nats; all others are shares from 0 to 1."""


@dataclass(frozen=True)
class Measure:
    """One figure of one recipe.

    Attributes:
        recipe: its name.
        metric: one of the names above.
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
class Measures:
    """All figures of a study, to be looked up."""

    every: list[Measure] = field(default_factory=list)

    def find(self, recipe: grouping.Recipe[AnyRun], metric: str, on: str) -> Measure | None:
        """The figure, or None where it could not be taken."""
        wanted = (recipe.name, metric, on)
        return next((one for one in self.every if (one.recipe, one.metric, one.on) == wanted), None)

    def as_csv(self) -> str:
        """One line a figure; empty where there is none."""
        columns = ["recipe", "metric", "on", "mean", "std", "seeds", "videos", "low", "high", "gain", "gain_low",
                   "gain_high", "detail"]  # fmt: skip
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(columns)
        for one in self.every:
            ends = [one.interval.low, one.interval.high] if one.interval else [math.nan] * 2
            gain = [one.gain.value, one.gain.low, one.gain.high] if one.gain else [math.nan] * 3
            numbers = [f"{value:.6g}" if math.isfinite(value) else "" for value in (one.mean, one.std, *ends, *gain)]
            counts = [str(len(one.values)), str(one.videos)]
            writer.writerow([one.recipe, one.metric, one.on, *numbers[:2], *counts, *numbers[2:], one.detail])
        return buffer.getvalue()


def as_json(study: Compared[AnyRun], measures: Measures, headline: Sequence[str]) -> dict[str, Any]:
    """The figures of a study, shares from 0 to 1, with what they were made of."""
    return {
        "sceneproof": sceneproof.__version__,
        "headline": list(headline),
        "notes": study.notes,
        "debiased": study.debiased.name if study.debiased else None,
        "runs": [
            {
                "run": run.run.name, "recipe": recipe.name, "seed": run.seed, "commit": run.commit,
                "method": recipe.method.text,
            }
            for recipe in study.recipes
            for run in recipe.tested
        ],
        "measures": [asdict(one) for one in measures.every],
    }  # fmt: skip


def measure(study: Study, *, minimum_count: int = 5) -> Measures:
    """Takes all figures of a study.

    Args:
        study: the runs.
        minimum_count: how many videos a group of one action in one scene needs to count as the worst.
    """
    every: list[Measure] = []
    for on, mask in study.slices.items():
        for metric, values_of in _metrics(study).items():
            taken = {recipe.name: values_of(recipe, mask) for recipe in study.recipes}
            every += [_mean(study, recipe, metric, on, taken) for recipe in study.recipes if taken[recipe.name].size]
        for recipe in study.recipes:
            every += _by_seed(study, recipe, on, mask, minimum_count)
            every += _leakage(recipe, on, list(dict.fromkeys(study.rows["split"][mask])))
    return Measures(every)


def right(study: Study, recipe: Recipe, k: int = 1) -> NDArray[np.bool_]:
    """Whether each seed's model is right on each video: bool (R, N)."""
    return np.stack([correct(scores, study.truth, k) for scores in study.stacked(recipe)])


def _metrics(study: Study) -> dict[str, Callable[[Recipe, NDArray[np.bool_]], Values]]:
    """Metrics that are a mean over videos: each gives one value a seed and video, (R, n), of the videos in a mask."""
    read, read_nobody = _read(study), _read(study, without_humans=True)

    def of(
        recipe: Recipe, mask: NDArray[np.bool_], figure: Callable[[Values, Truth], Values], *, nobody: bool
    ) -> Values:
        tested = mask & (read_nobody if nobody else read)
        stacked = study.stacked(recipe, without_humans=nobody)[:, tested]
        if np.isnan(stacked).any():  # a recipe that was not tested without people at all
            return np.zeros((len(stacked), 0))
        return np.stack([figure(scores, study.truth[tested]) for scores in stacked])

    def sure(scores: Values, _: Truth) -> Values:
        return entropy(scores)

    def hits(scores: Values, truth: Truth) -> Values:
        return correct(scores, truth).astype(np.float64)

    return {
        TOP_1: lambda recipe, mask: right(study, recipe)[:, mask].astype(np.float64),
        **({TOP_5: lambda r, mask: right(study, r, 5)[:, mask].astype(np.float64)} if len(study.actions) > 5 else {}),
        ENTROPY: lambda recipe, mask: of(recipe, mask, sure, nobody=False),
        NOBODY: lambda recipe, mask: of(recipe, mask, hits, nobody=True),
        NOBODY_ENTROPY: lambda recipe, mask: of(recipe, mask, sure, nobody=True),
    }


def _read(study: Study, *, without_humans: bool = False) -> NDArray[np.bool_]:
    """Videos (N,) with scores from every run, so that recipes are compared on the same; of recipes tested at all."""
    stacks = [study.stacked(recipe, without_humans=without_humans) for recipe in study.recipes]
    gone = [np.isnan(stack).any(axis=(0, 2)) for stack in stacks]
    some = [one for one in gone if not one.all()] or [np.ones(len(study.rows), dtype=bool)]
    return np.asarray(~np.any(some, axis=0))


def _mean(study: Study, recipe: Recipe, metric: str, on: str, taken: dict[str, Values]) -> Measure:
    values = taken[recipe.name]
    by_seed = values.mean(axis=1)
    return Measure(
        recipe.name,
        metric,
        on,
        *mean_and_std(by_seed),
        values=by_seed.tolist(),
        seeds=recipe.seeds,
        videos=values.shape[1],
        interval=paired_interval(values, np.zeros_like(values)),
        gain=_gain(study, recipe, taken),
    )


def _gain(study: Study, recipe: Recipe, taken: dict[str, Values]) -> Interval | None:
    """Over the seeds that recipe and baseline share; None where they share none, or were tested on other videos."""
    if study.baseline is None or recipe is study.baseline:
        return None
    other = study.baseline
    shared = [seed for seed in recipe.seeds if seed in other.seeds]
    a = taken[recipe.name][[recipe.seeds.index(seed) for seed in shared]]
    b = taken[other.name][[other.seeds.index(seed) for seed in shared]]
    return paired_interval(a, b) if a.shape == b.shape and a.size else None


def _by_seed(study: Study, recipe: Recipe, on: str, mask: NDArray[np.bool_], minimum_count: int) -> list[Measure]:
    """Metrics that are no mean over videos: mean class accuracy and the worst group."""
    rows, truth = study.rows[mask], study.truth[mask]
    classes = [mean_class_accuracy(scores[mask], truth) for scores in study.stacked(recipe)]
    found = [_measure(recipe, MEAN_CLASS, on, classes, len(rows))]
    hits = right(study, recipe)[:, mask]
    if rows["scene"].notna().any():
        worst = [worst_group(group_accuracy(hit, rows["action"], rows["scene"]), minimum_count) for hit in hits]
        over_seeds = worst_group(group_accuracy(hits.mean(axis=0), rows["action"], rows["scene"]), minimum_count)
        if over_seeds is not None:
            values = [float(one["accuracy"]) for one in worst if one is not None]
            detail = f"{over_seeds['action']} in {over_seeds['scene']} ({over_seeds['count']} videos)"
            found.append(_measure(recipe, WORST, on, values, len(rows), detail))
    return found


def _leakage(recipe: Recipe, on: str, splits: list[str]) -> list[Measure]:
    """What `evaluate` measured on the features of these splits: the probe needs the training split's, too."""
    tables = [tested.figures.get("scene_leakage") or {} for tested in recipe.tested]
    if not all(split in table for table in tables for split in splits):
        return []
    values = [float(np.mean([table[split]["from_features"] for split in splits])) for table in tables]
    alone = float(np.mean([table[split]["from_action"] for table in tables for split in splits]))
    return [_measure(recipe, LEAKAGE, on, values, 0, f"action {100 * alone:.1f}")]


def _measure(recipe: Recipe, metric: str, on: str, values: list[float], videos: int, detail: str = "") -> Measure:
    mean, std = mean_and_std(values)
    return Measure(recipe.name, metric, on, mean, std, values, recipe.seeds, videos, detail=detail)
