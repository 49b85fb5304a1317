from math import log, sqrt

import pytest
import torch

from sceneproof.tasks.detection.multibox import BACKGROUND, default_boxes, matched, moved, offsets_to

VARIANCES = (0.1, 0.2)


def test_default_boxes_by_hand() -> None:
    # a map of 1 x 2 cells of 40 x 50 pixels: squares of .2 and sqrt(.2 * .5), wide and upright ones of 1 to 4
    made = default_boxes([(1, 2)], (40, 100), strides=[(40, 50)], scales=(0.2, 0.5), aspect_ratios=[(4,)])
    square = sqrt(0.1)
    expected = [
        [25 - 10, 20 - 4, 25 + 10, 20 + 4],
        [25 - 50 * square, 20 - 20 * square, 25 + 50 * square, 20 + 20 * square],
        [25 - 20, 20 - 2, 25 + 20, 20 + 2],
        [25 - 5, 20 - 8, 25 + 5, 20 + 8],
    ]
    torch.testing.assert_close(made[:4], torch.tensor(expected))
    torch.testing.assert_close(made[4:], made[:4] + torch.tensor([50.0, 0, 50, 0]))


def test_default_boxes_are_no_larger_than_the_frame_and_centred_in_it() -> None:
    made = default_boxes([(2, 1)], (30, 30), strides=[(25, 30)], scales=(0.9, 1.6), aspect_ratios=[()])
    # the second square would be of sqrt(.9 * 1.6) = 1.2; the second cell's middle would be at 37.5
    torch.testing.assert_close(made[1], torch.tensor([0, 12.5 - 15, 30, 12.5 + 15]))
    torch.testing.assert_close(made[2], torch.tensor([1.5, 30 - 13.5, 28.5, 30 + 13.5]))


def test_matches_by_hand() -> None:
    defaults = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 8], [20, 0, 30, 10], [50, 50, 60, 60], [0, 0, 40, 40]])
    truths = torch.tensor([[0.0, 0, 10, 10], [22, 4, 32, 14]])
    # IoU with the first truth 1, .8, 0, 0, 1/16; with the second 0, 0, .3158, 0, .0625
    assert matched(defaults, truths, overlap=0.5).tolist() == [0, 0, 1, BACKGROUND, BACKGROUND]
    assert matched(defaults, truths, overlap=0.9).tolist() == [0, BACKGROUND, 1, BACKGROUND, BACKGROUND]
    assert matched(defaults, truths[:0], overlap=0.5).tolist() == [BACKGROUND] * 5


def test_the_best_box_of_two_truths_answers_for_the_last() -> None:
    defaults = torch.tensor([[0.0, 0, 10, 10], [50, 50, 60, 60]])
    truths = torch.tensor([[0.0, 0, 10, 9], [0, 0, 10, 8], [0, 0, 10, 7]])
    assert matched(defaults, truths, overlap=0.5).tolist() == [2, BACKGROUND]


def test_offsets_by_hand() -> None:
    # middles (10, 20) and (15, 18); 20 x 40 becomes 10 x 80
    offsets = offsets_to(torch.tensor([[0.0, 0, 20, 40]]), torch.tensor([[10.0, -22, 20, 58]]), variances=VARIANCES)
    assert offsets[0].tolist() == pytest.approx([5 / 20 / 0.1, -2 / 40 / 0.1, log(0.5) / 0.2, log(2) / 0.2])


def test_moving_along_the_offsets_arrives() -> None:
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(2, 50, 2, generator=generator).mul(100)
    boxes, truths = torch.cat([corners, corners + 1 + torch.rand(2, 50, 2, generator=generator).mul(50)], dim=2)
    there = moved(boxes, offsets_to(boxes, truths, variances=VARIANCES), variances=VARIANCES)
    torch.testing.assert_close(there, truths)
