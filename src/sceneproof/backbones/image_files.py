"""Classifiers of pictures that others publish: opened by name, asked for their features; the names of their weights."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from sceneproof.errors import InputError

TORCHVISION = "torchvision:"
# efficientnet-lite-pytorch's names, in a block with and without an expansion, and around the blocks
EXPANDED = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
            "_project_conv": "conv_pwl", "_bn2": "bn3"}  # fmt: skip
SEPARABLE = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
AROUND = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}

ANY_SIZE = ("vision_transformer", "deit")
"""Files of timm whose networks take that option."""
Statistics = tuple[float, float, float]


def open_classifier(name: str) -> tuple[Any, Statistics, Statistics, tuple[int, int]]:
    """A classifier of pictures with random weights, the mean and std of pixels from 0 to 255, and its (H, W).

    Args:
        name: of timm's, or torchvision:NAME.

    Raises:
        InputError: timm is not installed, or there is no such network.
    """
    network, told = _torchvision(name) if name.startswith(TORCHVISION) else _timm(name)
    _, height, width = told["input_size"]
    return network, _channels(told["mean"]), _channels(told["std"]), (height, width)


def from_lite(state: Mapping[str, Tensor], network: Any, source: str) -> dict[str, Tensor]:
    """Weights of efficientnet-lite-pytorch under timm's names; the blocks are counted through all stages there.

    Raises:
        InputError: the network is no EfficientNet of timm's.
    """
    if not hasattr(network, "conv_stem") or not hasattr(network, "blocks"):
        kind = type(network).__name__
        raise InputError(f"{source}: weights of efficientnet-lite-pytorch, for timm's tf_efficientnet_lite, not {kind}")
    blocks = [
        (f"blocks.{stage}.{number}", EXPANDED if hasattr(block, "conv_pwl") else SEPARABLE)
        for stage, blocks in enumerate(network.blocks)
        for number, block in enumerate(blocks)
    ]
    made: dict[str, Tensor] = {}
    for key, value in state.items():
        within = re.match(r"_blocks\.(\d+)\.(\w+)\.", key)
        if within is None:
            first, _, rest = key.partition(".")
            made[f"{AROUND.get(first, first)}.{rest}"] = value
        elif int(within[1]) < len(blocks):
            block, names = blocks[int(within[1])]
            made[f"{block}.{names.get(within[2], within[2])}.{key[within.end() :]}"] = value
        else:
            made[key] = value
    return made


def pooled_by(network: Any, picture: Tensor) -> Tensor | None:
    """What a classifier pools of a picture (1, 3, H, W); None where that is no tensor or nothing says what it is."""
    network.eval()
    with torch.no_grad():
        if hasattr(network, "forward_features"):
            features = network.forward_features(picture)
            return features if isinstance(features, Tensor) else None
        if not hasattr(network, "avgpool"):
            return None
        seen: list[Tensor] = []
        hook = network.avgpool.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        network(picture)
        hook.remove()
    return seen[0]


def picture_of(size: Sequence[int]) -> Tensor:
    """A picture (1, 3, H, W) by formula, with values from -1 to 1; nothing is drawn."""
    height, width = size
    return torch.arange(3 * height * width, dtype=torch.float32).mul(0.37).sin().reshape(1, 3, height, width)


def channels_last(network: Any, pooled: Tensor) -> bool:
    """Whether a network of timm's, which knows how many features it has, gives them innermost: (N, H, W, D)."""
    channels = getattr(network, "num_features", None)
    return channels is not None and pooled.ndim == 4 and pooled.shape[1] != channels == pooled.shape[3]


def _timm(name: str) -> tuple[Any, Mapping[str, Any]]:
    """A network of timm's without its classifier, and what it says of its input."""
    try:
        import timm
    except ImportError as error:
        raise InputError(f"ImageNetwork: {name} needs timm: pip install 'sceneproof[image]' ({error})") from None
    if ":" in name or not timm.is_model(name):
        near = timm.list_models(f"*{name.split('.')[0].split('_')[0]}*")[:5] if re.fullmatch(r"[\w.]+", name) else []
        raise InputError(
            f"ImageNetwork: timm {timm.__version__} has no network {name!r}"
            f"{'; it has ' + ', '.join(near) + ', …' if near else ''}; torchvision's are torchvision:NAME"
        )
    try:
        # vision transformers whose positions are interpolated to the picture's size, where it is not theirs
        sizes: dict[str, Any] = {"dynamic_img_size": True} if timm.models.is_model_in_modules(name, ANY_SIZE) else {}
        network: Any = timm.create_model(name, pretrained=False, **sizes)
    except (RuntimeError, ValueError, TypeError) as error:  # an unknown tag
        raise InputError(f"ImageNetwork: timm makes no {name}: {error}") from None
    return network, network.pretrained_cfg


def _torchvision(name: str) -> tuple[Any, Mapping[str, Any]]:
    """A network of torchvision's, and what its newest weights say of their input."""
    from torchvision import models

    bare = name.removeprefix(TORCHVISION)
    if bare not in models.list_models(module=models):
        raise InputError(f"ImageNetwork: torchvision has no classifier {bare!r}; see torchvision.models.list_models()")
    preset = models.get_model_weights(bare).DEFAULT.transforms()
    side = preset.crop_size[0]
    return models.get_model(bare, weights=None), {"mean": preset.mean, "std": preset.std, "input_size": (3, side, side)}


def _channels(values: Sequence[float]) -> Statistics:
    """Statistics of pixels from 0 to 1, for pixels from 0 to 255."""
    red, green, blue = (255.0 * value for value in values)
    return red, green, blue
