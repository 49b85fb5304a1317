from math import log

import pytest
import torch
from torch import nn

from sceneproof.methods.terms import cross_entropy, entropy, zero_of

LOGITS = torch.tensor([[log(2.0), 0.0, 0.0], [0.0, 0.0, 0.0]])  # probabilities 1/2 1/4 1/4 and thirds


def test_cross_entropy_of_classes() -> None:
    assert cross_entropy(LOGITS, torch.tensor([0, 2])).tolist() == pytest.approx([log(2), log(3)])


def test_cross_entropy_of_probabilities() -> None:
    target = torch.tensor([[0.25, 0.25, 0.5], [0.0, 0.0, 0.0]])
    # 1/4 ln 2 + 1/4 ln 4 + 1/2 ln 4; a row without a label counts nothing
    assert cross_entropy(LOGITS, target).tolist() == pytest.approx([1.75 * log(2), 0.0])


def test_entropy() -> None:
    assert entropy(LOGITS).tolist() == pytest.approx([1.5 * log(2), log(3)])


def test_a_certain_prediction_has_entropy_zero_and_a_gradient() -> None:
    logits = torch.tensor([[1000.0, 0.0, 0.0]], requires_grad=True)
    value = entropy(logits)
    torch.autograd.backward(value.sum())
    assert value.item() == 0.0
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_bfloat16_logits_are_reduced_in_float32() -> None:
    logits = torch.linspace(-3, 3, 200)[None].bfloat16()
    for value in (entropy(logits), cross_entropy(logits, torch.tensor([7]))):
        assert value.dtype == torch.float32
    assert entropy(logits).item() == pytest.approx(entropy(logits.float()).item())


def test_zero_of_reaches_every_parameter_that_learns() -> None:
    module = nn.Linear(2, 2)
    module.bias.requires_grad_(False)
    zero = zero_of(module)
    torch.autograd.backward(zero)
    assert zero.item() == 0.0
    assert module.weight.grad is not None
    assert not module.weight.grad.any()
    assert module.bias.grad is None
    assert zero_of(nn.ReLU()).item() == 0.0
