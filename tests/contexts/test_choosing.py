"""Which background goes with which clip."""

import numpy as np
import pytest

from sceneproof.contexts.choosing import Nobody, Partners, generator, pick, scene_distances
from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.errors import InputError
from tests.contexts.clips import manifest

ACTIONS = {f"{action}{number}": action for action in "abcdefghi" for number in range(4)}
LINE = np.abs(np.arange(9.0)[:, None] - np.arange(9.0)[None])
"""Distances of nine actions that stand in a row."""


def test_a_partner_follows_from_seed_and_id_whatever_the_order() -> None:
    forward = manifest(ACTIONS)
    backward = Manifest(forward.rows.iloc[::-1].reset_index(drop=True), forward.root)
    first, second = (Partners(table, set(ACTIONS), distances=LINE) for table in (forward, backward))
    for swap in ("random", "close", "far", "same"):
        chosen = [first.partner(video, swap, seed=0) for video in ACTIONS]
        assert chosen == [second.partner(video, swap, seed=0) for video in ACTIONS]
        assert chosen != [first.partner(video, swap, seed=1) for video in ACTIONS]
        assert all(isinstance(partner, str) for partner in chosen)


def test_whose_background_each_swap_takes() -> None:
    partners = Partners(manifest(ACTIONS), set(ACTIONS), distances=LINE)
    assert partners.among("a", "close") == ["b", "c"]  # a quarter of the 8 others
    assert partners.among("a", "far") == ["f", "g", "h", "i"]  # the farther half
    assert partners.among("e", "close") == ["d", "f"]
    assert partners.among("e", "far") == ["a", "b", "h", "i"]  # c and g are as far: the name breaks the tie
    assert partners.among("e", "random") == list("abcdfghi")
    for video, action in ACTIONS.items():
        same, other = partners.partner(video, "same", seed=3), partners.partner(video, "random", seed=3)
        assert isinstance(same, str)
        assert isinstance(other, str)
        assert ACTIONS[same] == action
        assert same != video
        assert ACTIONS[other] != action
        assert not set(partners.among(action, "close")) & set(partners.among(action, "far"))


def test_each_action_is_as_likely_however_many_videos_it_has() -> None:
    videos = {"x": "x", **{f"y{number}": "y" for number in range(50)}, "z": "z"}
    videos |= {f"x{number}": "x" for number in range(400)}
    partners = Partners(manifest(videos), set(videos))
    chosen = [partners.partner(video, "random", seed=0) for video in videos if videos[video] == "x"]
    assert 0.4 < np.mean([partner == "z" for partner in chosen]) < 0.6


def test_never_the_same_group_and_across_actions_never_the_same_scene() -> None:
    videos = {"a1": "a", "a2": "a", "a3": "a", "b1": "b", "b2": "b"}
    table = manifest(videos, groups=["g", "g", "h", "g", "i"], scenes=["pool", "pool", "pool", "gym", "pool"])
    partners = Partners(table, set(videos))
    assert partners.partner("a1", "same", seed=0) == "a3"
    assert isinstance(partners.partner("a1", "random", seed=0), Nobody), "b1 is of its group, b2 of its scene"
    assert partners.partner("a3", "random", seed=0) == "b1"
    without = Partners(table, {"a1", "b2"})
    answer = without.partner("a1", "same", seed=0)
    assert isinstance(answer, Nobody)
    assert "the same action" in answer.reason


def test_close_and_far_need_distances_and_say_so() -> None:
    unknown = Partners(manifest(ACTIONS), set(ACTIONS))
    for swap in ("close", "far"):
        assert "table of scene labels" in unknown.unable(swap)
        assert isinstance(unknown.partner("a0", swap, seed=0), Nobody)
    assert unknown.unable("random") == unknown.unable("same") == ""
    two = Partners(manifest({"a": "a", "b": "b"}), {"a", "b"}, distances=np.ones((2, 2)))
    assert "at least 3 actions" in two.unable("close")
    alike = Partners(manifest(ACTIONS), set(ACTIONS), distances=np.ones((9, 9)) - np.eye(9))
    assert "equally far" in alike.unable("far")
    assert "one action" in Partners(manifest({"a": "a"}), {"a"}).unable("random")
    with pytest.raises(InputError, match="distances between actions are 2x2, but the manifest has 9"):
        Partners(manifest(ACTIONS), set(ACTIONS), distances=np.zeros((2, 2)))


def test_distances_are_half_the_difference_of_mean_scenes() -> None:
    table = manifest({"a1": "a", "a2": "a", "b": "b", "c": "c"}, scenes=["pool", "gym", "gym", "sea"])
    want = np.array([[0, 0.5, 1], [0.5, 0, 1], [1, 1, 0]])
    np.testing.assert_allclose(scene_distances(table), want)
    assert Partners(table, set()).unable("close") == "", "the manifest's own scenes do"
    vectors = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    soft = SceneTable(["a1", "a2", "b", "c"], vectors, ["pool", "gym", "sea"], "made up")
    np.testing.assert_allclose(scene_distances(table, soft), want)
    with pytest.raises(InputError, match="no video of the action 'c' has a scene label"):
        scene_distances(table, SceneTable(["a1", "b"], vectors[:2], ["pool", "gym", "sea"], "made up"))


def test_random_numbers_follow_from_seed_id_and_kind_alone() -> None:
    first = generator(0, "a", "texture").random(4)
    np.testing.assert_array_equal(first, generator(0, "a", "texture").random(4))
    for other in ((1, "a", "texture"), (0, "b", "texture"), (0, "a", "noise")):
        assert not np.array_equal(first, generator(*other).random(4))
    assert pick(["x", "y", "z"], 0, "a", "k") == pick(["z", "x", "y"], 0, "a", "k")
