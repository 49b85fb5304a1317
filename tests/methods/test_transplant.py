from dataclasses import replace

import pytest
import torch
from torch import Tensor

from sceneproof.backbones.base import Backbone, start_at_features
from sceneproof.errors import InputError
from sceneproof.methods import Facts, Transplant
from sceneproof.methods.transplant import partners, transplanted
from sceneproof.types import Batch
from tests.methods.batches import per_channel, random_batch

FACTS = Facts(actions=5)


class Halves(Backbone):
    """A backbone in two parts: its lower one is a rectifier, its upper one a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.dim = 4
        self.convolution = torch.nn.Conv3d(3, 4, 1)

    def forward(self, video: Tensor) -> Tensor:
        return self.upper(self.lower(video))

    def lower(self, video: Tensor) -> Tensor:
        return video.relu()

    def upper(self, features: Tensor) -> Tensor:
        moved: Tensor = self.convolution(features)
        return moved


def test_what_a_person_adds_to_one_place_is_added_to_another() -> None:
    places = torch.tensor([1.0, 5.0, 2.0]).view(3, 1, 1, 1, 1)
    people = torch.tensor([10.0, 20.0, 0.0]).view(3, 1, 1, 1, 1)
    moved = transplanted(places + people, places, torch.tensor([1, 2, 0]))
    assert moved.flatten().tolist() == [15.0, 22.0, 1.0]


def test_what_a_person_hides_leaves_no_negative_features() -> None:
    clip, place, other = (torch.full((1, 1, 1, 1, 1), value) for value in (0.0, 3.0, 1.0))
    moved = transplanted(torch.cat([clip, clip]), torch.cat([place, other]), torch.tensor([1, 0]))
    assert moved.flatten().tolist() == [0.0, 2.0]  # 0 - 3 + 1 is raised to the smaller of 0 and 1


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_partners_are_half_a_batch_apart_by_rows_whatever_the_order(count: int) -> None:
    rows = torch.arange(count) * 3
    partner = partners(rows)
    assert sorted(partner.tolist()) == list(range(count))
    assert count == 1 or (partner != torch.arange(count)).all()
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    assert torch.equal(rows[order][partners(rows[order])], rows[partner][order])


def test_the_losses_are_those_of_the_moved_people_and_of_the_empty_places() -> None:
    torch.manual_seed(0)
    method = Transplant(Halves(), FACTS, moved_weight=2.0, confusion_weight=0.5)
    batch = random_batch(count=4, twins=3)
    assert batch.video is not None
    assert batch.without_humans is not None
    losses = method(batch)
    assert set(losses) == {"L_CE", "L_Moved", "L_Ent"}
    clips, places = batch.video[:3].relu(), batch.without_humans.relu()
    order = batch.row[:3].argsort()
    by_row = {int(order[n]): int(order[(n + 1) % 3]) for n in range(3)}
    expected = []
    for clip, partner in by_row.items():
        there = places[partner]
        moved = torch.maximum(clips[clip] - places[clip] + there, torch.minimum(clips[clip], there))
        logits = method.action_head(method.backbone.upper(moved[None]).mean(dim=(2, 3, 4)))
        expected.append(-logits.log_softmax(dim=1)[0, batch.action[clip]])
    torch.testing.assert_close(losses["L_Moved"], 2 * torch.stack(expected).mean())
    torch.testing.assert_close(
        losses["L_CE"], torch.nn.functional.cross_entropy(method.scores(batch.video), batch.action)
    )
    probabilities = method.scores(batch.without_humans).softmax(dim=1)
    doubt = -(probabilities * probabilities.log()).sum(dim=1).mean()
    torch.testing.assert_close(losses["L_Ent"], -0.5 * doubt)


def test_a_step_down_makes_moved_people_known_and_empty_places_doubtful() -> None:
    torch.manual_seed(0)
    method = Transplant(Halves(), FACTS, confusion_weight=1.0)
    batch = random_batch(count=4, twins=4)
    before = {name: loss.item() for name, loss in method(batch).items()}
    optimizer = torch.optim.SGD(method.parameters(), lr=0.01)
    for name in ("L_Moved", "L_Ent"):
        optimizer.zero_grad()
        state = {key: value.clone() for key, value in method.state_dict().items()}
        method(batch)[name].backward()
        optimizer.step()
        assert method(batch)[name].item() < before[name]
        method.load_state_dict(state)


def test_the_order_of_the_batch_changes_nothing() -> None:
    torch.manual_seed(0)
    method = Transplant(Halves(), FACTS, confusion_weight=1.0)
    batch = random_batch(count=5, twins=5)
    assert batch.video is not None
    assert batch.without_humans is not None
    order = torch.tensor([3, 0, 4, 1, 2])
    other = replace(
        batch, video=batch.video[order], action=batch.action[order], row=batch.row[order],
        without_humans=batch.without_humans[order],
    )  # fmt: skip
    for name, loss in method(batch).items():
        torch.testing.assert_close(method(other)[name], loss)


def test_on_kept_features_it_is_the_same_method() -> None:
    torch.manual_seed(0)
    method = Transplant(Halves(), FACTS, confusion_weight=1.0)
    batch = random_batch(count=4, twins=3)
    assert batch.video is not None
    assert batch.without_humans is not None
    expected = method(batch)
    kept = Batch(
        batch.video.relu(), batch.action, batch.row, without_humans=batch.without_humans.relu(), has=batch.has
    )  # fmt: skip
    start_at_features(method.backbone)
    for name, loss in method(kept).items():
        torch.testing.assert_close(loss, expected[name])


def test_a_batch_without_people_trains_all_the_same() -> None:
    method = Transplant(per_channel(), FACTS, confusion_weight=1.0)
    losses = method(random_batch(count=4, twins=0))
    torch.stack(list(losses.values())).sum().backward()
    assert losses["L_Moved"].item() == 0


def test_negative_weights_are_refused() -> None:
    with pytest.raises(InputError, match="cannot be negative"):
        Transplant(per_channel(), FACTS, moved_weight=-1.0)
