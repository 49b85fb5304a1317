"""The 3D-ResNets of Hara, Kataoka and Satoh (CVPR 2018), with the authors' own parameter names."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError

Depth = Literal[10, 18, 34, 50, 101, 152, 200]
Shortcut = Literal["A", "B"]

BLOCKS: dict[Depth, tuple[int, int, int, int]] = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}


class ResNet3D(Backbone):
    """3D-ResNet: (B, 3, T, H, W) to (B, D, T/16, H/32, W/32), rounded up; any clip size from 1 x 1 x 1 on.

    Choi et al. 2019 use depth 18 with shortcut A on 16 x 112 x 112: 512 features on a 1 x 4 x 4 grid.

    Source: Hara et al. 2018, table 1; github.com/kenshohara/3D-ResNets-PyTorch.
    """

    stride = (16, 32, 32)

    def __init__(
        self,
        depth: Depth = 18,
        *,
        shortcut: Shortcut | None = None,
        width: int = 64,
        detached_shortcut: bool = False,
        stem_frames: int = 7,
        max_pool: bool = True,
        mean: tuple[float, float, float] = Backbone.mean,
        std: tuple[float, float, float] = Backbone.std,
    ) -> None:
        """Builds the network.

        Args:
            depth: Number of layers: 10, 18, 34 (basic blocks), 50, 101, 152 or 200 (bottlenecks).
            shortcut: How a shortcut changes size: "A" takes every other pixel and pads channels with zeros, "B" is
                a 1x1x1 convolution. By default A up to depth 34, as SDN has it, and B from 50 on. Of the authors'
                checkpoints, the newer ones are all of type B.
            width: Channels of the first stage; each of the others doubles it. 64 is the published network; 16 is
                a small one for experiments on a CPU.
            detached_shortcut: Let no gradient through the shortcuts of type A that change size, as the authors' code
                does (it copies `out.data`). Only for a faithful reproduction of their training.
            stem_frames: Frames that the first convolution sees: 7, or 3 in some of the newer checkpoints.
            max_pool: Whether a max-pool follows the first convolution; without it all strides are halved.
            mean: Per channel, of pixels from 0 to 255: subtracted. By default ActivityNet's, as the authors have it.
            std: Per channel, of pixels from 0 to 255: the pixels are divided by it. By default 1.

        Raises:
            InputError: a depth or a shortcut that does not exist.
        """
        super().__init__()
        if depth not in BLOCKS or shortcut not in (None, "A", "B"):
            raise InputError(
                f"ResNet3D: unknown {depth=} or {shortcut=}; depths: {', '.join(map(str, BLOCKS))}; shortcuts: A, B"
            )
        self.mean, self.std = mean, std
        if not max_pool:
            self.stride = (8, 16, 16)
        block: type[BasicBlock | Bottleneck] = Bottleneck if depth >= 50 else BasicBlock
        kind: Shortcut = shortcut or ("B" if depth >= 50 else "A")
        self.conv1 = nn.Conv3d(
            3, width, (stem_frames, 7, 7), stride=(1, 2, 2), padding=(stem_frames // 2, 3, 3), bias=False
        )
        self.bn1 = nn.BatchNorm3d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1) if max_pool else nn.Identity()
        make = partial(_stage, block, kind, detached_shortcut)
        sizes = [width * 2**stage for stage in range(4)]
        self.layer1 = make(width, sizes[0], BLOCKS[depth][0], stride=1)
        self.layer2 = make(sizes[0] * block.expansion, sizes[1], BLOCKS[depth][1], stride=2)
        self.layer3 = make(sizes[1] * block.expansion, sizes[2], BLOCKS[depth][2], stride=2)
        self.layer4 = make(sizes[2] * block.expansion, sizes[3], BLOCKS[depth][3], stride=2)
        self.dim = sizes[3] * block.expansion
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, video: Tensor) -> Tensor:
        """Features (B, D, T', H', W') of a normalised video (B, 3, T, H, W)."""
        return self.upper(self.lower(video))

    @property
    def lower_dim(self) -> int:
        """Channels after the third stage: half of the last one's."""
        return self.dim // 2

    @property
    def lower_stride(self) -> tuple[int, int, int]:
        """Half the stride of the whole network."""
        time, height, width = self.stride
        return time // 2, height // 2, width // 2

    @property
    def stem(self) -> Sequence[nn.Module]:
        """The first convolution with its normalisation."""
        return self.conv1, self.bn1

    @property
    def lower_parts(self) -> Sequence[nn.Module]:
        """The first convolution with its normalisation, and three stages."""
        return self.conv1, self.bn1, self.layer1, self.layer2, self.layer3

    def lower(self, video: Tensor) -> Tensor:
        """Features (B, D / 2, T', H', W') after the third stage: conv4_x in R-C3D's terms."""
        stem = self.maxpool(self.relu(self.bn1(self.conv1(video))))
        features: Tensor = self.layer3(self.layer2(self.layer1(stem)))
        return features

    def upper(self, features: Tensor) -> Tensor:
        """The fourth stage."""
        out: Tensor = self.layer4(features)
        return out


class BasicBlock(nn.Module):
    """Two 3x3x3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(inputs, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm3d(planes)
        self.conv2 = nn.Conv3d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm3d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, H, W) to (B, planes, T', H', W')."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += shortcut
        activated: Tensor = self.relu(out)
        return activated


class Bottleneck(nn.Module):
    """A 3x3x3 convolution between two of 1x1x1, beside a shortcut; four times as many channels out as inside."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(planes)
        self.conv2 = nn.Conv3d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm3d(planes)
        self.conv3 = nn.Conv3d(planes, planes * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, H, W) to (B, 4 planes, T', H', W')."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(out)))))
        out += shortcut
        activated: Tensor = self.relu(out)
        return activated


class PaddedShortcut(nn.Module):
    """Shortcut A: every `stride`-th pixel and frame, with zero channels appended; it has no parameters."""

    def __init__(self, extra: int, stride: int, *, detached: bool) -> None:
        super().__init__()
        self.extra, self.stride, self.detached = extra, stride, detached

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) to (B, C + extra, T', H', W')."""
        out = x[:, :, :: self.stride, :: self.stride, :: self.stride]
        if self.detached:
            out = out.detach()
        return functional.pad(out, (0, 0, 0, 0, 0, 0, 0, self.extra))


def _stage(
    block: type[BasicBlock | Bottleneck],
    shortcut: Shortcut,
    detached: bool,
    inputs: int,
    planes: int,
    blocks: int,
    *,
    stride: int,
) -> nn.Sequential:
    outputs = planes * block.expansion
    downsample: nn.Module | None = None
    if stride != 1 or inputs != outputs:
        downsample = (
            PaddedShortcut(outputs - inputs, stride, detached=detached)
            if shortcut == "A"
            else nn.Sequential(nn.Conv3d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm3d(outputs))
        )
    rest = [block(outputs, planes, 1, None) for _ in range(blocks - 1)]
    return nn.Sequential(block(inputs, planes, stride, downsample), *rest)
