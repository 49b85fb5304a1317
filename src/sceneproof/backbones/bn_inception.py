"""BN-Inception, the network of pictures that temporal segment networks are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from sceneproof.backbones.base import Backbone
from sceneproof.backbones.vgg16 import frame_by_frame
from sceneproof.errors import InputError

LEAST = 32  # rows and columns of which the strides leave one
HEADS = ("fc.", "new_fc.", "cls_head.")


@dataclass(frozen=True)
class Widths:
    """Channels of one module's branches: 1x1; 3x3 behind its reduction; two of 3x3 behind theirs; pooling.

    Modules without the first and the last branch halve the picture, and pass on what they pool.
    """

    direct: int
    single: tuple[int, int]
    double: tuple[int, int]
    pooled: int
    maximum: bool = False

    @property
    def halves(self) -> bool:
        """Whether its strides are two."""
        return not self.direct


MODULES: dict[str, Widths] = {
    "inception_3a": Widths(64, (64, 64), (64, 96), 32),
    "inception_3b": Widths(64, (64, 96), (64, 96), 64),
    "inception_3c": Widths(0, (128, 160), (64, 96), 0, maximum=True),
    "inception_4a": Widths(224, (64, 96), (96, 128), 128),
    "inception_4b": Widths(192, (96, 128), (96, 128), 128),
    "inception_4c": Widths(160, (128, 160), (128, 160), 128),
    "inception_4d": Widths(96, (128, 192), (160, 192), 128),
    "inception_4e": Widths(0, (128, 192), (192, 256), 0, maximum=True),
    "inception_5a": Widths(352, (192, 320), (160, 224), 128),
    "inception_5b": Widths(352, (192, 320), (192, 224), 128, maximum=True),
}
LAST = 2
"""Modules, from the end, that are `upper`."""


class BNInception(Backbone):
    """BN-Inception on each of T frames: (B, 3, T, H, W) to (B, 1024, T, H/32, W/32), rounded up.

    The methods' mean over time makes of it a temporal segment network (Wang et al., ECCV 2016): the published one is
    trained on three frames, one of each third of a video, and tested on 25 (--task.clip.sampling segments). Up to
    inception_4e it is `lower` (1056 features of 1 x 32 x 32).

    Published weights read frames as BGR; they are turned to RGB when they are read.

    Source: Ioffe and Szegedy 2015, figure 5; github.com/yjxiong/tsn-pytorch with its tensorflow-model-zoo.torch.
    """

    dim = 1024
    stride = (1, 32, 32)
    mean = (128.0, 117.0, 104.0)

    def __init__(self) -> None:
        """Builds the network, with random weights."""
        super().__init__()
        self.conv1_7x7_s2 = PictureUnit(3, 64, 7, stride=2)
        self.conv2_3x3_reduce = PictureUnit(64, 64, 1)
        self.conv2_3x3 = PictureUnit(64, 192, 3)
        channels = 192
        for name, widths in MODULES.items():
            module = PictureModule(channels, widths)
            setattr(self, name, module)
            channels = module.outputs
            if name == [*MODULES][-LAST - 1]:
                self._lower_dim = channels

    def check(self, frames: int, height: int, width: int) -> None:
        """Refuses frames that the strides leave nothing of.

        Raises:
            InputError: names the size given and the smallest it takes.
        """
        if min(height, width) < LEAST:
            raise InputError(f"BNInception: takes frames of at least {LEAST} x {LEAST} pixels, not {height} x {width}")

    @property
    def lower_dim(self) -> int:
        """Channels of inception_4e."""
        return self._lower_dim

    @property
    def lower_stride(self) -> tuple[int, int, int]:
        """As the whole network's: what is left halves nothing."""
        return self.stride

    @property
    def stem(self) -> Sequence[nn.Module]:
        """The first convolution with its normalisation."""
        return (self.conv1_7x7_s2,)

    @property
    def lower_parts(self) -> Sequence[nn.Module]:
        """The three first convolutions and the modules up to inception_4e."""
        return [*self.children()][:-LAST]

    def forward(self, video: Tensor) -> Tensor:
        """Features (B, 1024, T, H', W') of a normalised video (B, 3, T, H, W)."""
        return self.upper(self.lower(video))

    def lower(self, video: Tensor) -> Tensor:
        """Features (B, 1056, T, H', W') of a normalised video (B, 3, T, H, W): inception_4e's."""
        pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        first, *rest = self.lower_parts[:3]
        return frame_by_frame(nn.Sequential(first, pool, *rest, pool, *self.lower_parts[3:]), video)

    def upper(self, features: Tensor) -> Tensor:
        """The last two modules, on features (N, 1056, T, H', W')."""
        return frame_by_frame(nn.Sequential(*[*self.children()][-LAST:]), features)

    def published(self, state: Mapping[str, Tensor], source: str) -> Mapping[str, Tensor]:
        """TSN's weights under this network's keys, reading RGB, without the last layer's.

        Raises:
            InputError: the first convolution reads other channels than three: it is of flow, or of differences.
        """
        named: dict[str, Tensor] = {}
        for key, value in state.items():
            bare = key.removeprefix("module.").removeprefix("base_model.")
            if not bare.startswith(HEADS):
                named[_named(bare)] = value
        first = named.get("conv1_7x7_s2.conv.weight")
        if first is not None and first.ndim == 4:
            if first.shape[1] != 3:
                raise InputError(f"{source}: its first convolution reads {first.shape[1]} channels, not RGB's three")
            named["conv1_7x7_s2.conv.weight"] = first.flip(1)
        return named


class PictureUnit(nn.Module):
    """A convolution, batch norm and ReLU; the published convolutions have a bias, too."""

    def __init__(self, inputs: int, outputs: int, window: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, window, stride=stride, padding=window // 2)
        self.bn = nn.BatchNorm2d(outputs)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")
        assert self.conv.bias is not None
        nn.init.zeros_(self.conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H', W')."""
        return functional.relu(self.bn(self.conv(x)), inplace=True)


class PictureModule(nn.Module):
    """One Inception module; its parts have the ends of the published names."""

    def __init__(self, inputs: int, widths: Widths) -> None:
        super().__init__()
        self.widths = widths
        step = 2 if widths.halves else 1
        (before, single), (before_both, double) = widths.single, widths.double
        if widths.direct:
            self.add_module("1x1", PictureUnit(inputs, widths.direct, 1))
        self.add_module("3x3_reduce", PictureUnit(inputs, before, 1))
        self.add_module("3x3", PictureUnit(before, single, 3, stride=step))
        self.add_module("double_3x3_reduce", PictureUnit(inputs, before_both, 1))
        self.add_module("double_3x3_1", PictureUnit(before_both, double, 3))
        self.add_module("double_3x3_2", PictureUnit(double, double, 3, stride=step))
        if widths.pooled:
            self.add_module("pool_proj", PictureUnit(inputs, widths.pooled, 1))
        self.outputs = widths.direct + single + double + (inputs if widths.halves else widths.pooled)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H', W')."""
        own = dict(self.named_children())
        branches = [own["1x1"](x)] if self.widths.direct else []
        branches.append(own["3x3"](own["3x3_reduce"](x)))
        branches.append(own["double_3x3_2"](own["double_3x3_1"](own["double_3x3_reduce"](x))))
        if self.widths.halves:
            branches.append(functional.max_pool2d(x, 3, stride=2, ceil_mode=True))
        elif self.widths.maximum:
            branches.append(own["pool_proj"](functional.max_pool2d(x, 3, stride=1, padding=1)))
        else:
            branches.append(own["pool_proj"](functional.avg_pool2d(x, 3, stride=1, padding=1)))
        return torch.cat(branches, dim=1)


def _named(key: str) -> str:
    """A published key, inception_3a_1x1_bn.weight, under ours: inception_3a.1x1.bn.weight."""
    layer, _, rest = key.partition(".")
    kind = "bn" if layer.endswith("_bn") else "conv"
    layer = layer.removesuffix("_bn")
    module = next((name for name in MODULES if layer.startswith(f"{name}_")), None)
    path = layer if module is None else f"{module}.{layer.removeprefix(f'{module}_')}"
    return f"{path}.{kind}.{rest}"
