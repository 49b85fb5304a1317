"""VGG-16 as SSD reduces it, which sees a video frame by frame: the 2D network of the paper's detection."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError

CONVOLUTIONS = {
    f"{place}.{kind}" for place in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28) for kind in ("weight", "bias")
}
"""Keys of a file of torchvision's `vgg16().features` alone, without batch normalisation."""
LEAST = 12  # rows and columns that four poolings leave one of


class VGG16(Backbone):
    """Frames (B, 3, T, H, W) to features (B, D, T, H', W'), each of one frame alone.

    Convolutions up to conv4_3 are `lower` (512 features, stride 8); pool4, conv5, and fc6 and fc7 as convolutions are
    `upper` (1024 features, stride 16). With `hidden` the upper part ends in the fully connected layers that Choi et
    al. 2019 train it with: pooled to 7 x 7, two of 4096, and D = 4096 features a frame.

    Source: Simonyan and Zisserman 2015; Liu et al. 2016 (SSD), section 3; `models/vgg.py` of github.com/vt-vl-lab/SDN.
    """

    stride = (1, 16, 16)

    def __init__(
        self,
        *,
        width: int = 64,
        hidden: int = 0,
        dropout: float = 0.5,
        batch_norm: bool = False,
        bgr: bool = False,
        mean: tuple[float, float, float] = (123.0, 117.0, 104.0),
        std: tuple[float, float, float] = Backbone.std,
    ) -> None:
        """Builds the network, with random weights.

        Args:
            width: Channels of the first layers; the others are multiples of it, as in the paper. Less for experiments.
            hidden: Features of the two fully connected layers of classification: 4096 in Choi et al. 2019. 0 leaves
                them out, as detection needs it; it takes the other layers from a network that has them.
            dropout: Behind each of these two.
            batch_norm: Whether a batch norm follows each convolution. The paper's has none, and starts from ImageNet;
                from random weights it learns faster with them.
            bgr: Whether its weights read frames as BGR, as Caffe's do; frames and `mean` are RGB all the same.
            mean: Per channel, of pixels from 0 to 255: subtracted. By default SSD's.
            std: Per channel, of pixels from 0 to 255: the pixels are divided by it. By default 1.

        Raises:
            InputError: no width, or a negative size of the hidden layers.
        """
        super().__init__()
        if width < 1 or hidden < 0:
            raise InputError(f"VGG16: width must be at least 1 and hidden at least 0, not {width=} and {hidden=}")
        self.mean, self.std, self.hidden, self.bgr = mean, std, hidden, bgr
        sizes = [size if isinstance(size, str) else size * width // 64 for size in cfgs["D"][:-1]]
        layers = [*make_layers(sizes, batch_norm=batch_norm)]
        pools = [place for place, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
        layers[pools[2]].ceil_mode = True  # 300 pixels become 38, as in SSD
        norm: Callable[[int], list[nn.Module]] = (lambda size: [nn.BatchNorm2d(size)]) if batch_norm else lambda _: []
        layers += [
            nn.MaxPool2d(3, stride=1, padding=1),
            *(nn.Conv2d(8 * width, 16 * width, 3, padding=6, dilation=6), *norm(16 * width), nn.ReLU(inplace=True)),
            *(nn.Conv2d(16 * width, 16 * width, 1), *norm(16 * width), nn.ReLU(inplace=True)),
        ]
        # one sequence, so that keys are those of SSD's and SDN's files
        self.layers = nn.Sequential(*layers)
        self._stem, self._lower = pools[0], pools[3]
        self._width = width
        self.dim = hidden or 16 * width
        self.mlp = _fully_connected(49 * 16 * width, hidden, dropout) if hidden else None
        for module in self.layers:
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)

    def check(self, frames: int, height: int, width: int) -> None:
        """Refuses frames that the poolings leave nothing of.

        Raises:
            InputError: names the size given and the smallest it takes.
        """
        if min(height, width) < LEAST:
            raise InputError(f"VGG16: takes frames of at least {LEAST} x {LEAST} pixels, not {height} x {width}")

    def forward(self, video: Tensor) -> Tensor:
        """Features (B, D, T, H', W') of a normalised video (B, 3, T, H, W); H' and W' are 1 with `hidden`."""
        return self.upper(self.lower(video))

    @property
    def lower_dim(self) -> int:
        """Channels of conv4_3."""
        return 8 * self._width

    @property
    def lower_stride(self) -> tuple[int, int, int]:
        """Every frame, each eighth row and column."""
        return 1, 8, 8

    @property
    def stem(self) -> Sequence[nn.Module]:
        """Both convolutions of the first block."""
        return tuple(self.layers[: self._stem])

    @property
    def lower_parts(self) -> Sequence[nn.Module]:
        """All up to conv4_3."""
        return tuple(self.layers[: self._lower])

    def lower(self, video: Tensor) -> Tensor:
        """Features (B, D', T, H', W') of a normalised video (B, 3, T, H, W): conv4_3."""
        return frame_by_frame(self.layers[: self._lower], video.flip(1) if self.bgr else video)

    def upper(self, features: Tensor) -> Tensor:
        """Conv5 to fc7 on features (N, D', T, H', W'), and what is `hidden`: (N, D, T, H", W")."""
        maps = frame_by_frame(self.layers[self._lower :], features)
        return maps if self.mlp is None else frame_by_frame(self.mlp, maps)

    def published(self, state: Mapping[str, Tensor], source: str) -> Mapping[str, Tensor] | None:
        """Of a file with the thirteen convolutions alone, these; fc6 and fc7 keep the random weights that they have."""
        if "28.weight" not in state or not all(key in CONVOLUTIONS for key in state):
            return None
        new = {
            key: value for key, value in self.state_dict().items() if key.removeprefix("layers.") not in CONVOLUTIONS
        }
        return {**{f"layers.{key}": value for key, value in state.items()}, **new}

    def taken_from(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Without `hidden`, all but the fully connected layers."""
        return {key: value for key, value in state.items() if self.hidden or not key.startswith("mlp.")}


def frame_by_frame(layers: nn.Module, video: Tensor) -> Tensor:
    """What a 2D network makes of each frame: (B, C, T, H, W) to (B, D, T, H', W')."""
    frames: Tensor = layers(video.transpose(1, 2).flatten(0, 1))
    return frames.reshape(video.shape[0], video.shape[2], *frames.shape[1:]).transpose(1, 2)


def _fully_connected(inputs: int, hidden: int, dropout: float) -> nn.Sequential:
    """Maps (N, D, H, W) to (N, hidden, 1, 1); the keys of SDN's `mlp` are those of `layers`."""
    layers = nn.Sequential(
        *(nn.Linear(inputs, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)),
        *(nn.Linear(hidden, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)),
    )
    parts = OrderedDict(
        pool=nn.AdaptiveAvgPool2d(7), flat=nn.Flatten(), layers=layers, maps=nn.Unflatten(1, (-1, 1, 1))
    )
    return nn.Sequential(parts)
