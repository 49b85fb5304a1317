"""S3D and S3D-G: I3D's modules with space and time convolved in turn, and gates (Xie et al., ECCV 2018)."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from sceneproof.backbones.base import Backbone
from sceneproof.backbones.i3d import MIXED, width_of
from sceneproof.errors import InputError

Stem = Literal["space_to_depth", "joint", "separable"]
Size = tuple[int, int, int]

LOWER = ("mixed_3b", "mixed_3c", "pool_4a", "mixed_4b", "mixed_4c", "mixed_4d", "mixed_4e", "mixed_4f")
UPPER = ("pool_5a", "mixed_5b", "mixed_5c")
# places of github.com/kylemin/S3D's one sequence, and of its branches
SEQUENCE = {
    **{"0": "conv1", "2": "conv_2b", "3": "conv_2c", "5": "mixed_3b", "6": "mixed_3c"},
    **{"8": "mixed_4b", "9": "mixed_4c", "10": "mixed_4d", "11": "mixed_4e", "12": "mixed_4f"},
    **{"14": "mixed_5b", "15": "mixed_5c"},
}
BRANCHES = {
    **{"branch0.0": "conv_b0", "branch1.0": "conv_b1_a", "branch1.1": "conv_b1_b"},
    **{"branch2.0": "conv_b2_a", "branch2.1": "conv_b2_b", "branch3.1": "conv_b3_b"},
}
LAYERS = {"conv": "conv1", "bn": "bn1", "conv_s": "conv1", "bn_s": "bn1", "conv_t": "conv2", "bn_t": "bn2"}
HEADS = ("fc.", "text_module.")


class S3DG(Backbone):
    """S3D-G: (B, 3, T, H, W) to (B, 1024, T/8, H/32, W/32), rounded up.

    Up to Mixed_4f it is `lower` (832 features of 4 x 16 x 16). Two published networks are of this shape, with stems and
    pixels of their own: HowTo100M's (space_to_depth, gates; 16 or 32 frames of 200 to 256 pixels), and kylemin's of
    Kinetics-400 (separable, without gates; 64 frames of 224). Parts have the names of HowTo100M's.

    Source: Xie et al. 2018, figures 5 and 8; github.com/antoine77340/S3D_HowTo100M; github.com/kylemin/S3D.
    """

    dim = 1024
    stride = (8, 32, 32)

    def __init__(self, *, stem: Stem = "space_to_depth", gates: bool | None = None) -> None:
        """Builds the network, with random weights.

        Args:
            stem: The first convolution: space_to_depth, 2 x 4 x 4 on blocks of 2 x 2 x 2 pixels, HowTo100M's; joint, 3
                x 7 x 7; separable, 7 x 7 in space and then 7 in time, kylemin's, with his padding and normalisation.
            gates: Whether channels are weighed by what the whole clip says. By default S3D-G's are, and those of the
                separable stem are not, as they were published.

        Raises:
            InputError: a stem that does not exist.
        """
        super().__init__()
        if stem not in get_args(Stem):
            raise InputError(f"S3DG: unknown {stem=}; known: {', '.join(get_args(Stem))}")
        gated = stem != "separable" if gates is None else gates
        symmetric, eps = stem == "separable", 1e-3 if stem == "separable" else 1e-5
        self.stem_kind = stem
        self.mean, self.std = ((127.5,) * 3, (127.5,) * 3) if symmetric else ((0.0,) * 3, (255.0,) * 3)
        if stem == "space_to_depth":
            self.conv1 = SpaceTimeUnit(24, 64, (2, 4, 4), padding=(1, 2, 2), eps=eps)
        elif stem == "joint":
            self.conv1 = SpaceTimeUnit(3, 64, (3, 7, 7), stride=2, padding=(1, 3, 3), eps=eps)
        else:
            self.conv1 = SpaceTimeUnit(3, 64, (7, 7, 7), stride=2, padding=(3, 3, 3), eps=eps, separable=True)
        self.conv_2b = SpaceTimeUnit(64, 64, (1, 1, 1), eps=eps)
        self.conv_2c = SpaceTimeUnit(64, 192, (3, 3, 3), padding=(1, 1, 1), eps=eps, separable=True)
        self.gating = FeatureGate(192) if gated else None
        self.pool_2a, self.pool_3a = (PaddedPool((1, 3, 3), (1, 2, 2), symmetric=symmetric) for _ in range(2))
        channels = 192
        for name, widths in MIXED.items():
            if name == "Mixed_4b":
                self.pool_4a = PaddedPool((3, 3, 3), (2, 2, 2), symmetric=symmetric)
            elif name == "Mixed_5b":
                self.pool_5a = PaddedPool((2, 2, 2), (2, 2, 2), symmetric=symmetric)
            setattr(self, name.lower(), SeparableMixed(channels, widths, eps=eps, gated=gated))
            channels = width_of(name)

    def check(self, frames: int, height: int, width: int) -> None:
        """Refuses clips that blocks of 2 x 2 x 2 do not fill.

        Raises:
            InputError: names the size given.
        """
        if self.stem_kind == "space_to_depth" and (frames % 2 or height % 2 or width % 2):
            raise InputError(
                f"S3DG: the stem space_to_depth takes an even number of frames and pixels, not {frames} x {height} x "
                f"{width}"
            )

    @property
    def lower_dim(self) -> int:
        """Channels of Mixed_4f."""
        return width_of("Mixed_4f")

    @property
    def lower_stride(self) -> Size:
        """Half the stride of the whole network."""
        return 4, 16, 16

    @property
    def stem(self) -> Sequence[nn.Module]:
        """The first convolution."""
        return (self.conv1,)

    @property
    def lower_parts(self) -> Sequence[nn.Module]:
        """All modules up to Mixed_4f."""
        own = dict(self.named_children())
        first = ("conv1", "pool_2a", "conv_2b", "conv_2c", "gating", "pool_3a")
        return [own[name] for name in (*first, *LOWER) if name in own]

    def forward(self, video: Tensor) -> Tensor:
        """Features (B, 1024, T', H', W') of a normalised video (B, 3, T, H, W)."""
        return self.upper(self.lower(video))

    def lower(self, video: Tensor) -> Tensor:
        """Features (B, 832, T', H', W') of a normalised video (B, 3, T, H, W): Mixed_4f's."""
        if self.stem_kind == "space_to_depth":
            # one more place is convolved before than behind, as TensorFlow's 'SAME' has it for this stride
            maps = self.conv1(space_to_depth(video))[:, :, 1:, 1:, 1:]
        else:
            maps = self.conv1(video)
        maps = self.conv_2c(self.conv_2b(self.pool_2a(maps)))
        if self.gating is not None:
            maps = self.gating(maps)
        return self._through(LOWER, self.pool_3a(maps))

    def upper(self, features: Tensor) -> Tensor:
        """Pooling and the last two modules, on features (N, 832, T', H', W')."""
        return self._through(UPPER, features)

    def published(self, state: Mapping[str, Tensor], source: str) -> Mapping[str, Tensor]:
        """HowTo100M's or kylemin's weights under this network's keys, without heads and the network of texts."""
        kept = {key: value for key, value in state.items() if not key.startswith(HEADS)}
        if any(key.startswith("base.") for key in kept):
            return {_named(key): value for key, value in kept.items()}
        return kept

    def _through(self, names: Sequence[str], maps: Tensor) -> Tensor:
        for name in names:
            maps = self.get_submodule(name)(maps)
        return maps


class SpaceTimeUnit(nn.Module):
    """A convolution without bias, batch norm and ReLU; separable ones over space first, then over time."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        window: Size,
        *,
        stride: int = 1,
        padding: Size = (0, 0, 0),
        eps: float,
        separable: bool = False,
    ) -> None:
        super().__init__()
        if not separable:
            self.conv1 = nn.Conv3d(inputs, outputs, window, stride=stride, padding=padding, bias=False)
            self.bn1 = nn.BatchNorm3d(outputs, eps=eps)
        else:
            (time, rows, columns), (before, above, left) = window, padding
            in_space, in_time = (1, stride, stride), (stride, 1, 1)
            self.conv1 = nn.Conv3d(inputs, outputs, (1, rows, columns), in_space, (0, above, left), bias=False)
            self.bn1 = nn.BatchNorm3d(outputs, eps=eps)
            self.conv2 = nn.Conv3d(outputs, outputs, (time, 1, 1), in_time, (before, 0, 0), bias=False)
            self.bn2 = nn.BatchNorm3d(outputs, eps=eps)
        self.separable = separable
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, H, W) to (B, outputs, T', H', W')."""
        x = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        return functional.relu(self.bn2(self.conv2(x)), inplace=True) if self.separable else x


class FeatureGate(nn.Module):
    """Feature gating: y = x · sigmoid(W mean(x) + b), the mean over time and space (Xie et al. 2018, section 5)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) to the same shape."""
        return torch.sigmoid(self.fc(x.mean(dim=(2, 3, 4))))[:, :, None, None, None] * x


class PaddedPool(nn.Module):
    """Max-pooling of what is not negative: padded evenly, or by zeros of which the odd one stands behind."""

    def __init__(self, window: Size, stride: Size, *, symmetric: bool) -> None:
        super().__init__()
        self.window, self.stride, self.symmetric = window, stride, symmetric

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) to (B, C, T', H', W')."""
        if self.symmetric:
            return functional.max_pool3d(
                x, self.window, self.stride, [size // 2 if size > 2 else 0 for size in self.window]
            )
        missing = [size - step for size, step in zip(self.window, self.stride, strict=True)]
        sides = [side for total in reversed(missing) for side in (total // 2, total - total // 2)]
        return functional.max_pool3d(functional.pad(x, sides), self.window, self.stride, ceil_mode=True)


class SeparableMixed(nn.Module):
    """I3D's four branches with separable convolutions, each branch with a gate of its own where there are gates."""

    def __init__(self, inputs: int, widths: tuple[int, int, int, int, int, int], *, eps: float, gated: bool) -> None:
        super().__init__()
        direct, before_second, second, before_third, third, fourth = widths
        self.conv_b0 = SpaceTimeUnit(inputs, direct, (1, 1, 1), eps=eps)
        self.conv_b1_a = SpaceTimeUnit(inputs, before_second, (1, 1, 1), eps=eps)
        self.conv_b1_b = SpaceTimeUnit(before_second, second, (3, 3, 3), padding=(1, 1, 1), eps=eps, separable=True)
        self.conv_b2_a = SpaceTimeUnit(inputs, before_third, (1, 1, 1), eps=eps)
        self.conv_b2_b = SpaceTimeUnit(before_third, third, (3, 3, 3), padding=(1, 1, 1), eps=eps, separable=True)
        self.conv_b3_b = SpaceTimeUnit(inputs, fourth, (1, 1, 1), eps=eps)
        self.gated = gated
        if gated:
            for number, width in enumerate((direct, second, third, fourth)):
                setattr(self, f"gating_b{number}", FeatureGate(width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, H, W) to (B, sum of the branches' widths, T, H, W)."""
        around = functional.max_pool3d(x, 3, stride=1, padding=1)
        branches = [
            self.conv_b0(x),
            self.conv_b1_b(self.conv_b1_a(x)),
            self.conv_b2_b(self.conv_b2_a(x)),
            self.conv_b3_b(around),
        ]
        if self.gated:
            branches = [self.get_submodule(f"gating_b{number}")(maps) for number, maps in enumerate(branches)]
        return torch.cat(branches, dim=1)


def space_to_depth(video: Tensor) -> Tensor:
    """Blocks of 2 x 2 x 2 pixels as channels, colours side by side: (B, C, T, H, W) to (B, 8 C, T/2, H/2, W/2)."""
    batch, channels, frames, height, width = video.shape
    blocks = video.reshape(batch, channels, frames // 2, 2, height // 2, 2, width // 2, 2)
    return blocks.permute(0, 3, 5, 7, 1, 2, 4, 6).reshape(batch, 8 * channels, frames // 2, height // 2, width // 2)


def _named(key: str) -> str:
    """A key of kylemin's under ours; one of nothing that we know as it is."""
    _, place, *rest = key.split(".")
    branch = ".".join(rest[:2])
    inner = [BRANCHES[branch], *rest[2:]] if branch in BRANCHES else rest
    names = [SEQUENCE.get(place, place), *(LAYERS.get(part, part) for part in inner)]
    return ".".join(names)
