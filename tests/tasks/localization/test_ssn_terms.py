"""SSN's pooling and losses against the authors' (github.com/yjxiong/action-detection at 3d8ff83, `ops/ssn_ops.py`).

Their code ran on waves; of it, what torch no longer has was replaced (`resize`, `Variable`, `cuda`).
"""

import numpy as np
import pytest
import torch
from torch import Tensor

from sceneproof import distributed
from sceneproof.tasks.localization.ssn_terms import (
    OffsetScale,
    Pyramid,
    actionness_loss,
    completeness_loss,
    location_loss,
    snippets_of,
    stages,
    structured_pooling,
)

TWO_LEVELS: Pyramid = ((1,), (1, 2), (1,))
CONFIGURED: Pyramid = ((1,), (1,), (1,))


def wave(shape: tuple[int, ...], phase: float, *, pace: float = 0.7, height: float = 1.0) -> Tensor:
    places = np.arange(int(np.prod(shape)))
    return torch.from_numpy(height * np.sin(pace * places + phase)).float().reshape(shape)


@pytest.mark.parametrize(
    ("pyramid", "total", "sizes", "weighed"),
    [(TWO_LEVELS, -0.5556795, 3.0218787, 1.1020097), (CONFIGURED, -0.5178719, 2.6164098, 0.3661834)],
)
def test_pooling_of_snippets_as_the_authors(pyramid: Pyramid, total: float, sizes: float, weighed: float) -> None:
    # StructuredTemporalPyramidPooling on three proposals of 2 + 5 + 2 snippets
    ticks = torch.arange(3)[:, None] * 9 + torch.tensor([0, 2, 7, 9])
    scaling = torch.tensor([[1.0, 0.5], [0.25, 1.0], [0.0, 1.0]])
    course, whole = structured_pooling(wave((27, 4), 1.0), ticks, scaling, pyramid)
    assert course[:, 0].tolist() == pytest.approx([-0.0477654, -0.0392907, -0.0306384], abs=1e-6)
    sums = (whole.sum().item(), whole.abs().sum().item(), (whole * wave(tuple(whole.shape), 2.0)).sum().item())
    assert sums == pytest.approx((total, sizes, weighed), abs=1e-5)


@pytest.mark.parametrize(
    ("pyramid", "complete"),
    [
        (CONFIGURED, [[-0.552885, -0.532977], [0.121105, 0.123381], [-0.93822, -0.962369], [-2.3e-05, 0.000312],
                    [0.389934, 0.393305]]),
        (TWO_LEVELS, [[-0.228345, -0.139198], [-1.109829, 0.9554], [-3.638892, 2.564564], [3.533981, 0.132784],
                 [1.278685, -0.33138]]),
    ],
)  # fmt: skip
def test_pooling_of_all_moments_as_the_authors(pyramid: Pyramid, complete: list[list[float]]) -> None:
    # STPPReorgainzed on the scores of 12 moments by classifiers without bias, which is pooling them first
    ticks = torch.tensor([[0, 2, 6, 8], [0, 0, 5, 7], [8, 9, 12, 12], [3, 3, 3, 4], [2, 4, 9, 12]])
    scaling = torch.tensor([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [1.0, 0.75]])
    course, whole = structured_pooling(wave((12, 3), 0.5), ticks, scaling, pyramid)
    activity = course @ wave((3, 3), 0.1).T
    assert activity[0].tolist() == pytest.approx([-0.206933, -0.22988, 0.439041], abs=1e-5)
    assert activity[3].tolist() == pytest.approx([1.660583, 0.207612, -1.870208], abs=1e-5)
    parts = whole.reshape(len(whole), -1, 3)
    if pyramid == TWO_LEVELS:  # they divide the course's three parts by three in training alone
        parts = parts * torch.tensor([1.0, 3.0, 3.0, 3.0, 1.0])[:, None]
    said = parts.flatten(1) @ wave((2, whole.shape[1]), 0.2).T
    assert said.flatten().tolist() == pytest.approx(np.ravel(complete).tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("complete", "value", "gradients"),
    [
        (1, 1.4473655, {(0, 0): -0.25, (6, 0): 0.25, (7, 2): -0.25, (12, 0): 0.25}),
        (2, 1.4772140, {(0, 0): -0.125, (1, 2): -0.125, (9, 0): 0.125, (12, 0): 0.125,
                        (14, 1): -0.125, (15, 0): -0.125, (24, 0): 0.125, (27, 0): 0.125}),
    ],
)  # fmt: skip
def test_completeness_as_the_authors(complete: int, value: float, gradients: dict[tuple[int, int], float]) -> None:
    # CompletenessLoss on two videos of 1 + 6 and 2 + 12 proposals: descent raises complete ones and lowers the worst of
    # the incomplete
    said = wave((2, 7 * complete, 3), 0.4, height=1.5).requires_grad_()
    action = (torch.arange(14 * complete) * 5 % 3).reshape(2, -1)
    own = said.gather(2, action[..., None])[..., 0]
    loss = completeness_loss(own, torch.ones_like(action) > 0, complete=complete, hard_share=0.17).mean()
    torch.autograd.backward(loss)
    assert loss.item() == pytest.approx(value, abs=1e-6)
    assert said.grad is not None
    slopes = said.grad.flatten(0, 1)
    assert {(row, column): slopes[row, column].item() for row, column in slopes.nonzero().tolist()} == gradients


def test_proposals_that_there_are_not_are_neither_complete_nor_incomplete() -> None:
    real = torch.tensor([[False] + [True] * 6, [True] + [False] * 6])
    assert completeness_loss(torch.zeros(2, 7), real, complete=1, hard_share=0.17).tolist() == [0.5, 0.5]


def test_locations_as_the_authors() -> None:
    # ClassWiseRegressionLoss, the mean over five proposals
    said = wave((5, 3, 2), 0.9, height=2.0).requires_grad_()
    loss = location_loss(said, torch.tensor([0, 2, 1, 1, 0]), wave((5, 2), 0.2, pace=1.1)).mean()
    torch.autograd.backward(loss)
    assert loss.item() == pytest.approx(1.4566247, abs=1e-6)
    assert said.grad is not None
    assert said.grad.sum(dim=2).nonzero().tolist() == [[0, 0], [1, 2], [2, 1], [3, 1], [4, 0]]
    assert said.grad.sum(dim=(1, 2)).tolist() == pytest.approx([0.4, 0.4, -0.383916, 0.033643, -0.248812], abs=1e-6)


def test_actionness_by_hand() -> None:
    said = torch.tensor([[2.0, -1.0, 9.0], [0.0, 0.0, 0.0]], requires_grad=True)
    times = [torch.tensor([[0.0, 1.4]]), torch.zeros(0, 2)]  # the second frame's middle is behind its end
    loss = actionness_loss(said, torch.tensor([2, 3]), times)
    wanted = (np.log1p(np.exp(-2.0)) + np.log1p(np.exp(-1.0))) / 2
    assert loss.tolist() == pytest.approx([wanted, np.log(2)], abs=1e-6)
    torch.autograd.backward(loss.sum())
    assert said.grad is not None
    assert said.grad.sign().tolist() == [[-1, 1, 0], [1, 1, 1]]


def test_stages_by_hand() -> None:
    bounds, scaling = stages(torch.tensor([[10.0, 20.0], [2.0, 10.0]]), torch.tensor([22.0, 40.0]))
    assert bounds.tolist() == [[5, 10, 20, 22], [0, 2, 10, 14]]
    assert scaling.tolist() == [[1.0, pytest.approx(0.4)], [0.5, 1.0]]
    _, scaling = stages(torch.tensor([[10.0, 20.5]]), torch.tensor(20.0))
    assert scaling.tolist() == [[1.0, 0.0]], "of a truth that ends within the frame that is not whole"


def test_snippets_lie_in_equal_parts() -> None:
    torch.manual_seed(0)
    places = snippets_of(torch.tensor([[0.0, 4.0, 14.0, 18.0]]).expand(200, 4), (2, 5, 2))
    edges = torch.tensor([0.0, 2, 4, 6, 8, 10, 12, 14, 16, 18])
    assert (places >= edges[:-1]).all()
    assert (places <= edges[1:]).all()
    assert places.std(dim=0).min() > 0.5, "at random"


def test_the_scale_of_offsets_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    scale = OffsetScale()
    assert scale.normalised(torch.tensor([0.1, -0.2])).tolist() == pytest.approx([1.0, -1.0])
    scale.sums.zero_()
    scale.add(torch.tensor([[1.0, 0.0], [3.0, 4.0]]))
    scale.add(torch.zeros(0, 2))
    assert scale.normalised(torch.tensor([[3.0, 0.0]])).tolist() == [[1.0, -1.0]]
    assert scale.restored(torch.tensor([[1.0, -1.0]])).tolist() == [[3.0, 0.0]]
    monkeypatch.setattr(distributed, "total", lambda values: 3 * values)  # of three processes
    scale.add(torch.ones(1, 2))
    assert scale.sums[0].tolist() == [5.0, 5.0]
    assert "sums" in scale.state_dict()  # so that a resumed training goes on with it
