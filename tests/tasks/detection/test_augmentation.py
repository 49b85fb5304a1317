from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sceneproof.data.transforms import Crop
from sceneproof.tasks.detection.augmentation import (
    Distortion,
    cut,
    moved_boxes,
    random_distortion,
    random_window,
)

SIZE = (60, 80)


def tubes(*rows: list[tuple[float, float, float, float] | None]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    present = np.array([[box is not None for box in row] for row in rows])
    boxes = [[box or (0, 0, 0, 0) for box in row] for row in rows]
    return np.array(boxes, dtype=np.float32), present


def rectangle(window: Crop) -> tuple[int, int, int, int]:
    return window.left, window.top, window.left + window.width, window.top + window.height


def iou(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    both = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    both *= max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / (areas - both)


def windows(boxes: NDArray[np.float32], present: NDArray[np.bool_], *, count: int = 200, **settings: Any) -> list[Crop]:
    return [random_window(boxes, present, SIZE, rng=np.random.default_rng(seed), **settings) for seed in range(count)]


def test_the_same_generator_draws_the_same() -> None:
    boxes, present = tubes([(10, 10, 40, 40)])
    assert windows(boxes, present, count=20) == windows(boxes, present, count=20)
    assert random_distortion(rng=np.random.default_rng(1)) == random_distortion(rng=np.random.default_rng(1))
    assert random_distortion(rng=np.random.default_rng(1)) != random_distortion(rng=np.random.default_rng(2))


def test_windows_overlap_a_tube_enough_in_the_mean() -> None:
    # twice in the left half, once nowhere, once in the right half
    boxes, present = tubes([(0, 0, 40, 60), (0, 0, 40, 60), None, (40, 0, 80, 60)])
    made = windows(boxes, present, zoom_share=0.0, overlaps=(0.4,), aspects=(0.1, 10.0))
    whole = [window for window in made if rectangle(window) == (0, 0, 80, 60)]
    rest = [rectangle(window) for window in made if rectangle(window) != (0, 0, 80, 60)]
    means = [(2 * iou(one, (0, 0, 40, 60)) + iou(one, (40, 0, 80, 60))) / 3 for one in rest]
    # a third of each kind: the whole frame, one that overlaps enough, one anywhere
    assert 40 < len(whole) < 95
    assert 40 < sum(mean >= 0.4 for mean in means) < 130
    assert sum(mean < 0.4 for mean in means) > 20


def test_sizes_and_shapes_of_windows() -> None:
    made = windows(*tubes(), zoom_share=0.0)
    for left, top, right, bottom in map(rectangle, made):
        assert 0 <= left < right <= 80
        assert 0 <= top < bottom <= 60
        wide, tall = (right - left) / 80, (bottom - top) / 60
        assert wide * tall > 0.28**2
        assert 0.45 < wide / tall < 2.2
    assert 60 < sum(window.flip for window in made) < 140


def test_zooming_out() -> None:
    made = windows(*tubes(), zoom_share=1.0, zoom=3.0, smallest=1.0)
    for left, top, right, bottom in map(rectangle, made):
        assert left <= 0 < 80 <= right <= left + 240
        assert top <= 0 < 60 <= bottom <= top + 180
    assert max(window.width for window in made) > 200
    assert min(window.left for window in made) < -100


def test_cut_fills_what_is_beyond_the_frame() -> None:
    frames = np.arange(2 * 2 * 3 * 3, dtype=np.uint8).reshape(2, 2, 3, 3)
    made = cut(frames, Crop(-1, -2, 4, 4), (200.4, 100, 50))
    assert made.shape == (2, 4, 4, 3)
    assert (made[:, 1:3, 2:] == frames[:, :, :2]).all()
    outside = np.ones((4, 4), dtype=bool)
    outside[1:3, 2:] = False
    assert (made[:, outside] == [200, 100, 50]).all()
    assert (cut(frames, Crop(5, 5, 2, 2), (7, 7, 7)) == 7).all()
    assert np.array_equal(cut(frames, Crop(0, 1, 2, 2), (0, 0, 0)), frames[:, :, 1:3])


@pytest.mark.parametrize("flip", [False, True])
def test_boxes_move_along(flip: bool) -> None:
    boxes, present = tubes(
        [(20, 10, 40, 30), (50, 10, 70, 30), (-10, 0, 5, 10)],
        [(30, 15, 34, 19), None, (22, 12, 22, 20)],
    )
    moved, there = moved_boxes(boxes, present, Crop(10, 20, 20, 40, flip=flip), 80)
    # twice as wide, four times as high; the third middle is left of the window; a box without width is none
    assert there.tolist() == [[True, False, False], [True, False, False]]
    first = (40, 0, 80, 80) if flip else (0, 0, 40, 80)
    second = (80 - 28, 20, 80 - 20, 36) if flip else (20, 20, 28, 36)
    assert moved[0, 0].tolist() == list(first)
    assert moved[1, 0].tolist() == list(second)
    cut_off, still = moved_boxes(boxes[:, 1:2], present[:, 1:2], Crop(10, 20, 20, 41), 82)
    assert cut_off[0, 0].tolist() == [60, 0, 82, 82]
    assert still.tolist() == [[True], [False]]


@given(st.integers(0, 10_000))
def test_boxes_that_are_left_are_in_the_clip(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-20, 90, (3, 2, 2, 2)).astype(np.float32)
    boxes = np.concatenate([corners.min(axis=2), corners.max(axis=2)], axis=-1)
    present = rng.random((3, 2)) < 0.7
    window = random_window(boxes, present, SIZE, rng=rng)
    moved, there = moved_boxes(boxes, present, window, 32)
    assert (there <= present).all()
    assert (moved >= 0).all()
    assert (moved <= 32).all()
    assert (moved[there][:, 2:] > moved[there][:, :2]).all()


def test_pixels_and_boxes_agree() -> None:
    frames = np.zeros((1, *SIZE, 3), dtype=np.uint8)
    frames[0, 20:40, 30:50] = 255
    boxes, present = tubes([(30, 20, 50, 40)])
    for seed in range(20):
        window = random_window(boxes, present, SIZE, rng=np.random.default_rng(seed))
        moved, there = moved_boxes(boxes, present, Crop(window.top, window.left, 60, 60), 60)
        seen = cut(frames, Crop(window.top, window.left, 60, 60), (0, 0, 0))[0, :, :, 0] > 0
        if there[0, 0]:
            left, top, right, bottom = moved[0, 0].astype(int)
            assert seen[top:bottom, left:right].all()
            assert seen.sum() == (bottom - top) * (right - left)


def test_colours_by_hand() -> None:
    grey = np.full((2, 3, 4, 3), 100, dtype=np.uint8)
    assert (Distortion().frames(grey) == 100).all()
    assert (Distortion(brightness=20.4).frames(grey) == 120).all()
    assert (Distortion(brightness=-120).frames(grey) == 0).all()
    assert (Distortion(contrast=1.5).frames(grey) == 150).all()
    assert (Distortion(brightness=100, contrast=1.5).frames(grey) == 255).all()
    assert (Distortion(saturation=0.5, hue=90.0).frames(grey) == 100).all()  # grey has no colour
    red = np.broadcast_to(np.array([200, 100, 100], dtype=np.uint8), (1, 2, 2, 3)).copy()
    assert (Distortion(hue=120.0).frames(red) == [100, 200, 100]).all()
    assert (Distortion(hue=-120.0).frames(red) == [100, 100, 200]).all()
    assert (Distortion(saturation=0.5).frames(red) == [200, 150, 150]).all()
    assert (Distortion(saturation=1.5).frames(red) == [200, 50, 50]).all()
    # 300 is cut to 255 before the hue turns, or after
    assert (Distortion(contrast=1.5, hue=120.0).frames(red) == [150, 255, 150]).all()
    assert (Distortion(contrast=1.5, saturation=0.4).frames(red) == [255, 213, 213]).all()
    assert (Distortion(contrast=1.5, saturation=0.4, contrast_last=True).frames(red) == [255, 240, 240]).all()


def test_half_of_the_clips_have_each_change() -> None:
    drawn = [random_distortion(rng=np.random.default_rng(seed)) for seed in range(400)]
    still = Distortion()
    for name, bounds in {
        "brightness": (-32, 32),
        "contrast": (0.5, 1.5),
        "saturation": (0.5, 1.5),
        "hue": (-36, 36),
    }.items():
        changed = [getattr(one, name) for one in drawn if getattr(one, name) != getattr(still, name)]
        assert 150 < len(changed) < 250
        assert min(changed) >= bounds[0]
        assert max(changed) <= bounds[1]
        assert max(changed) - min(changed) > 0.9 * (bounds[1] - bounds[0])
    assert 150 < sum(one.contrast_last for one in drawn) < 250
