"""Inception-v3 as the authors of temporal segment networks and of SSN have it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from sceneproof.backbones.inception_parts import PictureBlock, PictureInception, PictureUnit, Window
from sceneproof.errors import InputError

TALL, WIDE = (7, 1), (1, 7)
POOLED = "tower_2"
"""The branch that reads the pooled picture."""
FORKED = ("tower", "tower_1")
"""Branches that end, where anything does, in two convolutions beside each other."""


@dataclass(frozen=True)
class Layout:
    """One module.

    Attributes:
        branches: by name, channels and windows of convolutions one behind the other.
        fork: channels of 3 x 1 and of 1 x 3 at two branches' ends; 0: these end as the others.
        halves: whether branches end in a stride of two, and the picture is passed on beside them, pooled.
        maximum: whether the pooled branch reads maxima, not averages.
    """

    branches: Mapping[str, tuple[tuple[int, Window], ...]]
    fork: int = 0
    halves: bool = False
    maximum: bool = False


def _squares(pooled: int) -> Layout:
    double = ((64, 1), (96, 3), (96, 3))
    return Layout({"conv": ((64, 1),), "tower": ((48, 1), (64, 5)), "tower_1": double, POOLED: ((pooled, 1),)})


def _strips(width: int) -> Layout:
    single = ((width, 1), (width, TALL), (192, WIDE))
    double = ((width, 1), (width, WIDE), (width, TALL), (width, WIDE), (192, TALL))
    return Layout({"conv": ((192, 1),), "tower": single, "tower_1": double, POOLED: ((192, 1),)})


def _forks(*, maximum: bool) -> Layout:
    branches = {"conv": ((320, 1),), "tower": ((384, 1),), "tower_1": ((448, 1), (384, 3)), POOLED: ((192, 1),)}
    return Layout(branches, fork=384, maximum=maximum)


MODULES: dict[str, Layout] = {
    "mixed": _squares(32),
    "mixed_1": _squares(64),
    "mixed_2": _squares(64),
    "mixed_3": Layout({"conv": ((384, 3),), "tower": ((64, 1), (96, 3), (96, 3))}, halves=True),
    "mixed_4": _strips(128),
    "mixed_5": _strips(160),
    "mixed_6": _strips(160),
    "mixed_7": _strips(192),
    "mixed_8": Layout(
        {"tower": ((192, 1), (320, 3)), "tower_1": ((192, 1), (192, TALL), (192, WIDE), (192, 3))}, halves=True
    ),
    "mixed_9": _forks(maximum=False),
    "mixed_10": _forks(maximum=True),
}


class InceptionV3(PictureInception):
    """Inception-v3 on each of T frames: (B, 3, T, H, W) to (B, 2048, T, H', W'), 8 x 8 of 299 x 299 pixels.

    With the mean over time it is a temporal segment network as `BNInception` is; SSN's published results are with both.
    Up to mixed_8 it is `lower` (1280 features).

    It is not timm's or torchvision's (`ImageNetwork`): its last module pools maxima, 7 x 1 and 1 x 7 follow each other
    in the other order, batch norms add 1e-5 to variances in place of 1e-3, and the stem's poolings round up.

    Source: Szegedy et al., CVPR 2016; github.com/yjxiong/action-detection with its tensorflow-model-zoo.torch.
    """

    dim = 2048
    least = 69
    pools_behind = (3, 5)
    ends = ("_Conv2D", "_batchnorm")

    def __init__(self) -> None:
        """Builds the network, with random weights."""
        super().__init__()
        self.conv = PictureUnit(3, 32, 3, stride=2, padded=False)
        self.conv_1 = PictureUnit(32, 32, 3, padded=False)
        self.conv_2 = PictureUnit(32, 64, 3)
        self.conv_3 = PictureUnit(64, 80, 1)
        self.conv_4 = PictureUnit(80, 192, 3, padded=False)
        self._stack(192, {name: partial(LaidOut, layout=layout) for name, layout in MODULES.items()})

    def published(self, state: Mapping[str, Tensor], source: str) -> Mapping[str, Tensor]:
        """The authors' weights under this network's keys, reading RGB, without the last layers.

        Raises:
            InputError: they are of flow, or timm's or torchvision's, which are of another network.
        """
        if any("Conv2d_1a_3x3." in key for key in state):
            raise InputError(
                f"{source}: timm's or torchvision's Inception-v3, which computes something else: it is for "
                f"--backbone ImageNetwork --backbone.model inception_v3"
            )
        return super().published(state, source)


class Branches(PictureBlock):
    """What several layers make of the same input, one behind the other in the channels."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, D, H, W) to (N, D', H', W')."""
        return torch.cat([branch(x) for branch in self.children()], dim=1)


class LaidOut(Branches):
    """One module of Inception-v3; names of its parts, joined, are the published ones."""

    def __init__(self, inputs: int, layout: Layout) -> None:
        super().__init__()
        self.outputs = inputs if layout.halves else 0
        for name, windows in layout.branches.items():
            layers, channels = nn.Sequential(), inputs
            if name == POOLED:
                pool = nn.MaxPool2d if layout.maximum else nn.AvgPool2d
                layers.add_module("pool", pool(3, stride=1, padding=1))
            for place, (outputs, window) in enumerate(windows):
                halved = layout.halves and place == len(windows) - 1
                unit = PictureUnit(channels, outputs, window, stride=1 + halved, padded=not halved)
                layers.add_module(f"conv_{place}" if place else "conv", unit)
                channels = outputs
            if layout.fork and name in FORKED:
                fork = _fork(channels, layout.fork)
                layers.add_module("mixed", fork)
                channels = fork.outputs
            self.add_module(name, layers[0] if name == "conv" else layers)
            self.outputs += channels
        if layout.halves:
            self.pool = nn.MaxPool2d(3, stride=2)


def _fork(inputs: int, outputs: int) -> Branches:
    """Convolutions of 3 x 1 and of 1 x 3 beside each other."""
    ends = Branches()
    ends.outputs = 2 * outputs
    ends.add_module("conv", PictureUnit(inputs, outputs, (3, 1)))
    ends.add_module("conv_1", PictureUnit(inputs, outputs, (1, 3)))
    return ends
