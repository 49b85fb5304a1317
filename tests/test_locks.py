"""One command at a time in a folder: who holds it is named, and no crash leaves it held."""

import errno
import fcntl
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sceneproof import locks
from sceneproof.data.bias import data_bias
from sceneproof.data.segments_command import index_check
from sceneproof.detect import detect
from sceneproof.errors import InputError
from sceneproof.labelling.pipeline import label
from sceneproof.labelling.scene_training import train_scene_network
from sceneproof.labelling.shards import Shards
from sceneproof.localize import localize
from sceneproof.locks import Lock, beside, locked
from sceneproof.mall.plan import World
from sceneproof.mall.world import make_world
from sceneproof.pages.comparison import compare
from sceneproof.pages.labels import label_check
from sceneproof.prepare import prepare
from sceneproof.report import report
from sceneproof.results import Result, read_results, write_results
from sceneproof.run import Run
from sceneproof.tabular.command import index_table
from tests.labelling.counting import Counting, collection
from tests.waiting import wait_until

HOLD = """
import os, sys
from pathlib import Path
from sceneproof.locks import Lock, locked
with locked(Lock(Path(sys.argv[1]))):
    child = 0
    if len(sys.argv) > 2:  # one that lives on, as a loader's worker may
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.read(reader, 1)
    print("held", child, flush=True)
    sys.stdin.read()
"""


def holder(folder: Path, *more: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process


def test_a_second_command_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    process = holder(tmp_path / "run")
    assert process.stdout is not None
    assert process.stdout.readline() == "held 0\n"
    with (
        pytest.raises(
            InputError, match=rf"{tmp_path / 'run'}: another command writes here \(process {process.pid} on "
        ),
        locked(Lock(tmp_path / "run")),
    ):
        pass
    process.kill()
    process.communicate()
    with locked(Lock(tmp_path / "run")):  # a crash leaves nothing held
        assert json.loads((tmp_path / "run" / ".lock").read_text())["pid"] == os.getpid()
    assert not list((tmp_path / "run").iterdir())
    with locked(Lock(tmp_path / "a" / "b")):
        assert (tmp_path / "a" / "b" / ".lock").is_file()
    assert not (tmp_path / "a").exists(), "nothing was written in it"


def test_a_child_that_outlives_its_parent_holds_nothing(tmp_path: Path) -> None:
    process = holder(tmp_path / "run", "with a child")
    assert process.stdout is not None
    child = process.stdout.readline().split()[1]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    try:
        wait_until(lambda: _free(tmp_path / "run"))  # a child lets go as it begins
        os.kill(int(child), 0)  # it is still there
    finally:
        os.kill(int(child), signal.SIGKILL)
        process.communicate()


def _free(folder: Path) -> bool:
    try:
        with locked(Lock(folder)):
            return True
    except InputError:
        return False


def _in_a_fork(folder: Path) -> None:
    os._exit(0 if not locks._held else 1)


def test_a_fork_forgets_the_locks_and_its_parent_keeps_them(tmp_path: Path) -> None:
    with locked(Lock(tmp_path)):
        child = multiprocessing.get_context("fork").Process(target=_in_a_fork, args=(tmp_path,))
        child.start()
        child.join()
        assert child.exitcode == 0
        with pytest.raises(InputError, match="another command writes here"), locked(Lock(tmp_path)):
            pass


def test_another_machines_lock_is_told_with_how_to_remove_it(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    lock.write_text(json.dumps({"pid": 7, "host": "elsewhere", "boot": "b", "command": "train", "since": "2026"}))
    with (
        pytest.raises(InputError, match=rf"process 7 on elsewhere, since 2026: train.*delete {lock}"),
        locked(Lock(tmp_path)),
    ):
        pass
    lock.unlink()
    with locked(Lock(tmp_path)):
        pass


def test_what_a_crash_of_this_machine_left_is_taken_over(tmp_path: Path) -> None:
    for left in ({"pid": 7, "host": socket.gethostname(), "boot": "before"}, {"pid": 7, "host": "x"}, "half"):
        if isinstance(left, dict) and left["host"] == "x":  # a container of this machine
            left["boot"] = locks._boot()
        (tmp_path / ".lock").write_text(json.dumps(left)[: 5 if left == "half" else None])
        if locks._boot() or not isinstance(left, dict) or left["host"] != "x":
            with locked(Lock(tmp_path)):
                pass
            assert not (tmp_path / ".lock").exists()


def test_a_file_system_without_locks_is_told_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(Lock(tmp_path)):
        pass
    assert "cannot be locked here (No locks available)" in caplog.text
    with locked(Lock("memory://somewhere/run")):
        pass


def test_commands_refuse_a_folder_that_another_one_writes(tmp_path: Path) -> None:
    manifest = collection(tmp_path, 2)
    with locked(Lock(tmp_path / "out")):
        with pytest.raises(InputError, match="another command writes here"):
            prepare(tmp_path / "manifest.parquet", tmp_path / "out", quiet=True)
        with pytest.raises(InputError, match="another command writes here"):
            make_world(tmp_path / "out", World(), quiet=True)
        assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]
    with (
        locked(beside(tmp_path / "t.parquet")),
        pytest.raises(InputError, match="another command writes here"),
    ):
        label(manifest, Counting(), tmp_path / "t.parquet", workers=1, quiet=True)


def test_training_holds_its_run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.training import Small

    held: list[bool] = []
    begin = Run.begin

    def begun(self: Run, *data: object, **more: object) -> None:
        with pytest.raises(InputError, match="another command writes here"), locked(Lock(self.path)):
            pass
        held.append(True)
        begin(self, *data, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Run, "begin", begun)
    run = Small.make(tmp_path).train(tmp_path / "run", optimisation={"epochs": 1})
    assert held == [True]
    assert not (run.path / ".lock").exists()
    with locked(Lock(run.path)), pytest.raises(InputError, match="another command writes here"):
        Small(tmp_path).train(tmp_path / "run", optimisation={"epochs": 1})


def test_a_plan_that_another_command_has_put_there_is_seen_before_anything_is_written(tmp_path: Path) -> None:
    manifest = collection(tmp_path, 4)
    first = Shards(manifest, Counting(), tmp_path / "t.parquet", 2)
    second = Shards(manifest, Counting(name="another"), tmp_path / "t.parquet", 2)
    first.parts.begin()
    second.parts.begin()  # before a shard is there, as two commands at an address can
    with pytest.raises(InputError, match="begun otherwise"):
        first.write(0, [], [])
    with pytest.raises(InputError, match="begun otherwise"):
        first.merge()
    second.write(0, [], [])


def test_pages_comparisons_and_repairs_are_written_by_one_command_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    commands: list[Callable[[], object]] = [
        lambda: report([tmp_path], out),
        lambda: compare(tmp_path, tmp_path, out),
        lambda: index_check(tmp_path / "m.parquet", repair=out),
    ]
    with locked(beside(out)):
        for command in commands:
            with pytest.raises(InputError, match="another command writes here"):
                command()
    for command in commands:  # nor does a lock stay
        with pytest.raises(InputError, match=r"no such file|not a run folder|no audit"):
            command()
    assert not list(tmp_path.iterdir())


def test_tables_labels_and_what_is_said_of_a_video_are_written_by_one_command_at_a_time(tmp_path: Path) -> None:
    out, missing, film = tmp_path / "out", tmp_path / "missing", tmp_path / "film.mp4"
    commands: list[tuple[Lock, Callable[[], object]]] = [
        (Lock(out), lambda: index_table(missing, out, root=missing)),
        (Lock(out), lambda: data_bias(missing, missing, out)),
        (beside(out), lambda: train_scene_network(missing, out)),
        (beside(out), lambda: label_check(missing, out, scenes=missing)),
        (beside(out / "film"), lambda: localize(missing, film, out=out)),
        (beside(out / "film"), lambda: detect(missing, film, out=out)),
    ]
    for lock, command in commands:
        with locked(lock), pytest.raises(InputError, match="another command writes here"):
            command()
        with pytest.raises(InputError, match="missing"):
            command()
        assert not list(tmp_path.iterdir())


def test_results_of_several_commands_are_added_one_after_another(tmp_path: Path) -> None:
    """Threads lock as processes do: each opens the file anew."""

    def add(number: int) -> None:
        for metric in range(5):
            write_results(tmp_path / "r.csv", [Result(f"recipe{number}", "c", "0", f"metric{metric}", "1")])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    assert len({(line.recipe, line.metric) for line in read_results(tmp_path / "r.csv")}) == 20
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]
