"""Taking people out: the median of what is seen behind them, and when that is not to be trusted."""

from pathlib import Path

import numpy as np
import pytest

from sceneproof.contexts.empty import STILL, emptied, filled, masked_median, unrest
from tests.contexts.clips import footage
from tests.contexts.real import clips


def test_medians_leave_out_what_is_hidden_and_take_the_lower_middle() -> None:
    values = np.array([[10, 200], [30, 7], [20, 9], [99, 250]], np.uint8)[..., None]
    hidden = np.array([[False, True], [False, False], [False, True], [True, True]])
    medians, seen = masked_median(values, hidden)
    assert medians[:, 0].tolist() == [20, 7]
    assert seen.all()
    medians, _ = masked_median(values, np.zeros((4, 2), bool))
    assert medians[:, 0].tolist() == [20, 9]
    medians, seen = masked_median(values, np.ones((4, 2), bool))
    assert (medians == 0).all()
    assert not seen.any()


def test_behind_someone_who_walks_the_wall_comes_back_exactly() -> None:
    clip = footage()
    assert clip.people is not None
    made = emptied(clip.frames, clip.people, [4, 0], moving="fill")
    assert made.way == "median"
    wall = np.full((64, 96, 3), 60, np.uint8)
    wall[:, 48:] = 100
    np.testing.assert_allclose(made.frames, np.stack([wall, wall]), atol=1)


def test_what_is_never_seen_is_inpainted_from_around() -> None:
    clip = footage(speed=0)
    assert clip.people is not None
    made = emptied(clip.frames, clip.people, [2], moving="fill")
    assert made.way == "median and spatial"
    np.testing.assert_allclose(made.frames[0, 20:36, 4:20], 60, atol=3)


@pytest.mark.parametrize("moving", ["fill", "spatial"])
def test_where_the_camera_moves_the_stopgap_is_taken_and_named(moving: str) -> None:
    clip = footage()
    assert clip.people is not None
    stripes = np.where(np.arange(200) // 8 % 2, 200, 30).astype(np.uint8)
    frames = np.stack([np.broadcast_to(stripes[5 * t : 5 * t + 96, None], (64, 96, 3)) for t in range(8)])
    assert unrest(frames, clip.people) > STILL
    made = emptied(frames, clip.people, [1], moving="fill" if moving == "fill" else "spatial")
    assert made.way == {"fill": "filled", "spatial": "spatial"}[moving]
    if moving == "fill":
        np.testing.assert_array_equal(made.frames, filled(frames, clip.people, [1]))
    outside = ~clip.people[1]
    outside[10:46, :40] = False
    np.testing.assert_array_equal(made.frames[0][outside], frames[1][outside])


def test_filling_is_the_papers_mean_colour() -> None:
    clip = footage(frames=2, size=10)
    assert clip.people is not None
    made = filled(clip.frames, clip.people, [1])
    mean = clip.frames[1].reshape(-1, 3).mean(0)
    np.testing.assert_allclose(made[0][clip.people[1]], np.broadcast_to(mean, (100, 3)), atol=0.51)
    np.testing.assert_array_equal(made[0][~clip.people[1]], clip.frames[1][~clip.people[1]])


def test_with_hardly_any_background_nobody_can_tell() -> None:
    clip = footage()
    assert unrest(clip.frames, np.ones(clip.frames.shape[:3], bool)) == 1.0
    assert unrest(clip.frames, np.zeros(clip.frames.shape[:3], bool)) > 0, "an unmasked person is a change"


def test_real_cameras_that_stand_are_told_from_those_that_move(shared_data: Path) -> None:
    # HMDB51's file names say whether the camera moves ("_cm_") or not ("_nm_"); people other than the actor move, too
    still = {
        name: unrest(frames, people) <= STILL
        for name, frames, people in clips(shared_data, ("golf", "pour", "run", "kick_ball"), each=12)
    }
    standing = [told for name, told in still.items() if "_nm_" in name]
    moving = [told for name, told in still.items() if "_cm_" in name]
    assert np.mean(standing) > 0.6
    assert np.mean(standing) - np.mean(moving) > 0.3
