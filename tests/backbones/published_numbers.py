"""Weights by the formula of the numbers in published_numbers.json, which others' networks gave with them.

The k-th tensor of a state dict, without the counts of batches, has s = sin(.37 i + k) at its i-th place: convolutions
and matrices s sqrt(2 / fan-in), variances 1 + .1 s, means and biases .1 s, other vectors 1 + .1 s. Clips are
sin(.013 i). The networks were in evaluation.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

PUBLISHED: dict[str, Any] = json.loads((Path(__file__).parent / "published_numbers.json").read_text())


def weights(like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of these keys, in their order, by formula."""
    keys = [key for key in like if not key.endswith("num_batches_tracked")]
    return {key: _tensor(key, tuple(like[key].shape), place) for place, key in enumerate(keys)}


def _tensor(key: str, shape: tuple[int, ...], place: int) -> Tensor:
    size = int(np.prod(shape))
    sine = np.sin(0.37 * np.arange(size, dtype=np.float64) + place)
    if len(shape) > 1:
        sine *= (2 / (size / shape[0])) ** 0.5
    else:
        sine *= 0.1
        if not key.endswith(("running_mean", "bias")):
            sine += 1
    return torch.from_numpy(sine.astype(np.float32).reshape(shape))


def clip(*shape: int) -> Tensor:
    """A clip by formula."""
    return torch.from_numpy(
        np.sin(0.013 * np.arange(int(np.prod(shape)), dtype=np.float64)).astype(np.float32)
    ).reshape(shape)


def agrees(values: Tensor, name: str) -> None:
    """Compares sums and the first four values with those of the authors' network."""
    theirs, flat = PUBLISHED[name], values.detach().double().flatten()
    assert flat.numel() == theirs["numel"]
    scale = theirs["abs"] / theirs["numel"]
    torch.testing.assert_close(flat[:4], torch.tensor(theirs["first4"]).double(), rtol=1e-4, atol=1e-4 * scale)
    assert abs(float(flat.abs().sum()) - theirs["abs"]) <= 1e-4 * theirs["abs"]
    assert abs(float(flat.sum()) - theirs["sum"]) <= 1e-4 * theirs["abs"]
    assert int(flat.argmax()) == theirs["argmax"]
