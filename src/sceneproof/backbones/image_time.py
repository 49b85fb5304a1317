"""Time in a network of pictures: channels shifted between frames, or kernels inflated. Frames lie in the batch."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from sceneproof.backbones.i3d_parts import same_padding
from sceneproof.errors import InputError

BLOCKS: dict[str, tuple[str, ...]] = {
    "BasicBlock": ("conv1", "conv1_kxk"),
    "Bottleneck": ("conv1",),
    "BottleneckBlock": ("conv1_1x1",),
    "InvertedResidual": ("conv_pw", "conv.0", "block.0"),
    "UniversalInvertedResidual": ("dw_start",),
    "DepthwiseSeparableConv": ("conv_dw",),
    "EdgeResidual": ("conv_exp",),
    "MBConv": ("block.0",),
    "ConvNeXtBlock": ("conv_dw",),
    "CNBlock": ("block.0",),
}
"""Residual blocks of timm and torchvision, by class; where the branch beside the shortcut begins, in either's names."""
SHORTCUTS = ("has_skip", "use_res_connect")
"""Attributes by which a block says whether it has a shortcut at all; one without any always has."""
PADDED_SAME = "Conv2dSame"
"""timm's convolution with TensorFlow's padding, by class."""


@dataclass
class Clips:
    """How many frames of a clip lie behind one another in a batch of pictures; the modules of a network share it."""

    frames: int = 1


def shifted(features: Tensor, frames: int) -> Tensor:
    """An eighth of the channels from the frame behind, an eighth from the frame before, the rest as they are.

    Where there is no such frame, zeros. Source: Lin, Gan and Han, ICCV 2019, figure 1b: shift in both directions.

    Args:
        features: (B T, C, ...), the T frames of a clip behind one another.
        frames: T.
    """
    clips = features.reshape(-1, frames, *features.shape[1:])
    eighth = clips.shape[2] // 8
    moved = torch.zeros_like(clips)
    moved[:, :-1, :eighth] = clips[:, 1:, :eighth]
    moved[:, 1:, eighth : 2 * eighth] = clips[:, :-1, eighth : 2 * eighth]
    moved[:, :, 2 * eighth :] = clips[:, :, 2 * eighth :]
    return moved.flatten(0, 1)


@dataclass
class _Shift:
    """What a module is given, shifted; a hook, so that the module's weights keep their names."""

    clips: Clips

    def __call__(self, module: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
        return (shifted(given[0], self.clips.frames),)


def shift_branches(network: nn.Module, clips: Clips, name: str) -> None:
    """Shifts channels at the beginning of each residual branch of a network.

    Raises:
        InputError: none of its blocks is one of `BLOCKS`; says the network's name.
    """
    branches = [branch for module in network.modules() if (branch := _branch(module)) is not None]
    if not branches:
        raise InputError(
            f"ImageNetwork: {name} has no residual blocks whose channels could be shifted in time; known blocks: "
            f"{', '.join(BLOCKS)}: take time 'mean', or a network with such blocks"
        )
    for branch in branches:
        branch.register_forward_pre_hook(_Shift(clips))


def _branch(block: nn.Module) -> nn.Module | None:
    """The first module of a block's branch; None of a module that is no residual block."""
    if not all(getattr(block, attribute, True) for attribute in SHORTCUTS):
        return None
    own = dict(block.named_modules())
    return next((own[path] for path in BLOCKS.get(type(block).__name__, ()) if path in own), None)


class InflatedConv(nn.Conv3d):
    """A convolution of pictures (B T, C, H, W) whose kernel reaches over time, too, as far as over rows.

    Before the first and behind the last frame these are repeated, so that a clip of equal frames gives what the
    picture gives. Source: Carreira and Zisserman, CVPR 2017, section 2.4.
    """

    def __init__(self, flat: nn.Conv2d, clips: Clips) -> None:
        """Takes over a convolution, its kernel repeated and divided by its length in time.

        Args:
            flat: with a square kernel of odd size.
            clips: how many frames belong together.
        """
        side = flat.kernel_size[0]
        super().__init__(
            flat.in_channels, flat.out_channels, (side, side, side), (1, flat.stride[0], flat.stride[1]),
            dilation=(1, flat.dilation[0], flat.dilation[1]), groups=flat.groups, bias=flat.bias is not None,
            device="meta",
        )  # fmt: skip
        self.weight = nn.Parameter(inflated(flat.weight.detach(), side))
        self.bias = flat.bias
        self.same, self.around, self.clips = type(flat).__name__ == PADDED_SAME, flat.padding, clips

    def forward(self, pictures: Tensor) -> Tensor:
        """Features (B T, C', H', W') of pictures' features (B T, C, H, W)."""
        height, width = pictures.shape[2:]
        if self.same:
            rows = same_padding(height, self.kernel_size[1], self.stride[1])
            columns = same_padding(width, self.kernel_size[2], self.stride[2])
        else:
            rows, columns = ((int(length), int(length)) for length in self.around)
        padded = functional.pad(pictures, (*columns, *rows))
        video = padded.reshape(-1, self.clips.frames, *padded.shape[1:]).transpose(1, 2)
        half = self.kernel_size[0] // 2
        first, last = video[:, :, :1].expand(-1, -1, half, -1, -1), video[:, :, -1:].expand(-1, -1, half, -1, -1)
        longer = torch.cat([first, video, last], dim=2)
        made = functional.conv3d(longer, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)
        return made.transpose(1, 2).flatten(0, 1)


def inflated(kernel: Tensor, length: int) -> Tensor:
    """A kernel (O, I, h, w) as (O, I, length, h, w): the same at each moment, divided by the length."""
    return (kernel / length)[:, :, None].repeat(1, 1, length, 1, 1)


def inflate(network: nn.Module, clips: Clips, name: str) -> None:
    """Inflates each convolution with a square kernel of odd size above 1; the others stay as they are.

    Raises:
        InputError: such a convolution is of a kind that makes its weights anew, or there is none; names the network.
    """
    flat = {
        path: module
        for path, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and module.kernel_size[0] == module.kernel_size[1] and _odd(module)
    }
    for module in flat.values():
        kind = type(module).__name__
        plain = type(module) is nn.Conv2d and not isinstance(module.padding, str) and module.padding_mode == "zeros"
        if (not plain and kind != PADDED_SAME) or (kind == PADDED_SAME and max(module.dilation) > 1):
            raise InputError(
                f"ImageNetwork: {name} has convolutions ({kind}) that cannot be inflated: take time 'mean'"
            )
    if not flat:
        raise InputError(
            f"ImageNetwork: {name} has no convolutions with a kernel of 3 x 3 or more to inflate: take time 'mean'"
        )
    for path, module in flat.items():
        parent, _, own = path.rpartition(".")
        setattr(network.get_submodule(parent), own, InflatedConv(module, clips))


def _odd(module: nn.Conv2d) -> bool:
    return module.kernel_size[0] > 1 and module.kernel_size[0] % 2 == 1
