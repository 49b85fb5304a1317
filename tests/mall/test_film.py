"""What is drawn."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from sceneproof.mall.film import Format, draw_empty, draw_film, pack_mask, write_film
from sceneproof.mall.motions import ACTIONS, TRANSFER_ACTIONS
from sceneproof.mall.scenery import SCENES

SMALL = Format(84, 64, 6, 12.5)


def test_enough_actions_and_scenes() -> None:
    assert len(ACTIONS) == 8
    assert len(TRANSFER_ACTIONS) == 4
    assert len(SCENES) == 16


@pytest.mark.parametrize("action", [*ACTIONS, *TRANSFER_ACTIONS])
def test_the_person_is_in_the_frame_moves_and_stands_out(action: str) -> None:
    for seed in range(4):
        frames, masks = draw_film(action, SCENES[seed], Format(84, 64, 24, 12.5), (seed,))
        assert frames.dtype == np.uint8
        assert masks.mean((1, 2)).min() > 0.015
        # seldom at the edge: hardly any person pixel lies in the outermost columns
        edge = np.concatenate([masks[:, :, :2], masks[:, :, -2:]], 2)
        assert edge.sum() < 0.02 * masks.sum()
        assert (masks[1:] != masks[:-1]).any((1, 2)).all()


@pytest.mark.parametrize("scene", SCENES)
def test_no_two_scenes_of_a_kind_are_alike(scene: str) -> None:
    first, second = (draw_empty(scene, 84, 64, (seed,)).astype(float) for seed in range(2))
    assert abs(first - second).mean() > 8


def test_a_scene_is_hidden_only_where_the_person_is() -> None:
    """Where the mask is far, the picture is that of the same film with another action: same place, same camera."""
    one, first = draw_film("wave", "beach", SMALL, (3,))
    other, second = draw_film("squat", "beach", SMALL, (3,))
    near = cv2.dilate(np.asarray((first | second).any(0), np.uint8), np.ones((9, 25))) > 0  # leaves out the shadow too
    assert (one[:, ~near] == other[:, ~near]).all()
    assert (one[first] != other[first]).any()


def test_without_people_it_is_the_same_place_under_the_same_camera() -> None:
    frames, masks = draw_film("run", "street", SMALL, (3,))
    empty, nobody = draw_film("run", "street", SMALL, (3,), people=False)
    assert not nobody.any()
    assert (frames[masks] != empty[masks]).any(1).mean() > 0.9
    changed = (frames != empty).any(3)
    around = [cv2.dilate(mask.astype(np.uint8), np.ones((21, 31))) > 0 for mask in masks]  # with the shadow
    assert not (changed & ~np.array(around)).any()


def test_files_have_the_frames_and_the_same_bytes(tmp_path: Path) -> None:
    frames, _ = draw_film("run", "street", SMALL, (1,))
    for name in ("one.mp4", "two.mp4"):
        write_film(tmp_path / name, frames, SMALL)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()
    with av.open(str(tmp_path / "one.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == Fraction(25, 2)
        assert stream.frames == SMALL.frames
        decoded = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(stream)])
    assert abs(decoded.astype(int) - frames).mean() < 6


def test_masks_survive_packing() -> None:
    mask = np.random.default_rng(0).random((7, 13)) > 0.5
    data = pack_mask(mask)
    assert data[24] == 1  # bits a pixel, in the PNG's header
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(found, mask * np.uint8(255))
