from typing import Any

import pytest
import torch
from torch import Tensor

from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.tasks.localization.actionformer import ActionFormer
from sceneproof.types import SegmentBatch
from tests.tasks.localization.test_pyramid import sequences
from tests.tasks.localization.toys import buffers, fill, least_overlap, shown, steps


def small(step: int = 1, *, channels: int = 3, **settings: Any) -> ActionFormer:
    torch.manual_seed(0)
    sizes = {"dim": 8, "levels": 3, "heads": 2, "window": 5, **settings}
    return ActionFormer(steps(step, channels), Facts(3), **sizes)


def authors() -> tuple[ActionFormer, SegmentBatch]:
    """The network and the buffers that the authors' code was run with."""
    localizer = small(channels=6, drop_path=0.0)
    for part in (localizer.pyramid, localizer.action_head, localizer.distance_head):
        fill(part)
    segments = [(2.2, 7.1, 0), (2.2005, 7.1, 1), (5.3, 25.9, 2), (26.0, 31.0, 0), (3.0, 4.5, 2)]
    # a point stands for the middle of its frames here, for a number there
    moved = [(start + 0.5, end + 0.5, action) for start, end, action in segments]
    return localizer, buffers(sequences()[:, :, :, None, None], moved, [])


def test_losses_as_the_authors() -> None:
    # PtTransformer.losses of happyharrycn/actionformer_release at 61ea7eb: 9 points answer, so 100 becomes 90.9
    localizer, batch = authors()
    losses = {name: value.item() for name, value in localizer(batch).items()}
    assert localizer.positives.item() == pytest.approx(90.9)
    assert losses == {
        "L_cls": pytest.approx(1.4638176, abs=2e-5),
        "L_reg": pytest.approx(0.0840382, abs=2e-6),
    }


def test_the_weight_of_distances() -> None:
    (one, batch), (other, _) = authors(), authors()
    other.regression_weight = 3.0
    assert other(batch)["L_reg"].item() == pytest.approx(3 * one(batch)["L_reg"].item())


def test_the_normaliser_moves_in_training_alone() -> None:
    localizer, batch = authors()
    localizer.eval()
    before = localizer(batch)["L_cls"].item()
    assert localizer.positives.item() == 100.0
    localizer.train()
    assert localizer(batch)["L_cls"].item() == pytest.approx(before * 100 / 90.9)
    assert "positives" in localizer.state_dict()  # so that a resumed training goes on with it


def test_several_processes_divide_by_all_their_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    (alone, batch), (one_of_two, _) = authors(), authors()
    losses = alone(batch)

    def twice(tensor: Tensor) -> None:
        tensor.mul_(2)  # the other process has the same buffers

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_reduce", twice)
    shared = one_of_two(batch)
    # the mean of both is what one process gets of all four buffers: twice the sum, over the same normaliser
    assert one_of_two.positives.item() == pytest.approx(0.9 * 100 + 0.1 * 18)
    assert shared["L_cls"].item() == pytest.approx(losses["L_cls"].item() * 90.9 * 2 / 91.8)
    assert shared["L_reg"].item() == pytest.approx(losses["L_reg"].item() * 90.9 * 2 / 91.8)


def test_which_way_each_loss_moves_the_answers() -> None:
    localizer = small(drop_path=0.0)
    batch = shown(16, [(4, 9, 1)])
    logits, distances, _ = localizer.answers(batch.video, batch.frames)
    logits.retain_grad()
    distances.retain_grad()
    localizer.answers = lambda video, frames, lower=None: (logits, distances, torch.ones(1, 28, dtype=torch.bool))  # type: ignore[method-assign]
    losses = localizer(batch)
    torch.autograd.backward([losses["L_cls"], losses["L_reg"]])
    assert logits.grad is not None
    assert distances.grad is not None
    # in points 3.5 to 8.5, the middle 6: 5, 6 and 7 answer; of the second level's, 4 and 8 have an end 4 or more away
    answering = [5, 6, 7, 16 + 2, 16 + 4]
    assert (logits.grad[0, :, 1] < 0).nonzero().flatten().tolist() == answering  # descent raises these
    assert (logits.grad[0, :, [0, 2]] > 0).all()
    assert distances.grad[0].abs().sum(dim=1).nonzero().flatten().tolist() == answering


def test_buffers_without_segments_have_the_focal_loss_alone() -> None:
    localizer = small()
    losses = localizer(buffers(torch.randn(2, 3, 16, 2, 2), [], []))
    assert losses["L_reg"].item() == 0
    assert losses["L_cls"].item() > 0
    torch.autograd.backward(list(losses.values()))
    for name, parameter in localizer.named_parameters():  # distributed training wants one for each
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_padding_changes_nothing() -> None:
    localizer = small(2)
    segments: list[tuple[float, float, int]] = [(4, 12, 0), (9, 15, 2)]
    batch = shown(16, segments)
    longer = torch.cat([batch.video, 50 * torch.randn(1, 3, 14, 2, 2)], dim=2)
    padded = buffers(longer, segments, frames=[16])
    localizer.eval()
    for name, value in localizer(batch).items():
        assert localizer(padded)[name].item() == pytest.approx(value.item(), rel=1e-4), name
    (one,), (other,) = localizer.detect(batch.video, batch.frames), localizer.detect(longer, padded.frames)
    assert len(one.score) > 3
    assert other.times == pytest.approx(one.times, abs=1e-3)
    assert other.score == pytest.approx(one.score, abs=1e-5)


def test_detections_by_hand() -> None:
    localizer = small(4, levels=2, candidates=4)
    logits = torch.full((1, 6, 3), -9.0)  # below the least score
    logits[0, 1, 2], logits[0, 2, 0], logits[0, 4, 1], logits[0, 3, 1], logits[0, 0, 1] = 2.0, 1.0, 0.0, 3.0, 4.0
    distances = torch.ones(1, 6, 2)
    distances[0, 1] = torch.tensor([0.5, 1.5])
    distances[0, 0] = 0.0  # of no length
    valid = torch.tensor([[True, True, True, False, True, True]])
    localizer.answers = lambda video, frames, lower=None: (logits, distances, valid)  # type: ignore[method-assign]
    (found,) = localizer.detect(torch.zeros(1, 3, 16, 2, 2), torch.tensor([11]))
    # moment 1 is frame 6, moment 2 frame 10, cut at 11; of the second level the first: frame 2, 2 moments around it
    assert found.action.tolist() == [2, 0, 1]
    assert found.times.tolist() == [[4, 11], [6, 11], [0, 10]]
    assert found.score.tolist() == pytest.approx([0.8807971, 0.7310586, 0.5])


def test_learns_a_toy_and_finds_it_again() -> None:
    localizer = small(2, dim=32, drop_path=0.0, reach=8.0, first_positives=20.0)
    batch = shown(64, [(6, 20, 0), (30, 54, 1)], [(16, 44, 2)], [(4, 16, 1), (40, 60, 0)], [])
    optimizer = torch.optim.AdamW(localizer.parameters(), lr=3e-3)
    localizer.train()
    first = last = torch.zeros(())
    for step in range(80):
        last = torch.stack(list(localizer(batch).values())).sum()
        first = last if step == 0 else first
        optimizer.zero_grad()
        torch.autograd.backward(last)
        optimizer.step()
    assert last < first / 5
    localizer.eval()
    found = [localizer.suppress(one) for one in localizer.detect(batch.video, batch.frames)]
    assert least_overlap(found, batch) > 0.7
    assert max(one.score[len(times) :].max() for one, times in zip(found, batch.times, strict=True)) < 0.3


def test_on_a_resnet_with_a_stage_on_top() -> None:
    torch.manual_seed(0)
    localizer = ActionFormer(ResNet3D(10, width=4), Facts(3), dim=8, levels=4, heads=2, window=5)
    batch = buffers(torch.randn(2, 3, 40, 16, 16), [(3, 21, 1)], [])
    torch.autograd.backward(list(localizer(batch).values()))
    assert all(parameter.grad is not None for parameter in localizer.parameters())
    assert localizer.groups().keys() == {"backbone", "pyramid", "action_head", "distance_head"}
    found = localizer.eval().detect(batch.video, torch.tensor([40, 9]))
    assert [one.times.max() <= most for one, most in zip(found, (40, 9), strict=True)] == [True, True]
    assert all((one.times[:, 1] > one.times[:, 0]).all() and one.times.min() >= 0 for one in found)


@pytest.mark.parametrize("settings", [{"window": 4}, {"heads": 3}, {"levels": 0}])
def test_sizes_that_do_not_fit_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(InputError, match="ActionFormer: dim="):
        small(**settings)
