import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import sceneproof.execution as module
from sceneproof.errors import InputError, TrainingError
from sceneproof.evaluate import settings_of
from sceneproof.execution import Row, execute
from sceneproof.files import write_json
from sceneproof.tasks import Classification
from tests.forked import ended, started
from tests.waiting import wait_until


@dataclass(frozen=True)
class Slow:
    """Keyword arguments that never come."""

    def keys(self) -> list[str]:
        threading.Event().wait()
        return []

    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)

    def get(self, key: str, default: Any) -> Any:
        return default


@dataclass(frozen=True)
class Killed(Slow):
    """Keyword arguments that end the process."""

    def keys(self) -> list[str]:
        os._exit(9)


def row(training: Any) -> Row:
    return Row(Path("nowhere"), training, None)


@dataclass(frozen=True)
class Announced(Slow):
    """Keyword arguments that say in which process they are waited for."""

    folder: Path = Path()

    def keys(self) -> list[str]:
        (self.folder / str(os.getpid())).touch()
        return super().keys()


def test_a_row_that_fails_ends_the_others(tmp_path: Path) -> None:
    bad = row({"manifest": tmp_path / "missing.parquet", "out": tmp_path / "out"})
    with pytest.raises(InputError, match=r"missing\.parquet: no such file"):
        execute([bad, row(Slow()), row(Slow())], jobs=2)


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C as in a terminal: a shell starts what runs in its background with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_ctrl_c_ends_all(tmp_path: Path) -> None:
    def press() -> None:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt, match="goes on where it stopped"):
        execute([row(Announced(folder=tmp_path))] * 3, jobs=2)
    wait_until(lambda: not multiprocessing.active_children())  # the pool's own thread may be reaping them


def test_runs_end_when_the_study_is_killed(tmp_path: Path) -> None:
    study = started(lambda: execute([row(Announced(folder=tmp_path))] * 2, jobs=2))
    try:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        runs = [int(path.name) for path in tmp_path.iterdir()]
        assert all(map(_alive, runs)), "they wait for what never comes"
    finally:
        os.kill(study, signal.SIGKILL)
    assert ended(study) == -signal.SIGKILL
    wait_until(lambda: not any(map(_alive, runs)))


def _alive(process: int) -> bool:
    """Whether a process is there and is no zombie that nobody has waited for."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_process_that_is_killed_is_told() -> None:
    with pytest.raises(TrainingError, match="fewer --jobs"):
        execute([row(Killed()), row(Slow())], jobs=2)


def test_a_run_is_tested_again_where_the_settings_have_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tested: list[object] = []

    def evaluate(folder: Path, **testing: Any) -> None:
        tested.append(testing["clips"])
        write_json(folder / "evaluation" / "metrics.json", {"settings": settings_of(Classification(), **testing)})

    monkeypatch.setattr(module, "train", lambda: SimpleNamespace(task=Classification()))
    monkeypatch.setattr(module, "evaluate", evaluate)
    for clips in (1, 1, 2, 2, 1):
        execute([Row(tmp_path, {}, {"manifest": Path("m"), "splits": ("test",), "clips": clips})])
    assert tested == [1, 2, 1]
