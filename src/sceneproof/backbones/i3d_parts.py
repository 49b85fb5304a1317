"""What I3D is made of: convolutions and poolings that pad as TensorFlow does, and Inception's module of them."""

import torch
from torch import Tensor, nn
from torch.nn import functional

Size = tuple[int, int, int]


class Unit(nn.Module):
    """A convolution without bias, padded as 'SAME' has it, batch norm and ReLU."""

    def __init__(self, inputs: int, outputs: int, window: int, *, stride: int = 1) -> None:
        super().__init__()
        self.window, self.stride, self.padding = window, stride, window // 2 if stride == 1 else 0
        self.conv = nn.Conv3d(inputs, outputs, window, stride=stride, padding=self.padding, bias=False)
        # the authors' layer has no factor: their files fill it with 1. Their momentum, .001, takes thousands of steps
        # before evaluation is right; torch's default does not
        self.bn = nn.BatchNorm3d(outputs, eps=1e-3)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, H, W) to (B, outputs, T', H', W')."""
        return functional.relu(self.bn(self.conv(self.padded(x))), inplace=True)

    def padded(self, x: Tensor) -> Tensor:
        """With the zeros around it that the convolution does not add itself: where it has a stride."""
        if self.stride == 1:
            return x
        ends = [same_padding(size, self.window, self.stride) for size in x.shape[2:]]
        return functional.pad(x, [side for end in reversed(ends) for side in end])


class FusedUnit(nn.Module):
    """A unit in evaluation, its normalisation within the convolution's weights."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        mean, variance = unit.bn.running_mean, unit.bn.running_var
        assert mean is not None, "the units keep their statistics"
        assert variance is not None, "the units keep their statistics"
        factor = unit.bn.weight * (variance + unit.bn.eps).rsqrt()
        weight = unit.conv.weight * factor.view(-1, 1, 1, 1, 1)
        self.weight = weight.detach().contiguous(memory_format=torch.channels_last_3d)
        self.bias = (unit.bn.bias - mean * factor).detach()
        self.padded = unit.padded
        self.padding, self.stride = [unit.padding] * 3, [unit.stride] * 3

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, H, W) to (B, outputs, T', H', W')."""
        x = self.padded(x)
        if x.device.type == "cpu" and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]  # torch's own
            # by name, since torch gives clips that come one by one to a way that takes twice as long
            maps: Tensor = torch.mkldnn_convolution(x, self.weight, self.bias, self.padding, self.stride, [1] * 3, 1)
        else:
            maps = functional.conv3d(x, self.weight, self.bias, self.stride, self.padding)
        return maps.relu_()


class SamePool(nn.Module):
    """Max-pooling of windows that are cut off at the edges, placed as TensorFlow's 'SAME' places them."""

    def __init__(self, window: Size, stride: Size) -> None:
        super().__init__()
        self.window, self.stride = window, stride

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) to (B, C, T', H', W'), sizes over the stride, rounded up."""
        sizes = zip(x.shape[2:], self.window, self.stride, strict=True)
        before = [same_padding(size, window, stride)[0] for size, window, stride in sizes]
        # rounding up is what adds the padding behind, where it is one more than before
        return functional.max_pool3d(x, self.window, self.stride, before, ceil_mode=True)


class Mixed(nn.Module):
    """Four branches beside each other: two of two convolutions, one of one, and one of a pooling and a convolution."""

    def __init__(self, inputs: int, widths: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        direct, before_second, second, before_third, third, fourth = widths
        self.b0 = Unit(inputs, direct, 1)
        self.b1 = nn.Sequential(Unit(inputs, before_second, 1), Unit(before_second, second, 3))
        self.b2 = nn.Sequential(Unit(inputs, before_third, 1), Unit(before_third, third, 3))
        self.b3 = nn.Sequential(SamePool((3, 3, 3), (1, 1, 1)), Unit(inputs, fourth, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, H, W) to (B, sum of the branches' widths, T, H, W)."""
        return torch.cat([self.b0(x), self.b1(x), self.b2(x), self.b3(x)], dim=1)


def same_padding(size: int, window: int, stride: int) -> tuple[int, int]:
    """How many places TensorFlow's 'SAME' adds before and behind a row of `size`: the odd one stands behind."""
    steps = -(-size // stride)
    total = max((steps - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def fuse(network: nn.Module) -> None:
    """Makes a filled network quick, for answers alone: it takes less than half the time, and cannot be trained.

    Args:
        network: an `I3D`, on its device; its units are replaced. It wants videos with channels innermost in memory.
    """
    for name, part in list(network.named_children()):
        if isinstance(part, Unit):
            setattr(network, name, FusedUnit(part))
        else:
            fuse(part)
