"""Static shortcuts: differences by hand, within actions."""

import numpy as np
import pytest

from sceneproof.metrics.shortcuts import clusters_of, shortcuts


def test_by_hand() -> None:
    """Two actions of four clips, cluster 1 holding half of each."""
    clusters = [1, 1, 0, 0, 1, 1, 0, 0]
    truth = [0, 0, 0, 0, 1, 1, 1, 1]
    predicted = [0, 2, 0, 0, 2, 2, 1, 0]
    still = [0.9, 0.8, 0.9, 0.9, 0.6, 0.7, 0.9, 0.9]
    (found,) = shortcuts(clusters, truth, predicted, still, chance=0.25)
    # inside: 1/2 and 0; outside: 1 and 1/2; both differences are 1/2
    assert found.error == pytest.approx(0.5)
    assert found.confidence == pytest.approx((0.8 + 0.6 + 0.7) / 3)
    assert found.members.tolist() == [0, 1, 4, 5]
    assert found.actions.tolist() == [0, 1]
    assert found.score == pytest.approx(1.2)


def test_differences_count_by_the_clips_that_are_inside() -> None:
    """Action 0: 2 of 4 clips inside, all lost; action 1: 4 of 8 inside, none lost: 2/6 of 1."""
    clusters = [1, 1, 0, 0] + [1] * 4 + [0] * 4
    truth = [0] * 4 + [1] * 8
    predicted = [1, 1, 0, 0] + [1] * 8
    (found,) = shortcuts(clusters, truth, predicted, [0.9] * 12, chance=0.5)
    assert found.error == pytest.approx(2 / 6)


def test_a_hard_action_is_no_shortcut() -> None:
    """A cluster that holds an action whole has nothing to be compared with."""
    clusters = [1] * 4 + [0] * 4
    truth = [0] * 4 + [1] * 4
    assert shortcuts(clusters, truth, [1] * 8, [0.9] * 8, chance=0.5) == []


def test_errors_that_stills_do_not_bring_about_are_no_static_shortcut() -> None:
    clusters, truth, predicted = [1, 1, 0, 0], [0] * 4, [1, 1, 0, 0]
    assert len(shortcuts(clusters, truth, predicted, [0.6] * 4, chance=0.5)) == 1
    assert shortcuts(clusters, truth, predicted, [0.5] * 4, chance=0.5) == []


def test_the_gravest_comes_first_and_small_ones_are_left_out() -> None:
    clusters = [0] * 10 + [1] * 10 + [2] * 10
    truth = [0] * 30
    predicted = [1] * 9 + [0] + [1] * 6 + [0] * 4 + [0] * 10
    still = [0.9] * 30
    found = shortcuts(clusters, truth, predicted, still, chance=0.5, least=0.1)
    assert [int(shortcut.members[0]) for shortcut in found] == [0, 10]
    assert found[0].error == pytest.approx(14 / 20 - 0.1)
    assert found[1].error == pytest.approx(11 / 20 - 0.4)


def test_clusters_go_by_direction() -> None:
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal((5, 0), 0.1, (20, 2)), rng.normal((0, 50), 0.1, (20, 2))])
    groups = clusters_of(features, 2)
    assert len(set(groups[:20])) == len(set(groups[20:])) == 1
    assert groups[0] != groups[-1]
    assert clusters_of(features, 2).tolist() == groups.tolist()


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="as many"):
        shortcuts([0, 1], [0], [0], [0.5], chance=0.5)
