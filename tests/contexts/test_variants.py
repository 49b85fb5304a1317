"""All variants of a clip from one decode: what each shows, what it follows from, and why one cannot be made."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from sceneproof.contexts.backgrounds import Backgrounds, covering
from sceneproof.contexts.choosing import Partners
from sceneproof.contexts.footage import Footage
from sceneproof.contexts.variants import CONTROLS, TIME, VARIANTS, Impossible, Made, Variants
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError
from tests.contexts.clips import PERSON, footage, manifest
from tests.contexts.real import clips
from tests.videos import make_video, numbered, numbers_of

VIDEOS = {f"{action}{number}": action for action in "abcd" for number in range(2)}
SHADES = {video: 20 + 20 * place for place, video in enumerate(VIDEOS)}
CLIPS = [np.array([0, 2, 4]), np.array([1, 1])]
PLACES = ["pool", "gym", "gym", "pool", "sea", "gym", "sea", "sea"]


def read(video: str) -> Footage:
    return footage(video, shade=SHADES[video])


def variants(seed: int = 0, backgrounds: Backgrounds | None = None) -> Variants:
    from sceneproof.contexts.choosing import scene_distances

    table = manifest(VIDEOS)
    distances = scene_distances(manifest(VIDEOS, scenes=PLACES))
    return Variants(Partners(table, set(VIDEOS), distances=distances), read, backgrounds=backgrounds, seed=seed)


def made(name: str, video: str = "a0", seed: int = 0, clips: list[np.ndarray] = CLIPS) -> Made:
    answer = variants(seed).of(read(video), clips).make(name)
    assert isinstance(answer, Made), answer
    return answer


@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_has_the_shape_asked_for_and_follows_from_the_seed(name: str) -> None:
    clip = read("a0")
    before = clip.frames.copy()
    answer = variants().of(clip, CLIPS).make(name)
    assert isinstance(answer, Made)
    assert [frames.shape for frames in answer.clips] == [(3, 64, 96, 3), (2, 64, 96, 3)]
    assert all(frames.dtype == np.uint8 for frames in answer.clips)
    np.testing.assert_array_equal(clip.frames, before, err_msg="the decoded clip is left as it was")
    again = dict(variants().of(clip, CLIPS).each(list(reversed(VARIANTS))))[name]
    assert isinstance(again, Made)
    for first, second in zip(answer.clips, again.clips, strict=True):
        np.testing.assert_array_equal(first, second, err_msg="whatever was made before")


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in TIME and "scufo" not in name])
def test_a_frame_is_the_same_whichever_others_are_asked_for(name: str) -> None:
    one, many = made(name, clips=[np.array([3])]), made(name, clips=[np.arange(8)])
    np.testing.assert_array_equal(one.clips[0][0], many.clips[0][3])


def test_people_stay_and_the_scene_goes_or_the_other_way_round() -> None:
    clip = read("a0")
    assert clip.people is not None
    scene, inside = (64, 96), np.zeros((64, 96), bool)
    inside[24:32, 4 + 12 + 4 : 4 + 12 + 12] = True  # of frame 2, the second that is asked for
    for name in VARIANTS:
        if name in TIME or name.startswith("scufo"):
            continue
        frame = made(name).clips[0][1]
        kept = (np.abs(frame[inside].astype(int) - PERSON) <= 1).all()
        assert kept == (not name.startswith("human")), name
        same = np.abs(frame[40:].astype(int) - clip.frames[2][40:]).mean() < 2
        assert same == (name in ("original", "self_paste", "human_filled", "human_inpainted")), name
        assert frame.shape[:2] == scene


def test_swaps_show_their_partners_wall_without_its_person_and_name_its_action() -> None:
    for name in ("swap_random", "swap_close", "swap_far", "swap_same"):
        answer = made(name)
        shade = SHADES[answer.background]
        np.testing.assert_allclose(answer.clips[0][:, 50:, :40, 0], shade, atol=1)
        np.testing.assert_allclose(answer.clips[0][:, 24:32, 60:, 0].mean(), shade + 40, atol=1)
        assert answer.background_action == VIDEOS[answer.background]
        assert (answer.background_action == "a") == (name == "swap_same")
    assert {made("swap_random", seed=seed).background for seed in range(9)} > {made("swap_random").background}


def test_the_self_paste_differs_from_the_original_at_the_outline_only() -> None:
    clip = read("b1")
    answer = made("self_paste", "b1", clips=[np.arange(8)])
    assert answer.background == "b1"
    assert answer.background_action == "b"
    assert clip.people is not None
    kernel = np.ones((9, 9), np.uint8)
    for frame, original, mask in zip(answer.clips[0], clip.frames, clip.people, strict=True):
        shape = mask.astype(np.uint8)
        rim = (cv2.dilate(shape, kernel) - cv2.erode(shape, kernel)).astype(bool)
        difference = np.abs(frame.astype(int) - original).max(-1)
        assert difference[~rim].max() <= 2
        assert difference[rim].max() > 20


def test_a_frozen_twin_is_one_frame_of_its_composite_again_and_again() -> None:
    frozen = made("frozen")
    for still in ("photograph", "texture", "sinusoid"):
        moving, twin = made(f"scuba_{still}"), made(f"scufo_{still}")
        assert moving.background == twin.background
        for clip, original, where, repeated in zip(moving.clips, frozen.clips, twin.clips, CLIPS, strict=True):
            assert len(where) == len(repeated)
            np.testing.assert_array_equal(where, np.repeat(where[:1], len(where), 0))
            matches = [place for place in range(len(clip)) if np.array_equal(clip[place], where[0])]
            assert matches
            times = {int(repeated[place]) for place in matches}
            shown = read("a0").frames
            assert any(np.array_equal(original[0], shown[time]) for time in times), "the frame of `frozen`"


def test_a_conflict_shows_somebody_of_another_action_who_stands_still_behind_the_moving_person() -> None:
    clip, answer = read("a0"), made("conflict_sinusoid", clips=[np.arange(8)])
    assert clip.people is not None
    assert answer.background_action == VIDEOS[answer.background] != "a"
    shown = answer.clips[0].astype(int)
    elsewhere = ~cv2.dilate(np.asarray(clip.people.any(0), np.uint8), np.ones((9, 9))).astype(bool)
    assert (shown[:, elsewhere] == shown[:1, elsewhere]).all(), "all but the clip's own people stands still"
    kernel = np.ones((9, 9), np.uint8)
    away = [~cv2.dilate(mask.astype(np.uint8), kernel).astype(bool) for mask in list(clip.people)]
    stands = (np.abs(shown - PERSON) <= 1).all(-1) & np.array(away)
    assert stands.sum((1, 2)).max() > 20, "the other person, once the clip's own has walked on"


def test_time_is_shuffled_reversed_or_stopped() -> None:
    clip = Footage("a0", numbered(8, first=16))
    wanted = [np.arange(8), np.array([3, 3, 3]), np.array([5])]
    found = {
        name: [numbers_of(frames) for frames in answer.clips]
        for name, answer in variants().of(clip, wanted).each(TIME)
        if isinstance(answer, Made)
    }
    assert found["reversed"] == [list(range(23, 15, -1)), [19] * 3, [21]]
    assert sorted(found["shuffled"][0]) == list(range(16, 24))
    assert found["shuffled"][0] != list(range(16, 24))
    assert len(set(found["frozen"][0])) == 1
    for seed in range(40):
        answer = variants(seed).of(Footage("a0", numbered(2)), [np.arange(2)]).make("shuffled")
        assert isinstance(answer, Made)
        assert numbers_of(answer.clips[0]) == [1, 0], "two frames have one other order"


def test_what_is_shown_as_one_frame_has_no_order_in_time() -> None:
    still = variants().of(read("a0"), [np.array([3]), np.array([5, 5])])
    for name in VARIANTS:
        answer = still.make(name)
        if name in TIME or name.startswith("scufo"):
            assert answer == Impossible("it is shown as one frame, which has no order in time")
        else:
            assert isinstance(answer, Made)
    assert isinstance(variants().of(read("a0"), [np.array([3]), np.array([5, 6])]).make("reversed"), Made)


def test_what_cannot_be_made_gives_its_reason() -> None:
    def reason(clip: Footage, name: str, of: Variants) -> str:
        answer = of.of(clip, CLIPS).make(name)
        assert isinstance(answer, Impossible)
        return answer.reason

    nobody = Footage("a0", read("a0").frames)
    assert "nobody is known" in reason(nobody, "human_filled", variants())
    empty = Footage("a0", nobody.frames, np.zeros(nobody.frames.shape[:3], bool))
    assert "nobody is known" in reason(empty, "scuba_texture", variants())
    assert isinstance(variants().of(nobody, CLIPS).make("reversed"), Made)
    unknown = Variants(Partners(manifest(VIDEOS), set(VIDEOS)), read)
    assert "scene labels" in reason(read("a0"), "swap_close", unknown)
    assert [name for name in VARIANTS if name not in unknown.names()] == ["swap_close", "swap_far"]
    assert variants().names() == list(VARIANTS)

    def broken(video: str) -> Footage:
        raise VideoError("damaged")

    unreadable = Variants(Partners(manifest(VIDEOS), set(VIDEOS)), broken)
    assert "cannot be read: damaged" in reason(read("a0"), "swap_random", unreadable)
    with pytest.raises(InputError, match="no variant 'upside_down'; the variants are: original, human_filled"):
        variants().of(read("a0"), CLIPS).make("upside_down")
    gaps = read("a0")
    assert gaps.people is not None
    gaps.people[2] = False
    answer = variants().of(gaps, CLIPS).make("scene_grey")
    assert isinstance(answer, Made)
    assert answer.note == "nobody is known in 1 of 4 frames"
    assert set(CONTROLS) < set(VARIANTS)


def test_a_folder_of_pictures_and_videos_gives_the_photographs(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((30, 200, 3), (10, 200, 90), np.uint8))
    (tmp_path / "more").mkdir()
    make_video(tmp_path / "more" / "film.mp4", numbered(16, 64, 96))
    (tmp_path / "notes.txt").write_text("nothing")
    folder = Backgrounds.read(tmp_path)
    assert folder.names == ["more/film.mp4", "wall.png"]
    assert folder.frames("wall.png", np.arange(3), 8, 64, 96).tolist()[0][0] == [90, 200, 10]
    film = folder.frames("more/film.mp4", np.array([0, 4, 7]), 8, 64, 96)
    assert numbers_of(film) == [0, 8, 14], "the same share of its length"
    for seed in range(8):
        answer = variants(seed, folder).of(read("a0"), CLIPS).make("scuba_photograph")
        assert isinstance(answer, Made)
        assert answer.background in folder.names
        assert not answer.note
    with pytest.raises(InputError, match="no such folder"):
        Backgrounds.read(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no pictures \(.png, "):
        Backgrounds.read(tmp_path / "empty")


def test_backgrounds_cover_the_frame_and_keep_their_middle() -> None:
    picture = np.zeros((20, 60, 3), np.uint8)
    picture[:, 20:40] = 255
    np.testing.assert_array_equal(covering(picture, 20, 20), np.full((20, 20, 3), 255))
    assert covering(picture, 40, 40).shape == (40, 40, 3)
    assert covering(picture, 7, 31).shape == (7, 31, 3)


def test_real_people_are_pasted_without_flicker(shared_data: Path) -> None:
    real = {
        name: Footage(name, frames, people) for name, frames, people in clips(shared_data, ("golf", "pour"), each=2)
    }
    table = manifest({name: name.split("/")[0] for name in real})
    of = Variants(Partners(table, set(real)), real.__getitem__)
    for name, clip in real.items():
        wanted = np.arange(len(clip.frames))
        grey = of.of(clip, [wanted]).make("scene_grey")
        swap = of.of(clip, [wanted]).make("swap_random")
        assert isinstance(grey, Made)
        assert isinstance(swap, Made)
        assert swap.background_action != name.split("/")[0]
        assert clip.people is not None
        far = np.stack([cv2.dilate(mask.astype(np.uint8), np.ones((9, 9))) for mask in clip.people]) == 0
        assert (grey.clips[0][far] == 128).all()
        hard = np.where(clip.people[..., None], clip.frames, 128).astype(np.uint8)
        assert _flicker(grey.clips[0]) < _flicker(hard)


def _flicker(frames: np.ndarray) -> float:
    """How much pixels go to and fro: the mean size of their second difference in time."""
    levels = frames.astype(np.int32)
    return float(np.abs(levels[2:] - 2 * levels[1:-1] + levels[:-2]).mean())
