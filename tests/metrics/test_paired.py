import math

import numpy as np
import pytest

from sceneproof.metrics.bootstrap import paired_interval
from sceneproof.metrics.paired import mcnemar, paired_accuracy


def rights(only_a: int, only_b: int, both: int = 3, none: int = 2) -> tuple[list[bool], list[bool]]:
    a = [True] * only_a + [False] * only_b + [True] * both + [False] * none
    b = [False] * only_a + [True] * only_b + [True] * both + [False] * none
    return a, b


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [
        (1, 8, 2 * (1 + 9) / 512),  # 0.0390625
        (8, 1, 0.0390625),
        (0, 5, 2 / 32),
        (2, 4, 2 * (1 + 6 + 15) / 64),
        (3, 3, 1),  # twice the lower half is more than all
        (0, 0, 1),
        (0, 1, 1),
    ],
)
def test_by_hand(only_a: int, only_b: int, p: float) -> None:
    found = mcnemar(*rights(only_a, only_b))
    assert (found.only_a, found.only_b) == (only_a, only_b)
    assert found.p == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize(("few", "many"), [(40, 61), (120, 140), (30, 300)])
def test_large_counts_in_whole_numbers(few: int, many: int) -> None:
    tosses = few + many
    p = 2 * sum(math.comb(tosses, heads) for heads in range(few + 1)) / 2**tosses
    assert mcnemar(*rights(few, many)).p == pytest.approx(p, rel=1e-9)


def test_what_both_or_none_name_does_not_count() -> None:
    assert mcnemar(*rights(2, 7, both=100, none=50)) == mcnemar(*rights(2, 7, both=0, none=0))


def test_accuracies_side_by_side() -> None:
    a, b = rights(1, 8, both=6, none=5)
    found = paired_accuracy(a, b)
    assert (found.a.value, found.b.value, found.videos) == (7 / 20, 14 / 20, 20)
    assert found.difference == paired_interval(np.array([a]), np.array([b]))
    assert found.difference.value == pytest.approx(-7 / 20)
    assert (found.test.only_a, found.test.only_b) == (1, 8)
    assert found.test.p == pytest.approx(0.0390625)


def test_other_videos_are_refused() -> None:
    with pytest.raises(ValueError, match="same videos"):
        mcnemar([True], [True, False])
    with pytest.raises(ValueError, match=r"\(1, 1\) and \(1, 2\)"):
        paired_accuracy([True], [True, False])
