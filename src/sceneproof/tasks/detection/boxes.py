"""Default boxes of SSD, which of them answers for which person, and offsets from one box to another.

Boxes are float tensors (..., 4) of x1 y1 x2 y2 in pixels; x2 and y2 are exclusive.
"""

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor
from torchvision.ops import box_convert, box_iou

BACKGROUND = -1


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
    made = []
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
        made.append(torch.cat([centre[:, None].expand(-1, len(shapes), -1), shape.expand(len(centre), -1, -1)], dim=2))
    boxes: Tensor = box_convert(torch.cat([some.flatten(0, 1) for some in made]), "cxcywh", "xyxy")
    return boxes


def matched(defaults: Tensor, truths: Tensor, *, overlap: float) -> Tensor:
    """The truth that each default box answers for, int64 (P,), or `BACKGROUND`.

    It is the truth of most overlap, where that is enough; but the best default box of a truth answers for that one
    in any case (for the last of them, if it is the best of several).

    Args:
        defaults: float (P, 4).
        truths: float (K, 4), K may be 0; none of them empty.
        overlap: least IoU.

    Source: Liu et al. 2016, section 2.2; `match` in `layers/box_utils.py` of realtime-action-detection.
    """
    if not len(truths):
        return torch.full((len(defaults),), BACKGROUND, device=defaults.device)
    iou = box_iou(truths, defaults)
    most, which = iou.max(dim=0)
    numbers = torch.arange(len(truths), device=defaults.device)
    forced = torch.full_like(which, BACKGROUND).scatter_reduce(0, iou.argmax(dim=1), numbers, "amax")
    return torch.where(forced >= 0, forced, torch.where(most >= overlap, which, BACKGROUND))


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
    there: Tensor = box_convert(torch.cat([centre, sides], dim=-1), "cxcywh", "xyxy")
    return there
