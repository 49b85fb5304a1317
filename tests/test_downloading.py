"""Downloads from a server on this machine: whole, cut off, refused, killed."""

import hashlib
import signal
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
