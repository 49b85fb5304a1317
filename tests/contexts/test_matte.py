"""Cutting and pasting: soft edges, colours from the inside, outlines that hold still."""

import numpy as np
from numpy.typing import NDArray

from sceneproof.contexts.matte import cut_out, held_distances, signed_distance
from tests.contexts.clips import PERSON, footage


def disc(radius: float, centre: float = 32.0) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:64, :64] + 0.5
    return np.asarray(np.hypot(rows - 32, columns - centre) < radius)


def test_distances_count_from_the_outline_between_pixels() -> None:
    mask = np.zeros((5, 9), bool)
    mask[:, :4] = True
    np.testing.assert_allclose(signed_distance(mask)[2], [3.5, 2.5, 1.5, 0.5, -0.5, -1.5, -2.5, -3.5, -4.5], atol=0.2)
    assert signed_distance(np.zeros((5, 9), bool)).max() == -6.0


def test_an_outline_that_jitters_by_a_pixel_comes_to_rest() -> None:
    jittering = np.stack([disc(14 + number % 2) for number in range(10)])
    held = held_distances(jittering, range(10))
    assert np.abs(held - held[0]).max() < 1e-5
    alone = np.stack([signed_distance(mask) for mask in jittering])
    assert np.abs(alone[1] - alone[0]).max() > 0.5, "it would not, frame by frame"


def test_what_moves_evenly_is_not_held_back_nor_smeared() -> None:
    mask = np.zeros((7, 64, 64), bool)
    for number in range(7):
        mask[number, 20:40, 5 + 4 * number : 25 + 4 * number] = True
    held = held_distances(mask, [3])[0]
    still = held_distances(mask[3:4], [0])[0]
    np.testing.assert_allclose(held[30, 15:40], still[30, 15:40], atol=1.0)
    assert (held[30, 17:37] > 0).all()
    assert (held[30, :15] < 0).all(), "nothing is left where it was"
    jump = np.stack([disc(8, 16), disc(8, 48), disc(8, 16)])
    moved, alone = held_distances(jump, [1])[0], held_distances(jump[1:2], [0])[0]
    near = alone > -1  # what is pasted at all
    np.testing.assert_allclose(moved[near], alone[near], atol=0.1, err_msg="what moves fast is not held at all")


def test_a_frame_that_a_detector_missed_does_not_shrink_its_neighbours() -> None:
    masks = np.stack([disc(12), np.zeros((64, 64), bool), disc(12)])
    np.testing.assert_array_equal(held_distances(masks, [0])[0], held_distances(masks[:1], [0])[0])
    assert (held_distances(masks, [1])[0] < 0).all()


def test_edges_are_soft_and_carry_nothing_of_the_old_background() -> None:
    clip = footage(shade=60)
    assert clip.people is not None
    frames = clip.frames.copy()
    frames[3, 20:36, 21] = (146, 50, 50)  # a mixed pixel at each side, as cameras make them
    frames[3, 20:36, 38] = (146, 50, 50)
    people = clip.people.copy()
    people[3, 20:36, 21:39] = True
    matte = cut_out(frames, people, [3])
    assert matte is not None
    line = matte.over(np.zeros((64, 96, 3), np.uint8))[0, 28]
    assert line[30].tolist() == list(PERSON)
    assert line[10].tolist() == line[50].tolist() == [0, 0, 0]
    share = line[:, 0] / PERSON[0]
    partly = (share > 0.02) & (share < 0.98)
    assert 2 <= partly.sum() <= 8, "soft, over a few pixels"
    # every mixture is of the person and the new, black background: red to green as in the person
    np.testing.assert_allclose(line[partly, 1], share[partly] * PERSON[1], atol=1.5)
    np.testing.assert_allclose(share.sum(), 17, atol=1.2)  # 16 and two halves


def test_only_the_frames_asked_for_are_cut_in_their_order() -> None:
    clip = footage()
    assert clip.people is not None
    matte = cut_out(clip.frames, clip.people, [5, 1, 5])
    assert matte is not None
    made = matte.over(np.zeros((64, 96, 3), np.uint8))
    assert made.shape == (3, 64, 96, 3)
    np.testing.assert_array_equal(made[0], made[2])
    assert [(int(frame[28, :, 0].argmax()) - 4) // 6 for frame in made] == [5, 1, 5]
    np.testing.assert_array_equal(matte.at([1]).over(np.zeros((64, 96, 3), np.uint8))[0], made[1])
    assert cut_out(clip.frames, np.zeros_like(clip.people), [0]) is None


def test_a_limb_of_two_pixels_stays_in_sight() -> None:
    people = np.zeros((3, 40, 40), bool)
    people[:, 10:30, 10:20] = True
    people[:, 20:22, 20:35] = True
    frames = np.where(people[..., None], np.array(PERSON, np.uint8), np.uint8(0))
    matte = cut_out(frames, people, [1])
    assert matte is not None
    made = matte.over(np.full((40, 40, 3), 255, np.uint8))[0]
    assert (made[20:22, 22:33, 1] < 40 + 0.4 * 215).all(), "at least six tenths of it"
    assert (made[15, 25] == 255).all()
