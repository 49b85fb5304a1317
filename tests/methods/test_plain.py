from math import log

import pytest
import torch

from sceneproof.methods.base import Facts
from sceneproof.methods.plain import Plain
from tests.methods.batches import batch, clips, gradients, identity, per_channel

VIDEO = clips((log(2), 0.0, 0.0), (0.0, 0.0, 0.0))
TWIN = clips((0.0, log(2), 0.0))


def plain(masked_weight: float = 0.0) -> Plain:
    method = Plain(per_channel(), Facts(3), masked_weight=masked_weight)
    identity(method.action_head)
    return method


def test_cross_entropy_by_hand() -> None:
    losses = plain()(batch(VIDEO, [0, 2], without_humans=TWIN, has_twin=[False, True]))
    assert losses.keys() == {"L_CE"}
    assert losses["L_CE"].item() == pytest.approx((log(2) + log(3)) / 2)


def test_masked_clips_as_augmentation_by_hand() -> None:
    method = plain(masked_weight=0.5)
    assert method.needs == {"without_humans"}
    losses = method(batch(VIDEO, [0, 2], without_humans=TWIN, has_twin=[False, True]))
    # the twin is of the second clip: class 2, to which it gives a quarter
    assert losses["L_CE_masked"].item() == pytest.approx(0.5 * log(4))


def test_needs_nothing_by_default() -> None:
    method = plain()
    assert not method.needs
    assert method.groups().keys() == {"backbone", "action_head"}


def test_a_batch_without_twins() -> None:
    method = plain(masked_weight=1.0)
    losses = method(batch(VIDEO, [0, 2], without_humans=clips()))
    assert losses["L_CE_masked"].item() == 0.0
    assert all(torch.isfinite(vector).all() for vector in gradients(method, losses["L_CE_masked"]).values())


def test_descends() -> None:
    method = plain()
    found = batch(VIDEO, [0, 2])
    before = method(found)["L_CE"]
    before.backward()
    with torch.no_grad():
        for parameter in method.parameters():
            assert parameter.grad is not None
            parameter.sub_(0.1 * parameter.grad)
    assert method(found)["L_CE"] < before


def test_scores_are_logits() -> None:
    torch.testing.assert_close(plain().scores(VIDEO), VIDEO[:, :, 0, 0, 0])
