"""Pictures are videos of one frame: read as they are shown, told by their content, refused with a reason."""

import io
import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from sceneproof.data import picture
from sceneproof.data.clips import refuse_repeated, repeated
from sceneproof.data.manifest import Manifest
from sceneproof.data.picture import HEAD, ORIENTATION_TAG, picture_format
from sceneproof.data.timing import Timing
from sceneproof.data.video import VideoError, VideoInfo, decode, decode_each, frame_range, probe
from sceneproof.errors import InputError
from sceneproof.rewriting import Source, rewrite
from tests.videos import make_video, numbered

Pixels = NDArray[np.uint8]
LOSSLESS: dict[str, dict[str, Any]] = {"PNG": {}, "BMP": {}, "WebP": {"lossless": True}}


def quarters(height: int = 48, width: int = 64) -> Pixels:
    """Four colours, one a quarter: which way up it is can be told."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = 255, 0, 0
    pixels[: height // 2, width // 2 :] = 0, 255, 0
    pixels[height // 2 :, : width // 2] = 0, 0, 255
    return pixels


def save(path: Path, image: Image.Image | Pixels, kind: str, **options: Any) -> Path:
    given = image if isinstance(image, Image.Image) else Image.fromarray(image)
    given.save(path, kind, **options)
    return path


@pytest.mark.parametrize("kind", LOSSLESS)
def test_a_picture_is_a_video_of_one_frame_whatever_its_name(kind: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (47, 65, 3), np.uint8)
    path = save(tmp_path / "strange.mp4", pixels, kind, **LOSSLESS[kind])
    info = probe(path)
    assert (info.frames, info.width, info.height, info.rate, info.picture) == (1, 65, 47, 1.0, True)
    assert info.times is not None
    assert (info.times.text(), info.times.end) == ("even 1 1.0 0.0 1.0", 1.0)
    assert frame_range(info) == range(1)
    assert frame_range(info, 0.0, 1.0) == range(1)
    for frames in (decode(path), decode(path, [0]), np.stack(list(decode_each(path, range(1), lambda h, w: (h, w))))):
        np.testing.assert_array_equal(frames, pixels[None])
    np.testing.assert_array_equal(decode(path, [0, 0]), np.stack([pixels, pixels]))
    assert decode(path, short_side=16).shape == (1, 16, 22, 3)
    with pytest.raises(VideoError, match="has 1 frames, asked for frame 3"):
        decode(path, [0, 3])


def test_jpeg_is_read_as_it_is_shown(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", quarters(), "JPEG", quality=95)
    assert np.abs(decode(path)[0].astype(int) - quarters()).mean() < 3


@pytest.mark.parametrize(("number", "shown"), [
    (1, lambda a: a), (2, lambda a: a[:, ::-1]), (3, lambda a: a[::-1, ::-1]), (4, lambda a: a[::-1]),
    (5, lambda a: a.swapaxes(0, 1)), (6, lambda a: np.rot90(a, -1)), (7, lambda a: np.rot90(a, 2).swapaxes(0, 1)),
    (8, lambda a: np.rot90(a)), (9, lambda a: a),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
def test_exif_turns_a_picture(kind: str, number: int, shown: Callable[[Pixels], Pixels], tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = number
    options = {**LOSSLESS.get(kind, {"quality": 95, "subsampling": 0}), "exif": exif}
    path = save(tmp_path / "a", quarters(), kind, **options)
    expected = shown(quarters())
    info, frames = probe(path), decode(path)
    assert (info.height, info.width) == expected.shape[:2]
    assert np.abs(frames[0].astype(int) - expected).mean() < 3


def test_exif_that_cannot_be_read_turns_nothing(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", quarters(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + bytes(20))
    assert decode(path).shape == (1, 48, 64, 3)


def test_colours_of_all_kinds_become_those_that_are_shown(tmp_path: Path) -> None:
    base = Image.fromarray(quarters())
    palette = base.quantize(8)
    clear = Image.new("RGBA", (64, 48), (255, 0, 0, 0))
    half = Image.new("RGBA", (64, 48), (255, 0, 0, 128))
    deep = Image.fromarray(np.full((48, 64), 0x80FF, np.uint16))
    seen = {
        "palette": (palette, "PNG", quarters()),
        "grey": (Image.new("L", (64, 48), 77), "PNG", (77, 77, 77)),
        "two colours": (Image.new("1", (64, 48), 1), "PNG", (255, 255, 255)),
        "grey of 16 bits": (deep, "PNG", (128, 128, 128)),
        "clear": (clear, "PNG", (255, 255, 255)),
        "half": (half, "PNG", (255, 127, 127)),
        "grey, half": (Image.new("LA", (64, 48), (0, 128)), "PNG", (127, 127, 127)),
        "half in WebP": (half, "WebP", (255, 127, 127)),
        "CMYK": (base.convert("CMYK"), "JPEG", quarters()),
        "grey JPEG": (Image.new("L", (64, 48), 77), "JPEG", (77, 77, 77)),
    }
    for name, (image, kind, expected) in seen.items():
        path = save(tmp_path / "a", image, kind, **({"quality": 95} if kind == "JPEG" else LOSSLESS[kind]))
        differences = np.abs(decode(path)[0].astype(int) - np.asarray(expected, np.uint8))
        assert differences.mean() < 3, name
    one = save(tmp_path / "b", palette.convert("RGB").quantize(4), "PNG", transparency=palette.getpixel((0, 0)))
    assert (decode(one)[0] == 255).all(-1).any()


def animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (16, 16), (60 * number, 0, 0)) for number in range(3)]
    data = io.BytesIO()
    frames[0].save(data, kind, save_all=True, append_images=frames[1:], duration=100)
    return data.getvalue()


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG that claims 3.6 thousand million pixels in some bytes."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(99)))]
    parts = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


BMP_BOMB = b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0)


def webp_bomb() -> bytes:
    data = bytearray(animated("WEBP"))
    data[24:30] = b"\xfe\x3f\0\xfe\x3f\0"  # the canvas of VP8X: 16,383 x 16,383
    return bytes(data)


def encoded(kind: str, **options: Any) -> bytes:
    data = io.BytesIO()
    Image.fromarray(numbered(1, 48, 64)[0]).save(data, kind, **options)
    return data.getvalue()


@pytest.mark.parametrize(("data", "reason"), [
    (animated("PNG"), "an animated PNG of 3 frames"),
    (animated("WEBP"), "an animated WebP of 3 frames"),
    (bomb(), "60000x60000 are over the limit"),
    (webp_bomb(), "over the limit|damaged or cut off"),
    (BMP_BOMB, "over the limit"),
    (encoded("TIFF"), "a TIFF picture: pictures are read as JPEG, PNG, WebP, BMP"),
    (b"\0\0\0\x18ftypheic" + bytes(50), "a HEIF picture"),
    (encoded("JPEG")[:-200], "damaged or cut off: this JPEG picture"),
    (encoded("JPEG")[:20], "damaged or cut off: this JPEG picture"),
    (encoded("PNG")[:-60], "damaged or cut off: this PNG picture"),
    (encoded("BMP")[:-60], "damaged or cut off: this BMP picture"),
    (encoded("WEBP")[:-60], "cut off: the file is shorter than its header says"),
    (b"\xff\xd8\xff" + b"<html>" * 99, "damaged or cut off: this JPEG picture"),
    (b"\x89PNG\r\n\x1a\n", "damaged or cut off: this PNG picture"),
], ids=range(14))  # fmt: skip
@pytest.mark.parametrize("read", [probe, decode, lambda path: decode(path, [0])], ids=["probe", "decode", "one frame"])
@pytest.mark.filterwarnings("error")
def test_what_is_no_whole_picture_says_why(
    read: Callable[[Path], object], data: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(VideoError, match=reason) as raised:
        read(path)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_damaged_pictures_give_a_frame_or_a_reason(kind: str, tmp_path: Path) -> None:
    rng, whole = np.random.default_rng(0), encoded(kind)
    path, reasons = tmp_path / "a", []
    for _ in range(150):
        data = bytearray(whole)
        for place in rng.integers(0, min(len(data), 400), 3):
            data[place] = rng.integers(256)
        path.write_bytes(bytes(data[: rng.integers(1, len(data) + 1)] if rng.integers(2) else data))
        try:
            assert len(decode(path)) == probe(path).frames
        except VideoError as error:
            reasons.append(str(error))
    assert reasons
    assert all(0 < len(reason) < 300 for reason in reasons)


def test_large_files_are_not_taken_into_memory(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", quarters(), "PNG")
    with patch.object(picture, "MOST_BYTES", 99), pytest.raises(VideoError, match="over the limit of 99"):
        decode(path)


def test_only_what_begins_like_a_picture_is_one() -> None:
    assert picture_format(encoded("BMP")[:HEAD]) == "BMP"
    for other in (
        b"BM and then some text, and some more",
        b"RIFF\0\0\0\0AVI LIST",
        b"GIF89a",
        b"",
        b"\0\0\0\x18ftypisom",
    ):
        assert picture_format(other) is None


def test_a_picture_is_prepared_like_a_video(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", quarters(480, 640), "PNG")
    made = rewrite(Source(str(path), str(tmp_path / "small.mp4"), math.nan, math.nan, 48, "h264"))
    assert (made.frames, made.height, made.width) == (1, 48, 64)
    assert probe(tmp_path / "small.mp4").frames == 1


def manifest(folder: Path, frames: list[int] | None, paths: list[str]) -> Manifest:
    rows = pd.DataFrame({"video": paths, "path": paths, "split": "train", "action": "run"})
    return Manifest(rows if frames is None else rows.assign(frames=frames), folder, "table")


def test_clips_that_repeat_a_still_are_told_or_refused(tmp_path: Path) -> None:
    names = ["a", "b", "c"]
    some, every = manifest(tmp_path, [1, 16, 0], names), manifest(tmp_path, [1, 1, 0], names)
    assert repeated(some, 1) == repeated(every, 1) == repeated(manifest(tmp_path, [2, 16, 0], names), 8) == []
    assert "a clip of 8 frames" in repeated(some, 8)[0]
    refuse_repeated(some, 8, "--length")
    refuse_repeated(every, 1, "--length")
    with pytest.raises(InputError, match=r"a clip of 8 frames would show a still; give --length 1"):
        refuse_repeated(every, 8, "--length")


def test_pictures_are_known_where_the_manifest_does_not_tell_its_frames(tmp_path: Path) -> None:
    save(tmp_path / "a.png", quarters(), "PNG")
    make_video(tmp_path / "b.mp4", numbered(4))
    with pytest.raises(InputError, match="would show a still"):
        refuse_repeated(manifest(tmp_path, None, ["a.png"]), 8, "--length")
    refuse_repeated(manifest(tmp_path, None, ["a.png", "b.mp4"]), 8, "--length")
    refuse_repeated(manifest(tmp_path, None, ["missing.png"]), 8, "--length")


def test_a_picture_where_the_index_found_no_frames_is_not_taken(tmp_path: Path) -> None:
    save(tmp_path / "a.mp4", quarters(), "PNG")
    assert Timing(manifest(tmp_path, [1], ["a.mp4"])).info(0) == VideoInfo(1, 64, 48, 1.0, picture=True)
    for said in (0, 16):
        with pytest.raises(VideoError, match=f"the manifest says {said} frames, the file has 1"):
            Timing(manifest(tmp_path, [said], ["a.mp4"])).info(0)
