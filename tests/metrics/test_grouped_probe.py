import numpy as np
import pytest

from sceneproof.metrics.bootstrap import mean_interval
from sceneproof.metrics.grouped_probe import grouped_probe, spread

LABELS = np.tile(["kitchen", "pool", "road"], 40)
GROUPS = np.repeat(np.arange(40), 3)


def signal(strength: float) -> np.ndarray:
    number = np.unique(LABELS, return_inverse=True)[1]
    return np.eye(3)[number] * strength + np.random.default_rng(0).normal(size=(120, 3))


def test_what_is_there_is_read() -> None:
    found = grouped_probe(signal(20), LABELS, GROUPS)
    assert found.predicted.tolist() == LABELS.tolist()
    assert (found.accuracy.value, found.accuracy.low) == (1, 1)
    assert found.thin == {}


def test_what_is_not_there_is_not_read() -> None:
    found = grouped_probe(signal(0), LABELS, GROUPS)
    assert found.accuracy.low < found.chance == found.commonest == pytest.approx(1 / 3)
    assert found.accuracy == mean_interval(found.right)


def test_what_a_group_has_in_common_cannot_be_learnt_by_heart() -> None:
    groups = np.repeat(np.arange(20), 6)
    labels = np.repeat(np.arange(20) % 2, 6)  # one label a group
    features = np.eye(20)[groups]  # which tell the group, and so the label to those who have seen it
    assert grouped_probe(features, labels, groups).accuracy.value <= 0.5
    assert grouped_probe(features, labels, np.arange(120)).accuracy.value == 1


def test_groups_lie_in_one_fold_and_all_folds_are_used() -> None:
    found = grouped_probe(signal(1), LABELS, np.random.default_rng(1).integers(9, size=120), folds=4)
    groups = np.random.default_rng(1).integers(9, size=120)
    assert all(len(set(found.fold[groups == group])) == 1 for group in range(9))
    assert set(found.fold) == {0, 1, 2, 3}


def test_the_same_every_time_and_by_its_seed() -> None:
    first, second, third = (grouped_probe(signal(1), LABELS, GROUPS, seed=seed) for seed in (0, 0, 1))
    assert first.predicted.tolist() == second.predicted.tolist()
    assert first.fold.tolist() != third.fold.tolist()


def test_thin_labels_are_told_and_count() -> None:
    labels = LABELS.copy()
    labels[:2], labels[[5, 8]] = "roof", "beach"  # two rows of one group; a row in two
    found = grouped_probe(np.unique(labels, return_inverse=True)[1][:, None] * 50.0, labels, GROUPS)
    assert found.thin == {"roof": 1, "beach": 2}
    assert not found.right[:2].any()
    assert len(found.right) == 120


def test_fewer_groups_than_folds() -> None:
    found = grouped_probe([[0.0], [1.0], [0.0], [1.0]], ["a", "b", "a", "b"], ["x", "x", "y", "y"])
    assert sorted(set(found.fold)) == [0, 1]
    assert found.right.all()


def test_a_fold_that_trains_on_one_label_guesses_it() -> None:
    found = grouped_probe([[0.0], [1.0], [0.0]], ["a", "b", "a"], ["x", "y", "z"])
    assert found.predicted.tolist()[1] == "a"


def test_guessing_by_hand() -> None:
    found = grouped_probe([[0.0], [1.0], [2.0], [3.0]], [7, 7, 7, 5], [0, 1, 2, 3])
    assert (found.chance, found.commonest) == (0.75**2 + 0.25**2, 0.75)


def test_spread_by_hand() -> None:
    fold = spread(np.array([[2, 0], [2, 0], [0, 2], [0, 2]]), 2)
    assert sorted(fold[:2]) == sorted(fold[2:]) == [0, 1]  # each fold has one group of each label
    first, second, third = spread(np.array([[4, 0], [0, 3], [0, 2]]), 2)  # labels weigh more than rows do
    assert first == third != second
    large = spread(np.array([[9, 0], [1, 0], [1, 0]]), 3)
    assert sorted(large) == [0, 1, 2]  # no fold stays empty


def test_bad_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="as many"):
        grouped_probe([[0.0]], ["a", "b"], ["x", "y"])
    with pytest.raises(ValueError, match="two groups and two labels"):
        grouped_probe([[0.0], [1.0]], ["a", "b"], ["x", "x"])
    with pytest.raises(ValueError, match="two groups and two labels"):
        grouped_probe([[0.0], [1.0]], ["a", "a"], ["x", "y"])
    with pytest.raises(ValueError, match="NaN"):
        grouped_probe([[0.0], [np.nan], [1.0], [1.0]], ["a", "b", "a", "b"], [0, 1, 2, 3])
