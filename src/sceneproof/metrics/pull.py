"""Which places pull a model towards which actions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Pull:
    """B backgrounds by A actions.

    Attributes:
        backgrounds: their names, sorted.
        shares: float64 (B, A): by how much an action is named more often on a background than on the others, of clips
            whose person does something else; NaN where fewer than the least number of clips stand on either side.
        counts: int64 (B,), clips on each background.
    """

    backgrounds: list[str]
    shares: NDArray[np.float64]
    counts: NDArray[np.int64]


def scene_pull(
    predicted: ArrayLike, human: ArrayLike, background: ArrayLike, actions: int, *, minimum_count: int = 5
) -> Pull:
    """The matrix of pulls, from clips whose people were put elsewhere.

    Args:
        predicted: int64 (N,), the action that is named; below 0 for none.
        human: int64 (N,), number of the person's action.
        background: (N,), the background's name: that of its scene, or of the action that is done there.
        actions: A.
        minimum_count: clips that a share is taken of, at least.
    """
    predicted, human = (np.asarray(one, dtype=np.int64) for one in (predicted, human))
    background = np.asarray(background, dtype=np.str_)
    names = sorted(set(background.tolist()))
    shares = np.full((len(names), actions), np.nan)
    for row, name in enumerate(names):
        here = background == name
        for action in range(actions):
            does_other = human != action
            inside, outside = here & does_other, ~here & does_other
            if min(inside.sum(), outside.sum()) >= minimum_count:
                named = predicted == action
                shares[row, action] = named[inside].mean() - named[outside].mean()
    return Pull(names, shares, np.array([(background == name).sum() for name in names], np.int64))
