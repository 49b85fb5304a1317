"""CDN: the authors' numbers (pengzhansun/Counterfactual-Debiasing-Network), and what follows by hand."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from sceneproof.errors import InputError
from sceneproof.methods import CDN, Facts
from sceneproof.methods.cdn import debiased, factual
from sceneproof.methods.terms import cross_entropy
from tests.methods.batches import batch, clips, gradients, identity, per_channel
from tests.methods.formula import formula


def make(**settings: Any) -> CDN:
    method = CDN(per_channel(), Facts(actions=3, scenes=3), **settings)
    for layer in (method.action_head, method.biased_branch[0]):
        identity(layer)
    return method


def test_the_authors_numbers_of_three_branches() -> None:
    biased, own, fusion = formula((2, 4), 0.6), formula((2, 4), 0.9, 0.1), formula((2, 4), 0.3, 0.2)
    both, action = factual(biased, own, fusion), torch.tensor([1, 3])
    expected = [
        [-0.5549926855, -0.1412801338, -0.0719429116, -0.1050790165],
        [-0.2796642237, -0.6260167123, -0.8196379807, -0.6978187192],
    ]
    assert both.tolist() == [pytest.approx(row, rel=1e-6) for row in expected]
    total = sum(cross_entropy(scores, action).mean() for scores in (biased, own, both))
    assert float(total) == pytest.approx(4.312710779417532, rel=1e-6)
    expected = [
        [-0.2084190952, 0.0837999464, 0.0940560669, 0.0551023080],
        [-0.0739669287, -0.3134794769, -0.3502938360, -0.0873042040],
    ]
    ours = debiased(own + fusion, biased, 0.5)
    assert ours.tolist() == [pytest.approx(row, rel=1e-5) for row in expected]


def test_losses_by_hand() -> None:
    found = batch(clips((math.log(2), 0.0, 0.0)), [0], scene=torch.tensor([[0.0, math.log(3), 0.0]]))
    losses = make(bias="scenes")(found)
    assert losses["L_Z"].item() == pytest.approx(math.log(2))  # 2 / (2 + 1 + 1)
    assert losses["L_V"].item() == pytest.approx(math.log(5))
    chances = [2 / 3, 3 / 4, 1 / 2]  # σ of log 2, log 3 and 0
    assert losses["L_F"].item() == pytest.approx(-math.log(chances[0] / sum(chances)))


def test_which_loss_moves_what() -> None:
    method = make(bias="scenes")
    found = batch(clips((0.0, 0.0, 0.0)), [0], scene=torch.zeros(1, 3))
    biased, own, both = (gradients(method, method(found)[name]) for name in ("L_V", "L_Z", "L_F"))
    assert biased["biased_branch"].any()
    assert not biased["backbone"].any()
    assert own["action_head"].any()
    assert not own["biased_branch"].any()
    assert both["action_head"].any()
    assert both["biased_branch"].any()
    assert own["action_head"][-3] < 0 < own["action_head"][-2]  # the biases: more of the action done, less of another


def test_the_video_learns_most_where_the_branch_does_not_know() -> None:
    method, slopes = make(bias="scenes"), []
    for scene in ((5.0, 0.0, 0.0), (0.0, 5.0, 0.0)):
        found = batch(clips((0.0, 0.0, 0.0)), [0], scene=torch.tensor([scene]))
        slopes.append(-gradients(method, method(found)["L_F"])["action_head"][-3].item())
    assert 0 < slopes[0] < slopes[1]


def video(middle: tuple[float, float, float], others: tuple[float, float, float]) -> Tensor:
    """A clip of three frames."""
    made = clips(others).expand(1, 3, 3, 1, 1).clone()
    made[:, :, 1] = torch.tensor(middle)[None, :, None, None]
    return made


def test_a_still_clips_answer_is_taken_out() -> None:
    found = video((3.0, 0.0, 0.0), (0.0, 3.0, 0.0))
    own = found.mean(dim=(2, 3, 4))
    assert own.tolist() == [[1.0, 2.0, 0.0]]
    still = torch.tensor([[3.0, 0.0, 0.0]])
    for alpha in (0.0, 0.5, 1.0):
        output = make(alpha=alpha).answer(found)
        expected = (own + still).sigmoid().log() - alpha * still.sigmoid().log()
        torch.testing.assert_close(output.scores, expected)
        assert output.places is None
        torch.testing.assert_close(output.features, own)
    first, last = (make(alpha=alpha).answer(found).scores.argmax().item() for alpha in (0.0, 1.0))
    assert (first, last) == (0, 1)  # without α the frame's answer wins


@pytest.mark.parametrize("bias", ["scenes", "without_humans"])
def test_the_video_alone_answers_where_its_biased_view_is_not_known(bias: str) -> None:
    output = make(bias=bias).answer(clips((1.0, 2.0, 3.0)))
    assert output.scores.tolist() == [[1.0, 2.0, 3.0]]
    assert output.weight is not None


def test_training_does_not_depend_on_alpha() -> None:
    found = batch(clips((1.0, 0.0, 2.0)), [0], scene=torch.ones(1, 3))
    first, second = (make(bias="scenes", alpha=alpha)(found) for alpha in (0.0, 1.0))
    assert first == second


def test_negative_numbers_are_refused() -> None:
    with pytest.raises(InputError, match=r"CDN: cannot be negative: alpha=-1"):
        make(alpha=-1)
