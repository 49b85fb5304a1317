"""Which stream is the video, which packets are frames, and how much of them is taken."""

import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from av.stream import Disposition
from av.video.stream import VideoStream
from PIL import Image

from sceneproof.audit.models.inputs import InputSettings
from sceneproof.data.dataset import ClipSettings
from sceneproof.data.human_tables import HumanMasks, encode_mask, png_size
from sceneproof.data.picture import MAX_PIXELS
from sceneproof.data.video import LONGEST, VideoError, decode, probe, shrunk
from sceneproof.errors import InputError
from sceneproof.labelling.pictures import read_picture
from sceneproof.rewriting import Source, rewrite
from sceneproof.tasks.detection.clips import BoxClipSettings
from sceneproof.tasks.localization.buffers import BufferSettings
from tests.videos import make_masks, make_video, numbered, numbers_of


def two_streams(path: Path, default: tuple[bool, bool], *, small_first: bool = True, frames: int = 12) -> Path:
    """A file whose streams are one small picture and a video of 64x48, in this order or the other."""
    with av.open(str(path), "w") as container:
        streams: list[VideoStream] = []
        for (height, width), is_default in zip([(24, 32), (48, 64)], default, strict=True):
            stream = container.add_stream("libx264" if width == 64 else "mjpeg", rate=25)
            assert isinstance(stream, VideoStream)
            stream.height, stream.width = height, width
            stream.pix_fmt = "yuv420p" if width == 64 else "yuvj420p"
            stream.disposition = Disposition.default if is_default else Disposition(0)
            stream.codec_context.time_base = Fraction(1, 25)
            stream.codec_context.options = {"bf": "0"}
            streams.append(stream)
        container.start_encoding()
        for stream, count in zip(streams, (1, frames), strict=True):
            for place, picture in enumerate(numbered(count, stream.height, stream.width)):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = place, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("default", [(False, True), (True, True), (False, False)])
def test_a_thumbnail_is_not_the_video(suffix: str, default: tuple[bool, bool], tmp_path: Path) -> None:
    path = two_streams(tmp_path / f"two{suffix}", default)
    info = probe(path)
    assert (info.frames, info.width, info.height) == (12, 64, 48)
    assert numbers_of(decode(path)) == list(range(12))
    assert numbers_of(decode(path, [11, 3])) == [11, 3]


def test_the_default_goes_before_a_larger_stream(tmp_path: Path) -> None:
    info = probe(two_streams(tmp_path / "two.mkv", (True, False)))
    assert (info.width, info.height) == (32, 24)


@pytest.mark.parametrize("name", ["two.mp4", "two.mkv"])
def test_real_files_of_two_streams(name: str, shared_data: Path) -> None:
    info = probe(shared_data / "faults" / name)
    assert (info.frames, info.width, info.height) == (50, 160, 120)


def not_coded(increment: int, padding: int) -> bytes:
    """An MPEG-4 packet that says: the frame before goes on (vop_coded = 0), at 25 frames a second (5 bits of time)."""
    bits = "01" + "0" + "1" + f"{increment:05b}" + "1" + "0"
    bits += "0" + "1" * (7 - len(bits) % 8)  # stuffing
    return b"\x00\x00\x01\xb6" + int(bits, 2).to_bytes(len(bits) // 8, "big") + bytes(padding)


def with_packets_of_no_picture(path: Path, padding: int, *, after: tuple[int, ...] = (3, 8), count: int = 12) -> Path:
    """An MPEG-4 video in AVI in which two packets give no picture: 14 packets, 12 frames."""
    coded = make_video(path.with_name(f"coded{path.suffix}"), numbered(count, 240, 320), codec="mpeg4", between=0)
    with av.open(str(coded)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        place = 0
        packets = [packet for packet in source.demux(source.streams.video[0]) if packet.dts is not None]
        for number, packet in enumerate(packets):
            data = bytes(packet)
            for content in (data, not_coded(place % 25, padding)) if number in after else (data,):
                written = av.Packet(content)
                written.stream, written.time_base = stream, Fraction(1, 25)
                written.pts = written.dts = place
                written.is_keyframe = packet.is_keyframe and content is data
                target.mux(written)
                place += 1
    return path


@pytest.mark.parametrize("padding", [0, 40])
@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_packets_that_give_no_picture_are_no_frames_for_anyone(suffix: str, padding: int, tmp_path: Path) -> None:
    path = with_packets_of_no_picture(tmp_path / f"film{suffix}", padding)
    with av.open(str(path)) as container:
        assert len(list(container.streams.video[0].index_entries)) == 14, "the file's table holds more than its frames"
    assert probe(path).frames == 12
    assert numbers_of(decode(path)) == list(range(12))
    assert numbers_of(decode(path, [11, 0, 5])) == [11, 0, 5]
    with pytest.raises(VideoError, match="has 12 frames, asked for frame 12"):
        decode(path, [12])
    made = rewrite(Source(str(path), str(tmp_path / "small.mp4"), np.nan, np.nan, 120, "h264"))
    assert made.frames == 12
    assert numbers_of(decode(tmp_path / "small.mp4")) == list(range(12))


@pytest.mark.parametrize(("height", "width"), [(8000, 320), (320, 8000), (4, 30000), (2160, 3840)])
def test_no_shape_takes_more_than_a_few_squares(height: int, width: int) -> None:
    small = shrunk(height, width, 320)
    assert min(small) >= 1
    assert max(small) <= LONGEST * 320
    assert small[0] * small[1] <= LONGEST * 320**2


def test_long_frames_are_read_small(tmp_path: Path) -> None:
    path = make_video(tmp_path / "long.mp4", numbered(3, 2000, 80))
    assert decode(path, short_side=64).shape == (3, 256, 10, 3)


def test_repeated_frames_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_video(tmp_path / "short.mp4", numbered(3))
    monkeypatch.setattr("sceneproof.data.video.MAX_BYTES", 10 * 48 * 64 * 3)
    assert len(decode(path, [0, 1] * 5)) == 10
    with pytest.raises(VideoError, match="11 frames of 64x48 are over the limit"):
        decode(path, [0] * 11)


@pytest.mark.parametrize("make", [
    lambda length: ClipSettings(length=length), lambda length: BoxClipSettings(length=length),
    lambda length: BufferSettings(length=length), lambda length: InputSettings(frames=length),
    lambda size: ClipSettings(size=size), lambda size: BoxClipSettings(size=size),
    lambda size: BufferSettings(size=size), lambda size: InputSettings(size=size),
])  # fmt: skip
def test_settings_of_no_machine_are_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(InputError, match=r"takes .* GB; at most 16384 frames and 2\.15 GB"):
        make(10**9)


def claims(width: int, height: int) -> bytes:
    """A PNG picture of a few bytes that claims to be as large as this."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    end = chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + end


def test_a_mask_is_measured_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = encode_mask(make_masks(1)[0])
    assert png_size(mask) == (48, 64)
    assert png_size(b"") is png_size(b"\xff\xd8\xff\xe0" + bytes(40)) is None

    def decoded(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("sceneproof.data.human_tables.cv2.imdecode", decoded)
    rows = {"video": ["a"], "frame": [0], "png": [claims(32000, 32000)]}

    masks = HumanMasks(pd.DataFrame(rows))
    with pytest.raises(InputError, match="is 32000x32000, but the video is 64x48"):
        masks.regions("a", [0], 48, 64)


def test_a_picture_is_measured_before_it_is_decoded(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(claims(8192, MAX_PIXELS // 8192 + 1))
    with pytest.raises(InputError, match="over the limit"):
        read_picture(bomb)
    bomb.write_bytes(claims(60000, 60000))
    with pytest.raises(InputError, match=r"bomb\.png"):
        read_picture(bomb)


def test_a_picture_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    picture = Image.fromarray(numbered(1)[0])
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise shows it upright
    data = io.BytesIO()
    picture.save(data, "JPEG", exif=exif, quality=95)
    (tmp_path / "turned.jpg").write_bytes(data.getvalue())
    assert read_picture(tmp_path / "turned.jpg").shape == (64, 48, 3)
