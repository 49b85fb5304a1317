"""Commands in processes of their own that need not load PyTorch first: each is forked from one that has.

A test talks to that one by lines of JSON; what it starts is the leader of a session of its own, by which all that it
starts in turn can be found.
"""

import contextlib
import importlib
import json
import multiprocessing.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import psutil  # type: ignore[import-untyped]  # comes with accelerate

LOADED = ("cli", "arguments", "train", "evaluate", "study", "demo", "audit.command", "prepare", "contexts.export",
          "mall.world", "labelling.scenes_command", "labelling.humans_command", "data.sources.folder")  # fmt: skip
"""What the commands need."""


@dataclass
class Child:
    """A command that was started.

    Attributes:
        pid: its process, and its session.
        errors: the file that it writes its errors to.
    """

    nursery: "Nursery"
    pid: int
    errors: Path
    code: int | None = None

    def poll(self) -> int | None:
        """Its exit code, negative where a signal ended it; None while it runs."""
        if self.code is None:
            self.code = self.nursery.asked({"poll": self.pid})
        return self.code

    def wait(self, seconds: float) -> int | None:
        """Its exit code, waited for."""
        until = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        return self.code

    def said(self) -> str:
        """What it has written as errors."""
        return self.errors.read_text()

    def left(self) -> list[psutil.Process]:
        """What of its session lives."""
        found = []
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == self.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):  # gone meanwhile
                continue
        return found


class Nursery:
    """The process that commands are forked from; close it in the end."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.nursery"], env={**os.environ, **environment},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def start(self, words: Sequence[str], errors: Path, environment: Mapping[str, str]) -> Child:
        """Starts a command of `sceneproof`."""
        start = {"start": [*words], "errors": str(errors), "environment": {**environment}}
        return Child(self, self.asked(start), errors)

    def asked(self, question: Mapping[str, Any]) -> Any:
        """What the process answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """Ends it."""
        self._process.communicate()


def _run(words: Sequence[str], errors: str, environment: Mapping[str, str]) -> NoReturn:
    """The command, in a new process: as if a shell had started it."""
    os.setsid()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open(os.devnull, "r+b") as nothing, open(errors, "wb") as told:
        for ours, theirs in ((0, nothing), (1, nothing), (2, told)):
            os.dup2(theirs.fileno(), ours)
    sys.argv = ["sceneproof", *words]
    code = 1
    try:
        from sceneproof import cli

        cli.main(words)
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    except BaseException:  # noqa: BLE001  # told as Python tells it
        sys.excepthook(*sys.exc_info())
    # as a process of Python ends, but for libraries' own threads, which a fork has lost
    threading._shutdown()  # type: ignore[attr-defined]
    multiprocessing.util._exit_function()  # type: ignore[attr-defined]
    sys.stderr.flush()
    os._exit(code)


def _serve() -> None:
    for name in LOADED:
        importlib.import_module(f"sceneproof.{name}")
    with contextlib.suppress(ImportError):
        importlib.import_module("gradio")  # an extra
    assert threading.active_count() == 1, "a process is not forked from one that has threads"
    codes: dict[int, int] = {}
    for line in iter(sys.stdin.readline, ""):
        asked = json.loads(line)
        if "start" in asked:
            answer: int | None = os.fork()
            if answer == 0:
                _run(asked["start"], asked["errors"], asked["environment"])
        else:
            if asked["poll"] not in codes:
                ended, status = os.waitpid(asked["poll"], os.WNOHANG)
                if ended:
                    codes[ended] = os.waitstatus_to_exitcode(status)
            answer = codes.get(asked["poll"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
