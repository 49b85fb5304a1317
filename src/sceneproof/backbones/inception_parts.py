"""What BN-Inception and Inception-v3 share: their units, their cut, and how their authors' files are read."""

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn
from torch.nn import functional

from sceneproof.backbones.base import Backbone
from sceneproof.backbones.vgg16 import frame_by_frame
from sceneproof.errors import InputError

HEADS = ("fc.", "top_cls_fc.", "new_fc.", "cls_head.", "activity_fc.", "completeness_fc.", "regressor_fc.", "test_fc.")
"""Last layers in the files of the networks alone, of TSN, MMAction2 and SSN."""
LAST = 2
"""Modules, from the end, that are `upper`."""
Window = int | tuple[int, int]


class PictureInception(Backbone):
    """Units, poolings and modules one behind the other, on each of T frames: (B, 3, T, H, W) to (B, D, T, H', W').

    Weights of github.com/yjxiong read frames as BGR; they are turned to RGB when they are read.

    Attributes:
        least: rows and columns of which the strides leave one.
        pools_behind: after how many parts the picture is pooled to half its size, rounded up.
        ends: what its authors' names of a unit's convolution and batch norm end in.
    """

    stride = (1, 32, 32)
    mean = (128.0, 117.0, 104.0)
    least: int
    pools_behind: tuple[int, ...]
    ends: tuple[str, str]
    _lower_dim: int

    def check(self, frames: int, height: int, width: int) -> None:
        """Refuses frames that the strides leave nothing of.

        Raises:
            InputError: names the size given and the smallest it takes.
        """
        if min(height, width) < self.least:
            raise InputError(
                f"{type(self).__name__}: takes frames of at least {self.least} x {self.least} pixels, "
                f"not {height} x {width}"
            )

    @property
    def lower_dim(self) -> int:
        """Channels of the last module but two."""
        return self._lower_dim

    @property
    def lower_stride(self) -> tuple[int, int, int]:
        """As the whole network's: what is left halves nothing."""
        return self.stride

    @property
    def stem(self) -> Sequence[nn.Module]:
        """The first convolution with its normalisation."""
        return (next(self.children()),)

    @property
    def lower_parts(self) -> Sequence[nn.Module]:
        """All but the last two modules."""
        return [*self.children()][:-LAST]

    def forward(self, video: Tensor) -> Tensor:
        """Features (B, D, T, H', W') of a normalised video (B, 3, T, H, W)."""
        return self.upper(self.lower(video))

    def lower(self, video: Tensor) -> Tensor:
        """Features (B, D', T, H', W') of a normalised video (B, 3, T, H, W): the last module's but two."""
        pool, layers = nn.MaxPool2d(3, stride=2, ceil_mode=True), nn.Sequential()
        for place, part in enumerate(self.lower_parts, start=1):
            layers.append(part)
            if place in self.pools_behind:
                layers.append(pool)
        return frame_by_frame(layers, video)

    def upper(self, features: Tensor) -> Tensor:
        """The last two modules, on features (N, D', T, H', W')."""
        return frame_by_frame(nn.Sequential(*[*self.children()][-LAST:]), features)

    def published(self, state: Mapping[str, Tensor], source: str) -> Mapping[str, Tensor]:
        """The authors' weights under this network's keys, reading RGB, without the last layers.

        Files of PyTorch before 0.4 hold a batch norm's numbers as a row, (1, D).

        Raises:
            InputError: the first convolution reads other channels than three: it is of flow, or of differences.
        """
        ours = {self._theirs(key): key for key in self.state_dict()}
        named: dict[str, Tensor] = {}
        for key, value in state.items():
            bare = key.removeprefix("module.").removeprefix("base_model.")
            if not bare.startswith(HEADS):
                named[ours.get(bare, bare)] = value.squeeze(0) if value.ndim == 2 else value
        first = next(iter(self.state_dict()))
        weight = named.get(first)
        if weight is not None and weight.ndim == 4:
            if weight.shape[1] != 3:
                raise InputError(f"{source}: its first convolution reads {weight.shape[1]} channels, not RGB's three")
            named[first] = weight.flip(1)
        return named

    def _stack(self, channels: int, modules: Mapping[str, Callable[[int], "PictureBlock"]]) -> None:
        """Adds modules by name, one behind the other; each is made for the channels of the one before."""
        for name, make in modules.items():
            module = make(channels)
            self.add_module(name, module)
            channels = module.outputs
            if name == [*modules][-LAST - 1]:
                self._lower_dim = channels

    def _theirs(self, key: str) -> str:
        """A key of ours, inception_3a.1x1.bn.weight, as its authors call it: inception_3a_1x1_bn.weight."""
        *path, kind, rest = key.split(".")
        return f"{'_'.join(path)}{self.ends[kind == 'bn']}.{rest}"


class PictureBlock(nn.Module):
    """A module of several branches.

    Attributes:
        outputs: channels of what it gives.
    """

    outputs: int


class PictureUnit(nn.Module):
    """A convolution, batch norm and ReLU; the published convolutions have a bias, too."""

    def __init__(self, inputs: int, outputs: int, window: Window, *, stride: int = 1, padded: bool = True) -> None:
        super().__init__()
        rows, columns = window if isinstance(window, tuple) else (window, window)
        padding = (rows // 2, columns // 2) if padded else 0
        self.conv = nn.Conv2d(inputs, outputs, (rows, columns), stride=stride, padding=padding)
        self.bn = nn.BatchNorm2d(outputs)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")
        assert self.conv.bias is not None
        nn.init.zeros_(self.conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H', W')."""
        return functional.relu(self.bn(self.conv(x)), inplace=True)
