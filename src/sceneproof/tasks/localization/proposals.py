"""R-C3D's proposal net, its anchors along the features, and the pooling of what it proposes.

Segments are float tensors (..., 2) of start and end, in frames of the buffer, half open: of length end - start. The
released code names a segment by its first and its *last* frame, of length end - start + 1; its (0, 7) is our (0, 8).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import nms, roi_pool


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


class ProposalNet(nn.Module):
    """Scores and offsets of A anchors around each feature in time.

    Two 3x3x3 convolutions each halve rows and columns, rounded up; the maximum over what is left makes one vector a
    feature in time. The released code's last max-pool takes 2 x 2, which is all that frames of 112 x 112 leave; taking
    all there is, the net works at any size, down to 1 x 1.

    Source: Xu et al. 2017, section 3.2; `rpn.py`.
    """

    def __init__(self, dim: int, anchors: int, width: int) -> None:
        """Builds the net.

        Args:
            dim: D', channels of the features.
            anchors: A.
            width: Channels of its convolutions.
        """
        super().__init__()
        self.conv1 = nn.Conv3d(dim, width, 3, stride=(1, 2, 2), padding=1)
        self.conv2 = nn.Conv3d(width, width, 3, stride=(1, 2, 2), padding=1)
        self.scores = nn.Conv1d(width, 2 * anchors, 1)
        self.offsets = nn.Conv1d(width, 2 * anchors, 1)
        for name, parameter in self.named_parameters():
            nn.init.normal_(parameter, std=0.0 if name.endswith("bias") else 0.01)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Of features (B, D', T', H', W'): scores of background and of segment, before softmax, and offsets.

        Both are (B, T' A, 2), ordered as the anchors are.
        """
        hidden = functional.relu(self.conv2(functional.relu(self.conv1(features)))).amax(dim=(3, 4))
        scores = self.scores(hidden).unflatten(1, (2, -1)).permute(0, 3, 2, 1)  # all backgrounds first, as theirs
        offsets = self.offsets(hidden).unflatten(1, (-1, 2)).permute(0, 3, 1, 2)
        return scores.flatten(1, 2).float(), offsets.flatten(1, 2).float()


@torch.no_grad()
def propose(
    anchors: Tensor, scores: Tensor, offsets: Tensor, *, end: float, before: int, threshold: float, after: int
) -> Tensor:
    """Proposals (K, 2) of one buffer, best first, without those that a better one overlaps.

    Args:
        anchors: float (N, 2).
        scores: float (N, 2), of background and of segment, before softmax.
        offsets: float (N, 2).
        end: where the buffer ends; what reaches beyond is cut, and left out if less than a frame remains.
        before: how many to take into non-maximum suppression.
        threshold: tIoU above which the worse of two goes.
        after: how many to keep.

    Source: `proposal_layer.py`.
    """
    proposals = moved(anchors, offsets).clamp(0, end)
    whole = torch.nonzero(proposals[:, 1] - proposals[:, 0] >= 1)[:, 0]
    score = (scores[:, 1] - scores[:, 0])[whole]  # orders as the probability does, and does not saturate
    order = score.argsort(descending=True, stable=True)[:before]
    best = proposals[whole[order]]
    start, stop = best.unbind(dim=1)
    boxes = torch.stack([start, torch.zeros_like(start), stop, torch.ones_like(start)], dim=1)
    return best[nms(boxes, score[order], threshold)[:after]]
