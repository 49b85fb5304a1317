import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from sceneproof.jobs.processes import Problem
from sceneproof.labelling.decoding import ClipTask, decoded
from sceneproof.labelling.pipeline import label
from tests.hostile import make_hostile
from tests.labelling.counting import Counting, collection
from tests.videos import BROKEN, make_video, numbered, numbers_of
from tests.waiting import wait_until

KILLED = """
import sys
from pathlib import Path
from sceneproof.data.manifest import Manifest
from sceneproof.labelling.pipeline import label
from tests.labelling.counting import Counting
folder = Path(sys.argv[1])
labelling = Counting(seconds=0.02, log=folder / "log", most=float(sys.argv[2]))
label(Manifest.read(folder / "manifest.parquet"), labelling, folder / "counts.parquet", batch=4, shard=4, workers=1)
"""


@pytest.mark.processes
def test_a_table_is_the_same_for_any_number_of_workers_and_says_what_made_it(tmp_path: Path) -> None:
    manifest = collection(tmp_path, 11)
    for workers in (1, 3):
        assert not label(manifest, Counting(), tmp_path / f"{workers}.parquet", workers=workers, shard=4, quiet=True)
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "3.parquet").read_bytes()
    rows, metadata = read_table(tmp_path / "1.parquet", "counts", ("video", "length", "brightness"))
    assert rows["video"].tolist() == manifest.rows["video"].tolist()
    assert rows["length"].tolist() == [6 + number % 5 for number in range(11)]
    assert metadata["labeller"] == "counting"
    assert not list(tmp_path.glob("*.parts"))


def test_batches_go_across_videos_and_not_across_shards(tmp_path: Path) -> None:
    labelling = Counting()
    label(collection(tmp_path, 7, files=1), labelling, tmp_path / "t.parquet", batch=5, shard=5, workers=2, quiet=True)
    # two frames a clip
    assert [len(batch) for batch in labelling.batches] == [2, 2, 1, 2]


def test_killed_at_random_moments_it_ends_with_the_table_of_an_unbroken_run(tmp_path: Path) -> None:
    # a process waits after six batches, which are at most three shards: eight of them cannot finish the table
    manifest = collection(tmp_path, 300)
    label(manifest, Counting(), tmp_path / "unbroken.parquet", batch=4, shard=4, workers=2, quiet=True)
    rng, parts = random.Random(0), tmp_path / "counts.parquet.parts"
    command = [sys.executable, "-c", KILLED, str(tmp_path)]

    def written() -> int:
        return len(list(parts.glob("*.parquet"))) if parts.exists() else -1

    def kill_after(shards: int, seconds: float) -> None:
        with subprocess.Popen([*command, "6"], stderr=subprocess.PIPE, text=True) as process:
            wait_until(lambda: process.poll() is not None or written() >= shards)
            time.sleep(seconds)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL, process.stderr and process.stderr.read()

    for _ in range(8):
        kill_after(max(written(), 0) + rng.randint(0, 1), rng.random() * 0.1)
    subprocess.run([*command, "inf"], check=True)
    assert (tmp_path / "counts.parquet").read_bytes() == (tmp_path / "unbroken.parquet").read_bytes()
    seen = [line.split()[1] for line in (tmp_path / "log").read_text().splitlines()]
    assert set(seen) == set(manifest.rows["video"])
    assert len(seen) < len(set(seen)) + 9 * 8, "a kill costs its own shard and no other"


def test_labels_begun_otherwise_are_not_gone_on_with(tmp_path: Path) -> None:
    manifest = collection(tmp_path, 8)

    class Stops(Counting):
        def __call__(self, videos):  # type: ignore[no-untyped-def]
            if len(self.batches) == 1:
                raise KeyboardInterrupt
            return super().__call__(videos)

    with pytest.raises(KeyboardInterrupt):
        label(manifest, Stops(), tmp_path / "t.parquet", shard=4, workers=1, quiet=True)
    with pytest.raises(InputError, match="begun otherwise"):
        label(manifest, Counting(name="another"), tmp_path / "t.parquet", shard=4, workers=1, quiet=True)
    other = Manifest(manifest.rows.iloc[::-1].reset_index(drop=True), tmp_path)
    with pytest.raises(InputError, match="begun otherwise"):
        label(other, Counting(), tmp_path / "t.parquet", shard=4, workers=1, quiet=True)
    rest = Counting()
    label(manifest, rest, tmp_path / "t.parquet", shard=4, workers=1, quiet=True)
    assert [name for batch in rest.batches for name in batch] == manifest.rows["video"].tolist()[4:]


def test_a_finished_table_is_not_made_again_unless_something_else_is_asked_for(tmp_path: Path) -> None:
    manifest = collection(tmp_path, 4)
    label(manifest, Counting(), tmp_path / "t.parquet", workers=1, quiet=True)
    again = Counting()
    label(manifest, again, tmp_path / "t.parquet", workers=1, quiet=True)
    assert not again.batches
    label(manifest, Counting(name="another"), tmp_path / "t.parquet", workers=1, quiet=True)
    assert read_table(tmp_path / "t.parquet", "counts", ("video",))[1]["labeller"] == "another"


def test_failures_are_a_table_with_reasons_until_they_are_mended(tmp_path: Path) -> None:
    manifest = collection(tmp_path, 5)
    file = tmp_path / "videos" / "2.mp4"
    whole = file.read_bytes()
    BROKEN["truncated"](file)
    failures = label(manifest, Counting(), tmp_path / "t.parquet", workers=2, quiet=True)
    assert [(one.video, one.reason[:8]) for one in failures] == [("clip00002", "cut off:")]
    told, _ = read_table(tmp_path / "t.failures.parquet", "failures", ("video", "path", "reason"))
    assert told["path"].tolist() == [str(file)]
    file.write_bytes(whole)
    again = Counting()
    assert label(manifest, again, tmp_path / "t.parquet", workers=2, quiet=True) == failures
    assert not again.batches
    (tmp_path / "t.parquet").unlink()
    assert not label(manifest, Counting(), tmp_path / "t.parquet", workers=2, quiet=True)
    assert not (tmp_path / "t.failures.parquet").exists()
    assert len(pq.read_table(tmp_path / "t.parquet")) == 5


@pytest.mark.parametrize("step", ["failures.parquet", "t.parquet"])
def test_a_crash_right_after_either_table_loses_neither(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = collection(tmp_path, 5)
    BROKEN["truncated"](tmp_path / "videos" / "2.mp4")
    replace = os.replace

    def crashing(source: Path, target: Path) -> None:
        replace(source, target)
        if Path(target).name.endswith(step):
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", crashing)
    with pytest.raises(KeyboardInterrupt):
        label(manifest, Counting(), tmp_path / "t.parquet", workers=1, shard=2, quiet=True)
    monkeypatch.undo()
    again = Counting()
    failures = label(manifest, again, tmp_path / "t.parquet", workers=1, shard=2, quiet=True)
    assert not again.batches
    assert [one.video for one in failures] == ["clip00002"]
    assert len(pq.read_table(tmp_path / "t.parquet")) == 4
    assert not [path for path in tmp_path.iterdir() if ".parts" in path.name]


def numbers(length: int, rate: float) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.arange(length)


def tasks(*paths: Path) -> "list[ClipTask]":
    return [ClipTask(row, path.stem, str(path)) for row, path in enumerate(paths)]


def test_what_is_decoded_are_the_frames_asked_for_of_a_clip_shrunk(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", numbered(50, 96, 128), rate=10)
    task = ClipTask(0, "a", str(path), 1.0, 3.0)
    found = list(decoded(iter([task]), lambda length, rate: np.array([0, length - 1]), short_side=48, workers=1,
                         time_limit=60))  # fmt: skip
    ((_, looked),) = found
    assert not isinstance(looked, Problem)
    assert (looked.first, looked.length, looked.height, looked.width) == (10, 20, 96, 128)
    assert looked.numbers.tolist() == [10, 29]
    assert looked.frames.shape == (2, 48, 64, 3)
    assert numbers_of(looked.frames) == [10, 29]


@pytest.mark.processes
def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", numbered(10))

    calls = list[int]()

    def killing(length: int, rate: float) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        calls.append(length)
        if len(calls) == 2:
            for process in multiprocessing.active_children():
                os.kill(process.pid or 0, signal.SIGKILL)
            time.sleep(0.2)
        return np.arange(length)

    found = list(decoded(iter(tasks(*[path] * 4)), killing, short_side=None, workers=1, time_limit=60))
    assert [task.row for task, _ in found] == [0, 1, 2, 3]
    assert [isinstance(answer, Problem) for _, answer in found] == [False, True, False, False]
    assert "crashed" in str(found[1][1])


@pytest.mark.processes
def test_what_takes_too_long_runs_into_its_limit_and_hides_nothing_else(tmp_path: Path) -> None:
    slow = make_video(tmp_path / "slow.mp4", numbered(200, 480, 640))
    quick = make_video(tmp_path / "quick.mp4", numbered(2))
    found = {
        task.video: answer
        for task, answer in decoded(iter(tasks(quick, slow, quick)), numbers, short_side=None, workers=1, time_limit=60)
    }
    assert not any(isinstance(answer, Problem) for answer in found.values())
    found = {
        task.video: answer
        for task, answer in decoded(iter(tasks(slow)), numbers, short_side=None, workers=1, time_limit=0.001)
    }
    assert found == {"slow": Problem("took longer than the limit of 0.001 s")}


@pytest.mark.processes
def test_hostile_files_fail_with_a_reason_and_leave_the_rest_alone(tmp_path: Path) -> None:
    good = make_video(tmp_path / "good.mp4", numbered(9))
    hostile = make_hostile(tmp_path / "hostile")
    files = [file for pair in zip(hostile, [good] * len(hostile), strict=True) for file in pair]
    rows = pd.DataFrame({"video": [f"{row}" for row in range(len(files))], "split": "train", "action": "run"})
    rows["path"] = [str(file.relative_to(tmp_path)) for file in files]
    failures = label(Manifest(rows, tmp_path), Counting(), tmp_path / "t.parquet", workers=2, quiet=True)
    assert all(int(one.video) % 2 == 0 and one.reason for one in failures)
    assert len(failures) >= len(hostile) // 2
    table = pq.read_table(tmp_path / "t.parquet").to_pandas()
    assert len(table) + len(failures) == len(files)


@pytest.mark.processes
@pytest.mark.slow
def test_memory_is_flat_over_thousands_of_entries(tmp_path: Path) -> None:
    manifest, peaks = collection(tmp_path, 3_000), list[int]()

    class Watched(Counting):
        def __call__(self, videos):  # type: ignore[no-untyped-def]
            self.batches.clear()
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
            return super().__call__(videos)

    label(manifest, Watched(), tmp_path / "t.parquet", workers=2, shard=64, quiet=True)
    assert len(pq.read_table(tmp_path / "t.parquet")) == 3_000
    quarter = peaks[len(peaks) // 4]
    assert peaks[-1] - quarter < 12 * 1024, "KiB more at the end than after a quarter"


def test_settings_out_of_range_are_refused(tmp_path: Path) -> None:
    manifest = collection(tmp_path, 2)
    for setting in ({"batch": 0}, {"workers": 0}, {"shard": -1}, {"time_limit": 0.0}):
        with pytest.raises(InputError, match="must be above 0"):
            label(manifest, Counting(), tmp_path / "t.parquet", quiet=True, **setting)


def test_workers_import_nothing_large() -> None:
    code = "import sys, sceneproof.labelling.decoding; print({'torch', 'pandas', 'pyarrow'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout.strip() == b"set()"
