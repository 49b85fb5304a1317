"""One command at a time in a folder: a lock that its process holds, and that says who it is.

The system's own lock (flock) ends with its process, however that ends, so nothing is left to clear up after a crash.
filelock, the usual library, does not say who holds a lock, and leaves its file behind.
"""

import errno
import json
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sceneproof.addresses import Address, Place, located
from sceneproof.errors import InputError
from sceneproof.files import fitting_name

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]  # Windows has none

Given = ParamSpec("Given")
Result = TypeVar("Result")
logger = logging.getLogger(__name__)
NAME = ".lock"
BOOT = Path("/proc/sys/kernel/random/boot_id")
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL)
"""What file systems say that have no locks."""
_held: set[int] = set()
"""Descriptors of the locks that this process holds."""


def _forget() -> None:
    """In a new process of a fork: it would hold its parent's locks for as long as it lives."""
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@dataclass(frozen=True)
class Lock:
    """Where a lock is: the folder, and the name of the file in it."""

    folder: Address | Place
    name: str = NAME


@contextmanager
def locked(lock: Lock, *, wait: bool = False) -> Iterator[None]:
    """Holds a lock, so that no other command writes there at the same time.

    The folder is made where it is missing, and taken away again where the block leaves nothing in it. At an address,
    and where the file system has no locks, there is none; of the latter a warning says so.

    Args:
        lock: where.
        wait: until whoever holds it is done, for what takes a moment to write; else that is refused.

    Raises:
        InputError: another process holds it; says which, since when, and what to do.
    """
    place = located(lock.folder)
    if not isinstance(place, Path) or fcntl is None:
        yield
        return
    if place.exists() and not place.is_dir():
        raise InputError(f"{place}: is a file, where a folder is to be written: give another name")
    if file := next((path for path in place.parents if path.exists() and not path.is_dir()), None):
        raise InputError(f"{file}: is a file, where a folder is wanted: are the arguments in their order?")
    folders = _make(place)
    try:
        descriptor = _taken(place / lock.name, wait=wait)
        try:
            yield
        finally:
            if descriptor is not None:
                (place / lock.name).unlink(missing_ok=True)  # while it is held: whoever opened it meanwhile sees that
                _held.discard(descriptor)
                os.close(descriptor)
    finally:
        for path in folders:
            with suppress(OSError):  # something was written there
                path.rmdir()


def alone(
    lock: Callable[[Mapping[str, Any]], Lock],
) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Lets a command run only while it holds the lock of what it writes; a dry run writes nothing.

    Args:
        lock: from the command's arguments, by name.
    """

    def decorate(command: Callable[Given, Result]) -> Callable[Given, Result]:
        @wraps(command)
        def holding(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            bound = signature(command).bind(*args, **kwargs)
            bound.apply_defaults()
            if bound.arguments.get("dry_run"):
                return command(*args, **kwargs)
            with locked(lock(bound.arguments)):
                return command(*args, **kwargs)

        return holding

    return decorate


def out(given: Mapping[str, Any]) -> Lock:
    """Of the folder of most commands."""
    return Lock(given["out"])


def beside_out(given: Mapping[str, Any]) -> Lock:
    """Of a file, or of a folder that must not be there too early."""
    return beside(given["out"])


def evaluation(given: Mapping[str, Any]) -> Lock:
    """Of the folder of an evaluation: a run's own, unless another one is given."""
    return Lock(Path(given["run"]) / "evaluation" if given["out"] is None else given["out"])


def of_video(folder: str) -> Callable[[Mapping[str, Any]], Lock]:
    """Of what is written about a video, named after it, into the folder that is given, or else into this one."""

    def lock(given: Mapping[str, Any]) -> Lock:
        return beside(Path(folder if given["out"] is None else given["out"]) / located(given["video"]).stem)

    return lock


def beside(path: Address | Place) -> Lock:
    """Of a file: beside it."""
    place = located(path)
    place = place.absolute() if isinstance(place, Path) else place
    return Lock(place.parent, fitting_name(f".{place.name}", ".lock"))


def _make(folder: Path) -> list[Path]:
    """Makes a folder; returns those that were made, the innermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _taken(path: Path, *, wait: bool) -> int | None:
    """A descriptor of the lock's file, locked; None where there are no locks."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            _warn(path, error)  # if nothing can be written here, the command says so itself
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            said = _read(descriptor)
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES):
                raise InputError(_busy(path, said)) from None
            if error.errno not in _NO_LOCKS:
                raise
            _warn(path, error)
            return None
        if _is(descriptor, path):
            break
        os.close(descriptor)  # whoever held it deleted it in between
    said = _read(descriptor)
    if said and _of_another_machine(said):
        # its system's lock is not seen here, where locks are not shared
        os.close(descriptor)
        raise InputError(_busy(path, said))
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(_about()).encode(), 0)
    _held.add(descriptor)
    return descriptor


def _warn(path: Path, error: OSError) -> None:
    logger.warning(
        "%s: cannot be locked here (%s): take care that no other command writes the same", path, error.strerror
    )


def _is(descriptor: int, path: Path) -> bool:
    """Whether a path still is the file of a descriptor."""
    try:
        now = os.stat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), now)


def _about() -> dict[str, Any]:
    """Who this process is."""
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "boot": _boot(),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:300] if sys.argv else "",
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _boot() -> str:
    """What tells a running system from others, also from the same one started anew; empty where it does not say."""
    try:
        return BOOT.read_text().strip()
    except OSError:
        return ""


def _read(descriptor: int) -> dict[str, Any]:
    """What a lock's file says; nothing where it was only just made."""
    try:
        said = json.loads(os.pread(descriptor, 2**16, 0))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _of_another_machine(said: dict[str, Any]) -> bool:
    """Whether another machine's process, which may still live, wrote the file: one of this machine is dead."""
    return said.get("host") != socket.gethostname() and (not _boot() or said.get("boot") != _boot())


def _busy(path: Path, said: dict[str, Any]) -> str:
    if not said:
        return f"{path.parent}: another command is just beginning to write here: wait until it is done"
    who = f"process {said.get('pid')} on {said.get('host')}, since {said.get('since')}: {said.get('command')}"
    text = f"{path.parent}: another command writes here ({who}): wait until it is done, end it, or give another folder"
    if said.get("host") != socket.gethostname():
        text += f"; if that machine no longer runs it, delete {path}"
    return text
