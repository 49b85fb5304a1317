"""Files that are written whole or not at all, and are on the disk when they have their name; bounded JSON and YAML."""

import errno
import hashlib
import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

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
MOST_YAML = 2**20
"""Bytes of a recipe, a configuration or a mapping: they have some thousands."""
MOST_NAMES = 2**24
"""Bytes of a list of names: those of ten thousand classes are far below it."""
DEEPEST, MOST_NODES = 50, 100_000
"""Levels and values of YAML, each alias counted as all that it stands for."""
KINDS: dict[type, str] = {dict: "object", list: "list"}
SafeLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
        raise InputError(f"{name}: expected a JSON {KINDS[expected]}, not {type(value).__name__} {_start(value)}")
    return value


def read_yaml(path: Address | Place) -> Any:
    """Reads YAML of plain values.

    Raises:
        InputError: the file is missing, cannot be reached, is larger or nested deeper than such files are, names more
            than it holds by its aliases, or is not YAML.
    """
    text = decoded(read_bounded(path, MOST_YAML), str(path))
    try:
        return build_yaml(text)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: cannot be read: not YAML: {error}") from None


class TooMuchError(yaml.YAMLError):
    """YAML that is too much to build, or breaks down in building."""


def build_yaml(text: str) -> Any:
    """YAML as plain values.

    Raises:
        yaml.YAMLError: it is not YAML; a TooMuchError where its values cannot be built.
    """
    refuse_unbounded(text)
    try:
        return yaml.load(text, Loader=SafeLoader)  # in C where there is one
    # PyYAML's constructors have no error of their own for a date with a 13th month, or a number that is empty
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise TooMuchError(f"{type(error).__name__}: {error}") from None


def refuse_unbounded(text: str) -> None:
    """Raises TooMuchError for YAML that is too much to build: by its events, before anything is built.

    An alias counts as all that it stands for: ten lines can stand for more than any memory holds.
    """
    nodes, begun, sizes = 0, list[tuple[str | None, int]](), dict[str, int]()
    for event in yaml.parse(text, Loader=SafeLoader):  # a YAMLError where it is none
        if isinstance(event, yaml.CollectionStartEvent):
            begun.append((event.anchor, nodes))
            nodes += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = begun.pop()
            if anchor is not None:
                sizes[anchor] = nodes - before
        elif isinstance(event, yaml.ScalarEvent):
            nodes += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise TooMuchError(f"the alias *{event.anchor} stands for nothing, or for what it is a part of")
            nodes += sizes[event.anchor]
        if len(begun) > DEEPEST or nodes > MOST_NODES:
            raise TooMuchError(
                f"more than {DEEPEST} levels deep, or than {MOST_NODES} values with what its aliases stand for"
            )


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


def _start(value: object) -> str:
    """The start of a value, for a message."""
    said = repr(value)
    return said if len(said) <= 40 else said[:40] + "…"
