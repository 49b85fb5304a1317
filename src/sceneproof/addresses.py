"""Where files are: paths of this machine, and addresses of object stores and other places that fsspec knows.

An address is plain text (`s3://bucket/folder/file`). How it is reached is the environment's, never the address's, so
that a process can hand it to another. This is the one module that knows fsspec; paths of this machine pass through it.
"""

import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar, cast

import fsspec
from upath import UPath

from sceneproof.errors import AddressError, InputError, UnreachableError

Address: TypeAlias = str | Path
"""What a user gives: a path, or an address."""
Place: TypeAlias = Path | UPath
"""An address that is understood: both have pathlib's names and parents."""
Text = TypeVar("Text", str, Path)

SMALL = 2**25
"""Bytes up to which a file is fetched whole, by one request; most clips of seconds are far below it."""
BLOCK, BLOCKS = 2**21, 16
"""Bytes that a larger file is fetched by, and how many such pieces are kept."""
PACKAGES = {"s3": "sceneproof[s3]", "s3a": "sceneproof[s3]", "gs": "sceneproof[gcs]", "gcs": "sceneproof[gcs]",
            "hf": "huggingface_hub"}  # fmt: skip
LOCAL = ("", "file", "local")


def located(address: Address | Place) -> Place:
    """A path of this machine as a Path, an address as a UPath.

    Raises:
        InputError: an unknown kind of address, or one whose package is not installed.
    """
    text = str(address)
    if "://" not in text:
        return at_home(Path(address)) if isinstance(address, str | Path) else address
    kind = text.partition("://")[0]
    if kind in LOCAL:
        return at_home(Path(text.partition("://")[2]))
    try:
        fsspec.get_filesystem_class(kind)
    except ImportError:
        package = PACKAGES.get(kind, f"fsspec's package for {kind}://")
        raise InputError(f"{text}: {kind}:// needs a package: pip install '{package}'") from None
    except ValueError:
        raise InputError(f"{text}: no such kind of address; s3://, gs:// and hf:// are known, among others") from None
    # other machines write there too, so that a listing of a moment ago says nothing; made anew from the text, since
    # connections do not outlive a fork
    return UPath(text, use_listings_cache=False)


def at_home(path: Text) -> Text:
    """A path that begins with `~` or `~name`, from that home; any other path as it is.

    Raises:
        InputError: nobody of that name has a home here: a folder named `~` is hardly what was meant.
    """
    if not str(path).startswith("~"):
        return path
    expanded = os.path.expanduser(path)
    if expanded.startswith("~"):
        raise InputError(f"{path}: no such home; a folder that is named so needs its whole path")
    return type(path)(expanded)


def size(place: Place) -> int | None:
    """Bytes of a file; None where there is none.

    Raises:
        AddressError: the address cannot be reached.
    """
    if isinstance(place, Path):
        return place.stat().st_size if place.is_file() else None
    facts = _facts(place)
    return int(facts["size"]) if facts else None


def marks(place: Place) -> str:
    """A text that changes when a file is written anew, made of its size and time, or of the store's own marks.

    Raises:
        FileNotFoundError: there is no such file of this machine.
        AddressError: there is none at the address, or it cannot be reached.
    """
    if isinstance(place, Path):
        file = place.stat()
        return f"{file.st_size} bytes at {file.st_mtime_ns}"
    if (facts := _facts(place)) is None:
        raise AddressError(str(place), "no such file")
    return _joined(facts)


def names(folder: Place) -> set[str]:
    """Names of what is in a folder; none where there is no folder.

    Raises:
        AddressError: the address cannot be reached.
    """
    try:
        if isinstance(folder, Path):
            return {path.name for path in folder.iterdir()}
        with _reaching(folder):
            return {name.rstrip("/").rpartition("/")[2] for name in folder.fs.ls(folder.path, detail=False)}
    except FileNotFoundError:
        return set()


def opened_file(place: Place) -> BinaryIO:
    """A file to read from: whole in memory where it is small and from an address, else fetched as it is read.

    Raises:
        AddressError: there is none at the address, or it cannot be reached; also while it is read.
        OSError: a path of this machine cannot be opened.
    """
    if isinstance(place, Path):
        return open(place, "rb")
    if (facts := _facts(place)) is None:
        raise AddressError(str(place), "no such file")
    if facts["size"] <= SMALL:
        file: Any = io.BytesIO(_whole(str(place), _joined(facts), int(facts["size"])))
    else:
        with _reaching(place):
            how = {"cache_type": "blockcache", "cache_options": {"maxblocks": BLOCKS}}
            file = place.fs.open(place.path, "rb", block_size=BLOCK, **how)
    return cast(BinaryIO, _Fetched(place, file))


def upload(file: Path, place: UPath) -> None:
    """Puts a file of this machine at an address, where it appears whole or not at all.

    Raises:
        AddressError: the address cannot be reached or written.
    """
    try:
        with _reaching(place):
            place.fs.put_file(str(file), place.path)
    except FileNotFoundError:
        raise AddressError(str(place), "no such bucket: make it first") from None


def remove(place: Place) -> None:
    """Deletes a file, if it is there.

    Raises:
        AddressError: the address cannot be reached or written.
    """
    if isinstance(place, Path):
        place.unlink(missing_ok=True)
    elif size(place) is not None:
        with _reaching(place):
            place.fs.rm_file(place.path)


def remove_folder(folder: Place, *, last: str) -> None:
    """Deletes a folder of files, if it is there, and the one named `last` after all others.

    Raises:
        AddressError: the address cannot be reached or written.
    """
    files = names(folder)
    if isinstance(folder, Path):
        for name in sorted(files, key=lambda name: name == last):
            (folder / name).unlink()
        if folder.exists():
            folder.rmdir()
        return
    with _reaching(folder):
        if others := [f"{folder.path}/{name}" for name in sorted(files - {last})]:
            folder.fs.rm(others)
        if files:
            folder.fs.rm(folder.path, recursive=True)


@contextmanager
def at_hand(folder: Place, wanted: Sequence[str]) -> Iterator[Path]:
    """A folder of this machine with these files of a folder: itself, or a copy for as long as the block lasts.

    Raises:
        AddressError: the address cannot be reached.
    """
    if isinstance(folder, Path):
        yield folder
        return
    with tempfile.TemporaryDirectory() as copy:
        with _reaching(folder):
            folder.fs.get([f"{folder.path}/{name}" for name in wanted], [f"{copy}/{name}" for name in wanted])
        yield Path(copy)


@contextmanager
def _reaching(place: UPath) -> Iterator[None]:
    """Gives the errors of all stores one name; what is not there stays a FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:  # each store has its own, of no common kind
        text = (str(error) or type(error).__name__).splitlines()[0]
        kind = AddressError if isinstance(error, PermissionError) else UnreachableError  # one file may be forbidden
        raise kind(
            str(place), f"cannot be reached ({text}): are the credentials and the endpoint right? See docs/addresses.md"
        ) from error


def _facts(place: UPath) -> dict[str, Any] | None:
    """What the store says of a file; None where there is none."""
    try:
        with _reaching(place):
            # not fs.isfile or fs.exists, which take any failure for absence
            facts: dict[str, Any] = place.fs.info(place.path)
    except FileNotFoundError:
        return None
    if facts["type"] != "file":
        return None
    if facts["size"] is None:
        raise AddressError(str(place), "its server does not say how large it is")
    return facts


def _joined(facts: dict[str, Any]) -> str:
    return str(sorted((key, str(value)) for key, value in facts.items()))


@lru_cache(maxsize=1)
def _whole(address: str, _marks: str, length: int) -> bytes:
    """A file's bytes. The last one is kept, for a video is looked into before it is decoded."""
    place = cast(UPath, located(address))
    try:
        with _reaching(place):
            # by its ends, which are known: without them s3fs asks for the length first
            return bytes(place.fs.cat_file(place.path, start=0, end=length)) if length else b""
    except FileNotFoundError:
        raise AddressError(address, "no such file") from None


class _Fetched(io.RawIOBase):
    """A file at an address, fetched as it is read. What fails then is told like what fails when it is opened."""

    def __init__(self, place: UPath, file: Any) -> None:
        self._place, self._file = place, file
        self.name = place.name  # libav tells some formats by their suffix

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        try:
            with _reaching(self._place):
                return bytes(self._file.read(-1 if size is None else size))
        except FileNotFoundError:
            raise AddressError(str(self._place), "was deleted while it was read") from None

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()
        super().close()
