import math

import pytest
import torch

from sceneproof.tasks.localization.proposals import anchors, moved, offsets_to, tiou


def test_anchors_by_hand() -> None:
    # the released code's first two at (0, 7) x 2 and x 4: first and last frames (-4, 11) and (-12, 19)
    assert anchors(2, 8, (2, 4)).tolist() == [[-4, 12], [-12, 20], [4, 20], [-4, 28]]


def test_tiou_by_hand() -> None:
    first = torch.tensor([[0.0, 10.0], [20.0, 30.0]])
    second = torch.tensor([[0.0, 10.0], [5.0, 15.0], [10.0, 12.0], [0.0, 40.0]])
    torch.testing.assert_close(tiou(first, second), torch.tensor([[1, 1 / 3, 0, 0.25], [0, 0, 0, 0.25]]))
    assert tiou(first, second[:0]).shape == (2, 0)


def test_offsets_by_hand() -> None:
    # centre 8 to 14 in lengths of 16, length 16 to 4
    offsets = offsets_to(torch.tensor([[0.0, 16.0]]), torch.tensor([[12.0, 16.0]]))
    assert offsets.tolist() == [[0.375, pytest.approx(-math.log(4))]]


def test_moving_along_the_offsets_arrives() -> None:
    generator = torch.Generator().manual_seed(0)
    segments, truths = torch.rand(2, 50, 2, generator=generator).mul(100).cumsum(dim=2).add(torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(moved(segments, offsets_to(segments, truths)), truths)


def test_moving_by_hand() -> None:
    found = moved(torch.tensor([[10.0, 20.0]]), torch.tensor([[0.5, math.log(2)]]))
    torch.testing.assert_close(found, torch.tensor([[10.0, 30.0]]))
