"""Buffers and backbones small enough to follow by hand."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from sceneproof.backbones.wrapped import Wrapped
from sceneproof.types import SegmentBatch, Segments


class Steps(nn.Module):
    """A moment is the mean of its frames and pixels times a weight of 1: it sees nothing of the others."""

    def __init__(self, step: int, channels: int) -> None:
        super().__init__()
        self.step = step
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, video: Tensor) -> Tensor:
        whole = functional.avg_pool3d(video, (self.step, *video.shape[3:]), ceil_mode=True)
        return whole * self.weight[:, None, None, None]


def steps(step: int = 1, channels: int = 3) -> Wrapped:
    return Wrapped(Steps(step, channels), channels, stride=(step, 1, 1))


def buffers(video: Tensor, *segments: list[tuple[float, float, int]], frames: list[int] | None = None) -> SegmentBatch:
    """A batch of videos (B, C, T, H, W) with segments (start, end, action) each."""
    return SegmentBatch(
        video=video,
        frames=torch.tensor([video.shape[2]] * len(video) if frames is None else frames),
        times=[torch.tensor([one[:2] for one in found]).reshape(-1, 2) for found in segments],
        actions=[torch.tensor([one[2] for one in found], dtype=torch.int64) for found in segments],
        row=torch.arange(len(video)),
    )


def shown(frames: int, *segments: list[tuple[float, float, int]], channels: int = 3) -> SegmentBatch:
    """Buffers in which a channel is lit while its action is done."""
    video = torch.zeros(len(segments), channels, frames, 2, 2)
    for row, found in enumerate(segments):
        for start, end, action in found:
            video[row, action, int(start) : int(end)] = 1.0
    return buffers(video, *segments)


def fill(module: nn.Module) -> None:
    """Weights by a formula, the one that the authors' code was run with."""
    for number, (name, tensor) in enumerate(module.named_parameters()):
        places = torch.arange(tensor.numel(), dtype=torch.float64)
        middle = 1.0 if "scale" in name or ("norm" in name and name.endswith("weight")) else 0.0
        tensor.data = (middle + 0.3 * torch.sin(0.7 * places + 1.3 * number)).to(tensor.dtype).reshape(tensor.shape)


def overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    """tIoU."""
    shared = max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    return shared / (one[1] - one[0] + other[1] - other[0] - shared)


def least_overlap(said: list[Segments], batch: SegmentBatch) -> float:
    """The smallest tIoU of a true segment with the best one of its action that was said of its buffer."""
    overlaps = []
    for segments, times, actions in zip(said, batch.times, batch.actions, strict=True):
        for (start, end), action in zip(times.tolist(), actions.tolist(), strict=True):
            best = segments.times[segments.action == action][0]
            overlaps.append(overlap((best[0], best[1]), (start, end)))
    return min(overlaps)
