"""What SSD puts on a backbone: extra layers of ever coarser maps, and the heads on all maps."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.ssd import SSDHead

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError

DEEP_STRIDES = 4  # levels that each halve the map; behind them, convolutions without padding shrink it


class Levels(nn.Module):
    """Maps of each frame, finest first: the backbone's lower and upper features, then the extra layers' in turn.

    Attributes:
        widths: channels of each map.
    """

    def __init__(self, backbone: Backbone, levels: int, norm_scale: float) -> None:
        super().__init__()
        dim = backbone.dim
        outputs = [dim // 2, *(dim // 4 for _ in range(levels - 3))]
        inside = [dim // 4, *(dim // 8 for _ in range(levels - 3))]
        self.widths = [backbone.lower_dim, dim, *outputs[: levels - 2]]
        self.scale = nn.Parameter(torch.full((backbone.lower_dim,), norm_scale))
        self.extras = nn.ModuleList(
            _extra(before, middle, after, halves=place < DEEP_STRIDES - 2)
            for place, (before, middle, after) in enumerate(zip(self.widths[1:], inside, self.widths[2:], strict=False))
        )

    def forward(self, lower: Tensor, upper: Tensor) -> list[Tensor]:
        """Maps (N, D, H', W') of lower and upper features (N, D, H', W') of N frames.

        Raises:
            InputError: upper features that are not half of the lower ones' size, or too small frames for the levels.
        """
        if any(abs(size - before / 2) > 1 for size, before in zip(upper.shape[-2:], lower.shape[-2:], strict=True)):
            raise InputError(
                f"SSD: the backbone's upper features must have half of the rows and columns of the lower ones, "
                f"{lower.shape[-2]} x {lower.shape[-1]}, not {upper.shape[-2]} x {upper.shape[-1]} (VGG16: hidden 0)"
            )
        # the lower features are larger than the others by far (ParseNet; Liu et al. 2016, section 3.1)
        maps = [functional.normalize(lower) * self.scale[:, None, None], upper]
        for place, extra in enumerate(self.extras):
            if place >= DEEP_STRIDES - 2 and min(maps[-1].shape[-2:]) < 3:
                raise InputError(
                    f"SSD: after {len(maps)} levels the map is down to {maps[-1].shape[-2]} x {maps[-1].shape[-1]} "
                    f"cells: give larger frames, or only {len(maps)} aspect_ratios and {len(maps) + 1} scales"
                )
            maps.append(extra(maps[-1]))
        return maps

    def strides(
        self, maps: Sequence[Tensor], size: tuple[int, int], finest: tuple[int, int]
    ) -> list[tuple[float, float]]:
        """Rows and columns of the frame that a cell of each map covers.

        Halved maps step by whole pixels, the others divide the frame; at 300 x 300 these are the released code's.
        """
        halved = [(finest[0] * 2.0**level, finest[1] * 2.0**level) for level in range(DEEP_STRIDES)]
        rest = [(size[0] / grid.shape[-2], size[1] / grid.shape[-1]) for grid in maps[DEEP_STRIDES:]]
        return [*halved[: len(maps)], *rest]


def heads(widths: Sequence[int], boxes: Sequence[int], actions: int) -> SSDHead:
    """torchvision's: a convolution a map for A + 1 classes, the first one background, and one for four offsets."""
    return SSDHead(list(widths), list(boxes), actions + 1)


def _extra(before: int, middle: int, after: int, *, halves: bool) -> nn.Sequential:
    last = nn.Conv2d(middle, after, 3, stride=2, padding=1) if halves else nn.Conv2d(middle, after, 3)
    first = nn.Conv2d(before, middle, 1)
    for layer in (first, last):
        nn.init.xavier_uniform_(layer.weight)
        layer.state_dict()["bias"].zero_()
    return nn.Sequential(first, nn.ReLU(inplace=True), last, nn.ReLU(inplace=True))
