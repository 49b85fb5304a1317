"""Figures of models that find things: one a recipe and slice, and paired gains over what each is compared with."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.bootstrap import Interval, mean_and_std
from sceneproof.metrics.map_bootstrap import paired_map_interval, unpaired_map_interval
from sceneproof.metrics.matching import Matches
from sceneproof.studies.grouping import Recipe
from sceneproof.studies.measures import Measure
from sceneproof.studies.transfer import AnyRun, TransferStudy


def gains(
    study: TransferStudy[AnyRun], recipe: Recipe[AnyRun], matches: Mapping[str, Sequence[Matches]]
) -> tuple[list[Interval | None], Interval | None]:
    """Gains in mAP at each of K thresholds, and over their mean, paired over videos and the seeds that both have.

    None where there is nothing to compare with.

    Args:
        study: the recipes.
        recipe: one of them.
        matches: by recipe's name, one a run, at K thresholds.
    """
    other = study.reference(recipe)
    shared = [seed for seed in recipe.seeds if other is not None and seed in other.seeds]
    if other is None or not shared:
        return [None] * len(matches[recipe.name][0].right), None
    ours = [matches[recipe.name][recipe.seeds.index(seed)] for seed in shared]
    theirs = [matches[other.name][other.seeds.index(seed)] for seed in shared]
    each, average = paired_map_interval(ours, theirs)
    return [*each], average


def lost_out_of_context(
    study: TransferStudy[AnyRun], matches: Mapping[str, Mapping[str, Sequence[Matches]]]
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


def figure(
    study: TransferStudy[AnyRun],
    recipe: Recipe[AnyRun],
    metric: str,
    on: str,
    values: NDArray[np.float64],
    videos: int,
    *,
    gain: Interval | None = None,
) -> Measure:
    """One figure of a recipe, of its values (R,), one a seed, with the gain that it may have over its reference."""
    other = study.reference(recipe)
    detail = f"gain over {other.name}" if other is not None and gain is not None else ""
    mean, std = mean_and_std(values)
    return Measure(recipe.name, metric, on, mean, std, values.tolist(), recipe.seeds, videos, gain=gain, detail=detail)
