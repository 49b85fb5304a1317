import math

import pytest
import torch
from torch import Tensor

from sceneproof.tasks.localization.proposals import pool_segments


def by_definition(features: Tensor, start: float, end: float, stride: int, size: tuple[int, int, int]) -> Tensor:
    """One segment's bins (D', t, h, w), each looked through: half of a feature rounds up, as in C."""
    dim, *shape = features.shape
    first, last = math.floor(start / stride + 0.5), math.floor((end - 1) / stride + 0.5)
    out = torch.zeros(dim, *size)
    spans = []
    for side, (offset, length) in enumerate([(first, max(last - first + 1, 1)), (0, shape[1]), (0, shape[2])]):
        bins = size[side]
        spans.append(
            [
                slice(
                    min(max(math.floor(number * length / bins) + offset, 0), shape[side]),
                    min(max(math.ceil((number + 1) * length / bins) + offset, 0), shape[side]),
                )
                for number in range(bins)
            ]
        )
    for i, time in enumerate(spans[0]):
        for j, rows in enumerate(spans[1]):
            for k, columns in enumerate(spans[2]):
                part = features[:, time, rows, columns]
                out[:, i, j, k] = part.amax(dim=(1, 2, 3)) if part.numel() else 0.0
    return out


def test_bins_in_time_by_hand() -> None:
    features = torch.arange(1.0, 9.0).reshape(1, 1, 8, 1, 1)
    segments = torch.tensor([[0.0, 32.0], [8.0, 60.0], [3.0, 5.0], [40.0, 64.0]])
    pooled = pool_segments(features, [segments], stride=8, size=(4, 1, 1))[:, 0, :, 0, 0]
    # features 0..4 (31 / 8 rounds to 4) in bins [0, 2) [1, 3) [2, 4) [3, 5); 1..7 in [1, 3) [2, 5) [4, 7) [6, 8);
    # 0..1 (4 / 8 rounds up) in [0, 1) [0, 1) [1, 2) [1, 2); 5..8, of which 8 does not exist
    assert pooled.tolist() == [[2, 3, 4, 5], [3, 5, 7, 8], [1, 1, 2, 2], [6, 7, 8, 0]]


@pytest.mark.parametrize("space", [(7, 7), (4, 4), (3, 5), (2, 2), (1, 1)])
def test_like_the_definition(space: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(3)
    features = torch.randn(2, 3, 12, *space, generator=generator)
    segments = [torch.rand(20, 2, generator=generator).mul(47).cumsum(dim=1) + torch.tensor([0.0, 1.0])] * 2
    pooled = pool_segments(features, segments, stride=8, size=(4, 2, 2))
    expected = [
        by_definition(of_buffer, start, end, 8, (4, 2, 2))
        for of_buffer, some in zip(features, segments, strict=True)
        for start, end in some.tolist()
    ]
    assert torch.equal(pooled, torch.stack(expected))


def test_the_gradient_goes_to_the_largest() -> None:
    features = torch.tensor([1.0, 5.0, 2.0, 3.0]).reshape(1, 1, 4, 1, 1).requires_grad_()
    pooled = pool_segments(features, [torch.tensor([[0.0, 4.0], [2.0, 4.0]])], stride=1, size=(2, 1, 1))
    torch.autograd.backward((pooled.flatten() * torch.tensor([1.0, 10.0, 100.0, 1000.0])).sum())
    assert features.grad is not None
    assert features.grad.flatten().tolist() == [0, 1, 100, 1010]


def test_no_segments() -> None:
    pooled = pool_segments(torch.rand(1, 3, 4, 2, 2), [torch.zeros(0, 2)], stride=8, size=(4, 2, 2))
    assert pooled.shape == (0, 3, 4, 2, 2)
