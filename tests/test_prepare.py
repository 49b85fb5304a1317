import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sceneproof.data.container import Video, opened
from sceneproof.data.dataset import ClipSettings, Labelled, TrainingClips
from sceneproof.data.human_tables import HumanBoxes
from sceneproof.data.humans import from_masks, read_humans
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import read_table
from sceneproof.data.timing import Timing
from sceneproof.data.video import decode, frame_range
from sceneproof.encoding import Form
from sceneproof.errors import InputError
from sceneproof.prepare import prepare
from sceneproof.tasks import Localization
from sceneproof.train import train
from tests.timed import make_timed
from tests.videos import BROKEN, FORMATS, ODD, make_format, make_masks, make_video, numbered, numbers_of


def collection(folder: Path, **files: Any) -> Path:
    """A manifest of these videos: name -> function that writes the file at a path."""
    rows = []
    for name, write in files.items():
        path = folder / "in" / f"{name}.mp4"
        written = write(path) or path
        rows.append((name, written.relative_to(folder / "in").as_posix(), "train", "run"))
    table = Manifest(pd.DataFrame(rows, columns=["video", "path", "split", "action"]), folder / "in")
    table.write(folder / "in" / "manifest.parquet")
    return folder / "in" / "manifest.parquet"


@pytest.mark.parametrize("form", ["h264", "jpeg"])
def test_frames_are_the_same_ones_smaller_and_all_kinds_of_files_are_read(form: Form, tmp_path: Path) -> None:
    kinds = {
        name.replace(", ", "_"): (lambda path, name=name: make_format(path.parent, name, numbered(30, 96, 128)))
        for name in FORMATS
    }
    odd = {name.replace(" ", "_"): write for name, write in ODD.items()}
    manifest = collection(tmp_path, **kinds, **odd)
    made = prepare(manifest, tmp_path / "out", short_side=48, form=form, workers=1, quiet=True)
    assert made is not None
    before = Manifest.read(manifest)
    for row, name in enumerate(made.rows["video"]):
        old, new = decode(before.path(row), short_side=48), decode(made.path(row))
        assert new.shape[:3] == (made.rows["frames"][row], made.rows["height"][row], made.rows["width"][row])
        assert len(old) == len(new)
        assert max(abs(a - b) for a, b in zip(old.shape, new.shape, strict=True)) <= 1, "odd sizes become even"
        if "odd" not in name:
            assert np.abs(old.astype(int) - new).mean() < 6, name
        if "rotated" not in name:
            assert numbers_of(new) == list(range(len(new)))


def test_every_fourth_frame_is_a_key_frame(tmp_path: Path) -> None:
    made = prepare(collection(tmp_path, a=lambda path: make_video(path, numbered(30))), tmp_path / "out", quiet=True)
    assert made is not None
    with opened(made.path(0)) as video:
        assert isinstance(video, Video)
        assert video.table is not None
        assert video.table.keys.tolist() == [0, 4, 8, 12, 16, 20, 24, 28]


def test_segments_become_files_of_their_own_where_they_are_cut(tmp_path: Path) -> None:
    manifest = collection(tmp_path, a=lambda path: make_video(path, numbered(60), rate=10))
    table = Manifest.read(manifest)
    rows = pd.concat([table.rows] * 2).assign(video=["a1", "a2"], start=[1.0, 2.5], end=[2.0, 4.0], note="kept")
    Manifest(rows.reset_index(drop=True), table.root).write(manifest)
    boxes = HumanBoxes(
        pd.DataFrame(
            [("a2", frame, 8.0, 4.0, 24.0, 40.0, 0.9) for frame in (24, 25, 30, 39, 40)],
            columns=["video", "frame", "x1", "y1", "x2", "y2", "score"],
        )
    )
    boxes.write(tmp_path / "boxes.parquet")
    made = prepare(
        manifest, tmp_path / "out", short_side=24, humans=tmp_path / "boxes.parquet", segments="cut", quiet=True
    )
    assert made is not None
    assert made.rows["frames"].tolist() == [10, 15]
    assert made.rows["duration"].tolist() == [1.0, 1.5]
    assert not {"start", "end"} & set(made.rows)
    assert made.rows["note"].tolist() == ["kept"] * 2
    assert [numbers_of(np.repeat(decode(made.path(row)), 2, axis=1).repeat(2, axis=2))[0] for row in (0, 1)] == [10, 25]
    moved = read_humans(tmp_path / "out" / "humans.parquet")
    assert isinstance(moved, HumanBoxes)
    assert moved.rows[["frame", "x1", "y1", "x2", "y2"]].to_numpy().tolist() == [
        [0, 4, 2, 12, 20], [5, 4, 2, 12, 20], [14, 4, 2, 12, 20],
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["masks", "boxes"])
def test_training_is_given_the_same_clip_and_twin(kind: str, tmp_path: Path) -> None:
    manifest = collection(tmp_path, a=lambda path: make_video(path, numbered(40, 96, 128)))
    tables = from_masks([("a", make_masks(40, 96, 128))], "by hand")
    tables[kind == "boxes"].write(tmp_path / "humans.parquet")
    prepare(manifest, tmp_path / "out", short_side=48, humans=tmp_path / "humans.parquet", quiet=True)
    samples = []
    for table, people in ((manifest, tmp_path / "humans.parquet"), (tmp_path / "out" / "manifest.parquet", None)):
        humans = read_humans(people or tmp_path / "out" / "humans.parquet")
        labelled = Labelled.gather(Manifest.read(table), ["run"], humans=humans)
        samples.append(TrainingClips(labelled, ClipSettings(length=8, size=32, scales=(1.0,)), 0)[0, 0])
    old, new = samples
    assert old.clip.frames.shape[1] == 2 * new.clip.frames.shape[1]
    shrunk = old.clip.frames.reshape(8, 48, 2, 48, 2, 3).mean((2, 4))
    assert np.abs(shrunk - new.clip.frames).mean() < 4, "the same frames, the same crop"
    assert old.clip.humans is not None
    assert new.clip.humans is not None
    there = old.clip.humans.reshape(8, 48, 2, 48, 2).mean((2, 4)) >= 0.5
    assert (there == new.clip.humans).mean() > 0.995
    assert old.clip.fill is not None
    assert new.clip.fill is not None
    assert np.abs(old.clip.fill.astype(int) - new.clip.fill).max() <= 3


@pytest.mark.processes
def test_what_cannot_be_read_is_listed_and_stays_with_no_frames(tmp_path: Path) -> None:
    broken = {name.replace(" ", "_"): write for name, write in BROKEN.items()}
    manifest = collection(tmp_path, good=lambda path: make_video(path, numbered(9)), **broken)
    made = prepare(manifest, tmp_path / "out", quiet=True)
    assert made is not None
    assert made.rows["frames"].tolist() == [9] + [0] * len(BROKEN)
    failures, _ = read_table(tmp_path / "out" / "manifest.failures.parquet", "failures", ("video", "path", "reason"))
    assert failures["video"].tolist() == list(broken)
    with pytest.raises(InputError, match="none of"):
        prepare(collection(tmp_path / "bad", **broken), tmp_path / "bad" / "out", quiet=True)


def test_a_dry_run_says_the_space_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = collection(tmp_path, a=lambda path: make_video(path, numbered(200)))
    assert prepare(manifest, tmp_path / "out", dry_run=True) is None
    assert not (tmp_path / "out").exists()
    told = capsys.readouterr().out
    assert "1 video will take about" in told
    made = prepare(manifest, tmp_path / "out", quiet=True)
    assert made is not None
    size = made.path(0).stat().st_size / 1000
    reckoned = float(told.split("about ")[1].split(" kB")[0])
    assert size / 2 < reckoned < size * 2


def test_too_little_space_is_told_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = collection(tmp_path, a=lambda path: make_video(path, numbered(20)))
    monkeypatch.setattr("sceneproof.prepare.shutil.disk_usage", lambda _: type("Usage", (), {"free": 100}))
    with pytest.raises(InputError, match="100 B are free: give a smaller --short-side"):
        prepare(manifest, tmp_path / "out", quiet=True)
    with pytest.raises(InputError, match="the originals are here"):
        prepare(manifest, tmp_path / "in", quiet=True)


def test_killed_at_random_moments_it_ends_like_an_unbroken_run(tmp_path: Path) -> None:
    files = {f"v{number}": (lambda path: make_video(path, numbered(40, 96, 128))) for number in range(12)}
    manifest = collection(tmp_path, **files)
    prepare(manifest, tmp_path / "unbroken", short_side=48, workers=1, quiet=True)
    code = "import sys; from pathlib import Path; from sceneproof.prepare import prepare\n"
    code += "prepare(Path(sys.argv[1]), Path(sys.argv[2]), short_side=48, workers=1, quiet=True)"
    rng = random.Random(0)
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", code, str(manifest), str(tmp_path / "out")])
        before = len(list((tmp_path / "out").rglob("v*.mp4")))
        while process.poll() is None and len(list((tmp_path / "out").rglob("v*.mp4"))) < before + 1:
            time.sleep(0.01)
        time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("v*.mp4")}
    prepare(manifest, tmp_path / "out", short_side=48, workers=1, quiet=True)
    assert all(path.stat().st_mtime_ns == time for path, time in written.items()), "nothing is done twice"
    assert not list((tmp_path / "out").rglob(".*")), "what a kill left is gone"
    for whole in (tmp_path / "unbroken").rglob("*.mp4"):
        assert (tmp_path / "out" / whole.relative_to(tmp_path / "unbroken")).read_bytes() == whole.read_bytes()
    prepare(manifest, tmp_path / "out", short_side=24, workers=1, quiet=True)
    assert decode(next((tmp_path / "out").rglob("v*.mp4"))).shape[1:3] == (24, 32), "another size is another making"


def test_it_needs_no_torch() -> None:
    code = "import sys; import sceneproof.prepare; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def untrimmed(folder: Path, times: list[int], **more: Any) -> Path:
    """Two segments of one video whose frames are shown at these milliseconds, and one video without any."""
    make_timed(folder / "in" / "a.mp4", times, **more)
    make_video(folder / "in" / "b.mp4", numbered(20))
    rows = [
        ("a0", "a.mp4", "run", 1.0, 2.0),
        ("a1", "a.mp4", "jump", 2.2, 2.6),
        ("b", "b.mp4", "background", None, None),
    ]
    frame = pd.DataFrame(rows, columns=["video", "path", "action", "start", "end"]).assign(split="train")
    Manifest(frame.assign(group=["a", "a", "b"]), folder / "in").write(folder / "in" / "manifest.parquet")
    return folder / "in" / "manifest.parquet"


@pytest.mark.parametrize("form", ["h264", "jpeg"])
@pytest.mark.parametrize(
    ("times", "sound"),
    [
        ([100 * n for n in range(20)] + [2000 + 25 * n for n in range(40)], False),
        ([500 + 40 * n for n in range(60)], True),
        ([0, *(900 + 40 * n for n in range(50) if n != 7)], False),
    ],
    ids=["variable", "late", "still and dropped"],
)
def test_segments_are_carried_over_and_show_the_same(form: Form, times: list[int], sound: bool, tmp_path: Path) -> None:
    manifest = untrimmed(tmp_path, times, sound=sound)
    boxes = HumanBoxes(
        pd.DataFrame(
            [(video, frame, 8.0, 4.0, 24.0, 40.0, 0.9) for video in ("a0", "a1") for frame in (0, 30)],
            columns=["video", "frame", "x1", "y1", "x2", "y2", "score"],
        )
    )
    boxes.write(tmp_path / "boxes.parquet")
    out = tmp_path / "out"
    made = prepare(manifest, out, short_side=32, form=form, humans=tmp_path / "boxes.parquet", workers=1, quiet=True)
    assert made is not None
    before = Manifest.read(manifest)
    assert len(list((out / "videos").iterdir())) == 2, "one copy of each video"
    for name in ("video", "action", "group", "split"):
        assert made.rows[name].tolist() == before.rows[name].tolist()
    assert made.rows[["start", "end"]].iloc[:2].to_numpy(float).tolist() == [[1.0, 2.0], [2.2, 2.6]]
    old, new = (Timing(table).info(0).clock for table in (before, made))
    numbers = np.arange(len(times) + 1)
    assert np.abs(old.seconds(numbers) - new.seconds(numbers)).max() < 1e-3
    assert made.rows["duration"].iat[0] == pytest.approx(old.end, abs=1e-3)
    for row in (0, 1):
        parts = [
            frame_range(Timing(table).info(row), *made.rows[["start", "end"]].iloc[row]) for table in (before, made)
        ]
        assert parts[0] == parts[1]
        assert numbers_of(np.repeat(decode(made.path(row), parts[1]), 2, axis=1).repeat(2, axis=2)) == list(parts[0])
    moved = read_humans(out / "humans.parquet")
    assert moved.rows[["video", "frame"]].to_numpy().tolist() == [["a0", 0], ["a0", 30], ["a1", 0], ["a1", 30]]
    written = {path: path.stat().st_mtime_ns for path in (out / "videos").iterdir()}
    assert prepare(manifest, out, short_side=32, form=form, workers=1, quiet=True) is not None
    assert {path: path.stat().st_mtime_ns for path in (out / "videos").iterdir()} == written, "nothing is done twice"


def test_a_cut_segment_keeps_the_times_of_its_frames(tmp_path: Path) -> None:
    times = [100 * n for n in range(20)] + [2000 + 25 * n for n in range(40)]
    made = prepare(untrimmed(tmp_path, times), tmp_path / "out", segments="cut", workers=1, quiet=True)
    assert made is not None
    assert made.rows["frames"].tolist() == [10, 16, 20]
    assert made.rows["duration"].round(3).tolist() == [1.0, 0.4, 0.8]
    with pytest.raises(InputError, match=r"nothing to localize.*--segments keep"):
        train(
            tmp_path / "out" / "manifest.parquet",
            tmp_path / "run",
            task=Localization(),
            validation_split=None,
            quiet=True,
        )
