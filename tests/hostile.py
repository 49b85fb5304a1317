"""Sixty files that nobody should trust: videos of four kinds damaged by a seeded fuzzer, and files made to do harm."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from tests.videos import make_format, numbered

KINDS = ("MP4, H.264, B-frames", "AVI, MPEG-4", "WebM, VP8", "MKV, H.264")
Rng = np.random.Generator


def make_hostile(folder: Path, seed: int = 0) -> list[Path]:
    """Writes the files into `folder`; the same seed gives the same ones."""
    whole = folder / "whole"
    whole.mkdir(parents=True)
    files = []
    for kind in KINDS:
        data = make_format(whole, kind, numbered(24)).read_bytes()
        suffix = next(whole.glob(f"{kind.replace(', ', '_')}.*")).suffix
        for place, damage in enumerate(DAMAGES):
            for again in range(2):
                rng = np.random.default_rng((seed, KINDS.index(kind), place, again))
                files.append(folder / f"{damage.__name__.strip('_')}_{again}_{KINDS.index(kind)}{suffix}")
                files[-1].write_bytes(damage(data, rng))
    for name, make in MADE.items():
        path = folder / name
        make(path)
        files.append(path)
    return files


def _flip_in_the_header(data: bytes, rng: Rng) -> bytes:
    return _changed(data, rng.integers(0, min(512, len(data)), 16), rng)


def _flip_anywhere(data: bytes, rng: Rng) -> bytes:
    return _changed(data, rng.integers(0, len(data), 64), rng)


def _cut_off(data: bytes, rng: Rng) -> bytes:
    return data[: int(rng.integers(1, len(data)))]


def _without_a_piece(data: bytes, rng: Rng) -> bytes:
    start, length = int(rng.integers(0, len(data))), int(rng.integers(1, 4096))
    return data[:start] + data[start + length :]


def _a_piece_twice(data: bytes, rng: Rng) -> bytes:
    start, length = int(rng.integers(0, len(data))), int(rng.integers(1, 4096))
    return data[: start + length] + data[start:]


def _huge_numbers(data: bytes, rng: Rng) -> bytes:
    changed = bytearray(data)
    for start in rng.integers(0, min(2048, len(data) - 4), 4):
        changed[start : start + 4] = b"\x7f\xff\xff\xff"
    return bytes(changed)


DAMAGES: tuple[Callable[[bytes, Rng], bytes], ...] = (
    _flip_in_the_header, _flip_anywhere, _cut_off, _without_a_piece, _a_piece_twice, _huge_numbers,
)  # fmt: skip


def _changed(data: bytes, places: "np.ndarray[tuple[int], np.dtype[np.int64]]", rng: Rng) -> bytes:
    changed = bytearray(data)
    for place in places:
        changed[place] ^= int(rng.integers(1, 256))
    return bytes(changed)


def _picture_that_claims_any_size(path: Path) -> None:
    """A GIF of 65,535 x 65,535 pixels in some bytes."""
    path.write_bytes(b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6) + b";")


def _compressed_zeros(path: Path) -> None:
    path.write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + zlib.compress(bytes(2**20))[2:])


MADE: dict[str, Callable[[Path], object]] = {
    "empty.mp4": lambda path: path.write_bytes(b""),
    "one_byte.avi": lambda path: path.write_bytes(b"R"),
    "page.mp4": lambda path: path.write_text("<html>This page has moved.</html>" * 99),
    "pickle.mp4": lambda path: path.write_bytes(b"\x80\x04cos\nsystem\n(S'echo harm'\ntR."),
    "playlist.m3u8": lambda path: path.write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n"),
    "concatenation.mp4": lambda path: path.write_text("ffconcat version 1.0\nfile /etc/passwd\n"),
    "subtitles.avi": lambda path: path.write_text("GAB2 /etc/passwd " * 50),
    "picture.mp4": lambda path: path.write_bytes(cv2.imencode(".png", numbered(1)[0])[1].tobytes()),
    "giant.mp4": _picture_that_claims_any_size,
    "zeros.mkv": lambda path: path.write_bytes(bytes(2**16)),
    "bomb.mp4": _compressed_zeros,
    "pipe.mp4": os.mkfifo,
    "endless.mp4": lambda path: path.symlink_to("/dev/zero"),
    "itself.mp4": lambda path: path.symlink_to(path),
    "folder.mp4": lambda path: path.mkdir(),
    "-i; echo $(harm) `harm`.mp4": lambda path: path.write_bytes(b"harm"),
}
"""Files that were made to do harm, or to waste time, by name."""
