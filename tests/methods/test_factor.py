"""Factor: its losses in closed form, the direction of each step, and an answer that is linear in the features."""

import math

import pytest
import torch

from sceneproof.errors import InputError
from sceneproof.methods import Factor, Facts
from tests.methods.batches import batch, clips, gradients, identity, per_channel, random_batch


def made(**more: float) -> Factor:
    method = Factor(per_channel(), Facts(actions=3), **more)  # type: ignore[arg-type]
    identity(method.action_head)
    identity(method.context_head.linear)
    return method


def test_the_losses_by_hand() -> None:
    """Logits are features: of the clips (2, 0, 0) and (0, 1, 0), and of the first one's conjugate (1, 0, 0)."""
    method = made(action_weight=2.0, context_weight=3.0, confusion_weight=0.5)
    with torch.no_grad():
        method.context_head.gate.fill_(0.5)
    given = batch(clips((2, 0, 0), (0, 1, 0)), [0, 1], without_humans=clips((1, 0, 0)), has_twin=[True, False])
    losses = method(given)
    # minus the log of the first of softmax (k, 0, 0)
    e = {k: torch.tensor(math.log(1 + 2 * math.exp(-k))) for k in (1, 1.5, 2, 3)}
    torch.testing.assert_close(losses["L_CE"], (e[3] + e[1.5]) / 2)
    torch.testing.assert_close(losses["L_Action"], 2 * (e[2] + e[1]) / 2)
    torch.testing.assert_close(losses["L_Context"], 3 * ((e[2] + e[1]) / 2 + e[1]))
    p = torch.tensor([2.7182818, 1.0, 1.0]) / 4.7182818
    torch.testing.assert_close(losses["L_Ent"], 0.5 * (p * p.log()).sum())


@pytest.mark.parametrize("term", ["L_CE", "L_Action", "L_Context", "L_Ent"])
def test_a_step_along_its_gradient_lowers_each_term_and_reaches_its_heads_alone(term: str) -> None:
    torch.manual_seed(0)
    method, given = Factor(per_channel(), Facts(actions=5)), random_batch()
    before = method(given)[term]
    moved = {name: bool(part.abs().sum() > 0) for name, part in gradients(method, before).items()}
    assert moved == {
        "backbone": True,
        "action_head": term != "L_Context",
        "context_head": term in ("L_CE", "L_Context"),
    }
    torch.optim.SGD(method.parameters(), lr=1e-2).step()
    assert method(given)[term].item() < before.item()


def test_both_heads_answer_or_the_action_head_alone() -> None:
    method = made()
    with torch.no_grad():
        method.context_head.linear.bias.copy_(torch.tensor([0.0, 0.0, 5.0]))
    video = clips((2, 0, 0), (0, 1, 0))
    said = method.answer(video)
    torch.testing.assert_close(said.scores, torch.tensor([[4.0, 0, 5], [0, 2, 5]]))
    torch.testing.assert_close(method.scores(video), said.scores)
    assert said.places is not None
    assert said.weight is not None
    maps = torch.einsum("ad,bdthw->bathw", said.weight, said.places).mean(dim=(2, 3, 4))
    torch.testing.assert_close(maps + torch.tensor([0.0, 0, 5]), said.scores)  # plus a constant: maps are the answer's
    method.answers = "action"
    torch.testing.assert_close(method.answer(video).scores, torch.tensor([[2.0, 0, 0], [0, 1, 0]]))


def test_a_batch_without_conjugates_is_trained_all_the_same() -> None:
    method = made()
    losses = method(batch(clips((2, 0, 0)), [0], without_humans=clips((1, 0, 0))[:0], has_twin=[False]))
    assert losses["L_Ent"].item() == 0
    assert losses["L_Context"].item() == pytest.approx(0.2395448)
    torch.autograd.backward(torch.stack(list(losses.values())).sum())


@pytest.mark.parametrize("wrong", [{"action_weight": -1.0}, {"confusion_weight": -0.1}, {"answers": "context"}])
def test_arguments_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="Factor"):
        Factor(per_channel(), Facts(actions=3), **wrong)  # type: ignore[arg-type]
