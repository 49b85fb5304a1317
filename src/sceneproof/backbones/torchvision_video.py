"""torchvision's video networks, without their pooling and heads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import get_model, get_model_weights

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError

Name = Literal["r3d_18", "mc3_18", "r2plus1d_18", "s3d", "mvit_v1_b", "mvit_v2_s", "swin3d_t", "swin3d_s", "swin3d_b"]


class TorchvisionVideo(Backbone):
    """A video network of torchvision's: (B, 3, T, H, W) to (B, D, T', H', W').

    | name | D | stride | smallest clip |
    |---|---|---|---|
    | r3d_18, r2plus1d_18 | 512 | 8 x 16 x 16 | 1 x 1 x 1 |
    | mc3_18 | 512 | 1 x 16 x 16 | 1 x 1 x 1 |
    | s3d | 1024 | 8 x 32 x 32 | 5 x 17 x 17 |
    | mvit_v1_b, mvit_v2_s | 768 | 2 x 32 x 32 | 2 x 32 x 32 |
    | swin3d_t, swin3d_s | 768 | 2 x 32 x 32 | 2 x 32 x 32 |
    | swin3d_b | 1024 | 2 x 32 x 32 | 2 x 32 x 32 |

    Any clip from the smallest on will do; T' H' W' are its size over the stride, rounded up (in s3d, the last halving
    rounds down). torchvision's own s3d and mvit take 16 x 224 x 224 only, or nearly so: s3d
    for its fixed pooling, which a method's mean over T' H' W' replaces; mvit for its table of positions, which is
    interpolated here to the clip's size. The features of mvit are its patches' tokens; its class token is left out.

    Public weights are in `weights.PUBLIC`, by the same names.
    """

    def __init__(self, name: Name = "r3d_18") -> None:
        """Builds the network, with random weights.

        Args:
            name: One of r3d_18, mc3_18, r2plus1d_18 (Tran et al. 2018), s3d (Xie et al. 2018), mvit_v1_b (Fan et al.
                2021), mvit_v2_s (Li et al. 2022), swin3d_t, swin3d_s, swin3d_b (Liu et al. 2022).

        Raises:
            InputError: no such network.
        """
        super().__init__()
        if name not in FAMILIES:
            raise InputError(f"TorchvisionVideo: unknown network {name!r}; known: {', '.join(FAMILIES)}")
        self.name, self._family = name, FAMILIES[name]
        self.dim, self.stride = self._family.dim, self._family.stride
        preset = get_model_weights(name).DEFAULT.transforms()
        self.mean = _channels(preset.mean)
        self.std = _channels(preset.std)
        self.network: Any = get_model(name, weights=None)
        setattr(self.network, self._family.head, nn.Identity())
        if name == "s3d":
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm3d):
                    # torchvision's .001 takes thousands of steps before evaluation is right; torch's default does not
                    module.momentum = 0.1

    def check(self, frames: int, height: int, width: int) -> None:
        """Refuses a clip size that the network cannot take.

        Raises:
            InputError: names the network, the size given and the smallest it takes.
        """
        least = self._family.least
        if frames < least[0] or height < least[1] or width < least[2]:
            raise InputError(
                f"{self.name}: takes clips of at least {least[0]} frames of {least[1]} x {least[2]} pixels, "
                f"not {frames} of {height} x {width}"
            )

    def forward(self, video: Tensor) -> Tensor:
        """Features (B, D, T', H', W') of a normalised video (B, 3, T, H, W)."""
        return self._family.features(self.network, video)


def _resnet(network: Any, video: Tensor) -> Tensor:
    out: Tensor = network.layer3(network.layer2(network.layer1(network.stem(video))))
    return torch.as_tensor(network.layer4(out))


def _s3d(network: Any, video: Tensor) -> Tensor:
    return torch.as_tensor(network.features(video))


def _swin(network: Any, video: Tensor) -> Tensor:
    tokens: Tensor = network.norm(network.features(network.pos_drop(network.patch_embed(video))))
    return tokens.permute(0, 4, 1, 2, 3)


def _mvit(network: Any, video: Tensor) -> Tensor:
    patches: Tensor = network.conv_proj(video)
    size: tuple[int, ...] = tuple(patches.shape[2:])
    encoding = network.pos_encoding
    first = encoding.class_token.expand(len(patches), 1, -1)
    tokens = torch.cat([first, patches.flatten(2).transpose(1, 2)], dim=1)
    if encoding.spatial_pos is not None:  # version 1; version 2 has relative positions, and interpolates them itself
        tokens = tokens + _positions(encoding, size)
    for block in network.blocks:
        tokens, size = block(tokens, size)
    last: Tensor = network.norm(tokens)
    return last[:, 1:].transpose(1, 2).reshape(len(video), -1, *size)


def _positions(encoding: Any, size: tuple[int, ...]) -> Tensor:
    """MViT's positions (1, 1 + T'H'W', D), interpolated linearly from the size that they were made for."""
    space = encoding.spatial_pos.t().unflatten(1, encoding.spatial_size)[None]
    time = encoding.temporal_pos.t()[None]
    if tuple(encoding.spatial_size) != size[1:]:
        space = functional.interpolate(space, size=size[1:], mode="bilinear")
    if encoding.temporal_size != size[0]:
        time = functional.interpolate(time, size=size[0], mode="linear")
    both = time[:, :, :, None] + space.flatten(2)[:, :, None, :]
    return torch.cat([encoding.class_pos[None, None], both.flatten(2).transpose(1, 2)], dim=1)


@dataclass(frozen=True)
class _Family:
    features: Callable[[Any, Tensor], Tensor]
    head: str
    dim: int
    stride: tuple[int, int, int]
    least: tuple[int, int, int]


FAMILIES: dict[str, _Family] = {
    "r3d_18": _Family(_resnet, "fc", 512, (8, 16, 16), (1, 1, 1)),
    "mc3_18": _Family(_resnet, "fc", 512, (1, 16, 16), (1, 1, 1)),
    "r2plus1d_18": _Family(_resnet, "fc", 512, (8, 16, 16), (1, 1, 1)),
    "s3d": _Family(_s3d, "classifier", 1024, (8, 32, 32), (5, 17, 17)),
    "mvit_v1_b": _Family(_mvit, "head", 768, (2, 32, 32), (2, 32, 32)),
    "mvit_v2_s": _Family(_mvit, "head", 768, (2, 32, 32), (2, 32, 32)),
    "swin3d_t": _Family(_swin, "head", 768, (2, 32, 32), (2, 32, 32)),
    "swin3d_s": _Family(_swin, "head", 768, (2, 32, 32), (2, 32, 32)),
    "swin3d_b": _Family(_swin, "head", 1024, (2, 32, 32), (2, 32, 32)),
}


def _channels(values: list[float]) -> tuple[float, float, float]:
    """Statistics of torchvision's, of pixels from 0 to 1, for pixels from 0 to 255."""
    red, green, blue = (255.0 * value for value in values)
    return red, green, blue
