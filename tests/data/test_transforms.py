import numpy as np
import pytest
import torch

from sceneproof.data.transforms import Crop, centre_crop, fill_humans, normalise, random_crop, resize
from sceneproof.types import Clip


def test_crops_have_the_released_scales_and_places() -> None:
    rng = np.random.default_rng(0)
    crops = [random_crop(80, 100, rng=rng) for _ in range(400)]
    assert {crop.height for crop in crops} == {round(80 * 0.8409**power) for power in range(5)}
    assert all(crop.height == crop.width for crop in crops)
    full = {(crop.top, crop.left) for crop in crops if crop.height == 40}
    assert full == {(0, 0), (0, 60), (40, 0), (40, 60), (20, 30)}
    assert 0.4 < np.mean([crop.flip for crop in crops]) < 0.6


def test_the_centre_crop_is_the_largest_square_in_the_middle() -> None:
    assert centre_crop(80, 100) == Crop(0, 10, 80, 80)


def test_frames_regions_and_boxes_move_together() -> None:
    frames = np.zeros((2, 40, 60, 3), np.uint8)
    humans = np.zeros((2, 40, 60), bool)
    frames[:, 10:20, 30:50] = 255
    humans[:, 10:20, 30:50] = True
    crop = Crop(4, 20, 32, 32, flip=True)
    clip = crop.clip(Clip(frames, humans, np.zeros((2, 3), np.uint8)))
    assert clip.humans is not None
    assert np.array_equal(clip.frames[..., 0] == 255, clip.humans)
    [box] = crop.boxes(np.array([[30, 10, 50, 20]], np.float32), 64)
    video = normalise(resize(torch.from_numpy(clip.frames[None]), 64), torch.tensor([True]), (0, 0, 0), (1, 1, 1))
    rows, columns = torch.nonzero(video[0, 0, 0] > 127, as_tuple=True)
    drawn = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert np.allclose(box, drawn, atol=1)


def test_boxes_are_cut_at_the_crop() -> None:
    boxes = np.array([[0, 0, 50, 50], [90, 90, 99, 99]], np.float32)
    moved = Crop(10, 10, 20, 20).boxes(boxes, 40)
    assert moved.tolist() == [[0, 0, 40, 40], [40, 40, 40, 40]]


def test_people_take_their_frames_mean_colour_and_nothing_else_changes() -> None:
    frames = torch.randint(0, 255, (1, 2, 4, 5, 3), dtype=torch.uint8)
    humans = torch.zeros(1, 2, 4, 5, dtype=torch.bool)
    humans[0, 1, 2, 3] = True
    fill = torch.tensor([[[1, 2, 3], [4, 5, 6]]], dtype=torch.uint8)
    filled = fill_humans(frames, humans, fill)
    assert filled[0, 1, 2, 3].tolist() == [4, 5, 6]
    assert torch.equal(filled[~humans], frames[~humans])


def test_normalising_mirrors_what_is_flipped_and_uses_0_to_255_units() -> None:
    frames = torch.arange(2 * 3 * 2, dtype=torch.uint8).reshape(1, 1, 3, 2, 2).repeat(2, 1, 1, 1, 1)
    video = normalise(frames, torch.tensor([False, True]), (1.0, 2.0, 3.0), (2.0, 2.0, 2.0))
    assert video.shape == (2, 3, 1, 2, 2)
    assert video[0, 1, 0].tolist() == [[(4 - 2) / 2, (5 - 2) / 2], [(6 - 2) / 2, (7 - 2) / 2]]
    assert torch.equal(video[1], video[0].flip(-1))


@pytest.mark.parametrize("size", [8, 16])
def test_resizing_keeps_a_flat_picture_flat(size: int) -> None:
    frames = torch.full((1, 2, 12, 12, 3), 77, dtype=torch.uint8)
    assert torch.equal(resize(frames, size), torch.full((1, 2, 3, size, size), 77, dtype=torch.uint8))
