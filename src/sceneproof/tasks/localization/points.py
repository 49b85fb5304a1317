"""The moments of a pyramid as points in time: which segment each one answers for, and how wrong its answer is.

Zhang, Wu and Li, "ActionFormer", ECCV 2022, section 3; github.com/happyharrycn/actionformer_release.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

ALIKE = 1e-3
"""Steps: segments whose lengths differ by less are of one length."""


@dataclass(frozen=True, slots=True)
class Points:
    """P points, all levels behind one another; in steps of the lowest level.

    Attributes:
        place: float (P,), where it is.
        stride: float (P,), its level's step.
        least: float (P,), it answers for segments whose farther end is at least this far away
        most: float (P,), and at most this.
        moments: how many points each level has.
    """

    place: Tensor
    stride: Tensor
    least: Tensor
    most: Tensor
    moments: tuple[int, ...]


def points_of(moments: int, levels: int, *, reach: float, device: torch.device | None = None) -> Points:
    """The points of `levels` levels over `moments` moments, a multiple of 2 ** (levels - 1).

    Args:
        moments: of the lowest level.
        levels: each has half as many moments as the one below.
        reach: how far an end may be from a point of the lowest level, in steps; each level doubles it, and the highest
            one has no bound.
        device: of the tensors.
    """
    counts = tuple(moments // 2**level for level in range(levels))
    repeats = torch.tensor(counts, device=device)
    steps = 2.0 ** torch.arange(levels, device=device)
    bounds = torch.cat([steps.new_zeros(1), reach * steps[:-1], steps.new_full((1,), torch.inf)])
    place = torch.cat([torch.arange(count, device=device) * 2.0**level for level, count in enumerate(counts)])
    stride, least, most = (part.repeat_interleave(repeats) for part in (steps, bounds[:-1], bounds[1:]))
    return Points(place, stride, least, most, counts)


def targets(points: Points, times: Tensor, actions: Tensor, *, classes: int, radius: float) -> tuple[Tensor, Tensor]:
    """What each point is to say.

    A point answers for a segment that it lies in, no farther from its middle than `radius` steps of its level, and
    whose farther end is within the level's bounds. Of several, for the shortest; actions of segments that are as short
    are all its actions.

    Args:
        points: of the pyramid.
        times: float (n, 2), starts and ends in steps of the lowest level.
        actions: int64 (n,).
        classes: how many actions there are.
        radius: centre sampling's.

    Returns:
        Actions float (P, A), 0 or 1; and distances to start and end float (P, 2) in steps of the level, which mean
        something where there is an action.
    """
    if not len(times):
        return points.place.new_zeros(len(points.place), classes), points.place.new_zeros(len(points.place), 2)
    place, stride = points.place[:, None], points.stride[:, None]
    start, end = times[:, 0], times[:, 1]
    middle = (start + end) / 2
    distances = torch.stack([place - start, end - place], dim=-1)
    sampled = (place > torch.maximum(middle - radius * stride, start)) & (
        place < torch.minimum(middle + radius * stride, end)
    )
    farther = distances.amax(dim=-1)
    answers = sampled & (farther >= points.least[:, None]) & (farther <= points.most[:, None])
    length = torch.where(answers, end - start, torch.inf)
    shortest, which = length.min(dim=1)
    alike = answers & (length <= shortest[:, None] + ALIKE)
    labels = (alike.to(times.dtype) @ functional.one_hot(actions, classes).to(times.dtype)).clamp(max=1)
    return labels, distances[torch.arange(len(place), device=place.device), which] / stride


def distance_iou_loss(said: Tensor, true: Tensor) -> Tensor:
    """1 - IoU + (distance of the middles / length of both together)², (N,), of distances (N, 2) to start and end.

    Source: Zheng et al., "Distance-IoU Loss", AAAI 2020, equation 7, in one dimension: both segments hold the point.
    """
    said, true = said.float(), true.float()
    shared = torch.minimum(said, true).sum(dim=1)
    covered = torch.maximum(said, true).sum(dim=1).clamp(min=1e-8)  # one point is in both: the union has no gap
    middles = (said[:, 1] - said[:, 0] - true[:, 1] + true[:, 0]) / 2
    return 1 - shared / covered + (middles / covered).square()
