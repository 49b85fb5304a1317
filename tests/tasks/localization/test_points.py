from typing import Any

import pytest
import torch

from sceneproof.tasks.localization.points import distance_iou_loss, points_of, targets

POINTS = points_of(32, 3, reach=4.0)


def test_points_by_hand() -> None:
    points = points_of(8, 3, reach=4.0)
    assert points.place.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 0, 2, 4, 6, 0, 4]
    assert points.stride.tolist() == [1] * 8 + [2] * 4 + [4] * 2
    assert points.least.tolist() == [0] * 8 + [4] * 4 + [8] * 2
    assert points.most.tolist() == [4] * 8 + [8] * 4 + [torch.inf] * 2
    assert points.moments == (8, 4, 2)


def asked(*segments: tuple[float, float, int], radius: float = 1.5) -> dict[tuple[float, float], tuple[list[int], Any]]:
    """By (step, place) of the points that answer: their actions and distances."""
    times, actions = torch.tensor([one[:2] for one in segments]), torch.tensor([one[2] for one in segments])
    labels, distances = targets(POINTS, times, actions, classes=3, radius=radius)
    return {
        (POINTS.stride[point].item(), POINTS.place[point].item()): (
            labels[point].nonzero().flatten().tolist(),
            pytest.approx(distances[point].tolist(), abs=1e-5),
        )
        for point in labels.sum(dim=1).nonzero().flatten().tolist()
    }


def test_a_point_answers_near_the_middle_of_a_segment_of_its_size() -> None:
    # middle 5: points 4, 5 and 6 are nearer than 1.5; the farther end is at most 4 away; the next level wants 4 or more
    assert asked((2.0, 8.0, 1)) == {
        (1, 4): ([1], [2.0, 4.0]),
        (1, 5): ([1], [3.0, 3.0]),
        (1, 6): ([1], [4.0, 2.0]),
        (2, 4): ([1], [1.0, 2.0]),  # just 4 away: both levels
        (2, 6): ([1], [2.0, 1.0]),
    }


def test_a_long_segment_is_for_a_high_level_alone() -> None:
    # middle 16, 12 to both ends: the farther end is 12 to 16 away at 12, 16 and 20, in steps of 4
    assert asked((4.0, 28.0, 0)) == {
        (4, 12): ([0], [2.0, 4.0]),
        (4, 16): ([0], [3.0, 3.0]),
        (4, 20): ([0], [4.0, 2.0]),
    }


def test_a_point_outside_does_not_answer_however_near_the_middle() -> None:
    assert asked((4.2, 4.8, 0)) == {}
    assert list(asked((3.8, 4.8, 0))) == [(1, 4)]


def test_the_shortest_of_several_and_all_that_are_as_short() -> None:
    found = asked((2.0, 8.0, 1), (3.5, 6.5, 2), (3.5005, 6.5, 0))
    assert found[1, 5] == ([0, 2], [1.4995, 1.5])
    assert found[1, 4][0] == [0, 2]


def test_no_segments() -> None:
    labels, distances = targets(POINTS, torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64), classes=3, radius=1.5)
    assert labels.shape == (56, 3)
    assert distances.shape == (56, 2)
    assert not labels.any()


def test_as_the_authors_label_points() -> None:
    # label_points of happyharrycn/actionformer_release at 61ea7eb, on levels of 32, 16 and 8 moments
    segments = [(2.2, 7.1, 0), (2.2005, 7.1, 1), (5.3, 25.9, 2), (26.0, 31.0, 0), (3.0, 4.5, 2)]
    labels, distances = targets(
        POINTS,
        torch.tensor([one[:2] for one in segments]),
        torch.tensor([one[2] for one in segments]),
        classes=3,
        radius=1.5,
    )
    answering = labels.sum(dim=1).nonzero().flatten()
    assert answering.tolist() == [4, 5, 6, 28, 29, 47, 51, 52, 53]
    assert labels[answering].tolist() == [
        [0, 0, 1],
        [1, 1, 0],
        [1, 1, 0],
        [1, 0, 0],
        [1, 0, 0],
        [1, 0, 0],
        *[[0, 0, 1]] * 3,
    ]
    starts = [1.0, 2.7995, 3.7995, 2.0, 3.0, 2.0, 1.675, 2.675, 3.675]
    ends = [0.5, 2.1, 1.1, 3.0, 2.0, 0.5, 3.475, 2.475, 1.475]
    expected = list(zip(starts, ends, strict=True))
    torch.testing.assert_close(distances[answering], torch.tensor(expected), rtol=0, atol=1e-5)


SAID = [[1.0, 2.0], [0.5, 3.0], [0.0, 4.0], [2.0, 2.0], [0.0, 0.0]]
TRUE = [[1.0, 2.0], [1.5, 1.0], [2.0, 1.0], [6.0, 0.5], [1.0, 1.0]]


def test_distance_iou_as_the_authors() -> None:
    # ctr_diou_loss_1d there; the second by hand: 1.5 of 4.5 shared, middles 1.25 and -0.25: 2/3 + (1.5 / 4.5)²
    expected = [0.0, 2 / 3 + 1 / 9, 1.0069444179534912, 0.8056640625, 1.0]
    assert distance_iou_loss(torch.tensor(SAID), torch.tensor(TRUE)).tolist() == pytest.approx(expected, abs=1e-6)


def test_descending_the_distance_iou_makes_a_segment_fit() -> None:
    said = torch.tensor([[1.0, 4.0]], requires_grad=True)
    torch.autograd.backward(distance_iou_loss(said, torch.tensor([[2.0, 2.0]])).sum())
    assert said.grad is not None
    assert said.grad[0, 0] < 0  # too near to the start: farther
    assert said.grad[0, 1] > 0
