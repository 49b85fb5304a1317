from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sceneproof.tasks.detection.tubes import Trimmer, make_tube, trimmed, trimmed_tubes


def value(labels: NDArray[np.bool_], scores: NDArray[np.float64], cost: float) -> float:
    right = np.where(labels, scores, 1 - scores).sum()
    return float(right - cost * np.count_nonzero(labels[1:] != labels[:-1]))


@given(st.lists(st.integers(0, 20), min_size=1, max_size=9), st.sampled_from([0.0, 0.3, 1.0, 2.5]))
@settings(max_examples=150)
def test_no_labelling_is_better(twentieths: list[int], cost: float) -> None:
    scores = np.array(twentieths) / 20
    every = [value(np.array(labels), scores, cost) for labels in product([False, True], repeat=len(scores))]
    assert value(trimmed(scores.tolist(), cost), scores, cost) == pytest.approx(max(every))


def test_by_hand() -> None:
    # leaving and coming back would gain .8 and cost 1; of two bad frames 1.6
    assert trimmed([0.9, 0.9, 0.1, 0.9, 0.9], 0.5).tolist() == [True] * 5
    assert trimmed([0.9, 0.9, 0.1, 0.1, 0.9, 0.9], 0.5).tolist() == [True, True, False, False, True, True]
    assert trimmed([0.1, 0.1, 0.9, 0.9], 0.5).tolist() == [False, False, True, True]
    assert trimmed([0.5], 1.0).tolist() == [False]
    assert trimmed([], 1.0).tolist() == []


def test_a_frame_waits_no_longer_than_it_must() -> None:
    # the lead grows by .8 a frame: beyond 2 in the third; back within the band, from 2, at once
    trimmer = Trimmer(2.0)
    assert [trimmer.step(0.9) for _ in range(4)] == [None, None, True, True]
    assert [trimmer.step(0.1) for _ in range(6)] == [None, None, None, None, None, False]


def test_the_authors_own_labels() -> None:
    # gurkirt/realtime-action-detection at 9dd8e1b5642c7cb3170a31cc3ec5a3c586a3b261: online-tubes/gentube/dpEM_max.m in
    # Octave 7.3, on two rows, the scores and what they leave of 1
    t = np.arange(80)
    scores = (0.5 + 0.5 * np.sin(t * 0.21) * np.cos(t * 0.05) + 0.3 * np.sin(t * 2.9)).clip(0.02, 0.98)
    both_ends = [*[True] * 15, *[False] * 31, *[True] * 14, *[False] * 16, *[True] * 4]
    for cost, labels, total in (
        (0.5, both_ends, 54.5864499874),
        (1.5, both_ends, 50.5864499874),
        (3.0, [*both_ends[:-4], *[False] * 4], 45.7869463564),
    ):
        assert trimmed(scores.tolist(), cost).tolist() == labels
        assert value(np.array(labels), scores, cost) == pytest.approx(total, abs=1e-9)


def test_a_tube_in_parts() -> None:
    scores = np.array([0.9, 0.9, 0.1, 0.1, 0.1, 0.7, 0.9])
    boxes = np.arange(28.0).reshape(7, 4)
    parts = trimmed_tubes(make_tube(4, 2, 10, boxes, scores), 0.5, best=1)
    assert [(part.number, part.action, part.first, len(part.boxes)) for part in parts] == [(4, 2, 10, 2), (4, 2, 15, 2)]
    assert parts[1].boxes.tolist() == boxes[5:].tolist()
    assert [part.score for part in parts] == pytest.approx([0.9, 0.9])
    assert trimmed_tubes(make_tube(0, 0, 0, boxes, scores * 0), 0.5) == []
