"""GroupDRO: the authors' numbers (kohpangwei/group_DRO, its loss computer), and what follows by hand."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from sceneproof.errors import InputError
from sceneproof.methods import Facts, GroupDRO
from sceneproof.methods.terms import cross_entropy
from tests.methods.batches import batch, clips, gradients, identity, per_channel
from tests.methods.formula import formula

SIZES = [40, 10, 5, 45]
GROUPS = torch.repeat_interleave(torch.arange(4), torch.tensor(SIZES))
FACTS = Facts(actions=3, groups=4, rows=100, group_of_row=GROUPS)
ACTIONS, MET = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([0, 0, 1, 2, 3, 3])


def make(**settings: Any) -> GroupDRO:
    method = GroupDRO(per_channel(), FACTS, **settings)
    identity(method.action_head)
    return method


def values(step: int) -> Tensor:
    return cross_entropy(formula((6, 3), 0.77, 0.2 + step).float(), ACTIONS)


@pytest.mark.parametrize(
    ("adjustment", "losses", "weights"),
    [
        (0.0, [1.0417957, 0.8631179, 0.9831350], [0.25159284, 0.24837171, 0.24877267, 0.25126275]),
        (1.0, [1.3094509, 1.1302354, 1.2497475], [0.25077039, 0.24873680, 0.25011936, 0.25037342]),
    ],
)
def test_the_authors_losses_and_weights_over_three_steps(
    adjustment: float, losses: list[float], weights: list[float]
) -> None:
    method = make(adjustment=adjustment)
    assert [method.robust(values(step), MET).item() for step in range(3)] == pytest.approx(losses, rel=1e-6)
    assert method.weights.tolist() == pytest.approx(weights, rel=1e-6)


def test_groups_that_a_batch_lacks_are_raised_as_by_the_authors() -> None:
    method = make(adjustment=1.0)
    loss = method.robust(values(0), torch.tensor([0, 0, 0, 0, 3, 3]))
    assert loss.item() == pytest.approx(0.7960910, rel=1e-6)
    assert method.weights.tolist() == pytest.approx([0.25133398, 0.24880543, 0.24913155, 0.25072899], rel=1e-6)


def test_a_large_step_finds_the_worst_group() -> None:
    method = make(step_size=50.0, adjustment=0.0)
    losses = torch.tensor([1.0, 1.0, 3.0, 1.0, 1.0, 1.0], requires_grad=True)
    loss = method.robust(losses, MET)
    assert loss.item() == pytest.approx(3.0)
    torch.autograd.backward(loss)
    assert losses.grad is not None
    assert losses.grad.tolist() == pytest.approx([0, 0, 1, 0, 0, 0], abs=1e-6)


def test_the_gradient_is_that_of_the_groups_means_by_their_weights() -> None:
    method = make()
    found = batch(clips(*[(math.log(2), 0.0, 0.0)] * 6), ACTIONS.tolist())
    object.__setattr__(found, "group", MET)
    gradient = gradients(method, method(found)["L_DRO"])["backbone"]
    expected = torch.zeros(3)
    for group, weight in enumerate(method.weights):
        inside = [place for place in range(6) if MET[place] == group]
        other = make()
        part = batch(clips(*[(math.log(2), 0.0, 0.0)] * len(inside)), ACTIONS[inside].tolist())
        mean = cross_entropy(other.scores(part.video), part.action).mean()  # type: ignore[arg-type]  # there is a video
        expected += weight * gradients(other, mean)["backbone"]
    torch.testing.assert_close(gradient, expected)
    assert gradient.any()


def test_every_group_is_drawn_equally_often() -> None:
    chances = make().weights_of_rows()
    assert chances is not None
    assert torch.zeros(4).index_add(0, GROUPS, chances).tolist() == pytest.approx([1, 1, 1, 1])
    assert GroupDRO(per_channel(), FACTS, balanced=False).weights_of_rows() is None


def test_weights_of_the_manifest_are_multiplied() -> None:
    weights = torch.arange(len(GROUPS), dtype=torch.float64)
    own = GroupDRO(per_channel(), replace(FACTS, weight_of_row=weights)).weights_of_rows()
    even = make().weights_of_rows()
    assert own is not None
    assert even is not None
    torch.testing.assert_close(own, weights * even)
    alone = GroupDRO(per_channel(), replace(FACTS, weight_of_row=weights), balanced=False).weights_of_rows()
    assert alone is not None
    assert torch.equal(alone, weights)


def test_what_it_cannot_do_without_is_said() -> None:
    with pytest.raises(InputError, match="needs to know the data's groups"):
        GroupDRO(per_channel(), Facts(3))
    with pytest.raises(InputError, match=r"cannot be negative: step_size=-1"):
        make(step_size=-1)
