from math import log

import numpy as np
import pytest
import torch

from sceneproof import distributed
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.tasks.localization.per_frame import PerFrame, frame_labels, grouped
from tests.tasks.localization.toys import buffers, least_overlap, shown, steps


def by_hand(step: int = 1, *, background_weight: float = 1.0) -> PerFrame:
    """Logits are the video's channels; that of background is 0."""
    localizer = PerFrame(steps(step, 2), Facts(2), background_weight=background_weight)
    localizer.action_head.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])[:, :, None]
    assert localizer.action_head.bias is not None
    localizer.action_head.bias.data.zero_()
    return localizer


def lit(*channels: list[float]) -> torch.Tensor:
    """A video (1, 2, T, 1, 1)."""
    return torch.tensor(channels)[None, :, :, None, None]


def test_cross_entropy_by_hand() -> None:
    # probabilities 1/2 1/4 1/4, then thirds; the third frame is padding
    batch = buffers(lit([log(2), 0.0, 5.0], [0.0, 0.0, 5.0]), [(0, 1, 0)], frames=[2])
    assert by_hand()(batch)["L_CE"].item() == pytest.approx((log(2) + log(3)) / 2)
    assert by_hand(background_weight=0.25)(batch)["L_CE"].item() == pytest.approx((log(2) + log(3) / 4) / 2)


def test_each_buffer_weighs_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    video = torch.cat([lit([log(2), 0.0], [0.0, 0.0]), lit([0.0, 0.0], [0.0, 0.0])])
    batch = buffers(video, [(0, 1, 0)], [], frames=[1, 2])
    assert by_hand()(batch)["L_CE"].item() == pytest.approx((log(2) + log(3)) / 2)
    monkeypatch.setattr(distributed, "share", lambda count: count / 2)  # of two processes that have two buffers in all
    assert by_hand()(batch)["L_CE"].item() == pytest.approx(log(2) + log(3))


def test_which_way_the_loss_moves_the_logits() -> None:
    localizer = by_hand()
    torch.autograd.backward(localizer(buffers(lit([0.0, 0.0], [0.0, 0.0]), [(0, 1, 0)]))["L_CE"])
    bias = localizer.action_head.bias
    assert bias is not None
    assert bias.grad is not None
    # probability less target over two frames: one of action 0, one of background
    assert bias.grad.tolist() == pytest.approx([1 / 3 - 1 / 2, 1 / 3, 1 / 3 - 1 / 2])


def test_logits_of_frames_lie_between_those_of_moments() -> None:
    logits = by_hand(2).logits(lit([0.0, 0.0, 4.0, 4.0, 8.0], [0.0, 0.0, 0.0, 0.0, 0.0]))
    assert logits.shape == (1, 3, 5)
    assert logits[0, 0].tolist() == [0.0, 1.0, 3.0, 5.0, 7.0]  # moments at 0, 4 and 8


def test_frame_labels_by_hand() -> None:
    times = torch.tensor([[1.0, 3.0], [0.4, 7.6], [6.5, 8.0]])
    found = frame_labels(times, torch.tensor([1, 0, 1]), 10, background=2)
    assert found.tolist() == [0, 1, 1, 0, 0, 0, 1, 1, 2, 2]


def test_groups_by_hand() -> None:
    probabilities = np.asarray([[0.0, 0.6, 0.9, 0.6, 0.0, 0.0, 0.2, 0.0]], dtype=np.float32)
    found = grouped(probabilities, (0.1, 0.5, 0.8), margin=0.0)
    assert found.times.tolist() == [[2, 3], [1, 4], [6, 7]]
    assert found.score.tolist() == pytest.approx([0.9, 0.7, 0.2])
    # with what is beside taken off, the whole is better than its peak
    found = grouped(probabilities, (0.1, 0.5, 0.8), margin=0.25)
    assert found.times.tolist() == [[1, 4], [2, 3], [6, 7]]
    assert found.score.tolist() == pytest.approx([0.7, 0.9 - 0.6, 0.2])


def test_groups_at_the_ends_and_of_two_actions() -> None:
    probabilities = np.asarray([[0.8, 0.0, 0.0, 0.6], [0.0, 0.7, 0.7, 0.0]], dtype=np.float32)
    found = grouped(probabilities, (0.5,), margin=0.0)
    assert list(zip(found.action.tolist(), found.times.tolist(), strict=True)) == [
        (0, [0, 1]),
        (1, [1, 3]),
        (0, [3, 4]),
    ]


def test_nothing_above_a_threshold() -> None:
    found = grouped(np.zeros((3, 5), dtype=np.float32), (0.5,), margin=0.25)
    assert found.times.shape == (0, 2)
    assert found.action.shape == found.score.shape == (0,)


def test_padding_has_no_segments_and_no_loss() -> None:
    localizer = by_hand()
    video = lit([9.0, 9.0, 0.0, 0.0], [0.0, 0.0, 9.0, 9.0])
    (found,) = localizer.detect(video, torch.tensor([2]))
    assert found.times.tolist() == [[0, 2]]
    assert found.action.tolist() == [0]
    batch = buffers(video, [(0, 2, 0)], frames=[2])
    assert localizer(batch)["L_CE"].item() < 0.01


def test_learns_a_toy_and_finds_it_again() -> None:
    torch.manual_seed(0)
    localizer = PerFrame(steps(2), Facts(3))
    batch = shown(64, [(6, 20, 0), (30, 54, 1)], [(16, 44, 2)], [(4, 16, 1), (40, 60, 0)], [])
    optimizer = torch.optim.Adam(localizer.parameters(), lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        torch.autograd.backward(localizer(batch)["L_CE"])
        optimizer.step()
    found = localizer.detect(batch.video, batch.frames)
    assert least_overlap(found, batch) > 0.8
    assert found[3].score.max(initial=0.0) < 0.1


@pytest.mark.parametrize("thresholds", [(), (0.0, 0.5), (1.0,)])
def test_thresholds_that_mean_nothing_are_refused(thresholds: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="thresholds between 0 and 1"):
        PerFrame(steps(), Facts(2), thresholds=thresholds)
