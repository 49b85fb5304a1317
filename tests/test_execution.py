import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import sceneproof.execution as module
from sceneproof.errors import InputError, TrainingError
from sceneproof.evaluate import settings_of
from sceneproof.execution import Row, execute
from sceneproof.files import write_json


@dataclass(frozen=True)
class Slow:
    """Keyword arguments that take ten minutes to come."""

    def keys(self) -> list[str]:
        time.sleep(600)
        return []

    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)


@dataclass(frozen=True)
class Killed(Slow):
    """Keyword arguments that end the process."""

    def keys(self) -> list[str]:
        os._exit(9)


def row(training: Any) -> Row:
    return Row(Path("nowhere"), training, None)


def test_a_row_that_fails_ends_the_others(tmp_path: Path) -> None:
    bad = row({"manifest": tmp_path / "missing.parquet", "out": tmp_path / "out"})
    begun = time.monotonic()
    with pytest.raises(InputError, match=r"missing\.parquet: no such file"):
        execute([bad, row(Slow()), row(Slow())], jobs=2)
    assert time.monotonic() - begun < 200


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C as in a terminal: a shell starts what runs in its background with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_ctrl_c_ends_all() -> None:
    stop = threading.Timer(3, os.kill, (os.getpid(), signal.SIGINT))
    begun = time.monotonic()
    stop.start()
    with pytest.raises(KeyboardInterrupt, match="goes on where it stopped"):
        execute([row(Slow()), row(Slow()), row(Slow())], jobs=2)
    until = time.monotonic() + 30
    while multiprocessing.active_children() and time.monotonic() < until:  # the pool's own thread may be reaping them
        time.sleep(0.1)
    assert not multiprocessing.active_children()
    assert time.monotonic() - begun < 200


def test_a_process_that_is_killed_is_told() -> None:
    with pytest.raises(TrainingError, match="fewer --jobs"):
        execute([row(Killed()), row(Slow())], jobs=2)


def test_a_run_is_tested_again_where_the_settings_have_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tested: list[object] = []

    def evaluate(folder: Path, **testing: Any) -> None:
        tested.append(testing["clips"])
        write_json(folder / "evaluation" / "metrics.json", {"settings": settings_of(testing)})

    monkeypatch.setattr(module, "train", lambda: None)
    monkeypatch.setattr(module, "evaluate", evaluate)
    for clips in (1, 1, 2, 2, 1):
        execute([Row(tmp_path, {}, {"manifest": Path("m"), "splits": ("test",), "clips": clips})])
    assert tested == [1, 2, 1]
