"""Overlap, suppression and clipping of boxes, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sceneproof.data.tracks import clipped, intersection_over_union, suppressed

corner, side = st.integers(-20, 40), st.integers(0, 30)
box = st.tuples(corner, corner, side, side).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
boxes = st.lists(box, min_size=1, max_size=6).map(lambda rows: np.array(rows, np.float32))


def painted(one: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The pixels of a box with whole corners, on a canvas that holds them all."""
    canvas = np.zeros((100, 100), np.bool_)
    x1, y1, x2, y2 = one.astype(int) + 20
    canvas[y1:y2, x1:x2] = True
    return canvas


def test_overlap_of_boxes_worked_out_by_hand() -> None:
    one = np.array([[0, 0, 4, 2]], np.float32)
    others = np.array([[0, 0, 4, 2], [2, 1, 6, 3], [4, 0, 8, 2], [1, 0, 2, 1], [3, 1, 3, 2]], np.float32)
    # shared 8 of 8; 2 of 14; none, they touch; 1 of 8; a box without area
    np.testing.assert_allclose(intersection_over_union(one, others), [[1, 1 / 7, 0, 1 / 8, 0]])
    empty = np.zeros((1, 4), np.float32)
    assert intersection_over_union(empty, empty).tolist() == [[0]]
    assert intersection_over_union(one[:0], others).shape == (0, 5)


@given(boxes, boxes)
def test_overlap_counts_pixels(first: NDArray[np.float32], second: NDArray[np.float32]) -> None:
    overlap = intersection_over_union(first, second)
    np.testing.assert_allclose(overlap, intersection_over_union(second, first).T)
    for row, a in enumerate(map(painted, first)):
        for column, b in enumerate(map(painted, second)):
            assert overlap[row, column] == pytest.approx((a & b).sum() / max((a | b).sum(), 1))


def test_the_best_of_overlapping_boxes_is_kept() -> None:
    found = np.array([(0, 0, 10, 10, 0.6), (1, 0, 11, 10, 0.9), (5, 0, 15, 10, 0.8), (30, 30, 40, 40, 0.1)], np.float32)
    # IoU with the best, x from 1 to 11: the first 90/110 = .82; the third 60/140 = .43
    np.testing.assert_array_equal(suppressed(found, 0.45), found[[1, 2, 3]])
    np.testing.assert_array_equal(suppressed(found, 0.4), found[[1, 3]])
    np.testing.assert_array_equal(suppressed(found, 0.9), found[[1, 2, 0, 3]])
    assert suppressed(found[:0], 0.5).shape == (0, 5)


def test_a_suppressed_box_suppresses_nothing() -> None:
    chain = np.array([(0, 0, 10, 10, 0.9), (4, 0, 14, 10, 0.8), (8, 0, 18, 10, 0.7)], np.float32)
    # neighbours: 60/140 = .43; the ends: 20/180 = .11
    np.testing.assert_array_equal(suppressed(chain, 0.4), chain[[0, 2]])


@given(boxes, st.floats(0, 1))
def test_what_is_kept_is_apart_and_what_is_not_has_a_better_neighbour(
    corners: NDArray[np.float32], overlap: float
) -> None:
    scores = np.linspace(0.1, 0.9, len(corners), dtype=np.float32)
    found = np.column_stack([corners, scores])
    kept = suppressed(found, overlap)
    apart = intersection_over_union(kept[:, :4], kept[:, :4])
    assert (apart[~np.eye(len(kept), dtype=np.bool_)] <= overlap).all()
    for lost in found[~np.isin(scores, kept[:, 4])]:
        better = kept[kept[:, 4] > lost[4]]
        assert intersection_over_union(lost[None, :4], better[:, :4]).max() > overlap


def test_boxes_are_cut_at_the_edge_and_dropped_outside() -> None:
    found = np.array([(-3, -2, 5, 4, 0.9), (8, 1, 20, 30, 0.8), (10, 0, 12, 4, 0.7), (2, 2, 2, 4, 0.6)], np.float32)
    want = np.array([(0, 0, 5, 4, 0.9), (8, 1, 10, 6, 0.8)], np.float32)
    np.testing.assert_array_equal(clipped(found, 6, 10), want)
    assert found[0, 0] == -3
