"""Mixup: clips and actions are blended by the same share."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sceneproof.errors import InputError
from sceneproof.methods import Mixup
from tests.methods.batches import batch, clips, gradients, identity, per_channel
from tests.methods.mixed import FACTS, pictures, video_of


def test_each_clip_is_what_its_target_says() -> None:
    whole = replace(pictures(5), action=torch.arange(5))
    mixed = Mixup(per_channel(), FACTS, probability=1.0, alpha=1.0).augment(whole, np.random.default_rng(0))
    assert mixed.target is not None
    for row in range(5):  # each clip has its own action: targets are the shares of the clips
        expected = (mixed.target[row][:, None, None, None, None] * video_of(whole)).sum(0)
        torch.testing.assert_close(video_of(mixed)[row], expected)
        assert (mixed.target[row] > 0).sum() == 2


def test_the_share_follows_beta() -> None:
    whole, method = replace(pictures(5), action=torch.arange(5)), Mixup(per_channel(), FACTS, probability=1.0)
    shares = torch.cat(
        [method.augment(whole, np.random.default_rng(seed)).target.diag() for seed in range(400)]  # type: ignore[union-attr]
    )
    # Beta(.2, .2): mean 1/2, variance 1 / (4 * 1.4)
    assert shares.mean().item() == pytest.approx(0.5, abs=0.03)
    assert shares.var().item() == pytest.approx(1 / 5.6, abs=0.01)


def test_the_loss_pulls_towards_both_actions() -> None:
    made = replace(batch(clips((0, 0, 0)), [0]), target=torch.tensor([[0.7, 0.3, 0.0]]))
    method = Mixup(per_channel(), replace(FACTS, actions=3))
    identity(method.action_head)
    loss = method.losses(made)["L_CE"]
    assert loss.item() == pytest.approx(np.log(3))
    bias = gradients(method, loss)["action_head"][-3:]
    assert bias.tolist() == pytest.approx([1 / 3 - 0.7, 1 / 3 - 0.3, 1 / 3])


def test_bad_settings_are_refused() -> None:
    with pytest.raises(InputError, match="Mixup: alpha is above 0"):
        Mixup(per_channel(), FACTS, alpha=0.0)
