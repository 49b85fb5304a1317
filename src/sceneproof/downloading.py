"""Files from the web, whole or not at all, and known by their SHA-256."""

import hashlib
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from sceneproof.errors import InputError
from sceneproof.files import whole
from sceneproof.progress import progress

BLOCK = 2**20
SECONDS = 60
"""After which a server that sends nothing is given up."""


def fetch(address: str, path: str | Path, *, sha256: str = "") -> str:
    """Fetches a file. A download that is cut off, killed or not what was expected leaves nothing at `path`.

    Args:
        address: where it is: http(s):// or file://.
        path: the file to write.
        sha256: what its SHA-256 starts with, in hexadecimal digits; empty: not known.

    Returns:
        Its SHA-256, 64 digits.

    Raises:
        InputError: the file cannot be fetched whole, or has another SHA-256.
        OSError: it cannot be written, such as on a full disk.
    """
    path, digest, size = Path(path), hashlib.sha256(), 0
    with whole(path) as temporary, temporary.open("wb") as file:
        for block in _blocks(address, path):
            size += len(block)
            digest.update(block)
            file.write(block)
        found = digest.hexdigest()
        if not found.startswith(sha256.lower()):
            raise InputError(
                f"{address}: what came ({size} bytes) has the SHA-256 {found}, which does not start with {sha256}; "
                f"nothing was kept"
            )
    return found


def checked(path: str | Path, sha256: str = "") -> str:
    """The SHA-256 of a file, 64 digits.

    Args:
        path: of the file.
        sha256: what it must start with; empty: anything.

    Raises:
        InputError: it starts otherwise.
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(sha256.lower()):
        raise InputError(f"{path}: SHA-256 {found} does not start with {sha256}: delete the file, try again")
    return found


def _blocks(address: str, path: Path) -> Iterator[bytes]:
    """The bytes at an address as they come; shows progress in megabytes."""
    try:
        with urlopen(Request(address, headers={"User-Agent": "sceneproof"}), timeout=SECONDS) as answer:
            yield from _counted(answer, int(answer.headers.get("Content-Length") or 0), path.name)
    except (OSError, HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise InputError(f"{address}: cannot be fetched ({reason}); put the file at {path}") from None


def _counted(answer: Any, expected: int, name: str) -> Iterator[bytes]:
    """Blocks until there are no more; a connection that ends early is an error, which `read` does not tell."""
    size = 0
    with progress(f"fetching {name}, MB", expected // BLOCK, quiet=not expected) as advance:
        while block := answer.read(BLOCK):
            advance((size + len(block)) // BLOCK - size // BLOCK)
            size += len(block)
            yield block
    if size < expected:
        raise ConnectionError(f"cut off after {size} of {expected} bytes")
