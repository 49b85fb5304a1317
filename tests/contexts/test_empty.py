"""Taking people out: the median of what is seen behind them, and when that is not to be trusted."""

from pathlib import Path

import cv2
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
    made = emptied(clip.frames, clip.people, [4, 0])
    assert made.way == "median"
    wall = np.full((64, 96, 3), 60, np.uint8)
    wall[:, 48:] = 100
    np.testing.assert_allclose(made.frames, np.stack([wall, wall]), atol=1)


def test_what_is_never_seen_is_inpainted_from_around() -> None:
    clip = footage(speed=0)
    assert clip.people is not None
    made = emptied(clip.frames, clip.people, [2])
    assert made.way == "median and spatial"
    np.testing.assert_allclose(made.frames[0, 20:36, 4:20], 60, atol=3)


def pan(step: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A camera pans over a wall of blots, and someone walks the other way: frames, people, and the wall alone."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(20, 235, (16, 50, 3)).astype(np.uint8)
    wall = cv2.resize(coarse, (200, 64), interpolation=cv2.INTER_CUBIC)
    clean = np.stack([wall[:, 40 + step * t : 136 + step * t] for t in range(8)])
    frames, people = clean.copy(), np.zeros(clean.shape[:3], bool)
    for t in range(8):
        people[t, 20:50, 70 - 8 * t : 82 - 8 * t] = True
    frames[people] = (255, 0, 0)
    return frames, people, clean


def test_behind_someone_who_walks_where_the_camera_pans_the_wall_comes_back() -> None:
    frames, people, clean = pan()
    assert unrest(frames, people) > STILL
    made = emptied(frames, people, [1, 4])
    assert made.way == "aligned"
    assert not made.guessed.any()
    for number, frame in zip((1, 4), made.frames, strict=True):
        error = np.abs(frame.astype(int) - clean[number])[people[number]]
        assert np.median(error) < 12, "of 255, where the wall goes from 20 to 235"
        outside = cv2.dilate(people[number].astype(np.uint8), np.ones((15, 15), np.uint8)) == 0
        np.testing.assert_array_equal(frame[outside], frames[number][outside])


def test_where_the_motion_is_not_known_a_hull_is_filled_from_around() -> None:
    clip = footage()
    assert clip.people is not None
    stripes = np.where(np.arange(200) // 8 % 2, 200, 30).astype(
        np.uint8
    )  # which move alike in any direction along them
    frames = np.stack([np.broadcast_to(stripes[5 * t : 5 * t + 96, None], (64, 96, 3)) for t in range(8)])
    flashes = np.random.default_rng(0).integers(0, 255, frames.shape).astype(np.uint8)
    made = emptied(flashes, clip.people, [1])
    assert made.way == "spatial"
    outside = ~clip.people[1]
    outside[10:46, :40] = False
    np.testing.assert_array_equal(made.frames[0][outside], flashes[1][outside])


def test_what_is_guessed_is_convex_and_does_not_show_a_posture() -> None:
    people = np.zeros((4, 64, 96), bool)
    people[:, 10:50, 20:26] = people[:, 10:16, 20:50] = people[:, 44:50, 20:50] = True  # a C
    made = emptied(np.full((4, 64, 96, 3), 80, np.uint8), people, [0])
    assert made.way == "median and spatial"
    assert made.guessed[0, 30, 40], "the inside of the C"
    outlines, _ = cv2.findContours(made.guessed[0].astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    (hull,) = outlines
    assert cv2.contourArea(cv2.convexHull(hull)) == pytest.approx(made.guessed[0].sum(), rel=0.1)


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
