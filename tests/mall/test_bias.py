"""The table of who is shown where."""

import numpy as np
import pytest

from sceneproof.errors import InputError
from sceneproof.mall.bias import allot, bayes_accuracy, in_context, out_of_context, roles


def test_roles_of_four_actions_in_four_scenes() -> None:
    # one group, one step: an action's first home is its own scene, the second its neighbour's, the others are foreign
    assert roles(4, 4).tolist() == [[0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1], [1, 2, 3, 0]]


@pytest.mark.parametrize(("actions", "scenes"), [(8, 16), (4, 16), (6, 12)])
def test_every_scene_has_every_role_once(actions: int, scenes: int) -> None:
    table = roles(actions, scenes)
    assert (np.sort(table, axis=0) == np.arange(actions)[:, None]).all()
    assert (np.sort(table, axis=1).reshape(actions, actions, -1) == np.arange(actions)[None, :, None]).all()


def test_groups_of_scenes_are_shared_in_different_ways() -> None:
    table = roles(8, 16)
    first, second = (table[:, :8] < 4), (table[:, 8:] < 4)
    assert (first.sum(0) == 4).all()
    assert (second.sum(0) == 4).all()
    assert not any((first[:, a] == second[:, b]).all() for a in range(8) for b in range(8))


def test_shares_by_hand() -> None:
    # 8 actions in 16 scenes: 8 scenes are allowed; at 0.5 the first homes have 0.5 * 0.375 + 0.5 / 8 each
    row = np.sort(in_context(8, 16, 0.5)[0])[::-1]
    np.testing.assert_allclose(row, [0.25, 0.25, 0.125, 0.125, *[0.0625] * 4, *[0.0] * 8])


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.8, 1.0])
def test_bayes_accuracy_is_linear_in_the_strength(strength: float) -> None:
    # the best guess is the action that is at home: two first homes of 16 scenes
    assert bayes_accuracy(in_context(8, 16, strength)) == pytest.approx(0.25 + 0.5 * strength)


def test_out_of_context_is_what_training_never_shows() -> None:
    inside, outside = in_context(8, 16, 0.0), out_of_context(8, 16)
    assert ((inside > 0) != (outside > 0)).all()
    np.testing.assert_allclose(outside.sum(1), 1)
    np.testing.assert_allclose(outside.sum(0), 0.5)  # every scene as often as every other


@pytest.mark.parametrize("count", [0, 3, 100, 2000])
def test_allotted_numbers_are_those_expected_rounded(count: int) -> None:
    shares = in_context(8, 16, 0.8)
    pairs = allot(shares, count, np.random.default_rng(0))
    numbers = np.zeros((8, 16))
    for pair in pairs:
        numbers[pair] += 1
    assert len(pairs) == count
    assert np.ptp(numbers.sum(1)) <= 1
    assert (abs(numbers - shares * numbers.sum(1, keepdims=True)) < 1).all()


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="8 actions and 12 scenes"):
        roles(8, 12)
