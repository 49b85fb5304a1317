"""Weights and clips by formula: the same on every machine, so that others' code can be run on them elsewhere."""

import zlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from sceneproof.methods.base import Method

PERIOD = 65521  # a prime, so that no row of a weight repeats the one above


def values(key: str, shape: tuple[int, ...]) -> Tensor:
    """Float32 values in [-1, 1) that look random: an integer hash of the key and the place, hence exact."""
    x = np.arange(PERIOD, dtype=np.uint64) + np.uint64(zlib.crc32(key.encode()))
    for factor in (0x7FEB352D, 0x846CA68B):
        x ^= x >> np.uint64(15)
        x = x * np.uint64(factor) % np.uint64(2**32)
    x ^= x >> np.uint64(16)
    table = (x.astype(np.float64) / 2.0**31 - 1.0).astype(np.float32)
    return torch.from_numpy(np.resize(table, shape))


def weights(like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with these keys and shapes: weights scaled by their fan-in, variances positive."""
    return {key: _weight(key, tensor) for key, tensor in like.items()}


def _weight(key: str, tensor: Tensor) -> Tensor:
    shape = tuple(tensor.shape)
    if key.endswith("num_batches_tracked"):
        return torch.tensor(0)
    if len(shape) > 1:
        return values(key, shape) * (3.0 / np.prod(shape[1:])) ** 0.5
    if key.endswith("running_var"):
        return 1.0 + 0.5 * values(key, shape)
    if key.endswith(".weight"):
        return 1.0 + 0.2 * values(key, shape)
    return 0.1 * values(key, shape)


def video(*shape: int) -> Tensor:
    """A normalised clip (B, 3, T, H, W), with values in [-2, 2)."""
    return 2.0 * values("video", shape)


def soft_labels(*shape: int) -> Tensor:
    """Probabilities (B, S)."""
    return (3.0 * values("scene", shape)).softmax(dim=1)


def official(method: Method) -> dict[str, Tensor]:
    """The state dict that the authors' network of the same shape has by formula, under their own keys."""
    heads = {"backbone.": "", "action_head.": "fc.", "scene_head.": "place_mlp.", "confusion_head.": "hm_mlp."}
    state: dict[str, Tensor] = {}
    for key, tensor in method.state_dict().items():
        part, rest = key.split(".", 1)
        theirs = heads[part + "."] + rest.replace("last.", "p_last_fc." if part == "scene_head" else "hm_last_fc.")
        state[theirs] = tensor
    return weights(state)
