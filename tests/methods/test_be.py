"""BE: what stands still is added, what moves is scaled; the consistency by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sceneproof.errors import InputError
from sceneproof.methods import BE
from tests.methods.batches import batch, clips, gradients, identity, per_channel
from tests.methods.mixed import FACTS, pictures, video_of


def test_motion_is_scaled_and_nothing_else() -> None:
    whole = pictures()
    mixed = BE(per_channel(), FACTS, probability=1.0).augment(whole, np.random.default_rng(1))
    assert mixed.target is None
    assert mixed.second is None
    shares = set()
    for before, after in zip(video_of(whole), video_of(mixed), strict=True):
        own = (after.diff(dim=1) / before.diff(dim=1)).median().item()  # 1 - the still frame's share
        torch.testing.assert_close(after.diff(dim=1), own * before.diff(dim=1), atol=1e-5, rtol=1e-4)
        assert 0.7 <= own <= 1
        still = (after - own * before) / (1 - own)  # the same in every frame, and one of the clip's own
        torch.testing.assert_close(still, still[:, :1].expand_as(still), atol=1e-4, rtol=1e-3)
        nearest = (still[:, :1] - before).abs().amax(dim=(0, 2, 3)).min().item()
        assert nearest < 1e-4
        shares.add(round(own, 4))
    assert len(shares) == 6


def test_a_picture_stays_as_it_is() -> None:
    whole = pictures(size=(1, 16, 16))
    mixed = BE(per_channel(), FACTS, probability=1.0, strength=1.0).augment(whole, np.random.default_rng(0))
    torch.testing.assert_close(video_of(mixed), video_of(whole))


def test_the_unmixed_clip_is_kept_for_the_consistency() -> None:
    whole = pictures()
    mixed = BE(per_channel(), FACTS, consistency=1.0).augment(whole, np.random.default_rng(0))
    assert mixed.second is not None
    assert torch.equal(mixed.second, video_of(whole))


def test_the_consistency_by_hand_and_its_gradient() -> None:
    made = replace(batch(clips((1, 0, 0), (0, 2, 0)), [0, 1]), second=clips((0, 0, 0), (0, 1, 1)))
    method = BE(per_channel(), replace(FACTS, actions=3), consistency=0.5)
    identity(method.action_head)
    losses = method.losses(made)
    # squares 1 + 0 + 0 and 0 + 1 + 1, over three features; the mean of the two clips, times the weight
    assert losses["L_BE"].item() == pytest.approx(0.5 * (1 / 3 + 2 / 3) / 2)
    assert torch.equal(losses["L_CE"], method.losses(replace(made, second=None))["L_CE"])
    slope = gradients(method, losses["L_BE"])
    assert slope["backbone"].tolist() == pytest.approx([2 * 0.25 / 3, 2 * 0.25 / 3, 2 * 0.25 / 3])
    assert not slope["action_head"].any()


@pytest.mark.parametrize("settings", [{"strength": 1.5}, {"consistency": -1.0}])
def test_bad_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(InputError, match="BE: strength is from 0 to 1"):
        BE(per_channel(), FACTS, **settings)
