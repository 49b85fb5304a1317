"""Files that are written whole or not at all, and are on the disk when they have their name; bounded JSON."""

import errno
import hashlib
import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sceneproof.addresses import Address, Place, located, opened_file, upload
from sceneproof.errors import DamagedError, InputError
from sceneproof.terminal import visible

SEAL = "sceneproof.sha256"
"""The key of a JSON object's own SHA-256."""
LONGEST_NAME = 255
"""Bytes of a file's name: what every file system in use takes."""
LONGEST_SUFFIX = 16
NO_FOLDERS = (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF, errno.ENOSYS)
"""What file systems say that cannot write a folder out, such as some of networks."""

MOST_JSON = 2**26
"""Bytes of a JSON file of ours."""
MOST_LISTED = 2**30
"""Bytes of a data set's list in JSON, or of detections in it."""
MOST_NAMES = 2**24
"""Bytes of a list of names: those of ten thousand classes are far below it."""
SOURCES = "sources.json"
"""In a folder of results: which video each name stands for."""
KINDS: dict[type, str] = {dict: "object", list: "list"}


@contextmanager
def whole(path: Address | Place) -> Iterator[Path]:
    """Yields a temporary path, beside `path` unless that is an address, that takes its place when the block ends well.

    The temporary name keeps the suffix, so writers that look at it still work. A process that is killed leaves
    `path` as it was. A full disk surfaces as the writer's OSError, with `path` untouched. After the block file and name
    are on the disk. To an address the file is uploaded by one call: object stores show it when all of it is there.

    Raises:
        AddressError: the address cannot be reached or written.
    """
    path = located(path)
    if not isinstance(path, Path):
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder, path.name)
            upload(Path(folder, path.name), path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(temporary_name(path.name))
    try:
        temporary.touch()
        mode = temporary.stat().st_mode & 0o777  # what the umask leaves; some writers make files for their owner alone
        yield temporary
        temporary.chmod(mode)
        sync(temporary)
        os.replace(temporary, path)
        sync(path.parent)
    except OSError as error:  # of a writer that does not say what it wrote
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Waits until a file's bytes, or a folder's names, are on the disk.

    Raises:
        OSError: they could not be written there.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in NO_FOLDERS or not path.is_dir():
            raise


def temporary_name(name: str) -> str:
    """What a file is called while this process writes it: hidden, of the same suffix, never longer than allowed."""
    stem, suffix = os.path.splitext(name)
    if len(suffix) > LONGEST_SUFFIX:  # none that a writer looks at
        suffix = ""
    return fitting_name(f".{stem}", f".{os.getpid()}.tmp{suffix}")


def fitting_name(stem: str, end: str) -> str:
    """A file's name that file systems take: `stem` and `end`, or, where that is too long, less of the stem.

    Names that are cut stay apart by a digest of the whole stem.

    Args:
        stem: what to begin with.
        end: what to end with, such as a suffix; it is never cut.
    """
    if len(os.fsencode(stem + end)) <= LONGEST_NAME:
        return stem + end
    mark = f"~{hashlib.sha256(os.fsencode(stem)).hexdigest()[:16]}"
    room = LONGEST_NAME - len(os.fsencode(mark + end))
    return os.fsencode(stem)[:room].decode(errors="ignore") + mark + end


def write_json(path: Address | Place, value: Any, *, sealed: bool = False) -> None:
    """Writes indented JSON, whole or not at all; refuses NaN, which JSON does not have.

    Args:
        path: the file.
        value: what JSON can hold.
        sealed: with its own SHA-256, which `read_json` checks and leaves out.
    """
    with whole(path) as temporary:
        temporary.write_text(json.dumps(_sealed(value) if sealed else value, indent=2, allow_nan=False) + "\n")


def read_json(path: Address | Place, expected: type = object, *, most: int = MOST_JSON) -> Any:
    """Reads JSON.

    Args:
        path: the file.
        expected: dict or list, where nothing else will do.
        most: bytes that it may have.

    Raises:
        InputError: the file is missing, cannot be reached, is larger or nested deeper than such files are, is not JSON,
            not as it was sealed, or holds something else than was expected.
    """
    return _of_kind(_opened(parse_json(read_bounded(path, most), str(path)), path), str(path), expected)


def sealed_line(record: Mapping[str, Any]) -> str:
    """A line of JSON Lines that holds its own SHA-256; refuses NaN."""
    return json.dumps(_sealed(dict(record))) + "\n"


def opened_line(line: bytes, name: str) -> dict[str, Any]:
    """The record of a line, sealed or not.

    Args:
        line: of JSON Lines.
        name: where it stands, for messages.

    Raises:
        InputError: it is no JSON object, or, a DamagedError, not as it was sealed.
    """
    record: dict[str, Any] = _opened(parse_json(line, name, dict), name)
    return record


def _sealed(value: Any) -> dict[str, Any]:
    """A JSON object that holds its own SHA-256: a dictionary with one key more, anything else as its "value"."""
    plain = json.loads(json.dumps(value, allow_nan=False))  # as it will be read: keys are text, tuples lists
    inside = plain if isinstance(plain, dict) else {"value": plain}
    return {**inside, SEAL: _digest(inside)}


def _opened(said: Any, path: Address | Place) -> Any:
    """What `_sealed` sealed; a value without a seal is handed on."""
    if not isinstance(said, dict) or SEAL not in said:
        return said
    inside = {name: value for name, value in said.items() if name != SEAL}
    if _digest(inside) != said[SEAL]:
        raise DamagedError(path)
    return inside["value"] if set(inside) == {"value"} else inside


def _digest(value: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def parse_json(data: str | bytes, name: str, expected: type = object) -> Any:
    """A JSON text as values; `name` is where it stands, for messages.

    Raises:
        InputError: it is not JSON, nested too deep, or holds something else than was expected.
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        value = json.loads(text)
        if re.search(r"\\u[dD][89a-fA-F]", text):  # half a letter, which nothing can be written with
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise InputError(f"{name}: not JSON that can be read: nested too deep") from None
    except ValueError as error:  # of JSON, of the encoding, or of a number with thousands of digits
        raise InputError(f"{name}: not JSON: {error}") from None
    return _of_kind(value, name, expected)


def _of_kind(value: Any, name: str, expected: type) -> Any:
    if not isinstance(value, expected):
        said = repr(value) if len(repr(value)) <= 40 else f"{repr(value)[:40]}…"
        raise InputError(f"{name}: expected a JSON {KINDS[expected]}, not {type(value).__name__} {said}")
    return value


def read_bounded(path: Address | Place, most: int) -> bytes:
    """The bytes of a file that has at most so many.

    Raises:
        InputError: it is missing, larger, no file, or may not be read.
    """
    place = located(path)
    try:
        if isinstance(place, Path) and place.exists() and not place.is_file():
            raise InputError(f"{path}: cannot be read: not a file")  # opening a pipe would wait for a writer for good
        with opened_file(place) as file:
            data = file.read(most + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: cannot be read: no such file") from None
    except PermissionError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > most:
        raise InputError(f"{path}: cannot be read: larger than {most} bytes, which no such file is")
    return data


def named(path: Path) -> Path:
    """A path that was found in a folder, if its name can be written into tables, pages and messages.

    Raises:
        InputError: it holds bytes that are not UTF-8, or control characters; names the file.
    """
    for letter in path.name:
        if unicodedata.category(letter) in ("Cc", "Cs"):
            what = "a byte that is not UTF-8" if "\udc80" <= letter <= "\udcff" else "a control character"
            raise InputError(f"{visible(path)}: its name holds {what}, which no table can: rename it")
    return path


def decoded(data: bytes, name: str) -> str:
    """UTF-8 as text, without a mark at its start; `name` is where it stands, for the message.

    Raises:
        InputError: it is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: cannot be read: not text in UTF-8: {error}") from None


def no_file(place: Address | Place, expected: str, *, inside: str | None = None) -> str:
    """What to say where a file is wanted and is not there: that it is a folder, or that nothing has this name.

    Args:
        place: what was given.
        expected: what the file should hold, with its article: "a manifest table, in Parquet".
        inside: name of the file that is meant where a folder has it.
    """
    if isinstance(place, str | Path) and Path(place).is_dir():
        hint = f": {Path(place) / inside} is there" if inside and (Path(place) / inside).is_file() else ""
        return f"{place}: is a folder, where a file is wanted (expected {expected}){hint}"
    return f"{place}: no such file (expected {expected})"


def no_folder(place: Path, what: str = "") -> str:
    """What to say where a folder is wanted and is not there: that it is a file, or that nothing has this name.

    Args:
        place: what was given.
        what: what the folder should hold, as it goes on behind "folder": " of videos".
    """
    return f"{place}: is a file, where a folder{what} is wanted" if place.exists() else f"{place}: no such folder{what}"


def output_files(folder: Path, video: Place, endings: Sequence[str]) -> list[Path]:
    """The files FOLDER/NAME.ENDING for a video; the folder is made, and remembers which video the name stands for.

    Raises:
        InputError: there is no such video, or the folder holds what was found in another one of this name.
    """
    if isinstance(video, Path) and not video.is_file():
        raise InputError(no_file(video, "a video"))  # before the folder remembers it
    source = str(video.resolve()) if isinstance(video, Path) else str(video)
    known = read_json(folder / SOURCES) if (folder / SOURCES).is_file() else {}
    if not isinstance(known, dict):
        raise InputError(f"{folder / SOURCES}: expected names and videos; remove it, or give another --out")
    files = [folder / f"{video.stem}.{ending}" for ending in endings]
    if known.get(video.stem, source) != source:
        raise InputError(
            f"--out {folder}: {files[0].name} there is of another video of this name, {known[video.stem]}: give "
            f"another folder"
        )
    if video.stem not in known:
        write_json(folder / SOURCES, {**known, video.stem: source})
    return files
