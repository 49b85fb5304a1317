from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from sceneproof.tasks.localization.proposals import offsets_to
from sceneproof.tasks.localization.sampling import Targets, anchor_targets, proposal_targets

NONE = torch.zeros(0, 2)


def of_anchors(anchors: Sequence[Sequence[float]], truths: Tensor, *, drawn: int = 64, end: float = 100.0) -> Targets:
    return anchor_targets(torch.tensor(anchors), truths, end=end, overlaps=(0.7, 0.3), drawn=drawn, foreground=0.5)


def of_proposals(proposals: Tensor, truths: Tensor, *, drawn: int = 128) -> tuple[Tensor, Targets]:
    actions = torch.arange(len(truths)) + 4
    return proposal_targets(proposals, truths, actions, overlaps=(0.5, 0.1, 0.5), drawn=drawn, foreground=0.5)


def test_labels_of_anchors_by_hand() -> None:
    # tIoU with (10, 20): 1; .75; .5; .1; 0; and outside of the buffer
    segments: list[list[float]] = [[10, 20], [10, 17.5], [15, 20], [19, 20], [50, 60], [95, 105]]
    found = of_anchors(segments, torch.tensor([[10.0, 20.0]]))
    assert found.label.tolist() == [1, 1, -1, 0, 0, -1]
    assert found.weight.tolist() == [0.25, 0.25, 0, 0.25, 0.25, 0]
    torch.testing.assert_close(found.offsets, offsets_to(torch.tensor(segments), torch.tensor([10.0, 20.0])))


def test_a_truths_best_anchor_is_foreground_however_little_it_overlaps() -> None:
    # tIoU .2 and .1 with the first truth; the second's best are two that tie; the third's only anchor leaves the buffer
    segments = [[18, 20], [19, 20], [40, 45], [45, 50], [70, 75], [90, 110]]
    found = of_anchors(segments, torch.tensor([[10.0, 20.0], [40.0, 50.0], [95.0, 100.0]]))
    assert found.label.tolist() == [1, 0, 1, 1, 0, -1]


def test_a_buffer_without_truths_is_background() -> None:
    found = of_anchors([[0, 10], [20, 30], [-5, 5]], NONE)
    assert found.label.tolist() == [0, 0, -1]
    assert found.weight.tolist() == [0.5, 0.5, 0]


def test_no_anchor_inside() -> None:
    found = of_anchors([[-1, 10]], torch.tensor([[0.0, 5.0]]), end=5)
    assert found.label.tolist() == [-1]
    assert found.weight.tolist() == [0]


@pytest.mark.parametrize(
    ("positive", "negative", "expected"), [(40, 100, (32, 32)), (5, 100, (5, 59)), (40, 3, (32, 3))]
)
def test_how_many_anchors_are_drawn(positive: int, negative: int, expected: tuple[int, int]) -> None:
    segments = [[10, 20]] * positive + [[50, 60]] * negative
    found = of_anchors(segments, torch.tensor([[10.0, 20.0]]))
    assert (int((found.label == 1).sum()), int((found.label == 0).sum())) == expected
    assert torch.equal(found.weight > 0, found.label >= 0)
    assert float(found.weight.sum()) == pytest.approx(1)


def test_draws_follow_torchs_generator_alone() -> None:
    def draw(seed: int) -> list[float]:
        torch.manual_seed(seed)
        anchors = of_anchors([[10, 20]] * 50 + [[50, 60]] * 50, torch.tensor([[10.0, 20.0]])).weight
        proposals = torch.arange(100.0)[:, None] / 20 + torch.tensor([10.0, 20.0])
        return [*anchors.tolist(), *of_proposals(proposals, torch.tensor([[10.0, 20.0]]), drawn=20)[1].weight.tolist()]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_labels_of_proposals_by_hand() -> None:
    # with (10, 20): 1, .5, .4, .1, .05 (left out); with (50, 60): .8
    proposals = torch.tensor([[10, 20], [15, 20], [16, 20], [19, 20], [19.5, 20], [52, 60]])
    truths = torch.tensor([[10.0, 20.0], [50.0, 60.0]])
    torch.manual_seed(0)
    segments, found = of_proposals(proposals, truths)
    assert torch.equal(segments, proposals[[0, 1, 2, 3, 5]])
    assert found.label.tolist() == [5, 5, 0, 0, 6]
    assert found.weight[[0, 1, 4]].tolist() == [1 / 128] * 3
    assert float(found.weight.sum()) == pytest.approx(1)
    torch.testing.assert_close(found.offsets[[0, 4]], offsets_to(proposals[[0, 5]], truths))


def test_at_most_half_of_the_proposals_are_of_actions() -> None:
    proposals = torch.cat([torch.tensor([[10.0, 20.0]]).repeat(50, 1), torch.tensor([[17.0, 20.0]])])
    _, found = of_proposals(proposals, torch.tensor([[10.0, 20.0]]), drawn=20)
    assert float(found.weight[found.label > 0].sum()) == pytest.approx(0.5)
    assert float(found.weight[found.label == 0].sum()) == pytest.approx(0.5)


def test_without_background_actions_are_drawn_again_and_again() -> None:
    _, found = of_proposals(torch.tensor([[10.0, 20.0], [10.0, 19.0], [50.0, 60.0]]), torch.tensor([[10.0, 20.0]]))
    assert found.label.tolist() == [5, 5]
    assert float(found.weight.sum()) == pytest.approx(1)


def test_without_truths_any_proposal_is_background() -> None:
    segments, found = of_proposals(torch.tensor([[10.0, 20.0], [50.0, 60.0]]), NONE)
    assert found.label.tolist() == [0, 0]
    assert float(found.weight.sum()) == pytest.approx(1)
    assert segments.tolist() == [[10, 20], [50, 60]]


def test_without_proposals_nothing_is_drawn() -> None:
    segments, found = of_proposals(NONE, NONE)
    assert segments.shape == (0, 2)
    assert found.weight.shape == (0,)
