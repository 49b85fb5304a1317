"""I3D: Inception's modules with filters over space and time (Carreira and Zisserman, CVPR 2017)."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from sceneproof.backbones.base import Backbone
from sceneproof.backbones.i3d_parts import Mixed, SamePool, Size, Unit
from sceneproof.errors import InputError
from sceneproof.optical_flow import SPAN, ZERO

Stream = Literal["rgb", "flow"]
Split = Literal[
    "Mixed_3b", "Mixed_3c", "Mixed_4b", "Mixed_4c", "Mixed_4d", "Mixed_4e", "Mixed_4f", "MaxPool3d_5a_2x2", "Mixed_5b"
]

CHANNELS: dict[Stream, int] = {"rgb": 3, "flow": 2}
# width of each branch: 1x1x1; 1x1x1 and 3x3x3; 1x1x1 and 3x3x3; pooling and 1x1x1 (Szegedy et al. 2015, table 1)
MIXED: dict[str, tuple[int, int, int, int, int, int]] = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
POOLS: dict[str, tuple[str, Size, Size]] = {
    "Mixed_3b": ("MaxPool3d_3a_3x3", (1, 3, 3), (1, 2, 2)),
    "Mixed_4b": ("MaxPool3d_4a_3x3", (3, 3, 3), (2, 2, 2)),
    "Mixed_5b": ("MaxPool3d_5a_2x2", (2, 2, 2), (2, 2, 2)),
}
"""What stands before a module: name, window and stride of a pooling."""
STRIDES: dict[str, Size] = {"3": (2, 8, 8), "4": (4, 16, 16), "5": (8, 32, 32)}
"""Frames, rows and columns that a feature covers, by the digit of its module's name."""


class I3D(Backbone):
    """I3D: (B, 3, T, H, W) to (B, 1024, T/8, H/32, W/32), rounded up; any clip size from 1 x 1 x 1 on.

    The published network saw 64 frames of 224 x 224 at 25 a second, with pixels from -1 to 1. Its parts have the
    names that the authors gave them, and pad as TensorFlow's 'SAME' does: one more behind than before where the
    number is odd. `lower` ends behind the module that `split` names; `stages` gives the features behind each.

    Source: Carreira and Zisserman 2017, figure 3; github.com/deepmind/kinetics-i3d.
    """

    dim = 1024
    stride = STRIDES["5"]
    mean = (127.5, 127.5, 127.5)
    std = (127.5, 127.5, 127.5)

    def __init__(self, *, stream: Stream = "rgb", split: Split = "Mixed_4f") -> None:
        """Builds the network, with random weights.

        Args:
            stream: rgb, three channels; or flow, two: optical flow along x and y, cut off at 20 pixels a frame and
                divided by 20, as `sceneproof prepare --flow` keeps it in red and green; blue is left out.
            split: The last module of `lower`, from which localization and detection start: Mixed_4f has features of
                4 x 16 x 16, Mixed_3c of 2 x 8 x 8. MaxPool3d_5a_2x2, just above Mixed_4f, is where features that are
                kept take the least room.

        Raises:
            InputError: a stream or a module that does not exist.
        """
        super().__init__()
        splits = get_args(Split)
        if stream not in CHANNELS or split not in splits:
            raise InputError(
                f"I3D: unknown {stream=} or {split=}; streams: {', '.join(CHANNELS)}; modules to split behind: "
                f"{', '.join(splits)}"
            )
        self.stream, self.split = stream, split
        if stream == "flow":
            self.mean, self.std = (float(ZERO),) * 3, (float(SPAN),) * 3
        self.stages = nn.ModuleDict(
            {
                "Conv3d_1a_7x7": Unit(CHANNELS[stream], 64, 7, stride=2),
                "MaxPool3d_2a_3x3": SamePool((1, 3, 3), (1, 2, 2)),
                "Conv3d_2b_1x1": Unit(64, 64, 1),
                "Conv3d_2c_3x3": Unit(64, 192, 3),
            }
        )
        channels = 192
        for name, widths in MIXED.items():
            if name in POOLS:
                pool, window, stride = POOLS[name]
                self.stages[pool] = SamePool(window, stride)
            self.stages[name] = Mixed(channels, widths)
            channels = width_of(name)

    def forward(self, video: Tensor) -> Tensor:
        """Features (B, 1024, T', H', W') of a normalised video (B, C, T, H, W).

        Raises:
            InputError: another number of channels than the stream has.
        """
        return self.upper(self.lower(video))

    def stages_of(self, video: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Features (B, D, T', H', W') behind each of some modules, by name, in one pass that ends at the last.

        Args:
            video: (B, C, T, H, W), normalised.
            names: of modules: Mixed_3c, Mixed_4f, Conv3d_2c_3x3, or any other key of `stages`.

        Raises:
            InputError: an unknown name, or another number of channels than the stream has.
        """
        video = self._channels(video)
        for name in names:
            if name not in self.stages:
                raise InputError(f"I3D: no module {name!r}; there are: {', '.join(self.stages)}")
        features: dict[str, Tensor] = {}
        for name, stage in self.stages.items():
            if len(features) == len(set(names)):
                break
            video = stage(video)
            if name in names:
                features[name] = video
        return features

    @property
    def lower_dim(self) -> int:
        """Channels behind the module `split`."""
        return width_of("Mixed_4f" if self.split == "MaxPool3d_5a_2x2" else self.split)

    @property
    def lower_stride(self) -> Size:
        """Frames, rows and columns that one feature behind the module `split` covers."""
        return STRIDES[self.split.partition("_")[2][0]]

    @property
    def stem(self) -> Sequence[nn.Module]:
        """The first convolution with its normalisation."""
        return (self.stages["Conv3d_1a_7x7"],)

    @property
    def lower_parts(self) -> Sequence[nn.Module]:
        """All modules up to `split`."""
        return self._parts()[0]

    def lower(self, video: Tensor) -> Tensor:
        """Features (B, D', T', H', W') of a normalised video (B, C, T, H, W), behind the module `split`.

        Raises:
            InputError: another number of channels than the stream has.
        """
        video = self._channels(video)
        for stage in self._parts()[0]:
            video = stage(video)
        return video

    def upper(self, features: Tensor) -> Tensor:
        """The modules behind `split`, on features (N, D', T', H', W')."""
        for stage in self._parts()[1]:
            features = stage(features)
        return features

    def taken_from(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """All of it.

        Raises:
            InputError: weights of the other stream.
        """
        first = state.get("stages.Conv3d_1a_7x7.conv.weight")
        channels = CHANNELS[self.stream]
        if first is not None and first.ndim == 5 and first.shape[1] != channels:
            raise InputError(
                f"I3D: the weights are of {first.shape[1]} channels, the stream {self.stream} has {channels}: "
                f"give backbone.stream {'flow' if channels == 3 else 'rgb'}"
            )
        return state

    def _parts(self) -> tuple[list[nn.Module], list[nn.Module]]:
        parts, names = list(self.stages.values()), list(self.stages)
        end = names.index(self.split) + 1
        return parts[:end], parts[end:]

    def _channels(self, video: Tensor) -> Tensor:
        """The channels that the stream reads: of pictures of flow the first two."""
        channels = CHANNELS[self.stream]
        if self.stream == "flow" and video.shape[1] == 3:
            return video[:, :channels]
        if video.shape[1] != channels:
            raise InputError(f"I3D: the stream {self.stream} takes {channels} channels, not {video.shape[1]}")
        return video


def width_of(name: str) -> int:
    """Channels behind a module of `MIXED`: those of its four branches."""
    first, _, second, _, third, fourth = MIXED[name]
    return first + second + third + fourth


def pooled_over_time(features: Tensor) -> Tensor:
    """(B, D, T', H', W') to (B, D): what the published network's last layer reads, its scores' mean over time.

    The network averages windows of two steps in time over the whole grid, gives scores to each window and takes
    their mean. The layer is linear, so this is the layer's score of the windows' mean, in which the first and the last
    step count half as much as the others. A clip of one step, up to 8 frames, has a single window.
    """
    return torch.einsum("bdt,t->bd", features.mean(dim=(3, 4)), shares_of_time(features.shape[2]).to(features))


def shares_of_time(steps: int) -> Tensor:
    """How much each of T' steps counts in `pooled_over_time`: float32 (T',), of sum 1."""
    shares = torch.ones(steps)
    if steps > 2:
        shares[[0, -1]] = 0.5
    return shares / shares.sum()
