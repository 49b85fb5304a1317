"""VideoMix: the boxes and shares by hand, and what mixing must not do."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from sceneproof.errors import InputError
from sceneproof.methods import Facts, VideoMix
from sceneproof.methods.videomix import Cut, boxes
from sceneproof.types import Batch
from tests.methods.batches import batch, per_channel

FACTS = Facts(actions=5)


def numbered(count: int = 6) -> Batch:
    """Clips whose every pixel is the number of their row, of action row mod 5."""
    video = torch.arange(count).float().reshape(-1, 1, 1, 1, 1).expand(-1, 3, 4, 16, 16).clone()
    return batch(video, [row % 5 for row in range(count)])


def video_of(mixed: Batch) -> Tensor:
    assert mixed.video is not None
    return mixed.video


def test_a_box_by_hand() -> None:
    # a quarter stays away: sides of half the clip's, round the middle
    (inside,) = boxes(torch.tensor([0.75]), torch.full((1, 3), 0.5), (2, 8, 8), "spatial")
    assert inside.sum() == 2 * 4 * 4
    assert inside[:, 2:6, 2:6].all()
    (cut_off,) = boxes(torch.tensor([0.75]), torch.zeros(1, 3), (2, 8, 8), "spatial")
    assert cut_off[:, :2, :2].all()
    assert cut_off.sum() == 2 * 2 * 2


@pytest.mark.parametrize(
    ("cut", "own", "shape"),
    [("spatial", 0.75, (4, 4, 4)), ("temporal", 0.5, (2, 8, 8)), ("both", 0.875, (2, 4, 4))],
)
def test_each_cut_takes_the_share_that_was_drawn(cut: Cut, own: float, shape: tuple[int, int, int]) -> None:
    (inside,) = boxes(torch.tensor([own]), torch.full((1, 3), 0.5), (4, 8, 8), cut)
    where = inside.nonzero()
    assert tuple((where.max(0).values - where.min(0).values + 1).tolist()) == shape
    assert inside.float().mean() == pytest.approx(1 - own)


@pytest.mark.parametrize("cut", ["spatial", "temporal", "both"])
def test_targets_are_what_is_shown_of_each_clip(cut: Cut) -> None:
    found = numbered()
    mixed = VideoMix(per_channel(), FACTS, probability=1.0, cut=cut).augment(found, np.random.default_rng(3))
    assert mixed.target is not None
    assert mixed.target.sum(1).tolist() == pytest.approx([1.0] * 6)
    some = False
    for row, clip in enumerate(video_of(mixed)):
        expected = torch.zeros(5)
        for number in clip.unique().tolist():
            expected[int(number) % 5] += (clip == number).float().mean()
            some |= number != row
        torch.testing.assert_close(mixed.target[row], expected)
    assert some


def test_the_share_follows_beta() -> None:
    found, method = numbered(8), VideoMix(per_channel(), FACTS, probability=1.0, alpha=1.0, cut="temporal")
    shares = []
    for seed in range(200):
        clips = video_of(method.augment(found, np.random.default_rng(seed)))
        shares += [(clip != row).float().mean().item() for row, clip in enumerate(clips)]
    # uniform sides, cut off at the edges: a box of side s loses s / 4 on average, so 1/2 - 1/3 of 1/4 ... about .37
    assert 0.3 < float(np.mean(shares)) < 0.45


def test_the_order_of_the_batch_changes_nothing() -> None:
    found, method = numbered(), VideoMix(per_channel(), FACTS)
    assert found.video is not None
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    turned = replace(found, video=found.video[order], action=found.action[order], row=found.row[order])
    first, second = (method.augment(each, np.random.default_rng(5)) for each in (found, turned))
    assert first.target is not None
    assert second.target is not None
    assert torch.equal(video_of(first)[order], video_of(second))
    assert torch.equal(first.target[order], second.target)


def test_clips_that_are_not_mixed_stay_as_they_are() -> None:
    found = numbered()
    mixed = VideoMix(per_channel(), FACTS, probability=0.0).augment(found, np.random.default_rng(0))
    assert mixed.target is not None
    assert torch.equal(video_of(mixed), video_of(found))
    assert mixed.target.argmax(1).tolist() == found.action.tolist()
    assert mixed.target.max(1).values.tolist() == [1.0] * 6


def test_losses_are_cross_entropy_on_the_mixed_actions() -> None:
    method, found = VideoMix(per_channel(), FACTS), numbered(2)
    half = replace(found, target=torch.tensor([[0.5, 0.5, 0, 0, 0], [0, 1.0, 0, 0, 0]]))
    log = method.scores(video_of(found)).log_softmax(1)
    expected = -(0.5 * log[0, 0] + 0.5 * log[0, 1] + log[1, 1]) / 2
    assert method(half)["L_CE"].item() == pytest.approx(expected.item())


@pytest.mark.parametrize("settings", [{"probability": 1.5}, {"alpha": 0.0}, {"cut": "diagonal"}])
def test_bad_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InputError, match="VideoMix: probability is from 0 to 1"):
        VideoMix(per_channel(), FACTS, **settings)  # type: ignore[arg-type]  # that is the point
