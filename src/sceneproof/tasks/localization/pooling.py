"""Segment pooling: features of stretches of any length, brought to one size."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import roi_pool


def pool_segments(features: Tensor, segments: Sequence[Tensor], *, stride: int, size: tuple[int, int, int]) -> Tensor:
    """Max-pools each segment's features into bins: (N, D', t, h, w), buffer after buffer.

    A segment's first and last frame fall on the nearest features, and all from the one to the other are its own: L of
    them. Its bin i of t takes those from floor(i L / t) up to ceil((i + 1) L / t); a bin that lies behind the
    last feature is 0. Rows and columns are cut into bins in the same way, always whole.

    That is region pooling of Fast R-CNN, and a maximum over a box is one over its sides in turn: over rows and columns
    once for all segments, then over time, as the height of pictures that are one pixel wide.

    Args:
        features: float (B, D', T', H', W').
        segments: B tensors float (n, 2), in frames, at least one frame long.
        stride: frames that one feature covers.
        size: bins (t, h, w).

    Source: Xu et al. 2017, section 3.3; `roi_temporal_pooling_kernel.cu`.
    """
    time, height, width = size
    buffers, dim, length = features.shape[:3]
    in_space = functional.adaptive_max_pool3d(features.float(), (length, height, width))
    columns = in_space.permute(0, 1, 3, 4, 2).reshape(buffers, dim * height * width, length, 1)
    pooled: Tensor = roi_pool(columns, [_boxes(some) for some in segments], (time, 1), spatial_scale=1 / stride)
    return pooled.reshape(-1, dim, height, width, time).permute(0, 1, 4, 2, 3).to(features.dtype)


def _boxes(segments: Tensor) -> Tensor:
    start, end = segments.unbind(dim=1)
    left = torch.zeros_like(start)
    return torch.stack([left, start, left, end - 1], dim=1)  # the last frame, not the one behind it
