"""FAME's motion mask on a made-up clip: what moves, what has its colours, and what cannot be told."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sceneproof.errors import InputError
from sceneproof.labelling.motion_mask import MotionMask, _colour_bins, motion_mask
from tests.videos import numbered


def walker(count: int = 8, *, start: int = 10) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A red block that walks over a green wall, and where it has been."""
    frames = np.zeros((count, 40, 60, 3), np.uint8)
    frames[:] = (40, 160, 60)
    way = np.zeros((40, 60), np.bool_)
    for place in range(count):
        left = start + 2 * place
        frames[place, 12:32, left : left + 10] = (220, 30, 30)
        way[12:32, left : left + 10] = True
    return frames, way


def test_the_mask_is_where_the_walker_was() -> None:
    frames, way = walker()
    mask = motion_mask(frames, share=way.mean())
    assert mask.sum() == round(way.mean() * mask.size)
    assert (mask & way).sum() / (mask | way).sum() > 0.8


def test_colours_find_the_part_that_stays_in_place() -> None:
    frames, way = walker()
    frames[:, 32:39, 20:26] = (220, 30, 30)  # the walker's colour, and still: near the motion, far from the wall's
    still = np.zeros_like(way)
    still[32:39, 20:26] = True
    mask = motion_mask(frames, share=(way | still).mean())
    assert (mask & still).sum() / still.sum() > 0.8


def test_colours_are_binned_by_hue_saturation_and_value() -> None:
    colours = np.array([[(1, 0, 0), (0, 1, 0), (1, 1, 0), (0.2, 0.2, 0.2), (0, 0, 0)]], np.float32)
    # (1 + cos, 1 + sin) / 2 of hues of 0, 120 and 60 degrees: (1, .5), (.25, .933), (.75, .933); grey is at .5.
    # On ten steps, 0 to 9: .5 is 4.5, which goes to 5; .25 is 2.25; .75 is 6.75; .933 is 8.4; a value of .2 is 1.8.
    assert _colour_bins(colours).tolist() == [[9 + 50 + 900, 2 + 80 + 900, 7 + 80 + 900, 5 + 50 + 200, 5 + 50]]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 1.0])
def test_the_share_is_kept_to_a_pixel(share: float) -> None:
    frames, _ = walker()
    assert motion_mask(frames, share=share).sum() == round(share * 40 * 60)


def test_nothing_moves_nobody_is_there() -> None:
    frames, _ = walker()
    assert not motion_mask(frames[[0] * 8]).any()
    assert not motion_mask(frames[:1]).any()


def test_a_long_clip_has_a_mask_for_each_window() -> None:
    near, way = walker(16)
    far = near[:, :, ::-1]
    masks = MotionMask(share=float(way.mean()))(np.concatenate([near, far]))
    assert (masks[:16] == masks[0]).all()
    assert (masks[16:] == masks[-1]).all()
    assert (masks[0] & way).sum() / (masks[0] | way).sum() > 0.8
    assert (masks[-1] & way[:, ::-1]).sum() / (masks[-1] | way[:, ::-1]).sum() > 0.8


def test_a_short_rest_makes_no_window_of_its_own() -> None:
    masks = MotionMask()(numbered(18))
    assert (masks == masks[0]).all()


def test_settings_out_of_range_are_refused() -> None:
    for settings in ({"share": 0.0}, {"share": 1.1}, {"window": 1}, {"short_side": 0}):
        with pytest.raises(InputError, match="motion mask"):
            MotionMask(**settings)
