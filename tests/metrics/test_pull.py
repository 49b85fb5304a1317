import numpy as np
import pytest

from sceneproof.metrics.accuracy import MISSED
from sceneproof.metrics.scene_reliance import scene_pull

SAID = [1, 1, 0, 1, 0, 1, 0, 1, MISSED, 0, 0]
HUMAN = [0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1]
PLACE = ["pool"] * 6 + ["road"] * 5


def test_by_hand() -> None:
    # who does not do 1: in the pool 3 of 4 are named 1, on the road 1 of 4. Who does not do 0: 1 of 2, and 1 of 1.
    found = scene_pull(SAID, HUMAN, PLACE, 2, minimum_count=1)
    assert found.backgrounds == ["pool", "road"]
    assert found.shares.tolist() == [[-0.5, 0.5], [0.5, -0.5]]
    assert found.counts.tolist() == [6, 5]
    assert found.clips.tolist() == [[2, 4], [1, 4]]


def test_few_clips_on_either_side_give_no_share() -> None:
    found = scene_pull(SAID, HUMAN, PLACE, 2, minimum_count=2)
    np.testing.assert_array_equal(found.shares, [[np.nan, 0.5], [np.nan, -0.5]])  # one clip on the road lacks 0
    assert np.isnan(scene_pull(SAID, HUMAN, PLACE, 2, minimum_count=5).shares).all()


def test_others_are_all_other_places() -> None:
    found = scene_pull([1, 1, 0, 0, 1, 0], [0] * 6, [7, 7, 8, 8, 9, 9], 3, minimum_count=2)  # numbers are names, too
    assert found.backgrounds == ["7", "8", "9"]
    assert found.shares[:, 1] == pytest.approx([1 - 1 / 4, 0 - 3 / 4, 1 / 2 - 1 / 2])
    assert found.shares[:, 2].tolist() == [0, 0, 0]


def test_what_is_named_by_mistake_everywhere_pulls_nowhere() -> None:
    found = scene_pull([1] * 8, [0] * 8, ["a", "b"] * 4, 2, minimum_count=4)
    assert found.shares[:, 1].tolist() == [0, 0]


def test_one_place_alone_and_nothing_at_all() -> None:
    assert np.isnan(scene_pull([1, 1], [0, 0], ["a", "a"], 2, minimum_count=0).shares).all()
    assert scene_pull([], [], [], 2).shares.shape == (0, 2)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="as many"):
        scene_pull([1], [0, 0], ["a", "a"], 2)
