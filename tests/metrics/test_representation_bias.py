import math

import numpy as np
import pytest

from sceneproof.metrics.representation_bias import linear_probe, probed_labels, representation_bias


def test_bias_of_ucf_101_as_the_paper_gives_it() -> None:
    assert representation_bias(0.597, 0.01) == pytest.approx(4.09, abs=0.005)


def test_bias_at_chance_and_at_nothing() -> None:
    assert representation_bias(0.25, 0.25) == 0
    assert representation_bias(0, 0.25) == -math.inf


def test_probe_reads_what_is_linearly_there() -> None:
    generator = np.random.default_rng(0)
    labels = np.array(["kitchen", "pool", "road"] * 40)
    signal = np.array([{"kitchen": 0.0, "pool": 1e6, "road": -1e6}[label] for label in labels])
    features = np.column_stack([generator.normal(size=120), signal + generator.normal(size=120), np.ones(120)])
    assert linear_probe(features[:60], labels[:60], features[60:], labels[60:]) == 1
    noise = features[:, :1]
    assert linear_probe(noise[:60], labels[:60], noise[60:], labels[60:]) < 0.6


def test_probe_cannot_read_exclusive_or() -> None:
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 10, dtype=float)
    labels = (corners[:, 0] != corners[:, 1]).astype(int)
    assert linear_probe(corners, labels, corners, labels) <= 0.75  # no line parts more than three corners


def test_probe_is_the_same_every_time_and_draws_by_its_seed() -> None:
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(90, 4)), generator.integers(3, size=90)
    first, second, third = (linear_probe(x, y, x, y, seed=s, maximum_rows=20) for s in (0, 0, 1))
    assert first == second != third


def test_labels_that_training_lacks_are_misses() -> None:
    x = [[0.0], [0.1], [1.0], [1.1]]
    assert linear_probe(x, [0, 0, 1, 1], x, [0, 0, 1, 2]) == 0.75
    assert linear_probe(x, [0, 0, 0, 0], x, [0, 0, 1, 2]) == 0.5


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="not 3 and 2"):
        linear_probe([[0.0], [1.0]], [0, 1], [[0.0], [1.0]], [0, 1, 1])


def test_labels_keep_their_type() -> None:
    assert probed_labels([[0.0], [1.0]], ["pool", "road"], [[0.1], [0.9]]).tolist() == ["pool", "road"]
    assert probed_labels([[0.0], [1.0]], [7, 7], [[0.1]]).tolist() == [7]
