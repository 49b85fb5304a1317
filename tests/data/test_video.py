"""Decoding gives exactly the frames asked for, or says why not."""

import itertools
import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given
from hypothesis import strategies as st

from sceneproof.data import container, picture, video
from sceneproof.data.container import Video, opened
from sceneproof.data.video import VideoError, VideoInfo, decode, frame_range, probe
from tests.videos import BROKEN, FORMATS, ODD, cut, make_format, make_video, numbered, numbers_of

COUNT = 60
CHOICES: Sequence[Sequence[int]] = (
    [0],
    [COUNT - 1],
    list(range(20, 36)),
    [50, 3, 50, 27],
    [0, 59],
    [11, 12, 13, 35, 36],
    [23],
    [25, 24],
)


@pytest.fixture(scope="module", params=FORMATS)
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_format(tmp_path_factory.mktemp("formats"), request.param, numbered(COUNT))


def test_decodes_all_frames_in_display_order(path: Path) -> None:
    assert numbers_of(decode(path)) == list(range(COUNT))
    assert probe(path) == VideoInfo(COUNT, 64, 48, 25.0)


@pytest.mark.parametrize("frames", CHOICES, ids=str)
def test_chosen_frames_are_those_of_a_full_decode(path: Path, frames: Sequence[int]) -> None:
    np.testing.assert_array_equal(decode(path, frames), decode(path)[list(frames)])


def test_frames_past_the_end_are_refused(path: Path) -> None:
    with pytest.raises(VideoError, match="has 60 frames, asked for frame 60"):
        decode(path, [3, 60])


@pytest.mark.parametrize(
    ("kind", "trusted"),
    [(kind, kind.startswith("MP4") or kind == "AVI, MPEG-4") for kind in FORMATS],
)
def test_seeks_only_where_the_table_tells_the_numbers(kind: str, trusted: bool, tmp_path: Path) -> None:
    path = make_format(tmp_path, kind, numbered(COUNT))
    with patch.object(Video, "seek", autospec=True, side_effect=Video.seek) as seek:
        decode(path, [40])
    assert seek.called == trusted
    with opened(path) as opening:
        assert isinstance(opening, Video)
        assert (opening.table is not None) == trusted


@pytest.mark.parametrize("kind", ["MP4, H.264, B-frames", "MP4, H.264, open groups", "MP4, MPEG-4", "AVI, MPEG-4"])
@pytest.mark.parametrize("first", range(36, 48))
def test_a_seek_decodes_two_groups_at_most(kind: str, first: int, tmp_path: Path) -> None:
    path = make_format(tmp_path, kind, numbered(COUNT))
    with counted_frames() as stamps:
        assert numbers_of(decode(path, [2, first])) == [2, first]
    assert len(stamps) <= 3 + 24


def test_a_video_that_begins_late_is_still_sought_in(tmp_path: Path) -> None:
    path = make_video(tmp_path / "late.mp4", numbered(COUNT), times=range(7, 7 + COUNT))
    with counted_frames() as stamps:
        assert numbers_of(decode(path, [50])) == [50]
    assert len(stamps) <= 12


def test_a_gap_before_the_wanted_frames_shifts_nothing(tmp_path: Path) -> None:
    times = [*range(10), *range(30, 80)]
    path = make_video(tmp_path / "gap.mp4", numbered(COUNT), times=times)
    assert numbers_of(decode(path, [8, 40, 59])) == [8, 40, 59]


def test_a_table_that_does_not_fit_is_noticed(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", numbered(COUNT))
    with opened(path) as opening:
        assert isinstance(opening, Video)
        assert opening.table is not None
        table = opening.table
    doubled = container.FrameTable(table.stamps * 2, table.keys)
    with patch.object(container, "_frame_table", return_value=doubled):
        assert numbers_of(decode(path, [25, 30])) == [25, 30]
    longer = container.FrameTable(np.append(table.stamps, table.stamps[-1] + 512), table.keys)
    with patch.object(container, "_frame_table", return_value=longer):
        with pytest.raises(VideoError, match="damaged: 60 of 61 frames decode"):
            decode(path)
        with pytest.raises(VideoError, match="has 60 frames, asked for frame 60"):
            decode(path, [59, 60])


@contextmanager
def counted_frames() -> Iterator[list[int | None]]:
    """The stamps of all frames that are decoded inside."""
    stamps, frames = [], Video.frames

    def count(self: Video) -> Iterator[VideoFrame]:
        for frame in frames(self):
            stamps.append(frame.pts)
            yield frame

    with patch.object(Video, "frames", count):
        yield stamps


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("read", [probe, decode, lambda path: decode(path, [0])], ids=["probe", "decode", "one frame"])
def test_broken_files_say_why(kind: str, read, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    reasons = {
        "empty": "the file is empty",
        "truncated": "cut off: 18 of 30 frames are missing",
        "audio only": "no video stream",
        "no frames": "no video stream",
        "part of a picture": "damaged or cut off: this PNG picture cannot be read",
    }
    with pytest.raises(VideoError, match=reasons.get(kind, "not a video, or cut off")):
        read(BROKEN[kind](tmp_path / "broken.mp4"))


@pytest.mark.parametrize("kind", ["AVI, MPEG-4", "WebM, VP8", "MKV, H.264"])  # MP4: "truncated" among the broken
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_cut_off_files_are_noticed(kind: str, share: float, tmp_path: Path) -> None:
    path = cut(make_format(tmp_path, kind, numbered(30)), share)
    for read in (probe, decode):
        with pytest.raises(VideoError, match="cut off"):
            read(path)


@pytest.mark.parametrize("keep", [8, 40], ids=["a frame of zeros", "a frame that the decoder patches up"])
def test_damaged_frames_are_refused_and_whole_ones_read(keep: int, tmp_path: Path) -> None:
    path = make_video(tmp_path / "damaged.mp4", numbered(48, 96, 128), between=0)
    whole = decode(path)
    with opened(path) as opening:
        assert isinstance(opening, Video)
        entry = list(opening.stream.index_entries)[24]
    data = bytearray(path.read_bytes())
    data[entry.pos + keep : entry.pos + entry.size] = bytes(entry.size - keep)
    path.write_bytes(data)
    with pytest.raises(VideoError, match="damaged"):
        decode(path)
    np.testing.assert_array_equal(decode(path, range(24)), whole[:24])


def test_a_missing_file_and_a_folder_are_no_videos(tmp_path: Path) -> None:
    for path in (tmp_path / "none.mp4", tmp_path):
        with pytest.raises(VideoError, match="no such file"):
            probe(path)


@pytest.mark.parametrize("kind", ODD)
def test_odd_files_are_read(kind: str, tmp_path: Path) -> None:
    path = ODD[kind](tmp_path / "odd.mp4")
    frames, info = decode(path), probe(path)
    assert frames.shape == (info.frames, info.height, info.width, 3)
    if kind != "rotated":
        assert numbers_of(frames) == list(range(info.frames))
    np.testing.assert_array_equal(decode(path, [info.frames - 1, 0]), frames[[-1, 0]])


def test_odd_sizes_and_single_frames_keep_their_shape(tmp_path: Path) -> None:
    assert probe(ODD["odd sized"](tmp_path / "a.mp4")) == VideoInfo(20, 65, 49, 25.0)
    assert probe(ODD["single frame"](tmp_path / "b.mp4")).frames == 1


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotated_files_are_decoded_upright(degrees: int, tmp_path: Path) -> None:
    upright = decode(make_video(tmp_path / "a.mp4", numbered(3)))
    path = make_video(tmp_path / "b.mp4", numbered(3), rotation=degrees)
    np.testing.assert_array_equal(decode(path), np.rot90(upright, degrees // 90, axes=(1, 2)))
    assert (probe(path).height, probe(path).width) == decode(path).shape[1:3]


def test_a_phones_portrait_matrix_turns_clockwise(tmp_path: Path) -> None:
    # the matrix that phones write for a portrait video, from the format's specification: x' = -y, y' = x
    path = make_video(tmp_path / "phone.mp4", numbered(2))
    upright, data = decode(path), path.read_bytes()
    identity = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    portrait = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30)
    track = data.index(b"tkhd")
    assert identity in data[track : track + 100]
    path.write_bytes(data[:track] + data[track:].replace(identity, portrait, 1))
    np.testing.assert_array_equal(decode(path), np.rot90(upright, -1, axes=(1, 2)))


def test_a_size_that_changes_midway_is_refused(tmp_path: Path) -> None:
    first = make_video(tmp_path / "a.h264", numbered(5), between=0)
    second = make_video(tmp_path / "b.h264", numbered(5, 64, 96), between=0)
    path = tmp_path / "both.h264"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    with pytest.raises(VideoError, match="the frame size changes from 64x48 to 96x64 at frame 5"):
        decode(path)


def test_limits_are_kept(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", numbered(10))
    with patch.object(picture, "MAX_PIXELS", 64 * 48 - 1), pytest.raises(VideoError, match="over the limit"):
        probe(path)
    with patch.object(container, "MAX_FRAMES", 9), pytest.raises(VideoError, match="more than 9 frames"):
        probe(path)
    with patch.object(video, "MAX_BYTES", 9 * 64 * 48 * 3), pytest.raises(VideoError, match="9 frames of 64x48"):
        decode(path)


def test_nothing_but_the_file_itself_is_opened(tmp_path: Path) -> None:
    make_video(tmp_path / "secret.ts", numbered(5))
    (tmp_path / "list.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(VideoError):
        probe(tmp_path / "list.mp4")
    named = make_video(tmp_path / "file:a b.mp4", numbered(2))
    assert probe(named).frames == 2


def test_negative_and_missing_numbers_are_the_callers_mistake(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", numbered(2))
    for frames in ([-1], []):
        with pytest.raises(ValueError, match="start at 0"):
            decode(path, frames)


def test_segments() -> None:
    info = VideoInfo(frames=100, width=64, height=48, rate=25.0)
    assert frame_range(info) == range(100)
    assert frame_range(info, 1.0, 2.0) == range(25, 50)
    assert frame_range(info, 0.04, 0.05) == range(1, 2)
    assert frame_range(info, 0.041, 0.05) == range(2, 3)  # at least one
    assert frame_range(info, math.nan, 0.5) == range(13)  # frame 12 begins at .48 s
    assert frame_range(info, 3.0, 9.0) == range(75, 100)
    assert frame_range(VideoInfo(100, 64, 48, 30000 / 1001), 1.001, 2.002) == range(30, 60)
    for start, end in [(2.0, 2.0), (-1.0, 1.0), (4.0, 5.0)]:
        with pytest.raises(VideoError, match="segment"):
            frame_range(info, start, end)
    with pytest.raises(VideoError, match="rate"):
        frame_range(VideoInfo(100, 64, 48, math.nan), 1.0, 2.0)


@given(st.integers(1, 500), st.sampled_from([10.0, 23.976, 25.0, 29.97, 60.0, 240.0]), st.data())
def test_adjacent_segments_share_no_frame(count: int, rate: float, data: st.DataObject) -> None:
    info = VideoInfo(count, 64, 48, rate)
    cuts = sorted({0, count, *data.draw(st.lists(st.integers(0, count), max_size=5))})
    seconds = [round(frame / rate, 3) for frame in cuts]
    ranges = [frame_range(info, start, end) for start, end in itertools.pairwise(seconds)]
    assert [frame for each in ranges for frame in each] == list(range(count))


def test_real_clips(shared_data: Path) -> None:
    counts = {
        "R6llTwEh07w.mp4": 303,
        "WUzgd7C1pWA.mp4": 327,
        "v_Biking_g05_c02.avi": 201,
        "v_ApplyEyeMakeup_g01_c01.avi": 164,
        "hmdb51_Turnk_r_Pippi_Michel_cartwheel_f_cm_np2_le_med_6.avi": 83,  # packed B-frames; tags are not UTF-8
        "video2.webm": 120,
    }
    for name, count in counts.items():
        path = shared_data / "clips" / name
        whole = decode(path)
        assert len(whole) == probe(path).frames == count
        for frames in (range(40, 56), [count - 1, 0, 61]):
            np.testing.assert_array_equal(decode(path, list(frames)), whole[list(frames)])
