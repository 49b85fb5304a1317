"""BN-Inception, the network of pictures that temporal segment networks are made of."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from sceneproof.backbones.inception_parts import PictureBlock, PictureInception, PictureUnit


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


class BNInception(PictureInception):
    """BN-Inception on each of T frames: (B, 3, T, H, W) to (B, 1024, T, H/32, W/32), rounded up.

    The methods' mean over time makes of it a temporal segment network (Wang et al., ECCV 2016): the published one is
    trained on three frames, one of each third of a video, and tested on 25 (--task.clip.sampling segments). Up to
    inception_4e it is `lower` (1056 features of 1 x 32 x 32).

    Source: Ioffe and Szegedy 2015, figure 5; github.com/yjxiong/tsn-pytorch with its tensorflow-model-zoo.torch.
    """

    dim = 1024
    least = 32
    pools_behind = (1, 3)
    ends = ("", "_bn")

    def __init__(self) -> None:
        """Builds the network, with random weights."""
        super().__init__()
        self.conv1_7x7_s2 = PictureUnit(3, 64, 7, stride=2)
        self.conv2_3x3_reduce = PictureUnit(64, 64, 1)
        self.conv2_3x3 = PictureUnit(64, 192, 3)
        self._stack(192, {name: partial(PictureModule, widths=widths) for name, widths in MODULES.items()})


class PictureModule(PictureBlock):
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
