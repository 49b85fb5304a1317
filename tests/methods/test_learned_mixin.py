"""LearnedMixin: the number of a public implementation (clovaai/rebias), and what follows by hand."""

import math

import pytest
import torch
from torch import Tensor, nn

from sceneproof.backbones.wrapped import Wrapped
from sceneproof.errors import InputError
from sceneproof.methods import Facts, LearnedMixin
from sceneproof.types import Batch
from tests.methods.batches import batch, clips, gradients, identity, per_channel
from tests.methods.formula import formula


class Means(nn.Module):
    """Features are the clip's channel means."""

    def forward(self, video: Tensor) -> Tensor:
        return video.mean(dim=(2, 3, 4))


class Scores(nn.Module):
    """Scores that do not depend on the features, as in the pin."""

    def forward(self, features: Tensor) -> Tensor:
        return formula((6, 3), 0.77, 0.2) + 0 * features.sum()


def pinned() -> tuple[LearnedMixin, Batch]:
    """The method whose features, scores and biased answer are those of the pin."""
    method = LearnedMixin(Wrapped(Means(), 4), Facts(actions=3, scenes=3), hidden_layers=0).double()
    identity(method.biased_branch[0])
    method.action_head = Scores()  # type: ignore[assignment]  # of the test
    with torch.no_grad():
        method.say.weight.copy_(formula((1, 4), 0.5))
        method.say.bias.copy_(formula((1,), 0.3))
    video = formula((6, 4), 0.37).reshape(6, 4, 1, 1, 1)
    return method, batch(video, [0, 1, 2, 0, 1, 2], scene=formula((6, 3), 0.41, 0.1))


def test_the_number_of_a_public_implementation() -> None:
    method, found = pinned()
    losses = method(found)  # clovaai/rebias, criterions/comparison_methods.py; its biased answer is not trained there
    assert (losses["L_Mix"] + losses["L_H"]).item() == pytest.approx(1.5603742946877714, rel=1e-6)


def small() -> tuple[LearnedMixin, Batch]:
    method = LearnedMixin(per_channel(), Facts(actions=3, scenes=3), hidden_layers=0)
    for layer in (method.action_head, method.biased_branch[0]):
        identity(layer)
    nn.init.zeros_(method.say.weight)
    nn.init.zeros_(method.say.bias)
    scene = torch.tensor([[math.log(2), 0.0, 0.0]])
    return method, batch(clips((0.0, math.log(3), 0.0)), [0], scene=scene)


def test_losses_by_hand() -> None:
    method, found = small()
    losses = method(found)
    say = math.log(2)  # softplus(0)
    first, second, third = 2**say, 3, 1
    assert losses["L_Mix"].item() == pytest.approx(-math.log(first / (first + second + third)))
    chances = [2**say / (2**say + 2), 1 / (2**say + 2), 1 / (2**say + 2)]
    assert losses["L_H"].item() == pytest.approx(-0.36 * sum(p * math.log(p) for p in chances))
    assert losses["L_B"].item() == pytest.approx(math.log(2))


def test_the_branch_learns_by_its_own_loss_alone_and_entropy_makes_it_say_more() -> None:
    method, found = small()
    mixed, unsure, own = (gradients(method, method(found)[name]) for name in ("L_Mix", "L_H", "L_B"))
    assert mixed["backbone"].any()
    assert not mixed["biased_branch"].any()
    assert not unsure["biased_branch"].any()
    assert own["biased_branch"].any()
    assert not own["backbone"].any()
    assert unsure["say"][-1] < 0  # a larger g has less entropy
    assert mixed["say"][-1] < 0  # the branch is right here, so more of it lowers the loss


def test_clips_that_the_branch_knows_teach_less() -> None:
    method, found = small()
    known = method(found)["L_Mix"].item()
    other = batch(found.video, [0], scene=torch.tensor([[0.0, math.log(2), 0.0]]))
    assert known < method(other)["L_Mix"].item()


def test_where_the_view_is_missing_the_branch_has_no_say() -> None:
    method, found = small()
    missing = batch(found.video, [0], scene=found.scene, has_scene=[False])
    losses = method(missing)
    assert losses["L_Mix"].item() == pytest.approx(math.log(5))
    assert losses["L_H"].item() == losses["L_B"].item() == 0


def test_the_scores_alone_answer() -> None:
    method, _ = small()
    assert method.answer(clips((1.0, 2.0, 3.0))).scores.tolist() == [[1.0, 2.0, 3.0]]


def test_negative_numbers_are_refused() -> None:
    with pytest.raises(InputError, match=r"LearnedMixin: cannot be negative: entropy_weight=-1"):
        LearnedMixin(per_channel(), Facts(3, 4), entropy_weight=-1)
