import math

import numpy as np
import pytest

from sceneproof.metrics.static_dynamic import static_dynamic
from tests.metrics.static_dynamic_pairs import DYNAMIC, STATIC

# what tests/metrics/reference_static_dynamic.py prints: the authors' dim_est at commit f552b31
SHARES = (0.299826, 0.190528, 0.509646)  # static, dynamic, residual
CHANNELS = [
    [0.9880580335106735, 0.4327503065420424, 0.09700351229227167, 0.32688353105238777, 0.2968895094813546],
    [0.5762609750320741, -0.17609122308113445, 0.18925187226352014, -0.23610714589071957, -0.0630300477548642],
]


def test_the_authors_figures() -> None:
    found = static_dynamic(STATIC, DYNAMIC)
    assert (found.static.value, found.dynamic.value, found.residual.value) == pytest.approx(SHARES, abs=1e-5)
    np.testing.assert_allclose(found.channels, CHANNELS, rtol=1e-9)
    assert found.kinds() == {"static": 0, "dynamic": 0, "joint": 0.2, "none": 0.8}
    assert found.kinds(0.3) == {"static": 0.4, "dynamic": 0, "joint": 0.2, "none": 0.4}


def test_one_channel_by_hand() -> None:
    # static sides agree: score 1; dynamic ones are opposite: -1; the residual's is 1
    found = static_dynamic(([[1], [-1]], [[1], [-1]]), ([[1], [-1]], [[-1], [1]]))
    total = 2 * math.e + 1 / math.e
    assert (found.static.value, found.dynamic.value) == pytest.approx((math.e / total, 1 / math.e / total))
    assert found.channels.tolist() == [[1], [-1]]
    assert found.kinds() == {"static": 1, "dynamic": 0, "joint": 0, "none": 0}


def test_a_channel_of_each_kind() -> None:
    wave, other = np.array([1.0, -1, 1, -1]), np.array([1.0, 1, -1, -1])  # uncorrelated
    a = np.stack([wave, wave, wave, wave, np.ones(4)], axis=1)
    static_b = np.stack([wave, other, wave, other, np.ones(4)], axis=1)
    dynamic_b = np.stack([other, wave, wave, other, np.ones(4)], axis=1)
    found = static_dynamic((a, static_b), (a, dynamic_b))
    assert found.kinds() == {"static": 0.2, "dynamic": 0.2, "joint": 0.2, "none": 0.4}
    assert np.isnan(found.channels[:, 4]).all()  # constant
    assert found.static.value == pytest.approx(found.dynamic.value)


def test_sides_and_a_common_shift_do_not_matter() -> None:
    found = static_dynamic(STATIC, DYNAMIC)
    turned = static_dynamic((STATIC[1] + 1e7, STATIC[0] + 1e7), (DYNAMIC[1] + 1e7, DYNAMIC[0] + 1e7))
    assert turned.static.value == pytest.approx(found.static.value, abs=1e-7)
    assert turned.dynamic.low == pytest.approx(found.dynamic.low, abs=1e-7)


def test_intervals() -> None:
    found = static_dynamic(STATIC, DYNAMIC)
    for one in (found.static, found.dynamic, found.residual):
        assert 0 < one.low < one.high < 1
    assert found.static == static_dynamic(STATIC, DYNAMIC).static
    assert found.static != static_dynamic(STATIC, DYNAMIC, seed=1).static
    many = [tuple(np.tile(side, (9, 1)) for side in pair) for pair in (STATIC, DYNAMIC)]
    narrow = static_dynamic((many[0][0], many[0][1]), (many[1][0], many[1][1])).static
    assert narrow.high - narrow.low < 0.5 * (found.static.high - found.static.low)  # nine times as many: a third


def test_bad_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        static_dynamic((np.ones((3, 2)), np.ones((3, 2))), (np.ones((3, 4)), np.ones((3, 4))))
    with pytest.raises(ValueError, match="one shape"):
        static_dynamic((np.ones((3, 2)), np.ones((4, 2))), (np.ones((3, 2)), np.ones((3, 2))))
    with pytest.raises(ValueError, match="at least two"):
        static_dynamic((np.ones((1, 2)), np.ones((1, 2))), (np.ones((3, 2)), np.ones((3, 2))))
    with pytest.raises(ValueError, match="the same"):
        static_dynamic((np.ones((3, 2)), np.ones((3, 2))), (np.ones((3, 2)), np.ones((3, 2))))
