"""What a world's runs came to, kept beyond their folders: in results.csv, and video by video."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sceneproof.benchmark.config import PLAIN, Contender
from sceneproof.data.digests import rows_digest
from sceneproof.figures import ALL, Figure
from sceneproof.metrics.bootstrap import Interval
from sceneproof.per_video import PerVideo, add_per_video, gains
from sceneproof.results import SETTING, add_figures, add_study, metric_of
from sceneproof.run import Run
from sceneproof.studies.classification import ClassificationStudy, video_by_video
from sceneproof.studies.statics import FOLDER, METRICS, StaticMeasure, flags
from sceneproof.studies.statics import figures as static_figures


def recipe_of(world: str, name: str) -> str:
    """What results.csv calls a row of a world."""
    return f"benchmark-{world}/{name}"


@dataclass(frozen=True)
class Tested:
    """A world's runs, trained and tested.

    Attributes:
        world: its name.
        page: its own page; its figures are beside it.
        runs: their folders, by method or row for scale, and seed.
        statics: the figures of people without their places, and of stills, by method and metric.
        trust: prefixes of import paths that runs may name besides sceneproof's own.
    """

    world: str
    page: Path
    runs: Mapping[tuple[str, int], Path]
    statics: Mapping[str, Mapping[str, StaticMeasure]]
    trust: Sequence[str] | None

    def add_results(self, path: Path, contenders: Sequence[Contender], *, others_count: bool) -> None:
        """Adds all figures to a results.csv, and what each method was run with.

        Args:
            path: results.csv.
            contenders: the methods.
            others_count: whether `add_videos` comes next, whose gains are over other machines' seeds, too.
        """
        prefix = recipe_of(self.world, "")
        add_study(path, self.page, list(self.runs.values()), prefix=prefix, others_count=others_count)
        for contender in contenders:
            run = self._first(contender.name)
            figures = [*_settings(contender, run), *static_figures(self.statics.get(contender.name, {}))]
            add_figures(path, figures, run.commit, recipe=recipe_of(self.world, contender.name))

    def add_videos(self, path: Path, results: Path | None) -> None:
        """Adds what each run made of each test video to a table; gains over all seeds there go to the results.csv."""
        kept = add_per_video(path, [*self._answers(), *self._static_answers()])
        if results is None:
            return
        for name, figures in gains(kept, self.world, PLAIN).items():
            if name in {method for method, _ in self.runs}:
                add_figures(results, figures, self._first(name).commit, recipe=recipe_of(self.world, name))

    def _first(self, name: str) -> Run:
        return Run.open(next(folder for key, folder in self.runs.items() if key[0] == name), trust=self.trust)

    def _answers(self) -> list[PerVideo]:
        study = ClassificationStudy.of(list(self.runs.values()), baseline=PLAIN, trust=self.trust)
        return [
            PerVideo(self.world, recipe.name, seed, on, metric_of(taken.metric), digest, values.astype(np.float32))
            for on in study.slices
            for taken in video_by_video(study, on)
            for digest in [rows_digest(study.truth.iloc[taken.videos], ("split", "video", "action"))]
            for recipe in study.recipes
            for seed, values in zip(recipe.seeds, taken.values[recipe.name], strict=True)
            if values.size
        ]

    def _static_answers(self) -> list[PerVideo]:
        rows = []
        for (name, seed), folder in self.runs.items():
            if name in self.statics:
                told = flags(folder / FOLDER)
                digest = rows_digest(told.reset_index(names="video"), ("video",))
                rows += [
                    PerVideo(self.world, name, seed, FOLDER, metric, digest, told[metric].to_numpy(np.float32))
                    for metric in METRICS
                ]
        return rows


def _settings(contender: Contender, run: Run) -> list[Figure]:
    """The learning rate and the main strength that a method was run with."""
    values = {"lr": run.config["optimisation"]["lr"]}
    if contender.strength:
        values["strength"] = run.config["method"]["init_args"][contender.strength]
    return [
        Figure(name, Interval(value, math.nan, math.nan), slice=SETTING.rstrip("/"), seed=ALL)
        for name, value in values.items()
    ]
