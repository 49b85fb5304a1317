import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.fusion import partners

Numbers = NDArray[np.int64]


def of(table: list[list[float]], groups: list[int], others: list[int], score: list[float]) -> list[int]:
    """Partners of things whose overlaps stand in a table, a row a thing."""
    overlaps = np.array(table)

    def overlap(first: Numbers, second: Numbers) -> NDArray[np.float64]:
        return np.asarray(overlaps[first, second])

    partner = partners(np.array(groups), np.array(others, np.int64), np.array(score), overlap)
    return [int(place) for place in partner]


def test_each_takes_the_other_that_it_overlaps_most() -> None:
    assert of([[0.6, 0.9], [0.5, 0.1]], [0, 0], [0, 0], [0.9, 0.8]) == [1, 0]
    assert of([[0.49, 0.2], [0.5, 0.1]], [0, 0], [0, 0], [0.9, 0.8]) == [-1, 0], "half is enough, less is not"


def test_the_best_has_the_first_turn_and_what_is_taken_is_gone() -> None:
    table = [[0.9, 0.6], [0.95, 0.4]]
    assert of(table, [0, 0], [0, 0], [0.9, 0.8]) == [0, -1]
    assert of(table, [0, 0], [0, 0], [0.8, 0.9]) == [1, 0]
    assert of(table, [0, 0], [0, 0], [0.8, 0.8]) == [0, -1], "of equal scores the first"
    assert of([[0.7, 0.7]], [0], [0, 0], [0.8]) == [0], "of equal overlaps the first"


def test_groups_stay_apart() -> None:
    assert of([[0.9, 0.9], [0.9, 0.9]], [3, 5], [5, 3], [0.1, 0.2]) == [1, 0]
    assert of([[0.9, 0.9]], [3], [5, 4], [0.1]) == [-1]
    assert of([[]], [3], [], [0.1]) == [-1]


def test_it_is_what_taking_turns_gives() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        groups, others = rng.integers(0, 3, 12), rng.integers(0, 3, 9)
        table, score = rng.integers(0, 11, (12, 9)) / 10, rng.integers(0, 5, 12) / 5
        free, expected = [True] * 9, [-1] * 12
        for place in np.argsort(-score, kind="stable").tolist():
            fits = [j for j in range(9) if free[j] and others[j] == groups[place] and table[place, j] >= 0.5]
            if fits:
                best = max(fits, key=lambda j: (table[place, j], -j))
                expected[place], free[best] = best, False
        assert of(table.tolist(), groups.tolist(), others.tolist(), score.tolist()) == expected
