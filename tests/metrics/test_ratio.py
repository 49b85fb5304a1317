import numpy as np
import pytest

from sceneproof.metrics.bootstrap import Interval
from sceneproof.metrics.ratio import Ratio, ratio_difference, ratio_interval


def test_two_videos_by_hand() -> None:
    # resamples: the first twice 1/1, each once 1/2, the second twice 0/1, with chances 1/4, 1/2, 1/4
    assert ratio_interval([1, 0], [1, 1], level=0.4) == Ratio(Interval(0.5, 0.5, 0.5), 0)
    assert ratio_interval([1, 0], [1, 1], level=0.6) == Ratio(Interval(0.5, 0, 1), 0)


def test_both_sums_are_resampled_together() -> None:
    found = ratio_interval([3, 0, 6], [1, 0, 2])  # 3 in whichever videos there are
    assert found.interval == Interval(3, 3, 3)


def test_resamples_with_nothing_below_are_left_out_and_told() -> None:
    found = ratio_interval([1, 0], [1, 0])  # the second video twice: one resample of four
    assert found.interval == Interval(1, 1, 1)
    assert found.left_out == pytest.approx(0.25, abs=0.02)


def test_nothing_below_is_no_ratio() -> None:
    assert ratio_interval([1, 1], [0, 0]) == Ratio(None, 1)


def test_difference_by_hand() -> None:
    # 1/2 less 1/2; of the first video alone 1 less 0, of the second 0 less 1
    a, b = ([1, 0], [1, 1]), ([0, 1], [1, 1])
    assert ratio_difference(a, b, level=0.4).interval == Interval(0, 0, 0)
    assert ratio_difference(a, b, level=0.6).interval == Interval(0, -1, 1)


def test_difference_is_paired() -> None:
    above, below = np.random.default_rng(0).integers(1, 9, size=(2, 30))
    found = ratio_difference((above, below), (above, below))
    assert found.interval == Interval(0, 0, 0)
    assert ratio_interval(above, below).interval != ratio_interval(above, below, seed=1).interval


def test_difference_needs_both_ratios() -> None:
    found = ratio_difference(([1, 0], [1, 0]), ([0, 1], [0, 1]))  # only each video once has both: half of the resamples
    assert found.interval == Interval(0, 0, 0)
    assert found.left_out == pytest.approx(0.5, abs=0.02)
    assert ratio_difference(([1, 1], [1, 1]), ([0, 0], [0, 0])).interval is None


@pytest.mark.parametrize("columns", [([], []), ([1], [1, 1])])
def test_bad_columns_are_refused(columns: tuple[list[int], list[int]]) -> None:
    with pytest.raises(ValueError, match="one length"):
        ratio_interval(*columns)
