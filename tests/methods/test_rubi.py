"""RUBi: the number of a public implementation (clovaai/rebias), and what follows by hand."""

import pytest
import torch
from torch import nn

from sceneproof.errors import InputError
from sceneproof.methods import Facts, RUBi
from sceneproof.types import Batch
from tests.methods.batches import batch, clips, gradients, identity, per_channel
from tests.methods.formula import formula

ACTIONS = [0, 1, 2, 0, 1, 2]


def pinned() -> tuple[RUBi, Batch]:
    """The method whose scores, biased features and branch are those of the pin."""
    method = RUBi(per_channel(), Facts(actions=3, scenes=4), hidden_layers=0).double()
    for head in (method.action_head, method.biased_head):
        identity(head)
    branch = method.biased_branch[0]
    assert isinstance(branch, nn.Linear)
    with torch.no_grad():
        branch.weight.copy_(formula((3, 4), 0.5))
        branch.bias.copy_(formula((3,), 0.3))
    video = formula((6, 3), 0.77, 0.2).reshape(6, 3, 1, 1, 1)
    return method, batch(video, ACTIONS, scene=formula((6, 4), 0.37))


def test_the_number_of_a_public_implementation() -> None:
    method, found = pinned()
    # clovaai/rebias, criterions/comparison_methods.py: one layer, whose scores are the biased answer
    assert sum(method(found).values()).item() == pytest.approx(3.415844173292073, rel=1e-6)


def test_the_branchs_own_loss_does_not_reach_the_video_network_and_both_reach_the_branch() -> None:
    method, found = pinned()
    masked, own = (gradients(method, method(found)[name]) for name in ("L_QM", "L_QO"))
    assert masked["backbone"].any()
    assert masked["action_head"].any()
    assert masked["biased_branch"].any()
    assert not own["backbone"].any()
    assert not own["action_head"].any()
    assert own["biased_branch"].any()
    assert own["biased_head"].any()


def test_clips_that_the_view_gives_away_teach_less() -> None:
    method = RUBi(per_channel(), Facts(actions=3, scenes=3), hidden_layers=0)
    for head in (method.action_head, method.biased_branch[0]):
        identity(head)
    scene = torch.tensor([[9.0, -9.0, -9.0], [-9.0, 9.0, -9.0]])  # the branch is sure of action 0, and of action 1
    slopes = []
    for clip in range(2):
        found = batch(clips((1.0, 1.0, 1.0)), [0], scene=scene[[clip]])
        slopes.append(gradients(method, method(found)["L_QM"])["action_head"].norm().item())
    # scores (1, 0, 0) against (0, 1, 0): the first is right already
    assert slopes[0] < slopes[1]


def test_clips_without_the_view_are_not_masked() -> None:
    method = RUBi(per_channel(), Facts(actions=3, scenes=3))
    identity(method.action_head)
    found = batch(clips((2.0, 0.0, 0.0)), [0], scene=torch.zeros(1, 3), has_scene=[False])
    expected = nn.functional.cross_entropy(torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([0]))
    assert method(found)["L_QM"].item() == pytest.approx(expected.item())
    assert method(found)["L_QO"].item() == 0


def test_the_weight_is_that_of_the_branchs_loss() -> None:
    method, found = pinned()
    own = method(found)["L_QO"].item()
    method.weight = 0.5
    assert method(found)["L_QO"].item() == pytest.approx(own / 2)


def test_the_scores_alone_answer() -> None:
    method, _ = pinned()
    assert method.answer(clips((1.0, 2.0, 3.0)).double()).scores.tolist() == [[1.0, 2.0, 3.0]]


def test_negative_numbers_are_refused() -> None:
    with pytest.raises(InputError, match=r"RUBi: cannot be negative: weight=-1"):
        RUBi(per_channel(), Facts(3, 4), weight=-1)
