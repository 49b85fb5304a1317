"""Which places pull a model towards which actions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
