import numpy as np
import pytest
from hypothesis import given, settings

from sceneproof.metrics.temporal_segments import Detections, TrueSegments, grouped_nms, temporal_iou, temporal_nms
from tests.metrics.temporal_cases import cases

TIMES = np.array([[20, 30], [0, 10], [1, 10], [5, 15]], dtype=np.float64)
SCORES = np.array([0.6, 0.9, 0.8, 0.7])


@pytest.mark.parametrize(
    ("threshold", "kept"),
    [
        (0.95, [1, 2, 3, 0]),
        (0.9, [1, 2, 3, 0]),  # 9 of 10, which is not above
        (0.5, [1, 3, 0]),
        (0.3, [1, 0]),  # 5 of 15 go too
        (0.0, [1, 0]),
    ],
)
def test_by_hand(threshold: float, kept: list[int]) -> None:
    assert temporal_nms(TIMES, SCORES, threshold).tolist() == kept


def test_what_is_dropped_drops_nothing() -> None:
    # the second goes for the first; the third overlaps the second alone
    times = np.array([[0, 10], [4, 14], [9, 19]], dtype=np.float64)
    assert temporal_nms(times, np.array([0.9, 0.8, 0.7]), 0.3).tolist() == [0, 2]


def test_touching_segments_do_not_overlap() -> None:
    times = np.array([[0, 10], [10, 20]], dtype=np.float64)
    assert temporal_nms(times, np.array([0.9, 0.8]), 0.0).tolist() == [0, 1]


def test_of_equals_the_last_stays() -> None:
    assert temporal_nms(np.array([[0.0, 10], [0, 10]]), np.array([0.5, 0.5]), 0.5).tolist() == [1]


def test_groups_are_apart() -> None:
    twins = np.array([[0, 10]] * 4, dtype=np.float64)
    scores = np.array([0.1, 0.4, 0.3, 0.2])
    assert grouped_nms(twins, scores, np.array([7, 3, 3, 7]), 0.5).tolist() == [False, True, False, True]
    assert grouped_nms(twins[:0], scores[:0], np.array([], np.int64), 0.5).tolist() == []


@given(cases())
@settings(max_examples=60)
def test_who_stays(case: tuple[TrueSegments, Detections]) -> None:
    _, found = case
    groups = found.video * 2 + found.action
    kept = grouped_nms(found.times, found.score, groups, 0.4)
    above = temporal_iou(found.times[:, None], found.times) > 0.4
    together = above & (groups[:, None] == groups) & ~np.eye(len(found), dtype=np.bool_)
    better = found.score[:, None] < found.score
    # a segment is dropped exactly where a better one that stays overlaps it; so no two that stay overlap
    assert ((together & better & kept).any(axis=1) == ~kept).all()
