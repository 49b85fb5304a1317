"""REPAIR against the authors' own numbers, and on rows where the answer is known."""

import numpy as np
import pytest

from sceneproof.metrics.repair import kept_per_label, repair


def pinned() -> tuple[np.ndarray, np.ndarray]:
    """60 points by formula: shared pins, `repair_20_epochs`."""
    points = np.sin(0.37 * np.arange(300)).reshape(60, 5).astype(np.float32)
    return points, (points[:, 0].astype(np.float64) + 0.3 * np.sin(1.7 * np.arange(60)) > 0).astype(int)


def test_the_authors_own_numbers() -> None:
    found = repair(*pinned(), epochs=20, batch=20)
    assert found.bias == pytest.approx(0.7524276, abs=1e-4)
    weights = found.weights
    assert (weights.mean(), weights.min(), weights.max()) == pytest.approx((0.3827765, 0.2096653, 0.9488156), abs=1e-4)
    assert weights[:5] == pytest.approx([0.8001417, 0.2464100, 0.3089098, 0.2403077, 0.2450064], abs=1e-4)
    assert found.shares == pytest.approx([0.4697461, 0.5302539], abs=1e-4)


def places(rows: int = 400, biased: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """Two actions in two places: each in its own in `biased` of its rows."""
    rng = np.random.default_rng(0)
    labels = np.arange(rows) % 2
    own = rng.random(rows) < biased
    return np.eye(2)[np.where(own, labels, 1 - labels)], labels


def test_rows_that_the_place_gives_away_lose_weight() -> None:
    features, labels = places()
    found = repair(features, labels, epochs=100)
    away = features.argmax(1) == labels
    assert found.weights[~away].mean() > 2 * found.weights[away].mean()
    before = repair(features, labels, epochs=100, lr_weights=0)
    assert found.bias < 0.5 * before.bias
    assert (before.weights == 0.5).all()


def test_bias_of_rows_as_they_are_is_the_share_of_entropy_that_the_place_tells() -> None:
    features, labels = places(biased=1.0)
    assert repair(features, labels, epochs=300, lr_weights=0).bias > 0.9
    features, labels = places(biased=0.5)
    assert repair(features, labels, epochs=300, lr_weights=0).bias == pytest.approx(0, abs=0.02)


def test_a_dozen_rows_have_weights_too() -> None:
    features = np.random.default_rng(1).dirichlet(np.full(20, 0.3), 12)
    made = repair(features, np.repeat([0, 1, 2], 4), epochs=200)
    assert np.isfinite(made.bias)
    assert ((made.weights > 0) & (made.weights < 1)).all()
    assert (made.shares > 1e-4).all()


def test_each_label_keeps_its_share() -> None:
    kept = kept_per_label([0.1, 0.9, 0.5, 0.3, 0.2, 0.7], [0, 0, 0, 0, 1, 2], 0.5)
    assert kept.tolist() == [False, True, True, False, True, True]


@pytest.mark.parametrize(
    ("features", "labels"), [([[1.0], [2.0]], [0]), ([[1.0]], [0]), ([[np.nan], [1.0]], [0, 1]), ([], [])]
)
def test_what_cannot_be_weighed(features: list[list[float]], labels: list[int]) -> None:
    with pytest.raises(ValueError, match="two labels"):
        repair(features, labels)
