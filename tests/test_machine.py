"""Trouble of the machine is no video's fault: it stops a command with the reason, and nothing is booked."""

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import pandas as pd
import pytest

from sceneproof import machine
from sceneproof.cli import main
from sceneproof.data import container
from sceneproof.data.manifest import Manifest
from sceneproof.data.video import VideoError, decode, probe
from sceneproof.errors import InputError, MachineError, TrainingError
from sceneproof.files import fitting_name, temporary_name, whole, write_json
from sceneproof.jobs.processes import Problem, in_processes
from sceneproof.labelling.pipeline import label
from sceneproof.prepare import prepare
from tests.failing import failing, killed
from tests.labelling.counting import Counting, collection
from tests.training import Small
from tests.videos import BROKEN, make_video, numbered

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EMFILE, errno.ENAMETOOLONG, errno.EACCES])
def test_an_os_error_in_a_worker_stops_the_command(number: int) -> None:
    with pytest.raises(MachineError, match=os.strerror(number)):
        list(in_processes(failing, iter(["a", number, "b"]), workers=1, time_limit=600))


def test_a_workers_lack_of_memory_and_bad_tables_stop_it_and_faults_of_files_do_not() -> None:
    with pytest.raises(MachineError, match="more memory than this machine has left"):
        list(in_processes(failing, iter(["memory"]), workers=1, time_limit=600))
    with pytest.raises(InputError, match="a table is wrong"):
        list(in_processes(failing, iter(["input"]), workers=1, time_limit=600))
    answers = [answer for _, answer in in_processes(failing, iter(["video", "crash", "a"]), workers=1, time_limit=600)]
    assert answers == [Problem("cut off"), Problem("the process that read it crashed (exit code 11)"), "a"]


def test_a_worker_that_the_system_ended_for_want_of_memory_stops_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = tmp_path / "vmstat"
    counter.write_text("nr_free_pages 7\noom_kill 3\n")
    monkeypatch.setattr(machine, "OOM", counter)
    assert machine.out_of_memory_kills() == 3
    monkeypatch.setattr(machine, "out_of_memory_kills", lambda: 4)  # once the worker has been begun
    with pytest.raises(MachineError, match=r"big\.mp4: needs more memory"):
        list(in_processes(killed, iter(["big.mp4"]), workers=1, time_limit=600))


def test_what_the_system_says_of_the_machine_is_not_taken_for_a_videos_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_video(tmp_path / "a.mp4", numbered(4))

    def refuse(number: int) -> Any:
        def opening(*words: Any, **more: Any) -> None:
            raise OSError(number, os.strerror(number), str(path))

        return opening

    for number in (errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.EIO, errno.ENOTCONN):
        monkeypatch.setattr(container, "opened_file", refuse(number))
        monkeypatch.setattr(machine, "_can_be_read", lambda path: False)
        with pytest.raises(MachineError, match=os.strerror(number)):
            probe(path)
    for number in (errno.EACCES, errno.EISDIR):
        monkeypatch.setattr(container, "opened_file", refuse(number))
        with pytest.raises(VideoError, match=os.strerror(number).lower()):
            probe(path)
    monkeypatch.undo()
    # libav says the same of damaged files: the disk and the memory are tried
    for number in (errno.EIO, errno.ENOMEM):
        monkeypatch.setattr(av, "open", refuse(number))
        with pytest.raises(VideoError, match=os.strerror(number).lower()):
            probe(path)
        monkeypatch.setattr(machine, "_can_be_read", lambda path: False)
        monkeypatch.setattr(machine, "_has_memory", lambda: False)
        with pytest.raises(MachineError):
            probe(path)
        monkeypatch.undo()


def test_a_disk_that_takes_no_more_ends_prepare_with_a_failing_code(tmp_path: Path) -> None:
    make_video(tmp_path / "in" / "a.mp4", numbered(60, 240, 320))
    rows = pd.DataFrame({"video": ["a"], "path": ["a.mp4"], "split": ["train"], "action": ["x"]})
    Manifest(rows, tmp_path / "in").write(tmp_path / "in" / "m.parquet")
    words = [sys.executable, "-m", "sceneproof", "prepare", str(tmp_path / "in" / "m.parquet"), str(tmp_path / "out")]
    done = subprocess.run(
        [*words, "--workers", "1", "--quiet"], capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)),
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "manifest.parquet").exists()


def test_names_of_every_length_are_prepared(tmp_path: Path) -> None:
    names = [f"{'n' * 251}.mp4", f"{'n' * 250}o.mp4", f"{'ü' * 125}.mp4"]
    (tmp_path / "in").mkdir()
    for name in names:
        make_video(tmp_path / "short.mp4", numbered(4)).rename(tmp_path / "in" / name)
    rows = pd.DataFrame({"video": ["a", "b", "c"], "path": names, "split": "train", "action": "x"})
    Manifest(rows, tmp_path / "in").write(tmp_path / "in" / "m.parquet")
    made = prepare(tmp_path / "in" / "m.parquet", tmp_path / "out", workers=1, quiet=True)
    assert made is not None
    assert made.rows["frames"].tolist() == [4, 4, 4]
    assert made.rows["path"].nunique() == 3
    assert all(len(decode(made.path(row))) == 4 for row in range(3))


def test_temporary_names_are_never_too_long(tmp_path: Path) -> None:
    for name in ("a.json", "n" * 255, f"{'n' * 250}.json", f"{'ü' * 125}.json", f"a.{'s' * 250}"):
        assert len(os.fsencode(temporary_name(name))) <= 255
        write_json(tmp_path / name, 1)
        with whole(tmp_path / name) as temporary:
            temporary.touch()
            assert temporary.name.startswith(".")
            assert ".tmp" in temporary.name
    assert fitting_name("a", ".mp4") == "a.mp4"
    assert fitting_name("n" * 300, ".mp4") != fitting_name("n" * 301, ".mp4")


def test_a_drive_that_is_gone_stops_labelling_and_training(tmp_path: Path) -> None:
    manifest = collection(tmp_path, 3)
    drive = tmp_path / "drive"
    (tmp_path / "videos").rename(drive)
    (tmp_path / "videos").symlink_to(drive, target_is_directory=True)
    drive.rename(tmp_path / "gone")
    with pytest.raises(MachineError, match="the folder of the videos cannot be looked into"):
        label(manifest, Counting(), tmp_path / "t.parquet", workers=1, quiet=True)
    drive.mkdir()
    with pytest.raises(MachineError, match="the folder of the videos is empty"):
        label(manifest, Counting(), tmp_path / "t.parquet", workers=1, quiet=True)
    assert not (tmp_path / "t.parquet").exists()
    drive.rmdir()
    (tmp_path / "gone").rename(drive)
    BROKEN["truncated"](tmp_path / "videos" / "1.mp4")
    (tmp_path / "videos" / "2.mp4").unlink()  # faults of files
    assert len(label(manifest, Counting(), tmp_path / "t.parquet", workers=1, quiet=True)) == 2


def test_training_and_testing_stop_at_trouble_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Small.make(tmp_path)
    run = small.train(tmp_path / "done", optimisation={"epochs": 1})
    from sceneproof.data import dataset
    from sceneproof.evaluate import evaluate

    def no_more(*words: Any, **more: Any) -> None:
        raise MachineError("a.mp4: Too many open files")

    monkeypatch.setattr(dataset, "decode", no_more)
    with pytest.raises(TrainingError, match=r"Too many open files.*the same command goes on"):
        small.train(tmp_path / "run", optimisation={"epochs": 1})
    with pytest.raises(MachineError, match="Too many open files"):
        evaluate(run.path, small.manifest, quiet=True)


def test_an_error_of_a_loaders_process_is_told_without_its_traceback() -> None:
    text = (
        "Caught MachineError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
        '  File "x.py", line 3, in f\nsceneproof.errors.MachineError: a.mp4: Input/output error: mend it\n'
    )
    assert str(MachineError(text)) == "a.mp4: Input/output error: mend it"
    assert str(InputError(text.replace("MachineError", "InputError"))) == "a.mp4: Input/output error: mend it"


def test_the_command_line_ends_with_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def trouble(name: str) -> None:
        raise MachineError("the disk is full")

    monkeypatch.setattr("sceneproof.cli.named_function", trouble)
    with pytest.raises(SystemExit) as ended:
        main(["prepare", "a", "b"])
    assert ended.value.code == 1
    assert capsys.readouterr().err == "sceneproof: the disk is full\n"
