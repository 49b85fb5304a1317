"""SCUBA, SCUFO and ConflFG of a world's runs: what is named when the place says nothing, and when nothing moves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sceneproof.contexts.variants import CONFLICT, STILLS
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from sceneproof.figures import ALL, Figure
from sceneproof.metrics.bootstrap import Interval, paired_interval
from sceneproof.metrics.scene_reliance import contrasted

FOLDER = "static"
"""Of a run's folder: where this test of it goes."""
METRICS = {
    "iid": "As they are",
    "scuba": "SCUBA (more is better)",
    "scufo": "SCUFO (less is better)",
    "conflfg": "ConflFG (more is better)",
    "contrasted": "Contrasted (more is better)",
}
"""What is measured: the clips as they are; their people on photographs, textures and stripes, the mean of the three;
stills of these; people on stripes before somebody who stands still; right on SCUBA and no longer so on its still."""
MISSED = -1


@dataclass(frozen=True)
class StaticMeasure:
    """One figure of one method.

    Attributes:
        mean: over seeds and videos, from 0 to 1.
        gain: over plain training, paired over seeds and videos; None for plain training itself.
        values: a seed's mean by the seed.
        videos: how many each is over.
    """

    mean: float
    gain: Interval | None
    values: Mapping[int, float]
    videos: int


def testing(tables: Mapping[str, str], split: str, clips: int) -> dict[str, Any]:
    """Options of `evaluate` for this test.

    Args:
        tables: a manifest that `sceneproof contexts export --originals` wrote with the variants, and what goes with it.
        split: whose videos the variants are of.
        clips: a video.

    Raises:
        InputError: a variant that is missing.
    """
    known = Manifest.read(tables["manifest"], tables.get("root")).splits
    splits = [split, *(f"{split}_{variant}" for variant in _variants())]
    if missing := [name for name in splits if name not in known]:
        raise InputError(
            f"{tables['manifest']}: has no split {missing[0]!r}: make it with `sceneproof contexts export --originals "
            f"--variants {' '.join(_variants())}`"
        )
    return {**tables, "splits": splits, "clips": clips}


def measure(runs: Mapping[str, Mapping[int, Path]], baseline: str) -> dict[str, dict[str, StaticMeasure]]:
    """The figures of each method, by its name and the metric's.

    Args:
        runs: tested runs, by method and seed.
        baseline: the method that all are compared with, of the seeds that both have.

    Raises:
        InputError: a run whose test is missing or damaged, or of other videos.
    """
    read = {name: {seed: flags(run / FOLDER) for seed, run in seeds.items()} for name, seeds in runs.items()}
    videos = next(iter(read[baseline].values())).index
    for name, seeds in read.items():
        for seed, taken in seeds.items():
            if not taken.index.equals(videos):
                raise InputError(f"{runs[name][seed] / FOLDER}: tested on other videos than {baseline}: test it again")
    plain, measures = read[baseline], dict[str, dict[str, StaticMeasure]]()
    for name, seeds in read.items():
        both = [seed for seed in seeds if seed in plain and name != baseline]
        measures[name] = {}
        for metric in METRICS:
            values = {seed: taken[metric].to_numpy(np.float64) for seed, taken in seeds.items()}
            gain = paired_interval(
                np.stack([values[seed] for seed in both]), np.stack([plain[seed][metric] for seed in both])
            ) if both else None  # fmt: skip
            means = {seed: float(each.mean()) for seed, each in values.items()}
            count = len(next(iter(values.values())))
            measures[name][metric] = StaticMeasure(float(np.mean(list(means.values()))), gain, means, count)
    return measures


def flags(folder: Path) -> pd.DataFrame:
    """What a run's test says of each video that has all variants: from 0 to 1, a row a video, a column a metric.

    A clip that could not be read counts against the run, so that no failure flatters it: as wrong; where to be right is
    worse, on stills, as right.
    """
    rows, facts = read_table(folder / "predictions.parquet", "predictions", ("video", "split", "action", "scores"))
    actions = list(facts["actions"])
    named = [MISSED if scores is None else int(np.argmax(scores)) for scores in rows["scores"]]
    variant = [next((name for name in _variants() if video.endswith(f"@{name}")), "") for video in rows["video"]]
    source = [video.removesuffix(f"@{name}") for video, name in zip(rows["video"], variant, strict=True)]
    answers = pd.Series(named, index=[source, variant]).unstack(1).dropna()
    truth = pd.Index(actions).get_indexer(rows["action"].groupby(source).first()[answers.index])
    said = {name: answers[name].to_numpy(np.int64) for name in answers}
    right = {name: np.asarray(numbers == truth, np.float64) for name, numbers in said.items()}
    unread = {still: said[f"scufo_{still}"] == MISSED for still in STILLS}
    pairs = [contrasted(said[f"scuba_{still}"], said[f"scufo_{still}"], truth) & ~unread[still] for still in STILLS]
    columns = {
        "iid": right[""],
        "scuba": np.mean([right[f"scuba_{still}"] for still in STILLS], axis=0),
        "scufo": np.mean([np.maximum(right[f"scufo_{still}"], unread[still]) for still in STILLS], axis=0),
        "conflfg": right[CONFLICT],
        "contrasted": np.mean(pairs, axis=0),
    }
    return pd.DataFrame(columns, index=answers.index)


def figures(measures: Mapping[str, StaticMeasure]) -> list[Figure]:
    """For results.csv: each seed's, and the gains."""
    made = []
    for metric, measure in measures.items():
        for seed, value in measure.values.items():
            made.append(Figure(metric, Interval(value, np.nan, np.nan), measure.videos, slice=FOLDER, seed=str(seed)))
        if measure.gain is not None:
            made.append(Figure(f"{metric}/gain", measure.gain, measure.videos, slice=FOLDER, seed=ALL))
    return made


def _variants() -> Sequence[str]:
    return [*(f"scuba_{still}" for still in STILLS), *(f"scufo_{still}" for still in STILLS), CONFLICT]
