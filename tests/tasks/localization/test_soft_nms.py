from math import exp

import numpy as np
import pytest

from sceneproof.tasks.localization.soft_nms import soft_nms
from sceneproof.types import Segments


def segments(*found: tuple[float, float, int, float]) -> Segments:
    table = np.asarray(found, dtype=np.float64).reshape(-1, 4)
    return Segments(table[:, :2], table[:, 2].astype(np.int64), table[:, 3])


def test_by_hand() -> None:
    # 0-10 and 5-15 share 5 of 15; 8-18 shares 2 of 18 with the first and 7 of 13 with the second
    kept = soft_nms(segments((0, 10, 0, 0.9), (5, 15, 0, 0.8), (8, 18, 0, 0.7), (0, 10, 1, 0.6)), sigma=0.5)
    second, third = 0.8 * exp(-2 / 9), 0.7 * exp(-2 * (2 / 18) ** 2)
    # the third is the better one then, and the second loses once more
    assert kept.times.tolist() == [[0, 10], [8, 18], [0, 10], [5, 15]]
    assert kept.action.tolist() == [0, 0, 1, 0]
    assert kept.score.tolist() == pytest.approx([0.9, third, 0.6, second * exp(-2 * (7 / 13) ** 2)])


def test_as_the_authors_extension() -> None:
    # batched_nms of happyharrycn/actionformer_release at 61ea7eb, its C++ built: gaussian, by class, the best 15
    place = np.arange(40)
    start, length = 50 * abs(np.sin(1.7 * place)), 1 + 9 * abs(np.cos(2.3 * place))
    score = 0.05 + 0.9 * abs(np.sin(0.9 * place + 0.3))
    kept = soft_nms(Segments(np.stack([start, start + length], axis=1), place % 3, score), sigma=0.5, most=15)
    assert kept.action.tolist() == [2, 0, 1, 2, 0, 1, 1, 2, 0, 1, 0, 2, 2, 0, 1]
    expected = [0.9465482, 0.9450973, 0.9433935, 0.9414369, 0.9392285, 0.9042121, 0.8888352, 0.8314186]
    assert kept.score[:8].tolist() == pytest.approx(expected, abs=1e-6)
    assert kept.score[[9, 12, 14]].tolist() == pytest.approx([0.7859896, 0.7508180, 0.6689895], abs=1e-6)
    first = [[39.924355, 45.274097], [49.989647, 58.019753], [38.666393, 48.310158], [10.799363, 20.745226]]
    np.testing.assert_allclose(kept.times[:4], first, atol=1e-5)


def test_what_falls_below_the_least_score_goes() -> None:
    found = segments((0, 10, 0, 0.9), (0, 10, 0, 0.5), (20, 30, 0, 0.05))
    assert soft_nms(found, least=0.1).score.tolist() == [0.9]  # the twin keeps exp(-2) of 0.5
    assert len(soft_nms(found, least=0.01).score) == 3
    assert len(soft_nms(found, least=0.01, most=2).score) == 2


def test_nothing() -> None:
    kept = soft_nms(segments())
    assert kept.times.shape == (0, 2)
    assert kept.action.shape == kept.score.shape == (0,)


def test_what_is_given_stays_as_it_is() -> None:
    found = segments((0, 10, 0, 0.9), (1, 10, 0, 0.8))
    soft_nms(found)
    assert found.score.tolist() == [0.9, 0.8]
