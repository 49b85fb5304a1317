"""EfficientNet-Lite0's weights by formula under others' names, and the pictures that the pinned numbers are of."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tests.backbones import formula

WEIGHTS = "efficientnet_lite0_fp16.safetensors"
SCENES = ("intel_sea/20167.jpg", "intel_street/20084.jpg", "s15_Kitchen/image_0007.jpg")
SINE = ((1, 193, 201, 3), 0.013)
"""(B, H, W, 3) and the step: odd sizes, of which 'same' pads both ends of some and one end of others."""
REPEATS = (1, 2, 2, 3, 3, 4, 1)
"""Blocks of each stage, as Tan and Le's table 1 has them (ICML 2019)."""
# names around the blocks, and in a block; the first has no expansion
AROUND = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}
FIRST = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
OTHERS = {
    "conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1", "conv_pwl": "_project_conv",
    "bn3": "_bn2",
}  # fmt: skip


def lite(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of timm's EfficientNet-Lite0 under the names of efficientnet-lite-pytorch, without its counts."""
    made = {}
    for key, value in state.items():
        parts = key.split(".")
        if parts[0] == "blocks":
            number = sum(REPEATS[: int(parts[1])]) + int(parts[2])
            parts = ["_blocks", str(number), (OTHERS if number else FIRST)[parts[3]], *parts[4:]]
        else:
            parts[0] = AROUND[parts[0]]
        if parts[-1] != "num_batches_tracked":
            made[".".join(parts)] = value
    return made


def by_formula(like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights by formula under the names given; convolutions keep the size of what passes them through ReLU."""
    made = formula.weights({key: value for key, value in like.items() if "tracked" not in key})
    return {key: value * (2**0.5 if value.ndim == 4 else 1.0) for key, value in made.items()}


def sine() -> Tensor:
    """Float32 sin(step i) over the flat index i of a picture (B, H, W, 3), as (B, 3, H, W)."""
    shape, step = SINE
    values = np.sin(step * np.arange(np.prod(shape), dtype=np.float64)).reshape(shape).astype(np.float32)
    return torch.from_numpy(values).permute(0, 3, 1, 2).contiguous()


def photograph(path: Path) -> Tensor:
    """A photograph as it is, (1, 3, H, W) in float32 from 0 to 255."""
    pixels = np.asarray(Image.open(path).convert("RGB"), np.float32)
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()
