"""Whom a model believes when person and place disagree, which place pulls where, and what survives without either.

Predictions are int64 (N,): the number of the action that is named, `accuracy.MISSED` where it is none of the audited
ones or the clip could not be read.

HAT: Chung, Wu and Russakovsky, "Enabling Detailed Action Recognition Evaluation Through Video Dataset Augmentation",
NeurIPS 2022. Its code (princetonvisualai/HAT at commit bda849b) holds no evaluator of SHAcc and SBErr.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.bootstrap import Interval, mean_interval, paired_interval
from sceneproof.metrics.ratio import ratio_difference, ratio_interval

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Reliance:
    """Whose action is named on N clips that show the person of one action in the place of another.

    Attributes:
        shacc: share that is named by the person's action (HAT's SHAcc).
        sberr: share that is named by the place's action (HAT's SBErr).
        neither: share that is named by neither.
        reliance: SBErr / (SHAcc + SBErr), 0 the person decides, 1 the place; None where neither is ever named.
        left_out: share of the resamples behind `reliance` that name neither anywhere, and so say nothing.
        videos: N.
    """

    shacc: Interval
    sberr: Interval
    neither: Interval
    reliance: Interval | None
    left_out: float
    videos: int


@dataclass(frozen=True, slots=True)
class RelianceDifference:
    """One model less another, on the same N clips; attributes as in `Reliance`."""

    shacc: Interval
    sberr: Interval
    reliance: Interval | None
    left_out: float
    videos: int


@dataclass(frozen=True, slots=True)
class Survival:
    """Accuracy on a variant against that on the same N clips as they are.

    Attributes:
        original: top-1 as they are.
        variant: top-1 on the variant.
        ratio: variant / original, beyond 1 where the variant is easier; None where the original is never right.
        difference: variant less original, paired.
        left_out: share of the resamples behind `ratio` in which the original is never right.
        videos: N.
    """

    original: Interval
    variant: Interval
    ratio: Interval | None
    difference: Interval
    left_out: float
    videos: int


def reliance(predicted: ArrayLike, human: ArrayLike, background: ArrayLike) -> Reliance:
    """SHAcc, SBErr and scene reliance, with 95 % percentile bootstrap intervals over clips.

    Args:
        predicted: (N,).
        human: (N,), number of the person's action.
        background: (N,), number of the action in whose place the person is; never the person's.

    Raises:
        ValueError: no clips, unequal lengths, or a clip whose person and place are of one action.
    """
    by_person, by_place = _named(predicted, human, background)
    either = by_person | by_place
    ratio = ratio_interval(by_place, either)
    return Reliance(
        mean_interval(by_person),
        mean_interval(by_place),
        mean_interval(~either),
        ratio.interval,
        ratio.left_out,
        len(either),
    )


def reliance_difference(a: ArrayLike, b: ArrayLike, human: ArrayLike, background: ArrayLike) -> RelianceDifference:
    """How much more model `a` leans on the scene than model `b`, with 95 % paired bootstrap intervals over clips.

    Args:
        a: (N,), predictions of one model.
        b: (N,), of the other, on the same clips in the same order.
        human: (N,), number of the person's action.
        background: (N,), number of the action in whose place the person is.

    Raises:
        ValueError: as `reliance`.
    """
    (a_person, a_place), (b_person, b_place) = (_named(predicted, human, background) for predicted in (a, b))
    ratio = ratio_difference((a_place, a_person | a_place), (b_place, b_person | b_place))
    return RelianceDifference(
        paired_interval(a_person[None], b_person[None]),
        paired_interval(a_place[None], b_place[None]),
        ratio.interval,
        ratio.left_out,
        len(a_person),
    )


def survival(original: ArrayLike, variant: ArrayLike) -> Survival:
    """How much of the accuracy survives in a variant, with 95 % paired bootstrap intervals over clips.

    Args:
        original: (N,), 1 where a clip as it is is named rightly, else 0; only clips that have the variant.
        variant: (N,), likewise of its variant, in the same order.

    Raises:
        ValueError: no clips, or unequal lengths.
    """
    before, after = (np.asarray(flags, dtype=np.float64) for flags in (original, variant))
    ratio = ratio_interval(after, before)
    return Survival(
        mean_interval(before),
        mean_interval(after),
        ratio.interval,
        paired_interval(after[None], before[None]),
        ratio.left_out,
        len(before),
    )


def contrasted(scuba: ArrayLike, scufo: ArrayLike, truth: ArrayLike) -> Flags:
    """Which clips are named rightly while the person moves, and otherwise once one frame is frozen: bool (N,).

    Their mean over all N clips is contrasted accuracy: right on SCUBA, and another answer on its SCUFO twin (Li et al.,
    "Mitigating and Evaluating Static Bias of Action Representations in the Background and the Foreground", ICCV 2023).
    Their code (lihaoxin05/StillMix at commit 8babb01) holds no evaluator; a later paper's, ALBAR's, counts just so. A
    twin that is named by none of the actions (MISSED) is another answer.

    Args:
        scuba: (N,), predictions for the person on another background.
        scufo: (N,), for one frame of the same, repeated.
        truth: (N,), number of the person's action.
    """
    scuba, scufo, truth = (np.asarray(numbers, dtype=np.int64) for numbers in (scuba, scufo, truth))
    return np.asarray((scuba == truth) & (scuba >= 0) & (scufo != scuba))


def _named(predicted: ArrayLike, human: ArrayLike, background: ArrayLike) -> tuple[Flags, Flags]:
    """Which clips are named by the person's action, and which by the place's: bool (N,) each."""
    predicted, human, background = (np.asarray(numbers, dtype=np.int64) for numbers in (predicted, human, background))
    if not predicted.shape == human.shape == background.shape:
        raise ValueError(
            f"as many predictions, people and places, not {predicted.shape[0]}, {len(human)} and {len(background)}"
        )
    if (human == background).any():
        raise ValueError("person and place must be of different actions")
    known = predicted >= 0
    return (predicted == human) & known, (predicted == background) & known


@dataclass(frozen=True)
class Pull:
    """B backgrounds by A actions.

    Attributes:
        backgrounds: their names, sorted.
        shares: float64 (B, A), -1 to 1: how much more often an action is named on a background than on all others, of
            the clips whose person does something else; NaN where too few such clips stand on either side.
        counts: int64 (B,), clips on each background.
        clips: int64 (B, A), those of them whose person does not do the action.
    """

    backgrounds: list[str]
    shares: NDArray[np.float64]
    counts: NDArray[np.int64]
    clips: NDArray[np.int64]


def scene_pull(
    predicted: ArrayLike, human: ArrayLike, background: ArrayLike, actions: int, *, minimum_count: int = 5
) -> Pull:
    """The matrix of pulls, from clips whose people were put elsewhere.

    P(named a | on b, does not do a) - P(named a | not on b, does not do a): what a model names by mistake anywhere
    is taken off, so that only what the place adds is left.

    Args:
        predicted: int64 (N,), the action that is named; below 0 for none.
        human: int64 (N,), number of the person's action.
        background: (N,), the background's name: that of its scene, or of the action that is done there.
        actions: A.
        minimum_count: clips that each of the two shares is taken of, at least.

    Raises:
        ValueError: unequal lengths.
    """
    predicted, human = (np.asarray(numbers, dtype=np.int64) for numbers in (predicted, human))
    background = np.asarray(background, dtype=np.str_)
    if not len(predicted) == len(human) == len(background):
        raise ValueError(
            f"as many predictions, people and places, not {len(predicted)}, {len(human)}, {len(background)}"
        )
    names, row = np.unique(background, return_inverse=True)
    on = np.eye(len(names))[row.ravel()]
    every = np.arange(actions)
    others = human[:, None] != every
    named = others & (predicted[:, None] == every)
    inside, inside_named = on.T @ others, on.T @ named
    outside, outside_named = others.sum(axis=0) - inside, named.sum(axis=0) - inside_named
    enough = np.minimum(inside, outside) >= max(1, minimum_count)
    shares = np.full(inside.shape, np.nan)
    shares[enough] = inside_named[enough] / inside[enough] - outside_named[enough] / outside[enough]
    return Pull(names.tolist(), shares, on.sum(axis=0).astype(np.int64), inside.astype(np.int64))
