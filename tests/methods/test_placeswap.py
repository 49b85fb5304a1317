"""PlaceSwap: the composite by hand, the losses in closed form, the direction of each step, any order of the batch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sceneproof.errors import InputError
from sceneproof.methods import Facts, PlaceSwap
from sceneproof.methods.placeswap import divergence, softened
from sceneproof.types import Batch
from tests.methods.batches import gradients, identity, per_channel
from tests.methods.mixed import FACTS, TURNED, pictures, turned, video_of


def augmented(method: PlaceSwap, whole: Batch | None = None) -> Batch:
    return method.augment(pictures() if whole is None else whole, np.random.default_rng(5))


def composites(batch: Batch) -> torch.Tensor:
    assert batch.second is not None
    return batch.second


def test_people_of_a_clip_stand_in_another_clips_place() -> None:
    whole = pictures(count=3)  # the last clip has no twin: the other two change places
    made = augmented(PlaceSwap(per_channel(), FACTS, soft_edge=0), whole)
    assert made.has["second"].tolist() == [True, True, False]
    assert whole.people is not None
    assert whole.without_humans is not None
    for row, other in ((0, 1), (1, 0)):
        people = whole.people[row].expand(3, -1, -1, -1)
        expected = torch.where(people, video_of(whole)[row], whole.without_humans[other])
        torch.testing.assert_close(composites(made)[row], expected)
    assert torch.equal(video_of(made), video_of(pictures(count=3)))  # the clips stay as they are
    assert made.target is None


def test_edges_fade_over_so_many_pixels_on_each_side() -> None:
    people = torch.zeros(1, 1, 9, 9, dtype=torch.bool)
    people[..., 4:] = True
    assert softened(people, 0)[0, 0, 4].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1]
    faded = softened(people, 1)[0, 0, 4]
    torch.testing.assert_close(faded, torch.tensor([0, 0, 0, 1 / 3, 2 / 3, 1, 1, 1, 1]))


def test_the_losses_in_closed_form() -> None:
    method = PlaceSwap(per_channel(), Facts(actions=3), swapped_weight=2.0, same_weight=3.0, confusion_weight=0.5)
    identity(method.action_head)
    made = augmented(method, replace(pictures(count=4), action=torch.tensor([0, 1, 2, 0])))
    swapped = made.has["second"]
    own, other = (clips.mean(dim=(2, 3, 4)) for clips in (video_of(made), composites(made)))
    assert made.without_humans is not None
    nobody = made.without_humans.mean(dim=(2, 3, 4)).softmax(dim=1)
    losses = method(made)
    assert list(losses) == ["L_CE", "L_Swapped", "L_Same", "L_Ent"]
    torch.testing.assert_close(losses["L_CE"], -own.log_softmax(1).gather(1, made.action[:, None]).mean())
    expected = -other.log_softmax(1).gather(1, made.action[swapped][:, None]).mean()
    torch.testing.assert_close(losses["L_Swapped"], 2 * expected)
    p, q = own[swapped].softmax(1), other.softmax(1)
    torch.testing.assert_close(losses["L_Same"], 3 * (p * (p / q).log()).sum(1).mean())
    torch.testing.assert_close(losses["L_Ent"], 0.5 * (nobody * nobody.log()).sum(1).mean())


def test_the_divergence_is_zero_between_equal_answers_and_moves_the_second_alone() -> None:
    told, other = (torch.tensor([[2.0, 0.0, 1.0]], requires_grad=True) for _ in range(2))
    assert divergence(told, other).item() == pytest.approx(0, abs=1e-7)
    torch.autograd.backward(divergence(told, 0.5 * other).sum())
    assert told.grad is None
    assert other.grad is not None
    assert other.grad[0, 0] < 0 < other.grad[0, 1]  # towards what was told


@pytest.mark.parametrize("term", ["L_CE", "L_Swapped", "L_Ent"])
def test_a_step_along_its_gradient_lowers_each_term(term: str) -> None:
    torch.manual_seed(0)
    method = PlaceSwap(per_channel(), FACTS, confusion_weight=1.0)
    made = augmented(method)
    before = method(made)[term]
    moved = gradients(method, before)
    assert all(part.abs().sum() > 0 for part in moved.values())
    torch.optim.SGD(method.parameters(), lr=1e-3).step()
    assert method(made)[term].item() < before.item()


def test_the_order_of_the_batch_changes_nothing() -> None:
    method = PlaceSwap(per_channel(), FACTS, probability=0.7)
    first, second = augmented(method), augmented(method, turned(pictures()))
    assert torch.equal(first.has["second"][TURNED], second.has["second"])
    rows = {int(row): clip for row, clip in zip(first.row[first.has["second"]], composites(first), strict=True)}
    assert 0 < len(rows) < 6
    for row, clip in zip(second.row[second.has["second"]], composites(second), strict=True):
        assert torch.equal(rows[int(row)], clip)


def test_a_batch_in_which_nobody_is_known_is_trained_as_plainly() -> None:
    whole = pictures()
    assert whole.without_humans is not None
    has = {name: torch.zeros_like(known) for name, known in whole.has.items()}
    method = PlaceSwap(per_channel(), FACTS, same_weight=1.0, confusion_weight=1.0)
    losses = method(augmented(method, replace(whole, without_humans=whole.without_humans[:0], has=has)))
    assert losses["L_CE"].item() > 0
    assert [losses[name].item() for name in ("L_Swapped", "L_Same", "L_Ent")] == [0, 0, 0]
    torch.autograd.backward(torch.stack(list(losses.values())).sum())


@pytest.mark.parametrize(
    "wrong", [{"probability": 1.5}, {"swapped_weight": -1.0}, {"soft_edge": -1}, {"composites": "kept", "soft_edge": 1}]
)
def test_numbers_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="PlaceSwap"):
        PlaceSwap(per_channel(), FACTS, **wrong)  # type: ignore[arg-type]
