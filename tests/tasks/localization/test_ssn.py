from math import exp
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.tasks.localization.ssn import SSN
from sceneproof.types import Segments
from tests.tasks.localization.toys import buffers, least_overlap, shown, steps


def small(step: int = 1, **settings: Any) -> SSN:
    torch.manual_seed(0)
    return SSN(steps(step), Facts(3), **{"smoothing": 0.0, "dropout": 0.0, **settings})


def says(localizer: SSN, activity: Tensor, completeness: Tensor, offsets: Tensor) -> None:
    """Puts an answer about proposals into its mouth."""
    localizer._said = lambda course, structured: (activity, completeness, offsets)  # type: ignore[method-assign]


def test_which_way_each_loss_moves_the_answers() -> None:
    localizer = small()
    answers = [torch.zeros(8, 4), torch.zeros(8, 3), torch.full((8, 3, 2), 5.0)]
    for answer in answers:
        answer.requires_grad_()
    says(localizer, *answers)
    losses = localizer(shown(32, [(8, 20, 1)]))
    assert {name: round(value.item(), 4) for name, value in losses.items() if name != "L_reg"} == {
        "L_act": 0.6931, "L_cls": 1.3863, "L_comp": 0.1,
    }  # fmt: skip
    torch.autograd.backward(list(losses.values()))
    activity, completeness, offsets = (answer.grad for answer in answers)
    assert activity is not None
    assert completeness is not None
    assert offsets is not None
    # descent raises what has a negative slope: one complete proposal, six incomplete ones, one of background
    assert activity.sign().tolist() == [[1, 1, -1, 1], *[[0] * 4] * 6, [-1, 1, 1, 1]]
    assert completeness[0].sign().tolist() == [0, -1, 0]
    assert completeness[1:7].sign().sum().item() == 1, "the hardest of the incomplete ones"
    assert not completeness[7].any()
    assert offsets.abs().sum(dim=2).nonzero().tolist() == [[0, 1]]
    assert (offsets[0, 1] > 0).all(), "down from 5"


def test_weights_of_the_terms() -> None:
    plain, weighed = small(), small(actionness_weight=3.0, completeness_weight=0.2, regression_weight=0.4)
    values = []
    for localizer in (plain, weighed):
        torch.manual_seed(1)
        values.append({name: value.item() for name, value in localizer(shown(32, [(8, 20, 1)])).items()})
    one, other = values
    wanted = {"L_act": 3 * one["L_act"], "L_cls": one["L_cls"], "L_comp": 2 * one["L_comp"], "L_reg": 4 * one["L_reg"]}
    assert other == pytest.approx(wanted, rel=1e-5)
    assert one["L_reg"] > 0


def test_buffers_without_segments_learn_background_alone() -> None:
    localizer = small()
    losses = localizer(buffers(torch.randn(2, 3, 16, 2, 2), [], []))
    assert losses["L_comp"].item() == losses["L_reg"].item() == 0
    assert losses["L_cls"].item() == pytest.approx(np.log(4) / 2, abs=0.01)
    torch.autograd.backward(list(losses.values()))
    for name, parameter in localizer.named_parameters():  # distributed training wants one for each
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_offsets_are_counted_in_training_alone() -> None:
    localizer, batch = small(), shown(32, [(8, 21, 1)])
    localizer.eval()
    localizer(batch)
    assert localizer.scale.sums[0].tolist() == [100, 100]
    localizer.train()
    localizer(batch)
    assert localizer.scale.sums[0, 0] > 100


def test_a_trained_dropout_leaves_the_test_alone() -> None:
    localizer, batch = small(dropout=0.5), shown(32, [(8, 20, 1)])
    for head in (localizer.activity_head, localizer.completeness_head):
        torch.nn.init.normal_(head.weight)
    localizer.eval()
    one, other = (localizer.detect(batch.video, batch.frames)[0] for _ in range(2))
    assert one.score.tolist() == other.score.tolist()


def detects(localizer: SSN, proposals: list[list[float]], frames: int) -> Segments:
    localizer._proposed = lambda actionness: torch.tensor(proposals, dtype=torch.float32)  # type: ignore[method-assign]
    (found,) = localizer.detect(torch.zeros(1, 3, 16, 2, 2), torch.tensor([frames]))
    return found


def test_detections_by_hand() -> None:
    localizer = small(most=4)
    activity = torch.tensor([[0.0, 2.0, 0.0, -9.0], [0.0, 1.0, -9.0, -9.0], [1.0, 0.0, 0.0, 0.0]])
    completeness = torch.tensor([[1.0, -1.0, 0.0], [2.0, 0.0, 0.0], [0.0, -1.0, 0.5]])
    offsets = torch.zeros(3, 3, 2)
    offsets[0, 0] = torch.tensor([2.5, 0.0])  # deviations of .1: a quarter of its length
    offsets[1, 0] = torch.tensor([90.0, 0.0])
    offsets[2, 2] = torch.tensor([0.0, 5 * np.log(2.0)])  # deviations of .2: twice as long
    says(localizer, activity, completeness, offsets)
    found = detects(localizer, [[2, 6], [2, 7], [8, 12]], 13)
    first = exp(1.0 + 2.0) / (1 + exp(1.0) + 2 * exp(-9.0))
    second = exp(2.0 + 1.0) / (2 + exp(2.0) + exp(-9.0))
    third = exp(0.5) / (3 + exp(1.0))
    assert first > second > third
    # of the first action the second proposal is better, and overlaps the first by .8: that goes, though it would be
    # moved away; the second is then moved out of the buffer. The third is cut at its end
    assert found.action.tolist() == [2, 0]
    assert found.times.tolist() == [[6, 13], pytest.approx([8, 12])]
    assert found.score.tolist() == pytest.approx([third / (1 + third), 1 / (4 + exp(1.0))])


def test_where_nothing_is_done_the_whole_buffer_is_a_proposal() -> None:
    localizer = small(2)
    assert localizer._proposed(torch.zeros(5)).tolist() == [[0, 5]]
    assert localizer._proposed(torch.tensor([0.0, 0.9, 0.9, 0.0, 0.0])).tolist() == [[1, 3]]


def test_actionness_of_frames_lies_between_that_of_moments() -> None:
    localizer = small(2)
    localizer.actionness_head.weight.data.fill_(1 / 3)
    features = torch.tensor([0.0, 4.0, 8.0]).expand(1, 3, 3)
    assert localizer.actionness(features, torch.tensor([6]))[0].tolist() == pytest.approx([0, 1, 3, 5, 7, 8])
    assert localizer.actionness(features, torch.tensor([4]))[0, :4].tolist() == pytest.approx([0, 1, 3, 4])


def test_buffers_that_find_the_same_are_suppressed() -> None:
    times = np.asarray([[0.0, 10.0], [1.0, 11.0], [1.0, 11.0], [9.0, 20.0]])
    found = Segments(times, np.asarray([0, 0, 1, 0]), np.asarray([0.9, 0.8, 0.5, 0.7]))
    kept = small().suppress(found)
    assert kept.times.tolist() == [[0, 10], [9, 20], [1, 11]]
    assert kept.action.tolist() == [0, 0, 1]
    assert small(most=2).suppress(found).score.tolist() == [0.9]


def test_padding_changes_nothing() -> None:
    localizer = small(2, smoothing=1.0).eval()
    for parameter in localizer.parameters():
        torch.nn.init.normal_(parameter)
    video = torch.randn(1, 3, 16, 2, 2)
    longer = torch.cat([video, 50 * torch.randn(1, 3, 14, 2, 2)], dim=2)
    (one,), (other,) = (localizer.detect(each, torch.tensor([16])) for each in (video, longer))
    assert len(one.score) > 3
    assert other.times == pytest.approx(one.times, abs=1e-3)
    assert other.score == pytest.approx(one.score, abs=1e-5)


def test_learns_a_toy_and_finds_it_again() -> None:
    localizer = small(2)
    batch = shown(64, [(6, 20, 0), (30, 54, 1)], [(16, 44, 2)], [(4, 16, 1), (40, 60, 0)], [])
    optimizer = torch.optim.Adam(localizer.parameters(), lr=0.1)
    localizer.train()
    for _ in range(30):
        optimizer.zero_grad()
        torch.autograd.backward(list(localizer(batch).values()))
        optimizer.step()
    localizer.eval()
    found = [localizer.suppress(one) for one in localizer.detect(batch.video, batch.frames)]
    assert least_overlap(found, batch) > 0.7
    assert max(one.score[len(times) :].max(initial=0.0) for one, times in zip(found, batch.times, strict=True)) < 0.3


def test_on_a_resnet_with_a_stage_on_top() -> None:
    torch.manual_seed(0)
    localizer = SSN(ResNet3D(10, width=4), Facts(3))
    batch = buffers(torch.randn(2, 3, 40, 16, 16), [(3, 21, 1)], [])
    torch.autograd.backward(list(localizer(batch).values()))
    assert all(parameter.grad is not None for parameter in localizer.parameters())
    heads = {"actionness_head", "activity_head", "completeness_head", "offset_head"}
    assert localizer.groups().keys() == {"backbone"} | heads
    found = localizer.eval().detect(batch.video, torch.tensor([40, 9]))
    assert [one.times.max() <= most for one, most in zip(found, (40, 9), strict=True)] == [True, True]
    assert all((one.times[:, 1] > one.times[:, 0]).all() and one.times.min() >= 0 for one in found)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pyramid": ((1,), (), (1,))}, "start, course and end"),
        ({"pyramid": ((1,), (1,))}, "start, course and end"),
        ({"snippets": (2, 0, 2)}, "start, course and end"),
        ({"drawn": (0, 6, 1)}, "one of each"),
        ({"drawn": (1, 5, 1)}, "one incomplete proposal that counts"),
        ({"hard_share": 1.5}, "one incomplete proposal that counts"),
        ({"levels": ()}, "between 0 and 1"),
        ({"levels": (0.5, 1.0)}, "between 0 and 1"),
    ],
)
def test_settings_that_leave_nothing_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"SSN: .*{message}"):
        small(**settings)
