import numpy as np
import pytest

from sceneproof.audit.scoring import GRID, MOMENTS, outline_features
from sceneproof.metrics.grouped_probe import grouped_probe

CELLS = GRID[0] * GRID[1]
FRAMES, HEIGHT, WIDTH = 8, 48, 64


def boxes(tall: int, wide: int, generator: np.random.Generator) -> np.ndarray:
    """A box that walks a little, from anywhere."""
    people = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    top, left = generator.integers(HEIGHT - tall), generator.integers(WIDTH - wide - FRAMES)
    for number, frame in enumerate(people):
        frame[top : top + tall, left + number : left + number + wide] = True
    return people


def told(people: np.ndarray) -> tuple[list[np.ndarray], float, np.ndarray, np.ndarray, np.ndarray]:
    features = outline_features(people)
    assert features.dtype == np.float32
    assert features.shape == (MOMENTS * CELLS + 19,)
    grids = [features[start : start + CELLS].reshape(GRID) for start in range(0, MOMENTS * CELLS, CELLS)]
    rest = features[MOMENTS * CELLS :]
    return grids, float(rest[0]), rest[1:7], rest[7:13], rest[13:]


def test_the_left_half_by_hand() -> None:
    people = np.zeros((5, 24, 32), bool)
    people[:, :, :16] = True
    grids, known, means, deviations, steps = told(people)
    assert all(grid.min() == 1 for grid in grids)  # the box around them is full
    assert known == 1
    assert means == pytest.approx([1 / 2, 1 / 2, 1 / 4, 1, 1 / 2, 24 / 40])  # area, down, across, height, width, aspect
    assert not deviations.any()
    assert not steps.any()


def test_cells_hold_shares_of_the_box_around_all_frames() -> None:
    people = np.zeros((2, 24, 32), bool)
    people[0, 4, 5] = True  # one of the four pixels of the first cell
    people[1, 4:16, 16] = True  # the right half of the last column, where the box from 5 to 16 ends
    grids, *_ = told(people)
    for grid in grids[:2]:
        assert grid[0, 0] == grid.sum() == 0.25
    for grid in grids[2:]:
        assert grid[:, 5].tolist() == [0.5] * 6
        assert not grid[:, :5].any()


def test_a_shape_is_the_same_wherever_it_stands() -> None:
    people = np.zeros((3, 24, 32), bool)
    people[:, 2:10, 3:9] = np.random.default_rng(0).random((3, 8, 6)) < 0.7
    here, there = told(people), told(np.roll(people, (5, 7), axis=(1, 2)))
    np.testing.assert_array_equal(here[0], there[0])
    np.testing.assert_allclose(there[2] - here[2], [0, 5 / 24, 7 / 32, 0, 0, 0], atol=1e-6)


def test_change_by_hand() -> None:
    people = np.zeros((4, 24, 32), bool)
    for number, column in ((0, 0), (1, 8), (3, 0)):  # nobody in frame 2
        people[number, :6, column : column + 6] = True
    _, known, means, deviations, steps = told(people)
    assert known == 0.75
    assert means[2] == pytest.approx((3 + 11 + 3) / 3 / 32)
    assert deviations[2] == pytest.approx(np.std([3, 11, 3]) / 32)
    assert steps == pytest.approx([0, 0, 8 / 32, 0, 0, 0])


def test_nobody_and_nothing() -> None:
    assert not outline_features(np.zeros((3, 24, 32), bool)).any()
    with pytest.raises(ValueError, match="one frame"):
        outline_features(np.zeros((0, 24, 32), bool))


def test_shapes_that_tell_the_action_leak() -> None:
    generator = np.random.default_rng(0)
    outlines = [outline_features(boxes(*((30, 10), (10, 30))[row % 2], generator)) for row in range(60)]
    found = grouped_probe(outlines, ["stand", "lie"] * 30, np.arange(60) // 2)
    assert found.accuracy.value > 0.95
    assert found.accuracy.low > found.commonest == 0.5


def test_shapes_that_do_not_tell_it_do_not() -> None:
    generator = np.random.default_rng(0)
    outlines = [outline_features(boxes(20, 20, generator)) for _ in range(60)]
    found = grouped_probe(outlines, ["stand", "lie"] * 30, np.arange(60) // 2)
    assert found.accuracy.low < 0.5 < found.accuracy.high


def test_motion_alone_is_an_outline_too() -> None:
    generator = np.random.default_rng(0)
    walks = [boxes(20, 20, generator) for _ in range(60)]
    people = [walk if row % 2 else np.repeat(walk[:1], FRAMES, axis=0) for row, walk in enumerate(walks)]
    found = grouped_probe([outline_features(one) for one in people], ["stand", "walk"] * 30, np.arange(60))
    assert found.accuracy.low > 0.9
