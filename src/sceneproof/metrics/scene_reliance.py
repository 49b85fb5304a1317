"""Whom a model believes when person and place disagree, and what survives when one of them is gone.

Predictions are int64 (N,): the action that is named, MISSED where it is none of the audited ones.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.bootstrap import (
    CELLS,
    DRAWS,
    Interval,
    mean_interval,
    paired_interval,
    percentile_interval,
    resampled,
)


@dataclass(frozen=True, slots=True)
class Reliance:
    """Whose action is named on N clips that show the person of one action in the place of another.

    Attributes:
        shacc: share that is named by the person's action (HAT's SHAcc).
        sberr: share that is named by the place's action (HAT's SBErr).
        neither: share that is named by neither.
        reliance: SBErr / (SHAcc + SBErr); None where neither action is ever named.
    """

    shacc: Interval
    sberr: Interval
    neither: Interval
    reliance: Interval | None


def reliance(predicted: ArrayLike, human: ArrayLike, background: ArrayLike) -> Reliance:
    """SHAcc, SBErr and scene reliance, with 95 % intervals over clips.

    HAT: Chung, Wu and Russakovsky, NeurIPS 2022. Scene reliance is the share of the place among the clips whose answer
    is the person's action or the place's.

    Args:
        predicted: (N,).
        human: (N,), number of the person's action.
        background: (N,), number of the action in whose place the person is; never the person's.

    Raises:
        ValueError: no clips, or one whose person and place are of one action.
    """
    predicted, human, background = (np.asarray(one, dtype=np.int64) for one in (predicted, human, background))
    if (human == background).any():
        raise ValueError("person and place must be of different actions")
    by_person, by_place = predicted == human, predicted == background
    return Reliance(
        mean_interval(by_person),
        mean_interval(by_place),
        mean_interval(~(by_person | by_place)),
        ratio_interval(by_place, by_person | by_place),
    )


@dataclass(frozen=True, slots=True)
class Survival:
    """Accuracy on a variant against that on the same clips as they are.

    Attributes:
        original: top-1 as they are.
        variant: top-1 on the variant.
        ratio: variant / original; None where the original is never right.
        difference: variant less original, paired.
    """

    original: Interval
    variant: Interval
    ratio: Interval | None
    difference: Interval


def survival(original: ArrayLike, variant: ArrayLike) -> Survival:
    """How much of the accuracy survives in a variant, with 95 % intervals over clips.

    Args:
        original: (N,), 1 where a clip as it is is named rightly, else 0.
        variant: (N,), likewise of its variant.
    """
    before, after = (np.asarray(one, dtype=np.float64) for one in (original, variant))
    return Survival(
        mean_interval(before), mean_interval(after), ratio_interval(after, before),
        paired_interval(after[None], before[None]),
    )  # fmt: skip


def contrasted(scuba: ArrayLike, scufo: ArrayLike, truth: ArrayLike) -> NDArray[np.bool_]:
    """Which clips are right while the person moves, and no longer once it is frozen: bool (N,).

    Their mean is contrasted accuracy (Li et al., ICCV 2023): right on SCUBA, and the answer changes on its SCUFO twin.

    Args:
        scuba: (N,), predictions for the person on another background.
        scufo: (N,), for one frame of the same, repeated.
        truth: (N,), number of the person's action.
    """
    scuba, scufo, truth = (np.asarray(one, dtype=np.int64) for one in (scuba, scufo, truth))
    return np.asarray((scuba == truth) & (scufo != scuba))


def ratio_interval(
    above: ArrayLike, below: ArrayLike, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Interval | None:
    """sum(above) / sum(below), with a percentile bootstrap interval: both see the same clips.

    Resamples in which nothing is below the line say nothing, and are left out.

    Args:
        above: (N,), at least 0.
        below: (N,), at least 0.
        level: the interval's confidence.
        draws: how many resamples.
        seed: of the resampling.

    Returns:
        The ratio; None where `below` is 0 throughout.
    """
    above, below = (np.asarray(one, dtype=np.float64) for one in (above, below))
    if not below.sum() > 0:
        return None
    generator = np.random.default_rng(seed)
    step, drawn = max(1, CELLS // len(below)), []
    for start in range(0, draws, step):
        counts = resampled(generator, min(step, draws - start), len(below))
        over, under = counts @ above, counts @ below
        drawn.append(over[under > 0] / under[under > 0])
    return percentile_interval(float(above.sum() / below.sum()), np.concatenate(drawn), level)
