"""Files from the web, whole or not at all, and known by their SHA-256; a server is trusted with nothing else."""

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from sceneproof.errors import InputError
from sceneproof.files import whole
from sceneproof.progress import progress
from sceneproof.terminal import visible

BLOCK = 2**20
SECONDS = 60
"""After which a server that sends nothing is given up."""
SECONDS_IN_ALL = 3600.0
"""After which any server is: 1 GB at 300 kB a second."""
MOST = 2**32
"""Bytes of a file: the largest of the published weights has some hundred million."""
SCHEMES = ("https", "http", "file")


def fetch(
    address: str, path: str | Path, *, sha256: str = "", most: int = MOST, time_limit: float = SECONDS_IN_ALL
) -> str:
    """Fetches a file. A download that is cut off, killed or not what was expected leaves nothing at `path`.

    Args:
        address: where it is: http(s):// or file://.
        path: the file to write.
        sha256: what its SHA-256 starts with, in hexadecimal digits; empty: not known.
        most: bytes that it may have.
        time_limit: seconds that all of it may take.

    Returns:
        Its SHA-256, 64 digits.

    Raises:
        InputError: the file cannot be fetched whole within these limits, or has another SHA-256; or nothing tells
            whether it is whole, neither its length nor a SHA-256.
        OSError: it cannot be written, such as on a full disk.
    """
    path, digest, size = Path(path), hashlib.sha256(), 0
    with whole(path) as temporary, temporary.open("wb") as file:
        for block in _blocks(address, path, most, time_limit, by_length=not sha256):
            size += len(block)
            digest.update(block)
            file.write(block)
        digits = digest.hexdigest()
        if not digits.startswith(sha256.lower()):
            raise InputError(
                f"{visible(address)}: what came ({size} bytes) has the SHA-256 {digits}, which does not start with "
                f"{sha256}; nothing was kept"
            )
    return digits


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
        digits = hashlib.file_digest(file, "sha256").hexdigest()
    if not digits.startswith(sha256.lower()):
        raise InputError(f"{path}: SHA-256 {digits} does not start with {sha256}: delete the file, try again")
    return digits


def _blocks(address: str, path: Path, most: int, time_limit: float, *, by_length: bool) -> Iterator[bytes]:
    """The bytes at an address as they come; shows progress in megabytes."""
    if urlsplit(address).scheme not in SCHEMES:
        raise InputError(f"{visible(address)}: only {', '.join(f'{kind}://' for kind in SCHEMES)} are fetched")
    deadline = _Deadline(time_limit)
    try:
        with (
            deadline,
            _opener(deadline).open(
                Request(address, headers={"User-Agent": "sceneproof"}), timeout=min(SECONDS, time_limit)
            ) as answer,
        ):
            expected = _length(answer, by_length=by_length)
            for block in _counted(answer, expected, most, path.name):
                deadline.check()
                yield block
    except (OSError, HTTPException, _Refused, ValueError) as error:
        reason = deadline.missed or visible(error) or type(error).__name__
        raise InputError(f"{visible(address)}: cannot be fetched ({reason}); put the file at {path}") from None


class _Refused(Exception):
    """What a server says that no file can follow."""


class _Deadline:
    """Ends the connections that it knows when the time is up, whatever they are waiting for."""

    def __init__(self, seconds: float) -> None:
        self.missed = ""
        self._seconds, self._until = seconds, time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def know(self, connection: socket.socket) -> None:
        """Adds a connection."""
        self._sockets.append(connection)
        self.check()

    def check(self) -> None:
        """Raises TimeoutError when the time is up."""
        if time.monotonic() >= self._until:
            self._end()
            raise TimeoutError(self.missed)

    def _end(self) -> None:
        self.missed = f"took longer than the limit of {self._seconds:g} s"
        for connection in self._sockets:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # it has ended by itself
                continue


class _Redirects(HTTPRedirectHandler):
    """Follows a server to another address of the web, and from https to https alone."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        kind = urlsplit(newurl).scheme
        if kind not in ("https", req.type if req.type == "http" else "https"):
            raise _Refused(f"it sends on from {req.type}:// to {kind}://, which is not followed: {newurl[:200]}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(deadline: _Deadline) -> OpenerDirector:
    """Opens addresses, with each connection known to the deadline."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            deadline.know(self.sock)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            deadline.know(self.sock)

    class PlainHandler(HTTPHandler):
        def http_open(self, req: Request) -> HTTPResponse:
            return self.do_open(Plain, req)

    class SecureHandler(HTTPSHandler):
        def https_open(self, req: Request) -> HTTPResponse:
            return self.do_open(Secure, req)

    return build_opener(PlainHandler, SecureHandler, _Redirects)


def _length(answer: Any, *, by_length: bool) -> int | None:
    """The bytes that a server says it will send; None where it marks the end otherwise, or not at all.

    Raises:
        _Refused: it says what cannot be, or does not say it where nothing else would tell a whole file from a cut one.
    """
    if getattr(answer, "status", None) not in (None, 200):
        raise _Refused(f"it answers with status {answer.status}")
    if (coding := answer.headers.get("Content-Encoding", "identity")) != "identity":
        raise _Refused(f"it sends the file in a Content-Encoding that was not asked for: {coding!r}")
    if getattr(answer, "chunked", False):
        return None
    said = {text.strip() for text in answer.headers.get_all("Content-Length", [])}
    if not said and by_length:
        raise _Refused(
            "it does not say how long the file is, and no SHA-256 is known: nothing would tell that it is cut"
        )
    if not said:
        return None
    (first, *others) = sorted(said)
    if others or not (first.isascii() and first.isdigit() and len(first) < 20):
        raise _Refused(f"it says the Content-Length {', '.join(map(repr, sorted(said)))}, which is no number of bytes")
    return int(first)


def _counted(answer: Any, expected: int | None, most: int, name: str) -> Iterator[bytes]:
    """Blocks until there are no more; a connection that ends early is an error, which `read1` does not tell."""
    if expected is not None and expected > most:
        raise _Refused(f"it has {expected} bytes, which is more than the limit of {most}")
    size = 0
    with progress(f"fetching {name}, MB", (expected or 0) // BLOCK, quiet=not expected) as advance:
        while block := answer.read1(BLOCK):  # what is there, so that a server that drips is seen to
            advance((size + len(block)) // BLOCK - size // BLOCK)
            size += len(block)
            if size > most:
                raise _Refused(f"it sends more than the limit of {most} bytes")
            yield block
    if expected is not None and size < expected:
        raise ConnectionError(f"cut off after {size} of {expected} bytes")
