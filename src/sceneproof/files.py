"""Files that are written whole or not at all, and are on the disk when they have their name."""

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sceneproof.addresses import Address, Place, located, opened_file, upload
from sceneproof.errors import DamagedError, InputError

SEAL = "sceneproof.sha256"
"""The key of a JSON object's own SHA-256."""
LONGEST_NAME = 255
"""Bytes of a file's name: what every file system in use takes."""
LONGEST_SUFFIX = 16
NO_FOLDERS = (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF, errno.ENOSYS)
"""What file systems say that cannot write a folder out, such as some of networks."""


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


def read_json(path: Address | Place) -> Any:
    """Reads JSON.

    Raises:
        InputError: the file is missing, cannot be reached, is not JSON, or is not as it was sealed.
    """
    try:
        with opened_file(located(path)) as file:
            return _opened(json.loads(file.read().decode()), path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not JSON: {error}") from None


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
