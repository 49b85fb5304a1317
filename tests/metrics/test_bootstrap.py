import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sceneproof.metrics.bootstrap import Interval, class_interval, mean_and_std, mean_interval, paired_interval


def test_two_values_by_hand() -> None:
    # resamples of (0, 1): means 0, 1/2, 1 with chances 1/4, 1/2, 1/4; so the 40 % interval is 1/2 alone, the 60 % all
    assert mean_interval([0, 1], level=0.4) == Interval(0.5, 0.5, 0.5)
    assert mean_interval([0, 1], level=0.6) == Interval(0.5, 0.0, 1.0)


def test_constant_values_have_no_spread() -> None:
    assert mean_interval([1, 1, 1]) == Interval(1, 1, 1)


def test_mean_interval_meets_the_normal_approximation() -> None:
    values = np.arange(1000) % 10 < 3
    interval = mean_interval(values)
    half = 1.96 * math.sqrt(0.3 * 0.7 / 1000)
    assert interval.value == pytest.approx(0.3)
    assert (interval.low, interval.high) == pytest.approx((0.3 - half, 0.3 + half), abs=0.002)


def test_pairing_cancels_what_both_share() -> None:
    hard = np.random.default_rng(0).integers(2, size=(5, 200)).astype(float)
    interval = paired_interval(hard + 0.05, hard)
    assert (interval.value, interval.low, interval.high) == pytest.approx((0.05, 0.05, 0.05))


def test_seeds_are_resampled_as_well() -> None:
    # two seeds, +1 and -1 on every video: resampling videos alone would give no spread at all
    a = np.array([[1.0] * 50, [-1.0] * 50])
    assert paired_interval(a, np.zeros_like(a), level=0.4) == Interval(0, 0, 0)
    assert paired_interval(a, np.zeros_like(a), level=0.6) == Interval(0, -1, 1)


def test_crossed_variance_by_hand() -> None:
    # d[r, n] = u[r] + v[n]: the resampled mean is mean(u*) + mean(v*), so its variance is var(u)/R + var(v)/N
    u, v = np.array([0.0, 0.3, 0.6, 0.1]), np.linspace(-1, 1, 40)
    interval = paired_interval(u[:, None] + v, np.zeros((4, 40)))
    half = 1.96 * math.sqrt(u.var() / 4 + v.var() / 40)
    assert interval.value == pytest.approx(0.25)
    assert (interval.low, interval.high) == pytest.approx((0.25 - half, 0.25 + half), abs=0.02)


def test_same_seed_same_interval_and_swapping_mirrors() -> None:
    a, b = np.random.default_rng(1).integers(2, size=(2, 3, 60))
    forth, back = paired_interval(a, b, seed=3), paired_interval(b, a, seed=3)
    assert forth == paired_interval(a, b, seed=3)
    assert (back.value, back.low, back.high) == pytest.approx((-forth.value, -forth.high, -forth.low))


def test_bad_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(2, 4\)"):
        paired_interval(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="no values"):
        mean_interval([])


def test_excludes_zero() -> None:
    assert Interval(2, 1, 3).excludes_zero
    assert Interval(-2, -3, -1).excludes_zero
    assert not Interval(1, -1, 3).excludes_zero
    assert not Interval(1, 0, 3).excludes_zero


def test_mean_and_std_by_hand() -> None:
    assert mean_and_std([1, 2, 6]) == pytest.approx((3, math.sqrt((4 + 1 + 9) / 2)))
    assert mean_and_std([5])[0] == 5
    assert math.isnan(mean_and_std([5])[1])


@given(npst.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.floats(0, 1)))
@settings(max_examples=30)
def test_the_interval_stays_within_the_values(values: np.ndarray) -> None:
    interval = paired_interval(values, np.zeros_like(values), draws=200)
    assert values.min() - 1e-9 <= interval.low <= interval.high <= values.max() + 1e-9


def test_classes_weigh_the_same_by_hand() -> None:
    assert class_interval([1, 0, 0, 0, 1], [4, 4, 9, 9, 9]).value == pytest.approx((1 / 2 + 1 / 3) / 2)
    # of two videos of two classes a resample may lack one class, and is then the other's
    assert class_interval([1, 0], [0, 1], level=0.4) == Interval(0.5, 0.5, 0.5)
    assert class_interval([1, 0], [0, 1], level=0.6) == Interval(0.5, 0, 1)
