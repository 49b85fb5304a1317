"""When frames are shown: by their own time stamps, not by their number and a rate."""

import itertools
import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sceneproof.data.container import Video, opened
from sceneproof.data.times import FrameTimes
from sceneproof.data.video import VideoError, decode, frame_range, probe
from sceneproof.encoding import Clock
from tests.timed import make_timed
from tests.videos import numbers_of

TICK = Fraction(1, 1000)
CONTAINERS = [".mp4", ".mkv", ".mov", ".ts"]


def seconds(path: Path) -> list[float]:
    info = probe(path)
    return [round(float(time), 4) for time in info.clock.seconds(np.arange(info.frames + 1))]


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_variable_rate_is_cut_by_time(suffix: str, tmp_path: Path) -> None:
    times = [100 * n for n in range(50)] + [5000 + 25 * n for n in range(50)]
    path = make_timed(tmp_path / f"a{suffix}", times)
    assert seconds(path)[:-1] == [time / 1000 for time in times]
    info = probe(path)
    assert frame_range(info, 1.0, 2.0) == range(10, 20)
    assert frame_range(info, 5.0, 5.5) == range(50, 70)
    assert frame_range(info, 4.5, 5.1) == range(45, 54)
    assert numbers_of(decode(path, frame_range(info, 1.0, 2.0))) == list(range(10, 20))
    assert info.clock.shown_at(np.array([5.6249, 5.625, 5.63])).tolist() == [74, 75, 75]
    assert info.clock.kind == "variable"


def test_the_files_that_read_wrong(shared_data: Path) -> None:
    info = probe(shared_data / "faults" / "vfr.mp4")
    assert frame_range(info, 1.0, 2.0) == range(10, 20)
    assert float(info.clock.seconds(75)) == 5.625
    assert (info.clock.end, info.rate) == (6.25, 16.0)
    still = probe(shared_data / "faults" / "still.mp4")
    assert frame_range(still, 10.0, 10.8) == range(1, 21)
    assert still.clock.end == 11.6


def test_a_still_is_shown_until_the_next_frame(tmp_path: Path) -> None:
    info = probe(make_timed(tmp_path / "a.mp4", [0, *(10_000 + 40 * n for n in range(20))]))
    assert frame_range(info, 3.0, 5.0) == range(1), "no frame begins there, and one is shown"
    assert frame_range(info, 3.0, 3.1) == range(1)
    assert frame_range(info, 9.0, 10.2) == range(6), "a second of the still, and then five frames"
    assert frame_range(info, 10.0, 10.2) == range(1, 6)
    assert info.clock.shown_at(np.array([0.0, 9.99, 10.0, 10.05, 99.0])).tolist() == [0, 0, 1, 2, 20]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_a_track_that_starts_late_has_its_first_frame_late(suffix: str, tmp_path: Path) -> None:
    path = make_timed(tmp_path / f"a{suffix}", [500 + 40 * n for n in range(50)], sound=True)
    info = probe(path)
    assert seconds(path)[0] == 0.5
    assert info.clock.end == pytest.approx(2.5)
    assert frame_range(info, 1.0, 2.0) == range(13, 38)
    assert frame_range(info, 2.2, 2.4) == range(43, 48), "2.2 s is in the video, which has 2 s of frames"
    with pytest.raises(VideoError, match=r"ends at 0\.3 s, but the video's first frame is shown at 0\.5 s"):
        frame_range(info, 0.0, 0.3)


@pytest.mark.parametrize("suffix", CONTAINERS)
@pytest.mark.parametrize("first", [700, -80])
def test_a_file_starts_with_what_a_player_shows_first(suffix: str, first: int, tmp_path: Path) -> None:
    path = make_timed(tmp_path / f"a{suffix}", [first + 40 * n for n in range(20)])
    times = seconds(path)
    assert times == [round(0.04 * n, 4) for n in range(len(times))]
    assert len(times) - 1 == len(decode(path))


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_dropped_frame_moves_no_other(suffix: str, tmp_path: Path) -> None:
    info = probe(make_timed(tmp_path / f"a{suffix}", [40 * n for n in range(51) if n != 7]))
    assert frame_range(info, 1.0, 1.4) == range(24, 34)
    assert float(info.clock.seconds(24)) == pytest.approx(1.0)


def test_where_avi_tells_no_order_the_rate_counts_and_that_is_said(tmp_path: Path) -> None:
    info = probe(make_timed(tmp_path / "a.avi", list(range(30)), base=Fraction(1, 25), between=2))
    assert info.clock.kind == "guessed"
    assert (info.rate, info.clock.first, info.clock.end) == (25.0, 0.0, 1.2)
    even = probe(make_timed(tmp_path / "b.avi", list(range(30)), base=Fraction(1, 25), codec="mpeg4", between=0))
    assert even.clock.kind == "even"
    none = FrameTimes.of_stamps([None] * 30, 0, Fraction(1, 25), None, [30.0])
    assert (none.kind, none.rate, none.end) == ("guessed", 30.0, 1.0)
    backwards = FrameTimes.of_stamps([0, 80, 40, 120], 40, TICK, None, [1000.0])
    assert (backwards.kind, backwards.rate) == ("guessed", 25.0)


def test_rounded_stamps_of_a_constant_rate_are_even(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"  # whose stamps are whole milliseconds
    make_timed(path, list(range(60)), base=Fraction(1001, 30000))
    info = probe(path)
    assert info.clock.kind == "even"
    assert info.rate == pytest.approx(30000 / 1001)
    dropped = make_timed(tmp_path / "b.avi", [*range(20), *range(21, 60)], base=Fraction(1, 25), between=0)
    assert probe(dropped).clock.kind == "variable"


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.integers(1, 4000), min_size=2, max_size=60),
    st.integers(0, 5000),
    st.sampled_from([Fraction(1, 1000), Fraction(1, 90000), Fraction(1001, 30000), Fraction(1, 12800)]),
    st.data(),
)
def test_seconds_to_frames_and_back(steps: list[int], start: int, base: Fraction, data: st.DataObject) -> None:
    stamps = np.concatenate([[start], start + np.cumsum(steps)])
    times = FrameTimes.of_stamps(stamps[:-1], steps[-1], base, Fraction(0), [25.0])
    numbers = np.arange(len(steps))
    assert np.abs(times.seconds(numbers) - stamps[:-1] * float(base)).max() < 0.6 * float(base)
    assert times.shown_at(times.seconds(numbers)).tolist() == numbers.tolist()
    moment = data.draw(st.floats(times.first, times.end))
    shown = int(times.shown_at(moment))
    assert float(times.seconds(shown)) <= moment + 1e-8
    assert moment < float(times.seconds(shown + 1)) + 1e-8
    again = FrameTimes.parse(times.text())
    assert again.text() == times.text()
    assert np.array_equal(again.seconds(numbers), times.seconds(numbers))
    cuts = sorted({0, len(steps), *data.draw(st.lists(st.integers(0, len(steps)), max_size=4))})
    edges = times.seconds(np.array(cuts)).tolist()
    ranges = [times.within(low, high) for low, high in itertools.pairwise(edges)]
    if min(steps) * base > 0.001:  # annotations are read to within .6 ms
        assert [frame for each in ranges for frame in each] == numbers.tolist()


@pytest.mark.parametrize(
    "text",
    ["", "even", "even 3 25", "even x 25 0 1", "even 3 0 0 1", "even -1 25.0 0 1", "even 3 nan 0 1", "odd 3 25 0 1",
     "ticks 1/0 0 3x1", "ticks 1/1000 0", "ticks 1/1000 0 999999999999x1", "ticks 1/1000 0 3x-1", "ticks 1/1000 0 3x0",
     "ticks 1/1000 0 99999999999999999999999x1", "even 99999999 25.0 0 1"],
)  # fmt: skip
def test_texts_that_are_no_times(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        FrameTimes.parse(text)


def test_the_sound_is_no_clock_of_its_own(tmp_path: Path) -> None:
    """Sound that goes on for longer makes no video longer."""
    info = probe(make_timed(tmp_path / "a.mp4", [40 * n for n in range(25)], sound=True, sound_seconds=3.0))
    assert info.clock.end == pytest.approx(1.0)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.duration is not None
        assert container.duration > 2_000_000
    with pytest.raises(VideoError, match="ends at 1 s"):
        frame_range(info, 2.0, math.nan)


@pytest.mark.parametrize(
    "times",
    [
        FrameTimes.even(100_000, 29.9876),  # no simple fraction: a thousandth of a second off after an hour
        FrameTimes.even(10, 0.0001),
        FrameTimes.even(10, 29.97, 0.5),
        FrameTimes.of_stamps([0, 40, 40, 80], 40, TICK, None, [25.0]),
        FrameTimes.of_stamps([0, 40, 10_000, 10_040], 40, TICK, None, [25.0]),
    ],
)
def test_a_file_to_write_has_ticks_for_any_times(times: FrameTimes) -> None:
    clock = Clock.of(times)
    wanted = times.seconds(np.arange(times.frames + 1))
    assert np.abs(np.array(clock.ticks) * float(clock.base) - wanted).max() < 1e-4
    assert (np.diff(clock.ticks) > 0).all()


def test_a_variable_rate_without_b_frames_is_read_from_its_key_frames(tmp_path: Path) -> None:
    times = [100 * n for n in range(30)] + [3000 + 25 * n for n in range(30)]
    with opened(make_timed(tmp_path / "a.mp4", times, between=0)) as video:
        assert isinstance(video, Video)
        assert video.table is not None
        assert (video.table.stamps * float(video.stream.time_base or 1)).round(3).tolist() == [t / 1000 for t in times]
    with opened(make_timed(tmp_path / "b.mp4", times)) as video:
        assert isinstance(video, Video)
        assert video.table is None, "when its frames are decoded is not when they are shown"
    for name in ("a", "b"):
        assert numbers_of(decode(tmp_path / f"{name}.mp4", [47, 3, 59])) == [47, 3, 59]
