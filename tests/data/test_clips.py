import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sceneproof.data.clips import evenly_spaced, random_clip, windows


def test_windows_do_not_overlap_and_the_last_one_loops() -> None:
    assert [list(clip) for clip in windows(10, 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 8, 9]]


def test_a_short_video_loops_from_its_start() -> None:
    assert [list(clip) for clip in windows(3, 8)] == [[0, 1, 2, 0, 1, 2, 0, 1]]
    assert list(random_clip(3, 8, rng=np.random.default_rng(0))) == [0, 1, 2, 0, 1, 2, 0, 1]


def test_evenly_spaced_clips_begin_at_both_ends_and_one_alone_is_the_middle() -> None:
    assert [clip[0] for clip in evenly_spaced(20, 4, count=3)] == [0, 8, 16]
    assert [list(clip) for clip in evenly_spaced(20, 4, count=1)] == [[8, 9, 10, 11]]


def test_a_stride_leaves_frames_out() -> None:
    assert [list(clip) for clip in windows(9, 3, stride=2)] == [[0, 2, 4], [5, 7, 5]]
    assert list(evenly_spaced(9, 3, stride=2, count=1)[0]) == [2, 4, 6]


@given(
    frames=st.integers(1, 60), length=st.integers(1, 20), stride=st.none() | st.integers(1, 4), seed=st.integers(0, 99)
)
def test_every_clip_has_its_length_and_stays_in_the_video(
    frames: int, length: int, stride: int | None, seed: int
) -> None:
    clips = [*windows(frames, length, stride=stride), *evenly_spaced(frames, length, stride=stride, count=3)]
    clips.append(random_clip(frames, length, stride=stride, rng=np.random.default_rng(seed)))
    for clip in clips:
        assert clip.shape == (length,)
        assert clip.min() >= 0
        assert clip.max() < frames


def test_windows_cover_every_frame() -> None:
    assert sorted({int(frame) for clip in windows(37, 16) for frame in clip}) == list(range(37))


def test_random_clips_start_everywhere_they_fit() -> None:
    starts = {int(random_clip(6, 4, rng=np.random.default_rng(seed))[0]) for seed in range(60)}
    assert starts == {0, 1, 2}


def test_without_a_stride_a_clip_has_a_frame_of_each_part() -> None:
    assert list(evenly_spaced(12, 3, stride=None, count=1)[0]) == [2, 6, 10]  # the middles of 0-3, 4-7, 8-11
    assert [list(clip) for clip in evenly_spaced(12, 3, stride=None, count=2)] == [[1, 5, 9], [3, 7, 11]]
    assert [list(clip) for clip in windows(12, 3, stride=None)] == [[2, 6, 10]]
    assert list(evenly_spaced(2, 4, stride=None, count=1)[0]) == [0, 0, 1, 1]  # too short: frames are shown again
    drawn = np.array([random_clip(12, 3, stride=None, rng=np.random.default_rng(seed)) for seed in range(200)])
    assert [set(part) for part in drawn.T.tolist()] == [{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}]
