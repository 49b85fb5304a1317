"""Tested classifiers on common ground, and their figures."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.errors import InputError
from sceneproof.metrics.accuracy import mean_class_accuracy
from sceneproof.metrics.bootstrap import paired_interval, unpaired_interval
from sceneproof.run import Run
from sceneproof.studies import recipes
from sceneproof.studies.measures import Measure, StudyMeasures, over_seeds, paired
from sceneproof.studies.reading import Things, keys_of, tested_figures, tested_table
from sceneproof.studies.recipes import EvaluatedRun
from sceneproof.studies.study import Study
from sceneproof.tasks.classification.scoring import by_video, worst_scene

PREDICTIONS = ("video", "split", "action", "scene", "context", "group", "problem", "scores")
TOP_1, TOP_5, MEAN_CLASS, WORST = "top-1", "top-5", "mean class accuracy", "worst group"
ENTROPY, NOBODY, NOBODY_ENTROPY = "entropy", "top-1 without people", "entropy without people"
LEAKAGE = "scene leakage"
Values: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Classified(EvaluatedRun):
    """One run with its predictions; its truth has one row a video and split.

    Attributes:
        scores: (N, A) probabilities, a row of NaN where the video could not be read.
        without_humans: (N, A), the same with the people masked out; NaN where that was not tested.
    """

    scores: Values
    without_humans: Values


Recipe: TypeAlias = recipes.Recipe[Classified]


@dataclass(frozen=True)
class ClassificationStudy(Study[Classified]):
    """Recipes of classifiers on common ground: N videos, a row of the truth each."""

    task: ClassVar[str] = "classification"
    things: ClassVar[Things] = Things("video", "videos", missed=False)

    @staticmethod
    def read(run: Run) -> Classified:
        """Reads predictions."""
        rows, metadata = tested_table(run, "predictions", "predictions", PREDICTIONS)
        file = f"{run.path / 'evaluation' / 'predictions.parquet'}"
        if metadata.get("actions", run.actions) != run.actions:
            raise InputError(
                f"{file}: holds scores of other actions than the run {run.path}: run `sceneproof evaluate` again"
            )
        nothing = pd.Series([None] * len(rows), dtype=object)
        scores, without = (
            _matrix(rows.get(name, nothing), len(run.actions), file) for name in ("scores", "scores_without_humans")
        )
        return Classified(run, tested_figures(run), rows[list(PREDICTIONS[:-1])], scores, without)

    @staticmethod
    def within(run: Classified, truth: pd.DataFrame) -> Classified:
        """The predictions for these rows, in their order."""
        place = {key: row for row, key in enumerate(keys_of(run.truth))}
        order = [place[key] for key in keys_of(truth)]
        rows = run.truth.iloc[order].reset_index(drop=True)
        return replace(run, truth=rows, scores=run.scores[order], without_humans=run.without_humans[order])

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """True class numbers (N,), -1 for an action the models do not know."""
        return pd.Index(self.actions).get_indexer(pd.Index(self.truth["action"])).astype(np.int64)

    def stacked(self, recipe: Recipe, *, without_humans: bool = False) -> Values:
        """The recipe's scores on the study's videos: (R, N, A), a layer a seed."""
        return np.stack([run.without_humans if without_humans else run.scores for run in recipe.tested])

    def read_by_all(self, *, without_humans: bool = False) -> NDArray[np.bool_]:
        """Videos (N,) with scores from every run of all recipes that were tested at all: these are compared on them."""
        stacks = [self.stacked(recipe, without_humans=without_humans) for recipe in self.recipes]
        gone = [np.isnan(stack).any(axis=(0, 2)) for stack in stacks]
        some = [videos for videos in gone if not videos.all()] or [np.ones(len(self.truth), dtype=bool)]
        return np.asarray(~np.any(some, axis=0))


def _matrix(lists: "pd.Series[Any]", actions: int, file: str) -> Values:
    matrix = np.full((len(lists), actions), np.nan)
    for row, values in enumerate(lists):
        if values is None:
            continue
        if len(values) != actions:
            raise InputError(f"{file}: row {row}: {len(values)} scores, but the run has {actions} actions")
        matrix[row] = values
    return matrix


def measure(study: ClassificationStudy, *, minimum_count: int = 5) -> StudyMeasures[None]:
    """Takes all figures of a study.

    Args:
        study: the runs.
        minimum_count: how many videos a group of one action in one scene needs to count as the worst.
    """
    every: list[Measure] = []
    for on, part in study.slices.items():
        for taken in video_by_video(study, on):
            every += _means(study, taken)
        for recipe in study.recipes:
            every += _by_seed(study, recipe, on, part, minimum_count)
            every += _leakage(recipe, on, list(dict.fromkeys(part["split"])))
    lost = None
    if len(study.slices) == 2:
        hits = right(study, study.falling)
        lost = unpaired_interval(*(hits[:, part.index] for part in study.slices.values()))
    return StudyMeasures(every, lost=lost)


def right(study: ClassificationStudy, recipe: Recipe) -> NDArray[np.bool_]:
    """Whether each seed's model is right on each video: bool (R, N)."""
    return np.stack([by_video("top1", scores, study.numbers) for scores in study.stacked(recipe)]).astype(bool)


@dataclass(frozen=True)
class VideoByVideo:
    """A figure that is a mean over videos.

    Attributes:
        metric: its name.
        on: the slice of the test videos.
        videos: row numbers (N,) of the study's truth.
        values: (N,) a seed, by the recipe's name; (0,) where a recipe was not tested on these videos.
    """

    metric: str
    on: str
    videos: NDArray[np.int64]
    values: dict[str, list[Values]]


def video_by_video(study: ClassificationStudy, on: str) -> Iterator[VideoByVideo]:
    """All figures of a slice that are means over videos."""
    videos = study.slices[on].index.to_numpy()
    known, nobody = (videos[study.read_by_all(without_humans=without)[videos]] for without in (False, True))
    yield _taken(study, TOP_1, "top1", on, videos)
    if len(study.actions) > 5:
        yield _taken(study, TOP_5, "top5", on, videos)
    yield _taken(study, ENTROPY, "entropy", on, known)
    yield _taken(study, NOBODY, "top1", on, nobody, nobody=True)
    yield _taken(study, NOBODY_ENTROPY, "entropy", on, nobody, nobody=True)


def _taken(
    study: ClassificationStudy, metric: str, figure: str, on: str, videos: NDArray[np.int64], *, nobody: bool = False
) -> VideoByVideo:
    taken: dict[str, list[Values]] = {}
    for recipe in study.recipes:
        stacked = study.stacked(recipe, without_humans=nobody)[:, videos]
        untested = (nobody or figure == "entropy") and bool(np.isnan(stacked).any())
        taken[recipe.name] = [
            by_video(figure, scores, study.numbers[videos])[: 0 if untested else None] for scores in stacked
        ]
    return VideoByVideo(metric, on, videos, taken)


def _means(study: ClassificationStudy, taken: VideoByVideo) -> list[Measure]:
    """The figure of each recipe that was tested on its videos, with its gain."""
    measures = []
    for recipe in study.recipes:
        values = np.stack(taken.values[recipe.name])
        ours, theirs = (np.array(side) for side in paired(study, recipe, taken.values))
        gain = paired_interval(ours, theirs) if ours.shape == theirs.shape and ours.size else None
        if values.size:
            interval, means = paired_interval(values, np.zeros_like(values)), values.mean(axis=1)
            measures.append(
                over_seeds(recipe, taken.metric, taken.on, means, values.shape[1], interval=interval, gain=gain)
            )
    return measures


def _by_seed(
    study: ClassificationStudy, recipe: Recipe, on: str, part: pd.DataFrame, minimum_count: int
) -> list[Measure]:
    """Figures that are no mean over videos: mean class accuracy and the worst group, each seed's own."""
    truth, hits = study.numbers[part.index], right(study, recipe)[:, part.index].astype(np.float64)
    classes = [mean_class_accuracy(scores[part.index], truth) for scores in study.stacked(recipe)]
    measures = [over_seeds(recipe, MEAN_CLASS, on, classes, len(part))]
    each = [group for hit in hits if (group := worst_scene(hit, part, minimum_count)) is not None]
    if each:
        groups = dict.fromkeys(f"{group['action']} in {group['scene']} ({group['count']} videos)" for group in each)
        values = [float(group["accuracy"]) for group in each]
        measures.append(over_seeds(recipe, WORST, on, values, len(part), detail=" or, by seed, ".join(groups)))
    return measures


def _leakage(recipe: Recipe, on: str, splits: list[str]) -> list[Measure]:
    """What `evaluate` measured on the features of these splits: the probe needs the training split's, too."""
    names = [f"{split}/scene_leakage" for split in splits]
    tables = [run.figures for run in recipe.tested]
    if not all(f"{name}/from_features" in table for table in tables for name in names):
        return []
    values = [float(np.mean([table[f"{name}/from_features"] for name in names])) for table in tables]
    alone = float(np.mean([table[f"{name}/from_action"] for table in tables for name in names]))
    return [over_seeds(recipe, LEAKAGE, on, values, 0, detail=f"action {100 * alone:.1f}")]
