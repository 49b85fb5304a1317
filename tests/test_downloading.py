"""Downloads from a server on this machine: whole, cut off, refused, killed."""

import hashlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sceneproof.downloading import BLOCK, checked, fetch
from sceneproof.errors import InputError
from tests.waiting import wait_until

CONTENT = bytes(range(256)) * 4 * 3 * 2**10  # 3 MB
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@contextmanager
def server(content: bytes, *, sent: int | None = None, wait: float = 0.0) -> Iterator[str]:
    """The address of a server of one file, /weights.pth; it sends `sent` of its bytes only, then waits, then ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/weights.pth":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:sent])
            self.wfile.flush()
            time.sleep(wait)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.daemon_threads = True
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_address[1]}/weights.pth"
        made.shutdown()


def test_a_file_is_fetched_whole_with_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with server(CONTENT) as address:
        for digits in ("", DIGEST[:8], DIGEST, DIGEST.upper()):
            (tmp_path / "w.pth").unlink(missing_ok=True)
            assert fetch(address, tmp_path / "w.pth", sha256=digits) == DIGEST
            assert (tmp_path / "w.pth").read_bytes() == CONTENT
    assert len(CONTENT) == 3 * BLOCK
    assert "fetching w.pth, MB: 3/3" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["w.pth"]


def test_another_file_than_expected_is_not_kept(tmp_path: Path) -> None:
    with (
        server(CONTENT) as address,
        pytest.raises(InputError, match=rf"SHA-256 {DIGEST}, which does not start with 0123; nothing was kept"),
    ):
        fetch(address, tmp_path / "w.pth", sha256="0123")
    assert not list(tmp_path.iterdir())


def test_a_connection_that_ends_early_is_an_error(tmp_path: Path) -> None:
    with (
        server(CONTENT, sent=BLOCK + 7) as address,
        pytest.raises(InputError, match=rf"weights\.pth: cannot be fetched \(.*{BLOCK + 7}.*put the file at .*w\.pth"),
    ):
        fetch(address, tmp_path / "w.pth")
    assert not list(tmp_path.iterdir())


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with server(CONTENT) as address, pytest.raises(InputError, match=r"cannot be fetched \(HTTP Error 404"):
        fetch(address.replace("weights", "nothing"), tmp_path / "w.pth")
    with pytest.raises(InputError, match="cannot be fetched"):
        fetch(address, tmp_path / "w.pth")  # nobody listens there any more
    assert not list(tmp_path.iterdir())


def test_a_killed_download_leaves_no_half_file(tmp_path: Path) -> None:
    code = "import sys; from sceneproof.downloading import fetch; fetch(sys.argv[1], sys.argv[2])"
    with server(CONTENT, sent=2 * BLOCK, wait=60) as address:
        process = subprocess.Popen([sys.executable, "-c", code, address, str(tmp_path / "w.pth")])
        wait_until(lambda: process.poll() is not None or any(path.stat().st_size for path in tmp_path.iterdir()))
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "w.pth").exists()
    with server(CONTENT) as address:
        fetch(address, tmp_path / "w.pth")
    assert (tmp_path / "w.pth").read_bytes() == CONTENT


def test_a_file_that_is_there_is_checked(tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert checked(tmp_path / "w.pth") == checked(tmp_path / "w.pth", digest[:9]) == digest
    with pytest.raises(InputError, match=rf"w\.pth: SHA-256 {digest} does not start with 00"):
        checked(tmp_path / "w.pth", "00")


@contextmanager
def raw(answer: bytes, *, drip: bool = False) -> Iterator[str]:
    """The address of a server that sends these very bytes and hangs up; or, last, a byte now and then without end."""
    hung_up = threading.Event()

    def serve() -> None:
        while not hung_up.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:  # closed
                return
            with connection:
                connection.recv(2**16)
                try:
                    connection.sendall(answer)
                    while drip and not hung_up.wait(0.02):
                        connection.sendall(b"x")
                except OSError:  # the other side has had enough
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/weights.pth"
        hung_up.set()


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin1")


@pytest.mark.parametrize("length", ["abc", "-5", "5_0", "", "9" * 30, "3\r\nContent-Length: 4"])
def test_a_length_that_is_none_is_one_message(length: str, tmp_path: Path) -> None:
    with (
        raw(head(f"Content-Length: {length}") + b"abc") as address,
        pytest.raises(InputError, match=r"cannot be fetched \(it says the Content-Length .*no number of bytes"),
    ):
        fetch(address, tmp_path / "w.pth")
    assert not list(tmp_path.iterdir())


def test_what_nothing_tells_to_be_whole_is_not_kept(tmp_path: Path) -> None:
    with raw(head("Connection: close") + b"weigh") as address:
        with pytest.raises(InputError, match="does not say how long"):
            fetch(address, tmp_path / "w.pth")
        with pytest.raises(InputError, match="nothing was kept"):
            fetch(address, tmp_path / "w.pth", sha256=hashlib.sha256(b"weights").hexdigest())
        assert not list(tmp_path.iterdir())
        fetch(address, tmp_path / "w.pth", sha256=hashlib.sha256(b"weigh").hexdigest())
    chunks = head("Transfer-Encoding: chunked") + b"5\r\nweigh\r\n"
    with raw(chunks + b"0\r\n\r\n") as address:
        fetch(address, tmp_path / "c.pth")
    with raw(chunks) as address, pytest.raises(InputError, match="cannot be fetched"):
        fetch(address, tmp_path / "cut.pth")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.pth", "w.pth"]


def test_no_more_than_the_limit_is_taken(tmp_path: Path) -> None:
    with raw(head("Content-Length: 1000000000000")) as address, pytest.raises(InputError, match="more than the limit"):
        fetch(address, tmp_path / "w.pth")
    with (
        raw(head("Connection: close") + b"0" * 1001) as address,
        pytest.raises(InputError, match="sends more than the limit of 1000 bytes"),
    ):
        fetch(address, tmp_path / "w.pth", sha256="00", most=1000)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("begun", [b"HTTP/1.1 200 OK\r\nX: ", head("Content-Length: 1000000")], ids=["head", "body"])
def test_a_server_that_drips_is_given_up(begun: bytes, tmp_path: Path) -> None:
    with (
        raw(begun, drip=True) as address,
        pytest.raises(InputError, match=r"cannot be fetched \(took longer than the limit of 0.5 s\)"),
    ):
        fetch(address, tmp_path / "w.pth", time_limit=0.5)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["file:///etc/hostname", "ftp://127.0.0.1/w", "data:,weights"])
def test_a_server_does_not_send_on_to_other_schemes(kind: str, tmp_path: Path) -> None:
    with (
        raw(head(f"Location: {kind}", "Content-Length: 0", status="302 Found")) as address,
        pytest.raises(InputError, match="cannot be fetched"),
    ):
        fetch(address, tmp_path / "w.pth")
    with pytest.raises(InputError, match="only https://, http://, file:// are fetched"):
        fetch("ftp://127.0.0.1/w", tmp_path / "w.pth")
    assert not list(tmp_path.iterdir())


def test_what_a_server_says_moves_no_cursor(tmp_path: Path) -> None:
    with (
        raw(head("Content-Length: 0", status="404 \x1b[2J\x1b]0;mine\x07")) as address,
        pytest.raises(InputError, match=r"404: \\x1b\[2J") as told,
    ):
        fetch(address, tmp_path / "w.pth")
    assert str(told.value).isprintable()
    with (
        raw(head("Content-Length: 3", "Content-Encoding: gzip") + b"abc") as address,
        pytest.raises(InputError, match="Content-Encoding"),
    ):
        fetch(address, tmp_path / "w.pth")
