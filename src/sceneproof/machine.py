"""What the machine has, and what is its trouble and what a file's own: only a file's fault is booked as a video's."""

import errno
import os
from pathlib import Path

from sceneproof.errors import MachineError

ERRORS = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM,
    errno.EAGAIN, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.ECONNRESET,
    errno.ECONNABORTED, errno.ECONNREFUSED, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH,
    errno.EPIPE, errno.ESHUTDOWN,
}  # fmt: skip
"""What the system says of a disk, its memory or a network, whatever is in the file."""
BLOCK = 2**20
SPARE = 2**26
"""Bytes that a machine with memory has left."""
OOM = Path("/proc/vmstat")


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def refuse_trouble(error: OSError, path: object) -> None:
    """Raises MachineError where a file cannot be read for a reason that is not the file's.

    libav says of damaged files, too, that there was no memory, or that reading failed: then it is tried whether there
    is memory, and whether the file's bytes can be read.

    Args:
        error: what was said.
        path: of the file.

    Raises:
        MachineError: it is the machine.
    """
    if error.errno not in ERRORS:
        return
    if error.errno == errno.ENOMEM and _has_memory():
        return
    if error.errno in (errno.EIO, errno.EAGAIN, errno.EPIPE) and _can_be_read(path):
        return
    raise MachineError(told(error, path)) from error


def told(error: BaseException, what: object) -> str:
    """What to say of trouble of the machine, in a line.

    Args:
        error: what the system said.
        what: the file or the task at hand.
    """
    if isinstance(error, MemoryError):
        return (
            f"{what}: needs more memory than this machine has left: stop other programs, give fewer --workers, or "
            f"leave this video out"
        )
    reason = str(getattr(error, "strerror", None) or error or type(error).__name__).splitlines()[0]
    where = getattr(error, "filename", None)
    where = f" ({where})" if where and str(where) != str(what) else ""
    return (
        f"{what}: {reason}{where}: this is the machine's trouble, not the video's: mend it, then the same command "
        f"goes on"
    )


def out_of_memory_kills() -> int:
    """How many processes this system has ended for want of memory since it was started; 0 where it does not say."""
    try:
        lines = OOM.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def refuse_if_gone(root: object, path: object) -> None:
    """Raises MachineError where a video cannot be read because the folder of all of them is gone.

    A drive that is no longer there would else make every video of it a missing one. Looked at are the root, and the
    links to folders on the way from there. Addresses are left alone.

    Args:
        root: the folder that paths start from.
        path: of a video that could not be read.
    """
    if not isinstance(root, Path):
        return
    between = [folder for folder in Path(str(path)).parents if folder.is_relative_to(root) and folder.is_symlink()]
    for folder in (root, *between):
        try:
            with os.scandir(folder) as entries:
                gone = "" if any(True for _ in entries) else "is empty"
        except OSError as error:
            gone = f"cannot be looked into ({error.strerror})"
        if gone:
            raise MachineError(
                f"{folder}: the folder of the videos {gone}: is its drive still there, and is --root the folder that "
                f"the paths start from?"
            )


def _has_memory() -> bool:
    try:
        bytearray(SPARE)
    except MemoryError:
        return False
    return True


def _can_be_read(path: object) -> bool:
    if not isinstance(path, str | Path):
        return False
    try:
        with open(path, "rb") as file:
            while file.read(BLOCK):
                pass
    except OSError:
        return False
    return True
