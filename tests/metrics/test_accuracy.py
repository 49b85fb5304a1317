import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sceneproof.metrics.accuracy import MISSED, correct, entropy, mean_class_accuracy, predicted, softmax, top_k

NAN = float("nan")
SCORES = [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.3, 0.6], [NAN, NAN, NAN]]
TRUTH = [0, 1, 0, 2]


def test_top_k_by_hand() -> None:
    # right at once; right at the second place; right at the third; missed
    assert top_k(SCORES, TRUTH, 1) == 1 / 4
    assert top_k(SCORES, TRUTH, 2) == 2 / 4
    assert top_k(SCORES, TRUTH, 3) == 3 / 4
    assert top_k(SCORES, TRUTH, 9) == 3 / 4


def test_a_missed_video_is_predicted_as_nothing() -> None:
    assert predicted(SCORES).tolist() == [0, 0, 2, MISSED]


def test_ties_go_to_the_lower_class() -> None:
    level = [[0.25] * 4] * 4
    assert correct(level, [0, 1, 2, 3]).tolist() == [True, False, False, False]
    assert correct(level, [0, 1, 2, 3], 2).tolist() == [True, True, False, False]
    assert correct([[0.4, 0.2, 0.4]], [2]).tolist() == [False]


def test_an_unknown_action_is_a_miss() -> None:
    assert correct([[0.9, 0.1], [0.9, 0.1]], [-1, 2], 2).tolist() == [False, False]


def test_mean_class_accuracy_by_hand() -> None:
    # class 0: 3 of 4; class 1: 0 of 1; class 2 does not occur
    scores = np.eye(3)[[0, 0, 0, 1, 2]]
    assert mean_class_accuracy(scores, [0, 0, 0, 0, 1]) == pytest.approx((3 / 4 + 0) / 2)
    assert top_k(scores, [0, 0, 0, 0, 1]) == pytest.approx(3 / 5)


def test_nothing_gives_nan() -> None:
    assert math.isnan(top_k(np.zeros((0, 3)), []))
    assert math.isnan(mean_class_accuracy(np.zeros((0, 3)), []))


def test_entropy_by_hand() -> None:
    values = entropy([[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.25, 0.25, 0.0], [NAN, NAN, NAN, NAN]])
    assert values[:3] == pytest.approx([0, math.log(4), 1.5 * math.log(2)])
    assert math.isnan(values[3])
    assert math.copysign(1, values[0]) == 1


def test_softmax_by_hand() -> None:
    assert softmax([[0.0, math.log(3)], [1000.0, 1000.0]]).tolist() == pytest.approx(
        np.array([[0.25, 0.75], [0.5, 0.5]])
    )


@st.composite
def predictions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    rows, classes = draw(st.integers(1, 12)), draw(st.integers(1, 6))
    values = st.floats(-4, 4, width=16) | st.just(NAN)  # few distinct values, so that ties happen
    return (
        draw(npst.arrays(np.float64, (rows, classes), elements=values)),
        draw(npst.arrays(np.int64, rows, elements=st.integers(0, classes - 1))),
    )


@given(predictions())
@settings(max_examples=60)
def test_top_k_properties(case: tuple[np.ndarray, np.ndarray]) -> None:
    scores, truth = case
    classes = scores.shape[1]
    shares = [top_k(scores, truth, k) for k in range(1, classes + 1)]
    assert shares == sorted(shares)  # more guesses never hurt
    assert shares[-1] == pytest.approx(1 - np.isnan(scores).any(axis=1).mean())  # all guesses: all but the missed
    assert (correct(scores, truth) == (predicted(scores) == truth)).all()
    # exactly k classes are in the top k of each readable video
    for k in range(1, classes + 1):
        count = sum(correct(scores, np.full(len(truth), c), k).astype(int) for c in range(classes))
        assert set(np.asarray(count)[~np.isnan(scores).any(axis=1)].tolist()) <= {k}


@given(npst.arrays(np.float64, (3, 5), elements=st.floats(-50, 50)))
@settings(max_examples=60)
def test_entropy_lies_between_none_and_uniform(logits: np.ndarray) -> None:
    values = entropy(softmax(logits))
    assert (values >= 0).all()
    assert (values <= math.log(5) + 1e-12).all()
