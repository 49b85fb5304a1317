"""Segments as R-C3D sees them: anchors along the features, their overlap with others, and offsets from one to another.

Segments are float tensors (..., 2) of start and end, in frames of the buffer, half open: of length end - start. The
released code names a segment by its first and its *last* frame, of length end - start + 1; its (0, 7) is our (0, 8).
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def anchors(length: int, stride: int, scales: Sequence[float], *, device: torch.device | None = None) -> Tensor:
    """Anchors (T' A, 2): A segments around the middle of each of T' features, features slowest.

    Args:
        length: T', the number of features.
        stride: frames that one feature covers.
        scales: lengths of the A anchors, in strides.
        device: where they are to be.

    Source: Xu et al. 2017, section 3.2; `generate_anchors.py`.
    """
    middle = (torch.arange(length, dtype=torch.float32, device=device) + 0.5) * stride
    half = torch.tensor(scales, dtype=torch.float32, device=device) * stride / 2
    return torch.stack([middle[:, None] - half, middle[:, None] + half], dim=2).reshape(-1, 2)


def tiou(first: Tensor, second: Tensor) -> Tensor:
    """Temporal intersection over union (N, M) of segments (N, 2) and (M, 2), none of them empty."""
    start = torch.maximum(first[:, None, 0], second[None, :, 0])
    end = torch.minimum(first[:, None, 1], second[None, :, 1])
    both = (end - start).clamp(min=0)
    lengths = (first[:, 1] - first[:, 0])[:, None] + (second[:, 1] - second[:, 0])[None]
    return both / (lengths - both)


def offsets_to(segments: Tensor, truths: Tensor) -> Tensor:
    """Offsets (..., 2) that lead from segments (..., 2) to truths (..., 2), all longer than 0.

    The first is the centres' distance in lengths of the segment, the second the logarithm of the ratio of lengths.

    Source: Xu et al. 2017, equation 2.
    """
    length = segments[..., 1] - segments[..., 0]
    true_length = truths[..., 1] - truths[..., 0]
    shift = (truths.sum(dim=-1) - segments.sum(dim=-1)) / 2 / length
    return torch.stack([shift, torch.log(true_length / length)], dim=-1)


def moved(segments: Tensor, offsets: Tensor) -> Tensor:
    """Where offsets (..., 2) lead from segments (..., 2): the inverse of `offsets_to`.

    The released code's is not quite the inverse of its own: the end comes out one frame late, because the centre plus
    half of the length is the frame *after* the last (`twin_transform.py`).
    """
    length = segments[..., 1] - segments[..., 0]
    middle = segments.mean(dim=-1) + offsets[..., 0] * length
    half = torch.exp(offsets[..., 1]) * length / 2
    return torch.stack([middle - half, middle + half], dim=-1)
