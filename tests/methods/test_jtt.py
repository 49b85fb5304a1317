"""JTT: its two stages, what each moves and leaves alone, and how often clips are drawn, by hand."""

import math
from dataclasses import replace

import pytest
import torch

from sceneproof.errors import InputError
from sceneproof.methods import JTT, Facts
from sceneproof.types import Batch
from tests.methods.batches import batch, clips, gradients, identity, per_channel

FACTS = Facts(actions=3, rows=4)
IDENTIFICATION, MAIN = ("identification_backbone", "identification_head"), ("backbone", "action_head")


def make(facts: Facts = FACTS, *, epoch: int = 0, epochs: int = 2, **settings: float) -> JTT:
    method = JTT(per_channel(), facts, **settings)
    for head in (method.action_head, method.identification_head):
        identity(head)
    method.begin_epoch(epoch, epochs)
    return method


def seen() -> Batch:
    """Of the first two clips the largest channel is the action's, of the third it is not."""
    return batch(clips((math.log(2), 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 1.0, 0.0)), [0, 1, 2])


@pytest.mark.parametrize(
    ("share", "epochs", "first"), [(0.2, 10, 2), (0.2, 4, 1), (0.5, 4, 2), (0.01, 50, 1), (0.99, 3, 2), (0.2, 2, 1)]
)
def test_the_first_stage_has_its_share_of_whole_epochs(share: float, epochs: int, first: int) -> None:
    method = make(first_share=share)
    stages = []
    for epoch in range(epochs):
        method.begin_epoch(epoch, epochs)
        stages.append(bool(method.second))
    assert stages == [False] * first + [True] * (epochs - first)


@pytest.mark.parametrize(
    ("epoch", "name", "moved", "still"), [(0, "L_id", IDENTIFICATION, MAIN), (1, "L_CE", MAIN, IDENTIFICATION)]
)
def test_each_stage_moves_its_own_network(
    epoch: int, name: str, moved: tuple[str, ...], still: tuple[str, ...]
) -> None:
    method = make(epoch=epoch)
    losses = method(seen())
    assert losses.keys() == {name}
    expected = (math.log(4) - math.log(2) + math.log(math.e + 2) - 1 + math.log(math.e + 2)) / 3
    assert losses[name].item() == pytest.approx(expected)
    found = gradients(method, losses[name])
    assert all(found[part].any() for part in moved)
    assert not any(found[part].any() for part in still)
    assert found[moved[0]][0] < 0  # a larger first channel lowers the first clip's loss: it is of action 0
    assert found[moved[0]][1] > 0  # a larger second one raises the third's more than it lowers the second's
    assert all(weight.grad is not None for weight in method.parameters())  # distributed training waits for each
    assert method.idle() == [method.get_submodule(part) for part in still]


def test_clips_that_were_wrong_when_last_met_are_drawn_more_often() -> None:
    method = make(upweight=4)
    method(seen())
    assert method.wrong.tolist() == [False, False, True, False]  # the last row was never met
    assert method.weights_of_rows() is None
    method.note(torch.tensor([0, 1]), torch.tensor([True, True]))
    method.note(torch.tensor([1, 3]), torch.tensor([False, True]))
    method.begin_epoch(1, 2)
    weights = method.weights_of_rows()
    assert weights is not None
    assert weights.tolist() == [5, 1, 5, 5]
    method(seen())
    assert method.wrong.tolist() == [True, False, True, True]  # noted in the first stage alone


def test_the_order_of_the_batch_changes_nothing() -> None:
    straight, turned = make(), make()
    first = straight(seen())["L_id"]
    order = torch.tensor([2, 0, 1])
    made = seen()
    assert made.video is not None
    second = turned(Batch(made.video[order], made.action[order], made.row[order]))["L_id"]
    torch.testing.assert_close(first, second)
    assert torch.equal(straight.wrong, turned.wrong)


def test_weights_of_the_manifest_are_multiplied() -> None:
    method = make(Facts(actions=3, rows=4, weight_of_row=torch.tensor([1.0, 0.5, 2.0, 0.0], dtype=torch.float64)))
    first = method.weights_of_rows()
    assert first is not None
    assert first.tolist() == [1, 0.5, 2, 0]
    method.note(torch.tensor([1, 3]), torch.tensor([True, True]))
    method.begin_epoch(1, 2)
    second = method.weights_of_rows()
    assert second is not None
    assert second.tolist() == [1, 10.5, 2, 0]


def test_only_the_main_network_answers() -> None:
    method, video = make(), clips((1.0, 2.0, 3.0))
    with torch.no_grad():
        method.identification_head.weight.fill_(7.0)
    assert method.answer(video).scores.tolist() == [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize(
    ("settings", "facts"),
    [
        ({"first_share": 0.0}, FACTS), ({"first_share": 1.0}, FACTS), ({"upweight": -1.0}, FACTS),
        ({"upweight": math.inf}, FACTS), ({"upweight": math.nan}, FACTS), ({}, Facts(3)),
    ],
)  # fmt: skip
def test_what_it_cannot_work_with_is_refused(settings: dict[str, float], facts: Facts) -> None:
    with pytest.raises(InputError, match="JTT: "):
        JTT(per_channel(), facts, **settings)


def test_one_epoch_cannot_hold_two_stages() -> None:
    with pytest.raises(InputError, match=r"JTT: needs two epochs at least.*--optimisation\.epochs 2"):
        make(replace(FACTS, epochs=1))
