"""SSD's default boxes, which of them answers for which person, and its layers and heads on a backbone.

Boxes are float tensors (..., 4) of x1 y1 x2 y2 in pixels; x2 and y2 are exclusive.
"""

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.ssd import SSDHead, SSDScoringHead
from torchvision.ops import box_convert, box_iou

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError

BACKGROUND = -1
"""Of a default box that answers for nobody, in place of a truth."""
UNKNOWN = -1
"""Of a default box that is neither background nor an action, in place of a class."""


def default_boxes(
    grids: Sequence[tuple[int, int]],
    size: tuple[int, int],
    *,
    strides: Sequence[tuple[float, float]],
    scales: Sequence[float],
    aspect_ratios: Sequence[Sequence[float]],
    device: torch.device | None = None,
) -> Tensor:
    """Boxes (P, 4) of several shapes around the middle of each cell of each map, maps slowest, shapes fastest.

    A map of scale s has, in parts of the frame, squares of s and of sqrt(s s'), s' the next map's scale, then for each
    aspect ratio a a box of s sqrt(a) x s / sqrt(a) and one of s / sqrt(a) x s sqrt(a). Centres, widths and heights are
    cut to the frame's, boxes are not.

    Args:
        grids: rows and columns of each map.
        size: rows and columns of the frame, in pixels.
        strides: rows and columns of the frame, in pixels, that a cell of each map covers.
        scales: one for each map, and one more.
        aspect_ratios: for each map.
        device: where they are to be.

    Source: Liu et al. 2016, section 2.2; `prior_box.py` of github.com/gurkirt/realtime-action-detection.
    """
    maps = []
    whole = torch.tensor([size[1], size[0]], dtype=torch.float32, device=device)
    for (rows, columns), stride, scale, after, ratios in zip(
        grids, strides, scales[:-1], scales[1:], aspect_ratios, strict=True
    ):
        shapes = [(scale, scale), (sqrt(scale * after),) * 2]
        for ratio in ratios:
            shapes += [(scale * sqrt(ratio), scale / sqrt(ratio)), (scale / sqrt(ratio), scale * sqrt(ratio))]
        shape = torch.tensor(shapes, dtype=torch.float32, device=device).clamp(max=1) * whole
        down = (torch.arange(rows, device=device) + 0.5) * stride[0]
        right = (torch.arange(columns, device=device) + 0.5) * stride[1]
        centre = torch.cartesian_prod(down, right).flip(1).minimum(whole)
        maps.append(torch.cat([centre[:, None].expand(-1, len(shapes), -1), shape.expand(len(centre), -1, -1)], dim=2))
    boxes: Tensor = box_convert(torch.cat([some.flatten(0, 1) for some in maps]), "cxcywh", "xyxy")
    return boxes


def matched(defaults: Tensor, truths: Tensor, *, overlap: float) -> Tensor:
    """The truth that each default box answers for, int64 (P,), or `BACKGROUND`.

    It is the truth of most overlap, where that is enough; but the best default box of a truth answers for that one
    in any case (for the last of them, if it is the best of several).

    Args:
        defaults: float (P, 4).
        truths: float (K, 4), K may be 0; none of them empty. Or of T frames, (K, T, 4): a default box stands still, and
            its overlap is the mean over the frames.
        overlap: least IoU.

    Source: Liu et al. 2016, section 2.2; `match` in `layers/box_utils.py` of realtime-action-detection.
    """
    if not len(truths):
        return torch.full((len(defaults),), BACKGROUND, device=defaults.device)
    iou = mean_overlap(truths, defaults)
    most, which = iou.max(dim=0)
    numbers = torch.arange(len(truths), device=defaults.device)
    forced = torch.full_like(which, BACKGROUND).scatter_reduce(0, iou.argmax(dim=1), numbers, "amax")
    return torch.where(forced >= 0, forced, torch.where(most >= overlap, which, BACKGROUND))


def mean_overlap(truths: Tensor, defaults: Tensor) -> Tensor:
    """IoU (K, P) of boxes (K, 4), or on average over the frames of tubes (K, T, 4), with default boxes (P, 4)."""
    tubes = truths.reshape(len(truths), -1, 4)
    return torch.stack([box_iou(tubes[:, frame], defaults) for frame in range(tubes.shape[1])]).mean(dim=0)


def offsets_to(boxes: Tensor, truths: Tensor, *, variances: tuple[float, float]) -> Tensor:
    """Offsets (..., 4) that lead from boxes (..., 4) to truths (..., 4), none of them empty.

    The first two are the centres' distance in widths and heights of the box, the others the logarithm of the ratio of
    widths and heights; all over their variance.

    Source: Liu et al. 2016, equation 2; the variances are in the released code alone.
    """
    box, truth = box_convert(boxes, "xyxy", "cxcywh"), box_convert(truths, "xyxy", "cxcywh")
    shift = (truth[..., :2] - box[..., :2]) / box[..., 2:] / variances[0]
    return torch.cat([shift, torch.log(truth[..., 2:] / box[..., 2:]) / variances[1]], dim=-1)


def moved(boxes: Tensor, offsets: Tensor, *, variances: tuple[float, float]) -> Tensor:
    """Where offsets (..., 4) lead from boxes (..., 4): the inverse of `offsets_to`."""
    box = box_convert(boxes, "xyxy", "cxcywh")
    centre = box[..., :2] + offsets[..., :2] * variances[0] * box[..., 2:]
    sides = box[..., 2:] * torch.exp(offsets[..., 2:] * variances[1])
    corners: Tensor = box_convert(torch.cat([centre, sides], dim=-1), "cxcywh", "xyxy")
    return corners


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


def heads(widths: Sequence[int], boxes: Sequence[int], actions: int, *, frames: int = 1) -> SSDHead:
    """torchvision's: a convolution a map for A + 1 classes, the first one background, and one for the offsets.

    Args:
        widths: channels of each map of one frame.
        boxes: default boxes of each cell of each map.
        actions: A.
        frames: T, whose maps lie behind one another: a default box then has four offsets for each.
    """
    inputs = [frames * width for width in widths]
    both = SSDHead(inputs, list(boxes), actions + 1)
    if frames > 1:
        outputs = [4 * frames * count for count in boxes]
        layers = [nn.Conv2d(before, after, 3, padding=1) for before, after in zip(inputs, outputs, strict=True)]
        for layer in layers:
            nn.init.xavier_uniform_(layer.weight)
            layer.state_dict()["bias"].zero_()
        both.regression_head = SSDScoringHead(nn.ModuleList(layers), 4 * frames)
    return both


def _extra(before: int, middle: int, after: int, *, halves: bool) -> nn.Sequential:
    last = nn.Conv2d(middle, after, 3, stride=2, padding=1) if halves else nn.Conv2d(middle, after, 3)
    first = nn.Conv2d(before, middle, 1)
    for layer in (first, last):
        nn.init.xavier_uniform_(layer.weight)
        layer.state_dict()["bias"].zero_()
    return nn.Sequential(first, nn.ReLU(inplace=True), last, nn.ReLU(inplace=True))
