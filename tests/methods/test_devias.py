"""DEVIAS: the authors' numbers (KHU-VLL/DEVIAS at e9dccb7: its losses by formula-made inputs), and what follows."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, one_hot

from sceneproof.backbones import ResNet3D
from sceneproof.errors import InputError
from sceneproof.methods import DEVIAS, Facts
from sceneproof.methods.devias import Form, Slots, attention_term, likelier, mask_term, scene_term
from sceneproof.methods.terms import cross_entropy
from sceneproof.types import Batch
from tests.methods.batches import gradients, random_batch
from tests.methods.formula import formula

FACTS = Facts(actions=5, scenes=7)
ACTION = torch.tensor([1, 3])
SMALL: dict[str, Any] = {"depth": 2, "heads": 2, "head_width": 4, "mask_size": 4}


def make(**settings: Any) -> DEVIAS:
    torch.manual_seed(0)
    return DEVIAS(ResNet3D(10, width=2), Facts(actions=5, scenes=6), **{**SMALL, **settings})


def seen(count: int = 4) -> Batch:
    made = random_batch(count)
    people = torch.zeros(count, 4, 16, 16, dtype=torch.bool)
    for number in range(count):
        people[number, :, number : number + 8, :8] = True
    has = {**made.has, "people": torch.arange(count) != 1}
    return replace(made, people=people & has["people"][:, None, None, None], has=has)


def test_the_authors_losses() -> None:
    logits, teacher = formula((4, 12), 0.53).reshape(2, 2, 12), formula((2, 7), 0.33)
    slots, attention = formula((4, 8), 0.29).reshape(2, 2, 8), formula((8, 2, 16), 0.17).softmax(1).reshape(2, 4, 2, 16)
    masks = [(formula((2, count), a) > 0).float() for count, a in ((4, 0.9), (16, 0.8))]
    chosen = DEVIAS(ResNet3D(10, width=2), FACTS, **SMALL).matched(logits, ACTION, teacher.softmax(1))
    assert chosen.tolist() == [1, 1]
    # their teacher is given logits of the actions, too: one less than its lowest of the batch
    padded = torch.cat([(teacher.min() - 1).expand(2, 5), teacher], dim=1).softmax(1).float()
    parts = {
        "action": cross_entropy(logits[:, 1], ACTION),
        "scene": scene_term(logits[:, 0], padded, "released"),
        "cosine": cosine_similarity(slots[:, 0], slots[:, 1]),
        "mask": mask_term(formula((4, 4), 0.4).reshape(2, 2, 4)[:, 1], masks[0]),
        "distilled": attention_term(attention[:, :, 1], masks[1]),
    }
    theirs = {
        "action": 1.9478979, "scene": 0.0846992, "cosine": -0.7014976, "mask": 0.56640625, "distilled": 0.2886270,
    }  # fmt: skip
    for name, values in parts.items():  # their mask's loss was rounded to bfloat16
        assert values.mean().item() == pytest.approx(theirs[name], rel=2e-4 if name == "mask" else 1e-5), name
    assert sum(values.mean().item() for values in parts.values()) == pytest.approx(2.1861327, abs=1e-4)


def test_the_scenes_divergence_by_hand() -> None:
    logits, scene = torch.zeros(2, 12), torch.tensor([[1.0, 0, 0, 0, 0, 0, 0], [0.5, 0.5, 0, 0, 0, 0, 0]])
    expected = [math.log(12), math.log(12) - math.log(2)]
    assert scene_term(logits, scene).tolist() == pytest.approx(expected)
    assert scene_term(logits, scene, "released").tolist() == pytest.approx([value / 12 for value in expected])
    with_actions = torch.cat([torch.zeros(2, 5), scene], dim=1)
    assert torch.equal(scene_term(logits, with_actions), scene_term(logits, scene))


def test_a_second_sigmoid_keeps_the_masks_loss_up() -> None:
    sure, mask = torch.tensor([[100.0, -100.0]]), torch.tensor([[1.0, 0.0]])
    assert mask_term(sure, mask).item() == pytest.approx(0, abs=1e-6)
    assert mask_term(sure, mask, "released").item() == pytest.approx((math.log(1 + math.exp(-1)) + math.log(2)) / 2)


def test_slots_are_shared_out_as_is_likelier_in_sum() -> None:
    action = torch.tensor([[0.6, 0.3], [0.6, 0.3], [0.2, 0.3], [0.5, 0.5]])
    scene = torch.tensor([[0.1, 0.2], [0.9, 0.1], [0.0, 0.0], [0.5, 0.5]])
    assert likelier(action, scene).tolist() == [0, 1, 1, 0]  # the third has no scene label; the last one is a tie


def test_a_place_shares_itself_out_between_the_slots() -> None:
    torch.manual_seed(0)
    slots, attention = Slots(6, depth=3, heads=2, head_width=4)(torch.randn(2, 6, 2, 3, 3))
    assert slots.shape == (2, 2, 6)
    assert attention.shape == (2, 2, 2, 18)
    torch.testing.assert_close(attention.sum(dim=2), torch.ones(2, 2, 18))


def test_slots_do_not_know_the_order_of_the_places() -> None:
    torch.manual_seed(0)
    places, order = torch.randn(2, 6, 1, 1, 9), torch.randperm(9)
    module = Slots(6, depth=2, heads=2, head_width=4)
    slots, attention = module(places)
    turned, other = module(places[..., order])
    torch.testing.assert_close(slots, turned)
    torch.testing.assert_close(attention[..., order], other)


@pytest.mark.parametrize(("mask", "more"), [("none", set()), ("people", {"L_attention", "L_mask"})])
def test_losses_and_needs_follow_the_mask(mask: str, more: set[str]) -> None:
    method = make(mask=mask)
    losses = method(seen())
    assert losses.keys() == {"L_action", "L_scene", "L_cos"} | more
    assert method.needs == ({"scene", "people"} if more else {"scene"})
    for weight in gradients(method, torch.stack(list(losses.values())).sum()).values():
        assert weight.any()
    assert all(weight.grad is not None for weight in method.parameters())


def step(method: DEVIAS, name: str, *, rate: float) -> tuple[Tensor, Tensor]:
    """A loss before and after a small step down its gradient, in evaluation mode."""
    method.eval()
    before = method(seen())[name]
    parts = gradients(method, before)
    assert parts["backbone"].any()
    with torch.no_grad():
        for weight in method.parameters():
            if weight.grad is not None:
                weight.sub_(weight.grad, alpha=rate)
    return before.detach(), method(seen())[name].detach()


@pytest.mark.parametrize("name", ["L_action", "L_scene", "L_cos", "L_attention", "L_mask"])
def test_every_term_falls_along_its_gradient(name: str) -> None:
    before, after = step(make(), name, rate=1e-3)
    assert after < before


@pytest.mark.parametrize(
    ("weight", "name"),
    [("scene_weight", "L_scene"), ("cosine_weight", "L_cos"), ("attention_weight", "L_attention"),
     ("mask_weight", "L_mask")],
)  # fmt: skip
def test_a_terms_weight_multiplies_it_alone(weight: str, name: str) -> None:
    ones = {"scene_weight": 1.0}
    plain, more = make(**ones)(seen()), make(**{**ones, weight: 3.0})(seen())
    for key, value in plain.items():
        torch.testing.assert_close(more[key], 3 * value if key == name else value)


def test_the_order_of_the_batch_changes_nothing() -> None:
    method, made, order = make().eval(), seen(), torch.tensor([2, 0, 3, 1])
    fields = {name: getattr(made, name)[order] for name in ("video", "action", "row", "scene", "people")}
    turned = replace(made, **fields, has={name: values[order] for name, values in made.has.items()})
    for name, value in method(made).items():
        torch.testing.assert_close(value, method(turned)[name])


def test_clips_without_a_label_do_not_count() -> None:
    method, made = make().eval(), seen()
    assert made.scene is not None
    known = made.has["scene"].clone()
    known[2] = False
    without = replace(made, scene=made.scene * known[:, None], has={**made.has, "scene": known})
    rows = [0, 1, 3]
    fields = {name: getattr(made, name)[rows] for name in ("video", "action", "row", "scene", "people")}
    fewer = replace(made, **fields, has={name: values[rows] for name, values in made.has.items()})
    torch.testing.assert_close(method(without)["L_scene"], method(fewer)["L_scene"])
    other = replace(made, people=made.people.clone())  # type: ignore[union-attr]  # it is there
    other.people[1] = True  # type: ignore[index]  # of a clip of which nothing is known
    for name in ("L_attention", "L_mask"):
        torch.testing.assert_close(method(other)[name], method(made)[name])


@pytest.mark.parametrize("swapped", [False, True])
def test_the_action_slot_answers_whichever_it_is(swapped: bool) -> None:
    method = make(mask="none").eval()
    action, scene = 8.0 * one_hot(torch.tensor(2), 11).float(), 8.0 * one_hot(torch.tensor(5 + 1), 11).float()
    rows = torch.stack([scene, action] if swapped else [action, scene])  # the slots' logits

    class Fixed(torch.nn.Module):
        def forward(self, places: Tensor) -> tuple[Tensor, Tensor]:
            return rows.expand(len(places), -1, -1), torch.zeros(len(places), 2, 2, 1)

    method.slots, method.action_head = Fixed(), torch.nn.Identity()  # type: ignore[assignment]
    output = method.answer(torch.zeros(3, 3, 4, 16, 16))
    assert output.scores.tolist() == [action[:5].tolist()] * 3
    assert output.features.tolist() == [action.tolist()] * 3
    assert torch.equal(method.scores(torch.zeros(3, 3, 4, 16, 16)), output.scores)


@pytest.mark.parametrize(
    "settings",
    [{"mask": "fame"}, {"mask": "paper"}, {"scene_loss": "people"}, {"mask_loss": "sum"}, {"cosine_weight": -1.0},
     {"depth": 0}, {"mask_size": 0}],
)  # fmt: skip
def test_what_it_cannot_work_with_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="DEVIAS: "):
        make(**settings)


def test_scenes_are_needed() -> None:
    with pytest.raises(InputError, match="DEVIAS: its second slot needs scene labels of at least 2 classes, not 0"):
        DEVIAS(ResNet3D(10, width=2), Facts(actions=5))


@pytest.mark.parametrize("form", ["paper", "released"])
def test_forms_of_a_loss_have_gradients_of_one_sign(form: Form) -> None:
    logits = torch.zeros(1, 12, requires_grad=True)
    scene = one_hot(torch.tensor([3]), 7).float()
    gradient = torch.autograd.grad(scene_term(logits, scene, form).sum(), logits)[0][0]
    assert gradient[5 + 3] < 0
    assert (gradient[[*range(8), *range(9, 12)]] > 0).all()
    mask = torch.zeros(1, 2, requires_grad=True)
    pushed = torch.autograd.grad(mask_term(mask, torch.tensor([[1.0, 0.0]]), form).sum(), mask)[0][0]
    assert pushed[0] < 0 < pushed[1]
