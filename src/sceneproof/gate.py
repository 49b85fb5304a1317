"""What stands before the app's page: whom it answers, what its pages may load, and how much it takes.

A page of another site that is open in the same browser can send requests here, and can have a name of its own mean this
machine (DNS rebinding). So requests must ask for this machine by a name that is its own, and come from its own page.
"""

import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST = 2**30
"""Bytes of an upload."""
MOST = 2**32
"""Bytes of all uploads together, those under way and those that are kept."""
AT_ONCE = 4
"""Uploads under way."""
LARGEST_MESSAGE = 2**20
"""Bytes of any other request: names of uploaded files and the like."""
# Gradio's page has its settings in a script of its own and styles in its elements, and makes functions of templates
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
POLICY_OF_FILES = "default-src 'none'; frame-ancestors 'none'; sandbox"
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def own_names(host: str, more: Iterable[str] = ()) -> frozenset[str]:
    """The names that a page may be asked for by, besides any numeric address, which no other site can make its own.

    Args:
        host: that the app listens on.
        more: others, such as a proxy's.
    """
    names = {"localhost", host, *more}
    if host not in ("localhost", "127.0.0.1", "::1"):  # else no other machine can ask
        names |= {socket.gethostname(), socket.getfqdn()}
    return frozenset(name.lower().rstrip(".") for name in names if name)


class Refused(Exception):
    """A request that is not answered.

    Attributes:
        status: HTTP's number for why.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Gate:
    """ASGI middleware around the app."""

    def __init__(
        self,
        app: Application,
        *,
        names: frozenset[str],
        proxies: frozenset[str] = frozenset(),
        folder: Path,
        most: int = MOST,
        largest: int = LARGEST,
    ) -> None:
        """Guards an application.

        Args:
            app: what is guarded.
            names: see `own_names`.
            proxies: those of them whose pages may send requests under another name.
            folder: where uploads lie, each in a folder of its own.
            most: bytes of all uploads together.
            largest: bytes of one.
        """
        self._app, self._names, self._proxies, self._folder = app, names, proxies, folder
        self._most, self._largest = most, largest
        self._under_way: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or refuses it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        begun = False

        async def told(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(_with_headers(message, scope["path"]))

        try:
            headers = _headers(scope)
            self._check_sender(headers)
            if scope["type"] == "websocket" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
                await self._app(scope, receive, told)
            elif scope["path"].rstrip("/").endswith("/upload"):
                await self._upload(scope, headers, receive, told)
            else:
                await self._app(scope, await _whole(headers, receive), told)
        except Refused as refused:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            elif not begun:
                await _refuse(refused, told)

    def _check_sender(self, headers: dict[str, list[str]]) -> None:
        """Raises Refused unless the request asks for this machine, and no page of another site has sent it."""
        hosts = headers.get("host", [])
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            raise Refused(403, "this page is not to be asked for by that name: give it with --allowed-hosts")
        for origin in headers.get("origin", []):
            place = urlsplit(origin)
            if place.netloc.lower() != hosts[0].lower() and place.hostname not in self._proxies:
                raise Refused(403, "pages of other sites are not answered")
        if headers.get("sec-fetch-site", ["none"])[0] == "cross-site" and "navigate" not in headers.get(
            "sec-fetch-mode", []
        ):
            raise Refused(403, "pages of other sites are not answered")

    def _is_ours(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
            urlsplit(f"//{host}").port  # noqa: B018  # a ValueError where it is none
        except ValueError:
            return False
        if "@" in host or "/" in host:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        return True

    async def _upload(self, scope: Scope, headers: dict[str, list[str]], receive: Receive, send: Send) -> None:
        """Takes an upload within the bounds; makes room for it by removing the oldest ones."""
        length = _length(headers, self._largest)
        if len(self._under_way) >= AT_ONCE:
            raise Refused(429, f"{AT_ONCE} uploads are under way: try again when they are done")
        self._make_room(length)
        self._under_way.append(length)
        try:
            await self._app(scope, _counted(receive, length), send)
        finally:
            self._under_way.remove(length)
            if not self._under_way and self._folder.is_dir():
                for left in self._folder.iterdir():  # of uploads that were broken off
                    if left.is_file():
                        left.unlink(missing_ok=True)

    def _make_room(self, length: int) -> None:
        """Removes the oldest uploads until another one fits.

        Raises:
            Refused: it does not fit beside those under way.
        """
        if sum(self._under_way) + length > self._most:
            raise Refused(413, "the uploads under way are as much as this app takes: try again when they are done")
        kept = [(path, path.stat()) for path in self._folder.glob("*/*") if path.is_file()]
        over = sum(file.st_size for _, file in kept) + sum(self._under_way) + length - self._most
        for path, file in sorted(kept, key=lambda upload: upload[1].st_mtime):
            if over <= 0:
                return
            path.unlink(missing_ok=True)
            over -= file.st_size


def _headers(scope: Scope) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin1").lower(), []).append(value.decode("latin1"))
    return headers


def _length(headers: dict[str, list[str]], largest: int) -> int:
    """Bytes that a request has: as it says, or as many as it may have at most.

    Raises:
        Refused: it has more.
    """
    said = headers.get("content-length", [])
    if not said:
        return largest
    if len(said) != 1 or not (said[0].isascii() and said[0].isdigit()):
        raise Refused(400, "no length")
    if int(said[0][:20]) > largest:
        raise Refused(413, f"more than {largest} bytes are not taken")
    return int(said[0])


def _counted(receive: Receive, most: int) -> Receive:
    """What a request sends, up to so many bytes.

    Raises:
        Refused: when more come.
    """
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise Refused(413, f"more than {most} bytes are not taken")
        return message

    return counted


async def _whole(headers: dict[str, list[str]], receive: Receive) -> Receive:
    """A request's body, read before it is handed on.

    Raises:
        Refused: it is too long, or names a file of the web, which Gradio would fetch.
    """
    counted = _counted(receive, _length(headers, LARGEST_MESSAGE))
    body = b""
    while (message := await counted())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    try:
        said = json.loads(body) if body else None
    except (ValueError, RecursionError):
        said = None  # which Gradio refuses in its own words, where it wants JSON
    if _names_the_web(said):
        raise Refused(403, "files are uploaded, and not fetched from elsewhere")
    handed = False

    async def again() -> Message:
        nonlocal handed
        if handed:
            return await receive()
        handed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _names_the_web(value: Any) -> bool:
    if isinstance(value, dict):
        path = value.get("path")
        return (isinstance(path, str) and "://" in path) or any(map(_names_the_web, value.values()))
    return isinstance(value, list) and any(map(_names_the_web, value))


def _with_headers(message: Message, path: str) -> Message:
    """The start of an answer, with the headers that say what its page may do."""
    if message["type"] != "http.response.start":
        return message
    policy = POLICY_OF_FILES if "/file=" in path else POLICY
    ours = {**HEADERS, "content-security-policy": policy}
    kept = [(name, value) for name, value in message.get("headers", []) if name.decode("latin1").lower() not in ours]
    return {**message, "headers": [*kept, *((name.encode(), value.encode()) for name, value in ours.items())]}


async def _refuse(refused: Refused, send: Send) -> None:
    body = f"{refused}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()),
               (b"connection", b"close")]  # fmt: skip
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
