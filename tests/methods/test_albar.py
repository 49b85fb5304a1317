"""ALBAR: the authors' numbers (UCF-CRCV/ALBAR), and what follows by hand."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sceneproof.backbones import ResNet3D
from sceneproof.errors import InputError
from sceneproof.methods import ALBAR, Facts
from sceneproof.methods.albar import gradient_norm
from sceneproof.methods.mixing import fewer
from sceneproof.methods.terms import entropy
from sceneproof.types import Batch
from tests.methods.batches import batch, clips, gradients, identity, per_channel, random_batch
from tests.methods.formula import formula


def make(**settings: Any) -> ALBAR:
    method = ALBAR(per_channel(), Facts(actions=3), **{"still": "masked", **settings})
    identity(method.action_head)
    return method


def masked(twin: tuple[float, float, float], action: int = 0) -> Batch:
    """One clip with this masked twin."""
    return batch(clips((0.0, 0.0, 0.0)), [action], without_humans=clips(twin), has_twin=[True])


@pytest.mark.parametrize(("norm", "expected"), [("released", 0.2868607219949891), ("sample", 0.7026626529102743)])
def test_the_authors_gradient_penalty(norm: Any, expected: float) -> None:
    video = formula((2, 3, 4, 5, 6), 0.21).requires_grad_()
    scores = torch.tanh(video.reshape(2, -1) @ formula((5, 360), 0.13).T / 10)
    lengths = gradient_norm(scores, video, norm)
    assert lengths.shape == (2,)
    assert lengths.mean().item() == pytest.approx(expected, rel=1e-6)


def test_the_authors_entropy() -> None:
    assert -entropy(formula((4, 5), 0.61)).mean().item() == pytest.approx(-1.5271394856812192, rel=1e-6)


def test_losses_by_hand() -> None:
    losses = make()(masked((math.log(2), 0.0, 0.0)))
    assert losses["L_CE"].item() == pytest.approx(math.log(3))
    assert losses["L_Adv"].item() == pytest.approx(-math.log(2))
    assert losses["L_Ent"].item() == pytest.approx(-4 * (0.5 * math.log(2) + 2 * 0.25 * math.log(4)))
    assert losses["L_GP"].item() == pytest.approx(10 * math.sqrt(3))  # each score is its channel


def test_the_signs_of_the_gradients() -> None:
    method = make()
    found = masked((math.log(2), 0.0, 0.0))
    own, adversary, unsure, penalty = (
        gradients(method, method(found)[name]) for name in ("L_CE", "L_Adv", "L_Ent", "L_GP")
    )
    place = -3  # the head's bias for the action that is done
    assert own["action_head"][place] < 0
    assert adversary["action_head"][place] > 0  # the still clip's action is to be forgotten,
    assert unsure["action_head"][place] > 0  # and what is likely to become less so
    assert adversary["backbone"][0] > 0
    assert penalty["backbone"].min() > 0  # what the scores lean on is to shrink
    assert not penalty["action_head"][place:].any()  # a bias has no slope


def test_a_term_without_weight_is_left_out() -> None:
    found = masked((1.0, 0.0, 0.0))
    assert make(adversary=0.0, penalty=0.0)(found).keys() == {"L_CE", "L_Ent"}
    assert make(adversary=0.0, penalty=0.0, entropy=0.0)(found).keys() == {"L_CE"}


def test_scores_that_are_far_apart_are_still_numbers() -> None:
    method, found = make(), masked((200.0, 0.0, 0.0), action=1)
    losses = method(found)
    assert losses["L_Ent"].item() == 0  # log(softmax) as the authors have it is not a number here
    assert losses["L_Adv"].item() == -200
    for name in losses:
        assert all(each.isfinite().all() for each in gradients(method, method(found)[name]).values())


def test_a_network_that_sees_nothing_has_no_slope_and_a_gradient() -> None:
    method = make()
    with torch.no_grad():
        method.action_head.weight.zero_()
    found = masked((1.0, 2.0, 3.0))
    assert method(found)["L_GP"].item() == pytest.approx(10 * 1e-6)
    assert all(each.isfinite().all() for each in gradients(method, method(found)["L_GP"]).values())


def test_still_clips_are_one_frame_of_the_clip() -> None:
    method = make(still="frame", frame=1)
    video = clips((6.0, 0.0, 0.0)).expand(1, 3, 3, 1, 1).clone()
    video[:, :, 1] = torch.tensor([0.0, 3.0, 0.0])[:, None, None]
    found = method.augment(batch(video, [1]), np.random.default_rng(0))
    losses = method(found)
    assert losses["L_CE"].item() == pytest.approx(-math.log(math.e / (math.e**4 + math.e + 1)), rel=1e-6)
    assert losses["L_Adv"].item() == pytest.approx(math.log(math.e**3 / (math.e**3 + 2)), rel=1e-6)


def test_the_order_of_the_batch_changes_nothing() -> None:
    torch.manual_seed(0)
    method = ALBAR(per_channel(), Facts(5), still="masked")
    found, order = random_batch(count=4, twins=3), torch.tensor([2, 3, 0, 1])
    assert found.video is not None
    assert found.without_humans is not None
    turned = replace(
        found,
        video=found.video[order],
        action=found.action[order],
        row=found.row[order],
        without_humans=found.without_humans[[2, 0, 1]],
        has={name: known[order] for name, known in found.has.items()},
    )
    for name, value in method(found).items():
        torch.testing.assert_close(method(turned)[name], value, msg=name)


def test_a_share_of_the_still_clips_has_the_losses_of_a_batch_with_fewer() -> None:
    torch.manual_seed(0)
    method, found = ALBAR(per_channel(), Facts(5), still="masked", still_share=0.4), random_batch(count=6, twins=5)
    method.begin_step(0.7)
    losses = method(found)
    method.still_share = 1.0
    fewer_losses = method(fewer(found, "without_humans", 0.4, 0.7))
    assert {name: value.item() for name, value in losses.items()} == {
        name: value.item() for name, value in fewer_losses.items()
    }
    assert losses["L_GP"].item() == pytest.approx(method(found)["L_GP"].item(), rel=0.5)
    with pytest.raises(InputError, match="still_share is above 0"):
        ALBAR(per_channel(), Facts(5), still_share=0.0)


@pytest.mark.parametrize("moving", [False, True])
def test_whether_still_clips_move_batch_normalisation(moving: bool) -> None:
    torch.manual_seed(0)
    method = ALBAR(ResNet3D(10, width=2), Facts(5), still="masked", still_batch_statistics=moving).train()
    found = random_batch(count=4, twins=3)

    def statistics(change: float) -> list[Tensor]:
        copy = ALBAR(ResNet3D(10, width=2), Facts(5), still="masked", still_batch_statistics=moving).train()
        copy.load_state_dict(method.state_dict())
        assert found.without_humans is not None
        copy(replace(found, without_humans=found.without_humans + change))
        return list(copy.buffers())

    same = all(torch.equal(one, other) for one, other in zip(statistics(0.0), statistics(1.0), strict=True))
    assert same == (not moving)


def test_batch_normalisation_over_several_gpus_has_no_second_derivative() -> None:
    method = ALBAR(ResNet3D(10, width=2), Facts(5), still="masked").train()
    method.backbone = nn.SyncBatchNorm.convert_sync_batchnorm(method.backbone)  # type: ignore[no-untyped-call]  # torch's
    with pytest.raises(InputError, match=r"ALBAR: the gradient penalty needs second derivatives.*penalty 0"):
        method(random_batch())
    assert "L_GP" in method.eval()(random_batch())  # as with --optimisation.freeze-batch-norm


def test_a_first_layer_may_work_in_place() -> None:
    method = make()
    inner = method.backbone.get_submodule("network")
    method.backbone.network = nn.Sequential(nn.ReLU(inplace=True), inner)
    found = masked((2.0, -1.0, 0.0))
    assert method(found)["L_GP"].item() == pytest.approx(10, rel=1e-3)  # of what is above 0 alone
    assert found.without_humans is not None
    assert found.without_humans.flatten().tolist() == [2, -1, 0]


def test_the_network_s_own_scores_answer() -> None:
    assert make().answer(clips((1.0, 2.0, 3.0))).scores.tolist() == [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"adversary": -1}, "weights cannot be negative: adversary=-1"),
        ({"still": "twin"}, "unknown still 'twin'; known: frame, masked"),
        ({"norm": "column"}, "unknown norm 'column'; known: sample, released"),
        ({"frame": "last"}, "frame must be random, middle or a number, not 'last'"),
    ],
)
def test_what_it_does_not_know_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"ALBAR: {message}"):
        make(**settings)
