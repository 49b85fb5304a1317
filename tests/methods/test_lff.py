"""LfF: the authors' numbers (alinlab/LfF: its losses and running means), and what follows by hand."""

import math

import pytest
import torch
from torch import nn

from sceneproof.backbones import ResNet3D
from sceneproof.errors import InputError
from sceneproof.methods import Facts, LfF
from sceneproof.methods.lff import generalised_cross_entropy
from sceneproof.methods.terms import cross_entropy
from tests.methods.batches import batch, clips, gradients, identity, per_channel
from tests.methods.formula import formula

ACTIONS = torch.tensor([0, 1, 2, 0, 1, 2])
FACTS = Facts(actions=3, rows=6, action_of_row=ACTIONS)


def make(**settings: float) -> LfF:
    method = LfF(per_channel(), FACTS, **settings)
    for head in (method.action_head, method.biased_head):
        identity(head)
    return method


def test_the_authors_generalised_cross_entropy() -> None:
    expected = [0.36477132, 0.36572051, 0.27732524, 0.36106912, 0.36676109, 0.26332182]
    assert generalised_cross_entropy(formula((6, 3), 0.77, 0.2), ACTIONS, 0.7).tolist() == pytest.approx(
        expected, rel=1e-6
    )


def test_its_gradient_is_that_of_one_less_the_likelihood_to_the_q_times_one() -> None:
    logits = formula((6, 3), 0.77, 0.2).float().requires_grad_()
    ours = torch.autograd.grad(generalised_cross_entropy(logits, ACTIONS, 0.7).sum(), logits)[0]
    likelihood = logits.softmax(1).gather(1, ACTIONS[:, None])[:, 0]
    theirs = torch.autograd.grad((1 - likelihood**0.7).sum(), logits)[0]  # q times (1 - p^q) / q
    torch.testing.assert_close(ours, theirs)


def test_the_authors_weights_over_three_steps() -> None:
    method, row = make(), torch.arange(6)
    weights = []
    for step in range(3):
        biased, debiased = (formula((6, 3), a, b + step).float() for a, b in ((0.77, 0.2), (0.41, 0.1)))
        method.note(row, cross_entropy(biased, ACTIONS), cross_entropy(debiased, ACTIONS))
        weights.append(method.difficulty(row).tolist())
    expected = [
        [0.5, 0.51874948, 0.5, 0.54772001, 0.5, 0.64415634],
        [0.5, 0.51485640, 0.48698089, 0.49800524, 0.5, 0.63376498],
        [0.5, 0.50344062, 0.45150259, 0.44189897, 0.5, 0.56410051],
    ]
    for ours, theirs in zip(weights, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-6)


def test_an_action_that_is_learnt_to_the_last_bit_weighs_nothing() -> None:
    method, row = make(), torch.arange(6)
    losses = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 2.0])
    method.note(row, losses, losses)
    assert method.difficulty(row).tolist() == pytest.approx([0, 0.5, 0.5, 0, 0.5, 0.5], abs=1e-6)


def test_clips_that_only_the_biased_network_fails_on_weigh_more() -> None:
    method, row = make(), torch.arange(6)
    method.note(row, torch.tensor([2.0, 2.0, 2.0, 1.0, 2.0, 2.0]), torch.tensor([1.0, 1.0, 1.0, 1.0, 0.1, 1.0]))
    weights = method.difficulty(row)
    assert weights[0] == 0.5
    assert weights[3] == pytest.approx(0.5 / 1.5)  # the biased one does better on it
    assert weights[4] == pytest.approx(1 / 1.1)  # the debiased one does


def test_losses_by_hand_and_which_network_each_moves() -> None:
    method = make()
    found = batch(clips((math.log(2), 0.0, 0.0), (0.0, 0.0, 0.0)), [0, 1])
    losses = method(found)
    assert losses["L_GCE"].item() == pytest.approx(0.7 * (0.5**0.7 * math.log(2) + (1 / 3) ** 0.7 * math.log(3)) / 2)
    assert losses["L_CE"].item() == pytest.approx((math.log(2) + math.log(3)) / 4)  # both clips weigh a half
    biased, own = (gradients(method, method(found)[name]) for name in ("L_GCE", "L_CE"))
    assert biased["biased_backbone"].any()
    assert not biased["backbone"].any()
    assert own["backbone"].any()
    assert not own["biased_backbone"].any()
    assert own["backbone"][0] < 0  # a larger first channel lowers the first clip's loss: it is of action 0


def test_only_the_debiased_network_answers() -> None:
    method, video = make(), clips((1.0, 2.0, 3.0))
    with torch.no_grad():
        method.biased_head.weight.fill_(7.0)
    assert method.answer(video).scores.tolist() == [[1.0, 2.0, 3.0]]


def test_the_biased_network_starts_with_weights_of_its_own() -> None:
    torch.manual_seed(0)
    method = LfF(ResNet3D(10, width=2), FACTS)
    convolutions = [
        (own.weight, other.weight)
        for own, other in zip(method.backbone.modules(), method.biased_backbone.modules(), strict=True)
        if isinstance(own, nn.Conv3d) and isinstance(other, nn.Conv3d)
    ]
    assert convolutions
    assert not any(torch.equal(own, other) for own, other in convolutions)


@pytest.mark.parametrize(("settings", "facts"), [({"q": 1.5}, FACTS), ({"decay": 1.0}, FACTS), ({}, Facts(3))])
def test_what_it_cannot_work_with_is_refused(settings: dict[str, float], facts: Facts) -> None:
    with pytest.raises(InputError, match="LfF: "):
        LfF(per_channel(), facts, **settings)
