import pytest
import torch

from sceneproof.methods.terms import reverse_gradient


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0, 3.0])
def test_values_pass_and_gradients_turn(strength: float) -> None:
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = reverse_gradient(x, strength)
    assert torch.equal(y, x)
    torch.autograd.backward((y * torch.tensor([3.0, 5.0])).sum())
    assert x.grad is not None
    assert x.grad.tolist() == [-3.0 * strength, -5.0 * strength]


def test_an_optimiser_climbs_before_it_and_descends_after_it() -> None:
    before, after = torch.tensor(1.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    loss = reverse_gradient(before * 2.0, 0.5) * after  # rises with both
    torch.autograd.backward(loss)
    with torch.no_grad():
        for parameter in (before, after):
            assert parameter.grad is not None
            parameter -= 0.1 * parameter.grad
    assert before.item() == pytest.approx(1.0 + 0.1 * 0.5 * 2.0)
    assert after.item() == pytest.approx(1.0 - 0.1 * 2.0)


def test_dtype_and_compiled() -> None:
    x = torch.ones(2, 3, dtype=torch.bfloat16, requires_grad=True)
    compiled = torch.compile(lambda x: reverse_gradient(x * 2, 0.5).sum(), backend="eager", fullgraph=True)
    torch.autograd.backward(compiled(x))
    assert x.grad is not None
    assert x.grad.dtype == torch.bfloat16
    assert (x.grad == -1.0).all()
