"""ActorCutMix: the authors' weights of the actions, and the picture by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sceneproof.errors import InputError
from sceneproof.methods import ActorCutMix
from sceneproof.types import Batch
from tests.methods.batches import batch, per_channel
from tests.methods.mixed import FACTS, video_of


def pair(shares: tuple[float, float] = (0.25, 0.5)) -> Batch:
    """Two clips, black and white, of actions 0 and 1; people from the left edge on, of these shares."""
    video = torch.zeros(2, 3, 2, 20, 20)
    video[1] = 1
    people = torch.zeros(2, 2, 20, 20, dtype=torch.bool)
    for row, share in enumerate(shares):
        people[row, :, :, : round(20 * share)] = True
    return replace(batch(video, [0, 1]), people=people, has={"people": torch.ones(2, dtype=torch.bool)})


@pytest.mark.parametrize(
    ("share", "weight"), [(0.05, 0.1854938), (0.1, 0.3439001), (0.25, 0.6835938), (0.5, 0.9375), (0.75, 0.9960938)]
)
def test_the_weight_of_the_own_action_is_the_authors(share: float, weight: float) -> None:
    # github.com/vt-vl-lab/video-data-aug, 01667cd
    mixed = ActorCutMix(per_channel(), FACTS, probability=1.0).augment(pair((share, 0.5)), np.random.default_rng(0))
    assert mixed.target is not None
    assert mixed.target[0].tolist() == pytest.approx([weight, 1 - weight, 0, 0, 0], abs=1e-6)


def test_the_picture_by_hand() -> None:
    method = ActorCutMix(per_channel(), FACTS, probability=1.0)
    first, second = video_of(method.augment(pair(), np.random.default_rng(0)))
    hole = torch.tensor(method.backbone.mean)[:, None, None, None] / 255
    assert (first[..., :5] == 0).all()  # its own people
    torch.testing.assert_close(first[..., 5:10], hole.expand_as(first[..., 5:10]))  # where the other's were
    assert (first[..., 10:] == 1).all()  # the other's place
    assert (second[..., :10] == 1).all()  # its own people, who hide the other's
    assert (second[..., 10:] == 0).all()


def test_a_twin_leaves_no_hole() -> None:
    method = ActorCutMix(per_channel(), FACTS, probability=1.0, fill="twin")
    assert method.needs == {"people", "without_humans"}
    whole = replace(
        pair(),
        without_humans=torch.full((1, 3, 2, 20, 20), 0.75),
        has={"people": torch.ones(2, dtype=torch.bool), "without_humans": torch.tensor([False, True])},
    )
    mixed = method.augment(whole, np.random.default_rng(0))
    first, second = video_of(mixed)
    assert (first[..., :5] == 0).all()
    assert (first[..., 5:] == 0.75).all()
    assert (second[..., :10] == 1).all()
    assert (second[..., 10:] == 0).all()  # the first has no twin, and its people are hidden
    assert mixed.without_humans is None


@pytest.mark.parametrize("shares", [(0.0, 0.5), (1.0, 0.5)])
def test_clips_without_people_or_of_nothing_else_stay(shares: tuple[float, float]) -> None:
    whole = pair(shares)
    mixed = ActorCutMix(per_channel(), FACTS, probability=1.0).augment(whole, np.random.default_rng(0))
    assert torch.equal(video_of(mixed), video_of(whole))
    assert mixed.target is not None
    assert torch.equal(mixed.target, torch.eye(5)[:2])


@pytest.mark.parametrize("settings", [{"power": 0.0}, {"fill": "white"}])
def test_bad_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InputError, match="ActorCutMix: power is above 0, fill black or twin"):
        ActorCutMix(per_channel(), FACTS, **settings)  # type: ignore[arg-type]  # that is the point
