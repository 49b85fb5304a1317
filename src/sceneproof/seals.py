"""Seals: the SHA-256 of a file's bytes inside the file itself, so that damage is seen whenever it is read.

A seal travels with its file and is written with it: no second file that can be missing or out of date. Every program
that reads the format reads a sealed file; one that writes it anew leaves the seal out. A file without a seal is read
as it is: those of older versions, and of others.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from os import SEEK_END, fstat
from pathlib import Path
from typing import BinaryIO

from sceneproof.errors import CURE, DamagedError
from sceneproof.files import write_json

CHECKSUMS = "checksums.json"
"""Of a folder whose files are of formats that cannot hold a seal."""
BLOCK = 2**20
PARQUET_KEY = "sceneproof.seal"
"""Of the seal among the key-value pairs of a Parquet file's footer."""
UNSEALED = "0" * 64
"""Stands where the seal will be while a file is written, and while it is hashed."""
_PARQUET_SEAL = re.compile(re.escape(PARQUET_KEY.encode()) + rb"..([0-9a-f]{64})", re.DOTALL)
_BOX = (56).to_bytes(4, "big") + b"uuid" + bytes.fromhex("7363656e6570726f6f66207365616c31")
"""A box of MP4 that players skip: its length, its kind, and a name of our own; 32 bytes of SHA-256 follow."""
_BOX_LENGTH = 56
_PNG = b"\x89PNG\r\n\x1a\n"


def seal_parquet(path: Path) -> None:
    """Writes the seal into a Parquet file that was closed with `UNSEALED` as the value of `PARQUET_KEY`."""
    with open(path, "r+b") as file:
        place = _parquet_seal(file)
        assert place is not None, "written without the key"
        digest = _digest(file, without=range(place, place + len(UNSEALED)))
        file.seek(place)
        file.write(digest.hexdigest().encode())


def check_parquet(file: BinaryIO, name: object, *, cure: str = CURE) -> None:
    """Raises DamagedError where a Parquet file is not as it was sealed; leaves the file at its start.

    Args:
        file: the file.
        name: what to call it.
        cure: what to do then.
    """
    place = _parquet_seal(file)
    if place is not None:
        file.seek(place)
        said = file.read(len(UNSEALED)).decode()
        if _digest(file, without=range(place, place + len(UNSEALED))).hexdigest() != said:
            raise DamagedError(name, cure)
    file.seek(0)


def seal_video(path: Path) -> None:
    """Adds the seal to the end of an MP4 file."""
    with open(path, "r+b") as file:
        digest = _digest(file).digest()
        file.seek(0, SEEK_END)
        file.write(_BOX + digest)


def video_is_damaged(file: BinaryIO, path: Path | None = None) -> bool:
    """Whether a video is not as it was sealed; leaves the file at its start.

    Args:
        file: the video.
        path: where it lies on this machine: it is hashed once in a process, until it is written anew.
    """
    length = file.seek(0, SEEK_END)
    file.seek(max(length - _BOX_LENGTH, 0))
    end = file.read(_BOX_LENGTH)
    if not end.startswith(_BOX) or length == _BOX_LENGTH:
        damaged = False
    elif path is None:
        damaged = _digest(file, length - _BOX_LENGTH).digest() != end[len(_BOX) :]
    else:
        damaged = _hashed(str(path), length, fstat(file.fileno()).st_mtime_ns) != end[len(_BOX) :]
    file.seek(0)
    return damaged


@lru_cache(maxsize=2**16)
def _hashed(path: str, length: int, _time: int) -> bytes:
    with open(path, "rb") as file:
        return _digest(file, length - _BOX_LENGTH).digest()


def seal_folder(folder: Path, names: Sequence[str] | None = None) -> None:
    """Writes `CHECKSUMS`: the SHA-256 of each file of a folder, or of these."""
    files = [path.name for path in folder.iterdir() if path.is_file()] if names is None else names
    write_json(folder / CHECKSUMS, {name: path_digest(folder / name) for name in sorted(files) if name != CHECKSUMS})


def check_folder(folder: Path, *, cure: str = CURE) -> None:
    """Raises DamagedError where a file of a folder is not as `seal_folder` found it, or is gone.

    A folder without checksums is one of an older version, and is taken as it is.
    """
    place = folder / CHECKSUMS
    if not place.exists():
        return
    try:
        said = json.loads(place.read_text())
    except ValueError:  # no JSON, or no text
        raise DamagedError(place, cure) from None
    if not isinstance(said, dict):
        raise DamagedError(place, cure)
    for name, digest in said.items():
        try:
            same = path_digest(folder / name) == digest
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):  # also where a name is damaged
            same = False
        if not same:
            raise DamagedError(folder / name, cure)


def intact(path: Path) -> bool:
    """Whether a file is there and, if it has a seal (a PNG picture: checksums), as it was written.

    Args:
        path: a Parquet file, an MP4 video or a PNG picture; of others only whether they are there.
    """
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        if path.suffix == ".parquet":
            try:
                check_parquet(file, path)
            except DamagedError:
                return False
        elif path.suffix == ".mp4":
            return not video_is_damaged(file, path)
        elif path.suffix == ".png":
            return _whole_png(file.read())
    return True


def path_digest(path: Path) -> str:
    """SHA-256 of a file of this machine, 64 digits."""
    with open(path, "rb") as file:
        return file_digest(file)


def file_digest(file: BinaryIO) -> str:
    """SHA-256 of a file's bytes from where it stands, 64 digits."""
    digest = hashlib.sha256()
    while block := file.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()


def _parquet_seal(file: BinaryIO) -> int | None:
    """Where the seal's digits begin; None in a file without one, or that is no Parquet file."""
    length = file.seek(0, SEEK_END)
    file.seek(max(length - 8, 0))
    end = file.read(8)
    footer = int.from_bytes(end[:4], "little")
    if end[4:] != b"PAR1" or footer > length - 12:
        return None
    file.seek(length - 8 - footer)
    # the last one: a table may hold such a text, too, and what it holds comes before
    matches = list(_PARQUET_SEAL.finditer(file.read(footer)))
    return length - 8 - footer + matches[-1].start(1) if matches else None


def _digest(file: BinaryIO, length: int | None = None, *, without: range = range(0)) -> "hashlib._Hash":
    """SHA-256 of the first `length` bytes, those of a range taken for zeros (as digits)."""
    digest = hashlib.sha256()
    file.seek(0)
    for start, block in _blocks(file, length):
        for place in range(max(without.start, start), min(without.stop, start + len(block))):
            block[place - start] = ord("0")
        digest.update(block)
    return digest


def _blocks(file: BinaryIO, length: int | None) -> Iterator[tuple[int, bytearray]]:
    start = 0
    while block := bytearray(file.read(BLOCK if length is None else min(BLOCK, length - start))):
        yield start, block
        start += len(block)


def _whole_png(data: bytes) -> bool:
    """Whether every chunk of a PNG picture is there and as its checksum says."""
    place = len(_PNG)
    if data[:place] != _PNG:
        return False
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        end = place + 8 + length
        if zlib.crc32(data[place + 4 : end]).to_bytes(4, "big") != data[end : end + 4]:
            return False
        if data[place + 4 : place + 8] == b"IEND":
            return True
        place = end + 4
    return False
