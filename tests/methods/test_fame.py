"""FAME: its mask against the authors' own, and what is merged."""

import colorsys

import numpy as np
import pytest
import torch
from torch import Tensor

from sceneproof.errors import InputError
from sceneproof.methods import FAME
from sceneproof.methods.fame import blurred, foreground, hsv
from tests.methods.batches import per_channel
from tests.methods.mixed import FACTS, pictures, video_of


def moving_discs() -> tuple[Tensor, Tensor]:
    """Two clips (2, 3, 8, 32, 32) of waves with a disc that moves, and where it is in any frame (2, 32, 32)."""
    down, across = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    red, green = 0.5 + 0.4 * torch.sin(0.2 * across + 0.1 * down), 0.5 + 0.4 * torch.cos(0.15 * down)
    waves = torch.stack([red, green, 0.5 + 0.3 * torch.sin(0.05 * (across + down))])
    video, trace = waves[None, :, None].repeat(2, 1, 8, 1, 1), torch.zeros(2, 32, 32, dtype=torch.bool)
    for clip in range(2):
        for frame in range(8):
            disc = (across - 6 - 2 * frame) ** 2 + (down - 10 - 4 * clip) ** 2 <= (4 + 2 * clip) ** 2
            video[clip, :, frame] = torch.where(disc, torch.tensor([0.9, 0.1, 0.2])[:, None, None], waves)
            trace[clip] |= disc
    return video, trace


def test_the_mask_is_the_authors() -> None:
    # github.com/Mark12Ding/FAME, and KHU-VLL/DEVIAS' copy of it, on these clips: count, sum of the flat places, recall
    video, trace = moving_discs()
    masks = foreground(video, hue="released")
    assert [int(mask.sum()) for mask in masks] == [512, 512]
    assert [int(mask.flatten().nonzero().sum()) for mask in masks] == [284904, 292762]
    recall = (masks & trace).sum((1, 2)) / trace.sum((1, 2))
    assert recall.tolist() == pytest.approx([0.9316770434379578, 0.9430605173110962])


def test_a_proper_hue_is_another_mask_of_the_same_size() -> None:
    video, trace = moving_discs()
    masks = foreground(video, hue="proper")
    assert [int(mask.sum()) for mask in masks] == [512, 512]
    assert not torch.equal(masks, foreground(video, hue="released"))
    assert ((masks & trace).sum((1, 2)) / trace.sum((1, 2)) > 0.95).all()


def test_beta_is_the_share() -> None:
    assert [int(mask.sum()) for mask in foreground(moving_discs()[0], beta=0.3)] == [308, 308]  # ceil(.3 * 1024)


def test_where_nothing_changes_there_is_no_foreground() -> None:
    video, _ = moving_discs()
    video[0] = video[0, :, :1]
    counts = [int(mask.sum()) for mask in foreground(video)]
    assert counts == [0, 512]
    assert not foreground(video[:, :, :1]).any()
    assert foreground(video[:0]).shape == (0, 32, 32)


def test_hue_saturation_and_value_are_those_of_colours() -> None:
    picture = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    picture[0, :, 0, 0] = 0.5  # grey has no hue
    picture[0, :, 0, 1] = 0.0
    ours = torch.stack(hsv(picture))[:, 0].flatten(1).T
    expected = [colorsys.rgb_to_hsv(*colour) for colour in picture[0].flatten(1).T.tolist()]
    torch.testing.assert_close(ours, torch.tensor(expected), atol=1e-5, rtol=1e-5)


def test_a_blur_keeps_what_is_even_and_spreads_what_is_not() -> None:
    even = torch.full((1, 1, 32, 32), 0.3)
    torch.testing.assert_close(blurred(even), even)
    point = torch.zeros(1, 1, 32, 32)
    point[0, 0, 9, 9] = 1
    spread = blurred(point)[0, 0]  # three pixels wide, of sigma 1
    assert int((spread > 0).sum()) == 9
    assert (spread[9, 9] / spread[9, 10]).item() == pytest.approx(np.exp(0.5))


def test_the_foreground_stays_and_the_rest_is_another_clips() -> None:
    video, _ = moving_discs()
    whole = pictures(2, size=(8, 32, 32))
    whole = type(whole)(video=video, action=whole.action, row=whole.row)
    mixed = FAME(per_channel(), FACTS, probability=1.0).augment(whole, np.random.default_rng(0))
    assert mixed.target is None
    masks = foreground(video)[:, None, None]
    assert torch.equal(video_of(mixed), torch.where(masks, video, video.flip(0)))


def test_people_are_the_foreground_where_they_are_known() -> None:
    whole = pictures()
    method = FAME(per_channel(), FACTS, probability=1.0, mask="people")
    assert method.needs == {"people"}
    mixed = video_of(method.augment(whole, np.random.default_rng(0)))
    assert whole.people is not None
    inside = whole.people[:, None].expand_as(mixed)
    assert torch.equal(mixed[inside], video_of(whole)[inside])
    changed = (mixed != video_of(whole)).any(dim=1).flatten(1).any(dim=1)
    assert changed.tolist() == [True] * 5 + [False]  # nobody is known in the last one
    assert (mixed != video_of(whole)).any(dim=1)[:5][~whole.people[:5]].all()


def test_clips_of_one_frame_are_refused() -> None:
    with pytest.raises(InputError, match="FAME: finds the foreground by what moves"):
        FAME(per_channel(), FACTS).check(1, 32)
    FAME(per_channel(), FACTS).check(2, 32)
    FAME(per_channel(), FACTS, mask="people").check(1, 32)


@pytest.mark.parametrize("settings", [{"beta": 1.0}, {"hue": "wound"}, {"mask": "scene"}])
def test_bad_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InputError, match="FAME: beta is above 0 and below 1"):
        FAME(per_channel(), FACTS, **settings)  # type: ignore[arg-type]  # that is the point
