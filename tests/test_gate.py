"""What stands before the app, without Gradio: who is answered, how much is taken, what pages may load."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sceneproof.gate import AT_ONCE, Gate, Message, Receive, Scope, Send, own_names

OURS = own_names("127.0.0.1")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was sent."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Frame-Options", b"ALLOWALL")]})
    await send({"type": "http.response.body", "body": body})


async def asked(gate: Gate, method: str, path: str, headers: dict[str, str], parts: Sequence[bytes] = (b"",)) -> Answer:
    waiting = list(parts)
    sent: list[Message] = []

    async def receive() -> Message:
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        sent.append(message)

    listed = [(name.encode(), value.encode()) for name, value in {"host": "127.0.0.1:7860", **headers}.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": listed}
    await gate(scope, receive, send)
    start, *rest = sent
    found = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], found, b"".join(message["body"] for message in rest))


def ask(gate: Gate, method: str, path: str, parts: Sequence[bytes] = (b"",), **headers: str) -> Answer:
    return asyncio.run(
        asked(gate, method, path, {name.replace("_", "-"): said for name, said in headers.items()}, parts)
    )


def gate(folder: Path, app: Any = echo, **more: Any) -> Gate:
    return Gate(app, **{"names": OURS, "folder": folder, **more})


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST", "[::1]:7860", "192.168.7.1"])
def test_the_machine_s_own_names_are_answered(host: str, tmp_path: Path) -> None:
    assert ask(gate(tmp_path), "GET", "/", host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "localhost.evil.example", "", "a@localhost",
             "localhost:port", "[::1", "localhost/x"]
)  # fmt: skip
def test_other_names_are_not(host: str, tmp_path: Path) -> None:
    assert ask(gate(tmp_path), "GET", "/", host=host).status == 403
    assert ask(gate(tmp_path), "POST", "/gradio_api/queue/join", host=host).status == 403


def test_a_name_that_was_given_is_answered_and_its_pages_too(tmp_path: Path) -> None:
    names = own_names("0.0.0.0", ["demo.example"])
    assert ask(gate(tmp_path, names=names), "GET", "/", host="demo.example").status == 200
    behind = gate(tmp_path, names=names, proxies=frozenset(["demo.example"]))
    assert ask(behind, "POST", "/call", origin="https://demo.example").status == 200
    assert ask(behind, "POST", "/call", origin="https://other.example").status == 403


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:9999"},
     {"origin": "http://localhost:7860"}, {"sec_fetch_site": "cross-site"}],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/gradio_api/upload", "/gradio_api/queue/join"])
def test_pages_of_other_sites_are_not_answered(headers: dict[str, Any], path: str, tmp_path: Path) -> None:
    assert ask(gate(tmp_path), "POST", path, **headers).status == 403


def test_one_s_own_page_and_programs_are_answered(tmp_path: Path) -> None:
    for headers in ({}, {"origin": "http://127.0.0.1:7860"}, {"sec_fetch_site": "same-origin"}):
        assert ask(gate(tmp_path), "POST", "/call", [b"{", b"}"], **headers).body == b"{}"
    assert ask(gate(tmp_path), "GET", "/", sec_fetch_site="cross-site", sec_fetch_mode="navigate").status == 200


def test_pages_may_load_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = ask(gate(tmp_path), "GET", "/").headers
    policy = dict(part.strip().split(" ", 1) for part in page["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert "http" not in page["content-security-policy"]
    assert (page["x-frame-options"], page["x-content-type-options"]) == ("DENY", "nosniff")
    uploaded = ask(gate(tmp_path), "GET", "/gradio_api/file=/tmp/a.svg").headers
    assert uploaded["content-security-policy"].startswith("default-src 'none'")
    assert "sandbox" in uploaded["content-security-policy"]
    assert "content-security-policy" in ask(gate(tmp_path), "GET", "/", host="evil.example").headers


def test_a_message_is_bounded_and_names_no_file_of_the_web(tmp_path: Path) -> None:
    join = "/gradio_api/queue/join"
    assert ask(gate(tmp_path), "POST", join, [b" " * 600_000, b" " * 600_000]).status == 413
    assert ask(gate(tmp_path), "POST", join, content_length="99999999").status == 413
    assert ask(gate(tmp_path), "POST", join, content_length="many").status == 400
    for path in ("http://169.254.169.254/", "https://evil.example/v.mp4", "file:///etc/passwd"):
        said = json.dumps({"data": [[{"path": path}]]}).encode()
        assert ask(gate(tmp_path), "POST", join, [said[:9], said[9:]]).status == 403
    kept = json.dumps({"data": [{"path": "/tmp/v.mp4", "url": "http://127.0.0.1:7860/gradio_api/file=v"}]}).encode()
    assert ask(gate(tmp_path), "POST", join, [kept]).body == kept
    assert ask(gate(tmp_path), "POST", join, [b"[" * 100_000]).status == 200  # Gradio's to refuse


def upload(folder: Path, name: str, size: int, age: int) -> Path:
    path = folder / name / "v.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(size))
    os.utime(path, (1e9 - age, 1e9 - age))
    return path


def test_the_oldest_uploads_make_room(tmp_path: Path) -> None:
    old, middle, new = (upload(tmp_path, name, 30, age) for name, age in (("a", 3), ("b", 2), ("c", 1)))
    small = gate(tmp_path, most=100, largest=60)
    assert ask(small, "POST", "/gradio_api/upload", [b"0" * 40], content_length="40").status == 200
    assert [path.exists() for path in (old, middle, new)] == [False, True, True]
    assert ask(small, "POST", "/gradio_api/upload", [b"0"]).status == 200  # of unknown length: the largest there is
    assert [path.exists() for path in (old, middle, new)] == [False, False, True]


def test_an_upload_is_bounded_and_what_it_leaves_is_removed(tmp_path: Path) -> None:
    small = gate(tmp_path, most=100, largest=60)
    assert ask(small, "POST", "/gradio_api/upload", content_length="61").status == 413
    (tmp_path / "tmp1234").write_bytes(b"half of an upload")
    assert ask(small, "POST", "/gradio_api/upload", [b"0" * 40, b"0" * 40]).status == 413
    assert not (tmp_path / "tmp1234").exists()


def test_only_so_many_uploads_are_under_way(tmp_path: Path) -> None:
    async def crowd() -> list[int]:
        go = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await go.wait()
            await echo(scope, receive, send)

        door = gate(tmp_path, slow, most=100, largest=60)
        tasks = [
            asyncio.create_task(asked(door, "POST", "/gradio_api/upload", {"content-length": "20"}))
            for _ in range(AT_ONCE)
        ]
        await asyncio.sleep(0)
        over = await asked(door, "POST", "/gradio_api/upload", {"content-length": "1"})
        tasks.pop().cancel()
        await asyncio.sleep(0)
        large = await asked(door, "POST", "/gradio_api/upload", {"content-length": "50"})
        go.set()
        return [over.status, large.status, *[answer.status for answer in await asyncio.gather(*tasks)]]

    assert asyncio.run(crowd()) == [429, 413, *[200] * (AT_ONCE - 1)]
