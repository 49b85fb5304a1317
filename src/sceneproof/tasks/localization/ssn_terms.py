"""What SSN makes of a proposal: start, course and end, the pooling of each, and the losses of what is said of it.

Zhao et al., "Temporal Action Detection with Structured Segment Networks", ICCV 2017; their code is
github.com/yjxiong/action-detection.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from sceneproof import distributed

Pyramid = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Into how many parts each level of start, course and end is cut."""


def stages(times: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Where start, course and end of proposals lie, and what is left of the first and last.

    Start and end are half as long as the proposal, and are cut at the buffer's ends. Of a proposal that reaches beyond
    the last whole frame, as a truth may, nothing of that one is left.

    Args:
        times: float (N, 2).
        end: float (N,) or (), where the frames of the video end.

    Returns:
        Four bounds (N, 4), and the shares that are left (N, 2), by which the features of start and end are scaled.
    """
    start, stop = times.unbind(dim=1)
    half = (stop - start) / 2
    before, behind = (start - half).clamp(min=0), torch.minimum(stop + half, end)
    scaling = torch.stack([start - before, behind - stop], dim=1).clamp(min=0) / half[:, None]
    return torch.stack([before, start, stop, behind], dim=1), scaling


def snippets_of(bounds: Tensor, counts: tuple[int, int, int]) -> Tensor:
    """A random place in each equal part of each stage: float (N, S).

    Args:
        bounds: float (N, 4), as `stages` has them.
        counts: parts of start, course and end; S in all.

    Source: `_sample_indices` of `ssn_dataset.py`.
    """
    places = []
    for stage, count in enumerate(counts):
        low, high = bounds[:, stage, None], bounds[:, stage + 1, None]
        within = torch.arange(count, device=low.device) + torch.rand(len(low), count, device=low.device)
        places.append(low + (high - low) * within / count)
    return torch.cat(places, dim=1)


def structured_pooling(features: Tensor, ticks: Tensor, scaling: Tensor, pyramid: Pyramid) -> tuple[Tensor, Tensor]:
    """Structured temporal pyramid pooling: means of the course (N, F), and of all parts behind one another (N, F P).

    A stage lies from its tick to the next, or holds one feature at least. On each of its levels it is cut into equal
    parts, rounded down; the mean of a part is divided by how many parts the stage has in all. An empty part is 0.

    Args:
        features: float (M, F), one behind the other.
        ticks: int64 (N, 4), from where on start, course and end lie, and where the end ends.
        scaling: float (N, 2), of start and end.
        pyramid: parts of each level.

    Source: Zhao et al. 2017; `ops/ssn_ops.py`, in training and (whose test does not divide) in testing.
    """
    sums = torch.cat([features.new_zeros(1, features.shape[1]), features.float()]).cumsum(dim=0, dtype=torch.float64)

    def mean(start: Tensor, stop: Tensor) -> Tensor:
        start, stop = start.clamp(max=len(features)), stop.clamp(max=len(features))
        return ((sums[stop] - sums[start]) / (stop - start).clamp(min=1)[:, None]).float()

    parts = []
    scales = (scaling[:, 0], torch.ones_like(scaling[:, 0]), scaling[:, 1])
    for stage, (levels, scale) in enumerate(zip(pyramid, scales, strict=True)):
        start = ticks[:, stage]
        length = (ticks[:, stage + 1] - start).clamp(min=1)
        for count in levels:
            cuts = [start + part * length // count for part in range(count + 1)]
            parts += [mean(*pair) * (scale / sum(levels))[:, None] for pair in pairwise(cuts)]
    course = mean(ticks[:, 1], torch.maximum(ticks[:, 1] + 1, ticks[:, 2]))
    return course, torch.cat(parts, dim=1)


class OffsetScale(nn.Module):
    """Offsets less the mean, over the deviation, of all that a training has seen so far, on all processes."""

    sums: Tensor

    def __init__(self) -> None:
        super().__init__()
        # how many, their sums and sums of squares; at first as if of 100 with the deviations .1 and .2 of R-C3D's
        self.register_buffer("sums", torch.tensor([[100.0, 100.0], [0.0, 0.0], [1.0, 4.0]]))

    def add(self, offsets: Tensor) -> None:
        """Counts offsets (N, 2); N may be 0. All processes call it together."""
        self.sums += distributed.total(torch.stack([torch.ones_like(offsets), offsets, offsets.square()]).sum(dim=1))

    def normalised(self, offsets: Tensor) -> Tensor:
        """Of offsets (..., 2)."""
        mean, deviation = self._moments()
        return (offsets - mean) / deviation

    def restored(self, offsets: Tensor) -> Tensor:
        """The inverse of `normalised`."""
        mean, deviation = self._moments()
        return offsets * deviation + mean

    def _moments(self) -> tuple[Tensor, Tensor]:
        count, total, squares = self.sums
        mean = total / count
        return mean, (squares / count - mean.square()).clamp(min=1e-6).sqrt()


def actionness_loss(said: Tensor, frames: Tensor, times: Sequence[Tensor]) -> Tensor:
    """Mean cross entropy of each buffer's frames, (B,); one holds an action where its middle lies in a segment.

    Args:
        said: float (B, T), before the sigmoid.
        frames: int64 (B,), how many are of the video.
        times: B tensors float (n, 2), in frames.
    """
    number = torch.arange(said.shape[1], device=said.device)
    inside = [((number + 0.5 >= of[:, :1]) & (number + 0.5 < of[:, 1:])).any(dim=0).float() for of in times]
    wrong = functional.binary_cross_entropy_with_logits(said, torch.stack(inside), reduction="none")
    return (wrong * (number < frames[:, None])).sum(dim=1) / frames.clamp(min=1)


def completeness_loss(said: Tensor, real: Tensor, *, complete: int, hard_share: float) -> Tensor:
    """The hinge loss of each buffer's proposals, (B,): of all complete ones, and of the incomplete ones that err most.

    Args:
        said: float (B, n), completeness for the action that each is about, the complete proposals first.
        real: bool (B, n), which proposals there are.
        complete: how many are complete.
        hard_share: share of the incomplete ones that count, rounded down.

    Source: Zhao et al. 2017; `CompletenessLoss` of `ops/ssn_ops.py`.
    """
    positive = functional.relu(1 - said[:, :complete]) * real[:, :complete]
    negative = functional.relu(1 + said[:, complete:]) * real[:, complete:]
    hard = int(negative.shape[1] * hard_share)
    return (positive.sum(dim=1) + negative.topk(hard, dim=1).values.sum(dim=1)) / (complete + hard)


def location_loss(said: Tensor, action: Tensor, wanted: Tensor) -> Tensor:
    """Smooth L1 of the offsets (N, A, 2) that proposals say for their own action, summed over the two: (N,).

    Args:
        said: float (N, A, 2).
        action: int64 (N,).
        wanted: float (N, 2), normalised offsets to the truth.

    Source: `ClassWiseRegressionLoss` of `ops/ssn_ops.py`.
    """
    own = said[torch.arange(len(said), device=said.device), action]
    return functional.smooth_l1_loss(own, wanted, reduction="none").sum(dim=1)
