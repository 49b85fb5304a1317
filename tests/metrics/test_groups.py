import pandas as pd

from sceneproof.metrics.accuracy import group_accuracy, worst_group

ROWS = pd.DataFrame(
    {
        "action": ["run", "run", "run", "swim", "swim", "swim"],
        "scene": ["road", "road", "pool", "pool", "pool", None],
    },
    index=[9, 8, 7, 6, 5, 4],
)
CORRECT = [True, False, False, True, True, False]


def test_groups_by_hand() -> None:
    table = group_accuracy(CORRECT, ROWS["action"], ROWS["scene"])
    assert table.to_dict("list") == {
        "action": ["run", "run", "swim"],
        "scene": ["pool", "road", "pool"],
        "count": [1, 2, 2],
        "accuracy": [0.0, 0.5, 1.0],
    }


def test_one_key() -> None:
    table = group_accuracy(CORRECT, ROWS["action"])
    assert table["accuracy"].tolist() == [1 / 3, 2 / 3]


def test_worst_group_counts_only_groups_of_some_size() -> None:
    table = group_accuracy(CORRECT, ROWS["action"], ROWS["scene"])
    assert worst_group(table, 1) == {"action": "run", "scene": "pool", "count": 1, "accuracy": 0.0}
    assert worst_group(table, 2) == {"action": "run", "scene": "road", "count": 2, "accuracy": 0.5}
    assert worst_group(table, 3) is None


def test_among_equals_the_largest_group_is_the_worst() -> None:
    table = pd.DataFrame({"action": ["a", "b", "c"], "count": [10, 30, 30], "accuracy": [0.5, 0.5, 0.5]})
    assert worst_group(table) == {"action": "b", "count": 30, "accuracy": 0.5}


def test_a_missing_key_gives_no_groups() -> None:
    table = group_accuracy([True, False], pd.Series([None, None], name="scene", dtype=object))
    assert table.empty
    assert worst_group(table, 1) is None
