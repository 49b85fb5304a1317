"""C3D: eight convolutions of 3 x 3 x 3 (Tran et al., ICCV 2015)."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn import functional

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError

Layer = Literal["conv5b", "fc6", "fc7"]

CONVOLUTIONS = ("conv1", "conv2", "conv3a", "conv3b", "conv4a", "conv4b", "conv5a", "conv5b")
WIDTHS = (1, 2, 4, 4, 8, 8, 8, 8)
"""Channels behind each, as multiples of the first one's."""
POOLED_AFTER = ("conv1", "conv2", "conv3b", "conv4b")
PUBLISHED_CLIP = (16, 112, 112)
MMACTION = {"conv1a": "conv1", "conv2a": "conv2"}
"""What MMAction2 calls two of the convolutions."""
HEADS = ("fc8.", "cls_head.")


class C3D(Backbone):
    """C3D: (B, 3, T, H, W) to (B, 512, T/8, H/16, W/16), rounded down; or to its fully connected features.

    Up to conv4b it is `lower` (512 features of 4 x 8 x 8), conv5 and what follows are `upper`. fc6 and fc7 give 4096
    features, (B, 4096, 1, 1, 1), of clips of 16 x 112 x 112 alone.

    Source: Tran et al. 2015, figure 3; keys of github.com/DavideA/c3d-pytorch. The published network subtracts the mean
    of each pixel over Sports-1M; MMAction2, whose means these are, subtracts one number a channel.
    """

    def __init__(
        self,
        *,
        features: Layer = "conv5b",
        width: int = 64,
        hidden: int = 4096,
        dropout: float = 0.5,
        batch_norm: bool = False,
        mean: tuple[float, float, float] = (104.0, 117.0, 128.0),
        std: tuple[float, float, float] = Backbone.std,
    ) -> None:
        """Builds the network, with random weights.

        Args:
            features: The layer whose output, behind its ReLU, is the features: conv5b, as localization and detection
                need it; fc6, as the paper classifies by; or fc7.
            width: Channels of the first convolution; the others are multiples. 64 is the published network.
            hidden: Features of the fully connected layers: 4096 in the paper.
            dropout: Behind each of these.
            batch_norm: Whether a batch norm follows each convolution. The paper's has none, and starts from Sports-1M;
                from random weights it learns faster with them.
            mean: Per channel, of pixels from 0 to 255: subtracted.
            std: Per channel, of pixels from 0 to 255: the pixels are divided by it. By default 1.

        Raises:
            InputError: no such layer, no width, or no hidden features.
        """
        super().__init__()
        if features not in get_args(Layer) or width < 1 or hidden < 1:
            raise InputError(
                f"C3D: features is one of {', '.join(get_args(Layer))}, width and hidden at least 1, not {features=}, "
                f"{width=}, {hidden=}"
            )
        self.mean, self.std, self.features = mean, std, features
        channels = 3
        for name, multiple in zip(CONVOLUTIONS, WIDTHS, strict=True):
            convolution = nn.Conv3d(channels, multiple * width, 3, padding=1)
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
            assert convolution.bias is not None
            nn.init.zeros_(convolution.bias)
            setattr(self, name, convolution)
            channels = multiple * width
            if batch_norm:
                setattr(self, f"{name}_bn", nn.BatchNorm3d(channels))
        self.dropout = nn.Dropout(dropout)
        self._layers: list[str] = [] if features == "conv5b" else ["fc6"] if features == "fc6" else ["fc6", "fc7"]
        self.stride, self._lower_dim, self.dim = (8, 16, 16), 8 * width, channels
        size = 16 * channels  # 1 x 4 x 4 places
        for name in self._layers:
            setattr(self, name, nn.Linear(size, hidden))
            size = self.dim = hidden
        if self._layers:
            self.stride = PUBLISHED_CLIP

    def check(self, frames: int, height: int, width: int) -> None:
        """Refuses clips that the poolings leave nothing of, and for fc6 and fc7 any but 16 x 112 x 112.

        Raises:
            InputError: names the size given and what it takes.
        """
        if self._layers and (frames, height, width) != PUBLISHED_CLIP:
            raise InputError(
                f"C3D: {self.features} takes clips of 16 x 112 x 112, not {frames} x {height} x {width}: give "
                f"--task.clip.length 16 --task.clip.size 112, or backbone.features conv5b"
            )
        if frames < 8 or min(height, width) < 16:
            raise InputError(f"C3D: takes clips of at least 8 x 16 x 16, not {frames} x {height} x {width}")

    @property
    def lower_dim(self) -> int:
        """Channels of conv4b."""
        return self._lower_dim

    @property
    def lower_stride(self) -> tuple[int, int, int]:
        """Half of conv5b's."""
        return 4, 8, 8

    @property
    def stem(self) -> Sequence[nn.Module]:
        """The first convolution."""
        return self._of("conv1")

    @property
    def lower_parts(self) -> Sequence[nn.Module]:
        """The convolutions up to conv4b."""
        return self._of(*CONVOLUTIONS[:6])

    def forward(self, video: Tensor) -> Tensor:
        """Features (B, D, T', H', W') of a normalised video (B, 3, T, H, W)."""
        return self.upper(self.lower(video))

    def lower(self, video: Tensor) -> Tensor:
        """Features (B, D', T/4, H/8, W/8) of a normalised video (B, 3, T, H, W): conv4b's."""
        for name in CONVOLUTIONS[:6]:
            video = self._convolved(name, video)
            if name in POOLED_AFTER[:3]:
                video = functional.max_pool3d(video, (1, 2, 2) if name == "conv1" else 2)
        return video

    def upper(self, features: Tensor) -> Tensor:
        """Pooling, conv5a, conv5b, and the fully connected layers, on features (N, D', T', H', W')."""
        maps = functional.max_pool3d(features, 2)
        for name in CONVOLUTIONS[6:]:
            maps = self._convolved(name, maps)
        if not self._layers:
            return maps
        values = pooled(maps).flatten(1)
        for name in self._layers:
            values = self.dropout(functional.relu(self.get_submodule(name)(values)))
        return values[:, :, None, None, None]

    def published(self, state: Mapping[str, Tensor], source: str) -> Mapping[str, Tensor]:
        """Weights of c3d-pytorch or of MMAction2 under this network's keys, without the last layer's."""
        named: dict[str, Tensor] = {}
        for key, value in state.items():
            if key.startswith(HEADS):
                continue
            part, dot, rest = key.removeprefix("backbone.").partition(".")
            named[MMACTION.get(part, part) + dot + rest.removeprefix("conv.")] = value
        return named

    def taken_from(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """All but the fully connected layers that this network does without."""
        unused = tuple(f"{name}." for name in ("fc6", "fc7") if name not in self._layers)
        return {key: value for key, value in state.items() if not key.startswith(unused)} if unused else state

    def _convolved(self, name: str, maps: Tensor) -> Tensor:
        for part in self._of(name):
            maps = part(maps)
        return functional.relu(maps, inplace=True)

    def _of(self, *names: str) -> Sequence[nn.Module]:
        """The convolutions of these names, each with its normalisation, if it has one."""
        own = dict(self.named_children())
        return [own[part] for name in names for part in (name, f"{name}_bn") if part in own]


def pooled(maps: Tensor) -> Tensor:
    """The last pooling, (N, D, 2, 7, 7) to (N, D, 1, 4, 4): one place of padding around the picture, none in time."""
    return functional.max_pool3d(maps, 2, padding=(0, 1, 1))
