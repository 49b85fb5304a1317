"""Who is who, on boxes whose ways are known: still, crossing, lost and found; and what lies between."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sceneproof.data.tracks import between, tracks


def square(x: float, y: float = 0, *, side: float = 10, score: float = 0.9) -> tuple[float, ...]:
    return x, y, x + side, y + side, score


def found(*frames: list[tuple[float, ...]]) -> list[NDArray[np.float32]]:
    return [np.array(boxes, np.float32).reshape(-1, 5) for boxes in frames]


def as_lists(numbers: list[NDArray[np.int64]]) -> list[list[int]]:
    return [one.tolist() for one in numbers]


def test_people_keep_their_numbers_in_any_order_of_detection() -> None:
    frames = found([square(0), square(50)], [square(52), square(2)], [square(4), square(54), square(100)])
    assert as_lists(tracks(frames)) == [[0, 1], [1, 0], [0, 1, 2]]


def test_each_box_goes_to_one_track_and_the_sum_of_overlaps_decides() -> None:
    # x 0 and 4 before, 3 and 8 now: the greatest single overlap is 4 with 3 (9/11), which would leave 0 and 8 (2/18)
    # apart; 0 with 3 (7/13 = .54) and 4 with 8 (6/14 = .43) have more in sum
    frames = found([square(0), square(4)], [square(3), square(8)])
    assert as_lists(tracks(frames)) == [[0, 1], [0, 1]]


def test_a_pair_below_the_limit_does_not_spoil_a_good_match() -> None:
    # 0 with 3 has .54 and nobody else fits; the pairs 0 with 8 and 4 with 3 are not weighed by overlaps under .6
    frames = found([square(0), square(4)], [square(3), square(8)])
    assert as_lists(tracks(frames, least_overlap=0.6)) == [[0, 1], [1, 2]]


def test_people_who_cross_at_different_heights_keep_their_numbers() -> None:
    steps = range(0, 41, 4)
    frames = found(*[[square(x, 0), square(40 - x, 6)] for x in steps])
    # in the middle both stand at x 20: they overlap by 40/160, a step by 60/140
    assert as_lists(tracks(frames)) == [[0, 1]] * len(steps)


def test_someone_missed_once_is_the_same_and_missed_twice_another() -> None:
    there, away = [square(0)], list[tuple[float, ...]]()
    assert as_lists(tracks(found(there, away, there))) == [[0], [], [0]]
    assert as_lists(tracks(found(there, away, away, there))) == [[0], [], [], [1]]
    assert as_lists(tracks(found(there, away, away, there), gap=2)) == [[0], [], [], [0]]
    assert as_lists(tracks(found(there, away, there), gap=0)) == [[0], [], [1]]


def test_someone_who_jumps_is_another() -> None:
    assert as_lists(tracks(found([square(0)], [square(6)]))) == [[0], [1]]  # 40/160 = .25
    assert as_lists(tracks(found([square(0)], [square(5)]))) == [[0], [0]]  # 50/150 = .33


def test_boxes_between_lie_on_the_line_and_have_the_lower_score() -> None:
    looked = np.array([10, 14, 15])
    boxes = found([square(0, score=0.75)], [square(4, 8, side=18, score=0.5)], [square(4, 8, side=18, score=1)])
    frames, rows, of = between(looked, boxes, tracks(boxes, least_overlap=0.02))
    assert frames.tolist() == [10, 11, 12, 13, 14, 15]
    want = [
        (0, 0, 10, 10, 0.75),
        (1, 2, 13, 14, 0.5),
        (2, 4, 16, 18, 0.5),
        (3, 6, 19, 22, 0.5),
        (4, 8, 22, 26, 0.5),
        (4, 8, 22, 26, 1),
    ]
    np.testing.assert_array_equal(rows, np.array(want, np.float32))
    assert of.tolist() == [0] * 6


def test_a_lost_track_is_not_carried_on() -> None:
    boxes = found([square(0), square(50)], [square(0)], [square(0)], [square(0), square(50)])
    frames, _, of = between(np.array([0, 3, 6, 9]), boxes, tracks(boxes))
    assert frames[of == 0].tolist() == list(range(10))
    assert frames[of == 1].tolist() == [0]  # seen in the first frame, and missing from two looked at
    assert frames[of == 2].tolist() == [9]


def test_nobody_gives_no_rows() -> None:
    boxes = found([], [])
    frames, rows, of = between(np.array([0, 4]), boxes, tracks(boxes))
    assert len(frames) == len(of) == 0
    assert rows.shape == (0, 5)


people = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 20)), max_size=4)


@given(st.lists(people, min_size=1, max_size=6), st.integers(1, 5), st.integers(0, 2))
def test_every_detection_is_kept_and_a_track_has_one_box_a_frame(
    frames: list[list[tuple[int, int, int]]], step: int, gap: int
) -> None:
    boxes = found(*[[square(x, y, side=side, score=0.5) for x, y, side in one] for one in frames])
    looked = np.arange(len(frames)) * step
    numbers = tracks(boxes, gap=gap)
    every, rows, of = between(looked, boxes, numbers)
    assert len({*zip(every.tolist(), of.tolist(), strict=True)}) == len(every)
    assert (np.diff(every) >= 0).all()
    for frame, own, given_numbers in zip(looked, boxes, numbers, strict=True):
        assert len(set(given_numbers.tolist())) == len(own)
        for one, number in zip(own, given_numbers, strict=True):
            np.testing.assert_array_equal(rows[(every == frame) & (of == number)], one[None])
    for track in set(of.tolist()):  # without holes, from its first detection to its last
        assert (np.diff(every[of == track]) == 1).all()
