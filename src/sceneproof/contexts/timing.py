"""Clips out of their order in time. Each function gives places in a clip of T frames, int64 (T,)."""

import numpy as np
from numpy.typing import NDArray


def shuffled(length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Another order, never the same one where the clip has more than one frame."""
    order = rng.permutation(length)
    while length > 1 and np.array_equal(order, np.arange(length)):
        order = rng.permutation(length)
    return order


def backwards(length: int) -> NDArray[np.int64]:
    """From the last frame to the first."""
    return np.arange(length)[::-1]


def frozen(length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """One frame, drawn from all with equal chance, again and again."""
    return np.full(length, rng.integers(length))


def aligned(wanted: NDArray[np.int64], total: int, other_total: int) -> NDArray[np.int64]:
    """The frames of another video that go with frames of this one: those at the same share of its length.

    As HAT does it (mmaction2/mmaction/datasets/actionswap_dataset.py, `prepare_test_frames`).

    Args:
        wanted: numbers of this video's frames, (T,).
        total: how many it has.
        other_total: how many the other one has.
    """
    return np.rint(wanted / total * other_total).astype(np.int64).clip(0, other_total - 1)
