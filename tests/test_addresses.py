"""Tables, videos and labels in the making at addresses: in memory, and on a server that speaks S3."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
import s3fs

from sceneproof import addresses, cli
from sceneproof.addresses import located
from sceneproof.data import container
from sceneproof.data.batches import Loader
from sceneproof.data.dataset import ClipSettings, Labelled, TrainingClips
from sceneproof.data.human_tables import HumanBoxes, HumanMasks
from sceneproof.data.humans import from_masks, read_humans
from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.data.tables import read_table, write_table
from sceneproof.data.video import VideoError, decode, probe
from sceneproof.errors import AddressError, InputError
from sceneproof.files import read_json, whole, write_json
from sceneproof.labelling.pipeline import label
from sceneproof.prepare import prepare
from tests.labelling.counting import Counting, collection
from tests.labelling.models import mean_colour_model
from tests.stores import put, s3_server
from tests.videos import BROKEN, cut, make_manifest, make_masks, make_scenes, make_video, numbered, numbers_of

KILLED = """
import sys
from sceneproof.data.manifest import Manifest
from sceneproof.labelling.pipeline import label
from tests.labelling.counting import Counting
bucket = sys.argv[1]
label(Manifest.read(f"{bucket}/manifest.parquet"), Counting(seconds=0.05), f"{bucket}/counts.parquet", batch=4, shard=2,
      workers=1)
"""


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def memory() -> Iterator[str]:
    store = fsspec.filesystem("memory")
    store.store.clear()
    yield "memory://store"
    store.store.clear()


def run(*words: str) -> int:
    try:
        cli.main(list(words))
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def in_memory(file: Path, address: str) -> str:
    fsspec.filesystem("memory").put_file(str(file), address.removeprefix("memory:/"))
    return address


def test_a_path_stays_a_path_and_an_address_keeps_its_slashes() -> None:
    assert located("a/b.parquet") == Path("a/b.parquet")
    assert located("file:///a/b.parquet") == Path("/a/b.parquet")
    place = located("s3://bucket/a/b.parquet")
    assert str(place) == "s3://bucket/a/b.parquet"
    assert str(place.parent / "c.mp4") == "s3://bucket/a/c.mp4"
    assert str(located(place)) == str(place)


def test_an_unknown_kind_of_address_and_a_missing_package_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="nosuch://a/b: no such kind of address"):
        located("nosuch://a/b")
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(InputError, match=r"gs:// needs a package: pip install 'sceneproof\[gcs\]'"):
        located("gs://bucket/a")


def test_every_table_comes_back_from_an_address_as_it_was(tmp_path: Path, memory: str) -> None:
    manifest = make_manifest(tmp_path)
    manifest.write(f"{memory}/m.parquet")
    there = Manifest.read(f"{memory}/m.parquet")
    pd.testing.assert_frame_equal(there.rows, Manifest.read(tmp_path / "manifest.parquet").rows)
    assert str(there.root) == memory
    assert str(there.path(0)) == f"{memory}/{manifest.rows['path'].iat[0]}"

    scenes = make_scenes(manifest, tmp_path / "s.parquet")
    scenes.write(f"{memory}/s.parquet")
    np.testing.assert_array_equal(SceneTable.read(f"{memory}/s.parquet").probabilities, scenes.probabilities)

    masks, boxes = from_masks([("a", make_masks(3))], "made up")
    masks.write(f"{memory}/masks.parquet")
    boxes.write(f"{memory}/boxes.parquet")
    for name, kind in (("masks", HumanMasks), ("boxes", HumanBoxes)):
        people = read_humans(f"{memory}/{name}.parquet")
        assert isinstance(people, kind)
        assert people.videos == ["a"]

    write_table(f"{memory}/f.parquet", pd.DataFrame({"video": ["a"], "reason": ["b"]}), "failures", table="t")
    assert read_table(f"{memory}/f.parquet", "failures", ("video",))[1]["table"] == "t"
    write_json(f"{memory}/plan.json", {"a": [1]})
    assert read_json(f"{memory}/plan.json") == {"a": [1]}


def test_a_write_that_fails_leaves_what_was_there(memory: str) -> None:
    write_json(f"{memory}/a.json", 1)

    def killed() -> None:
        with whole(f"{memory}/a.json") as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert read_json(f"{memory}/a.json") == 1


@pytest.mark.parametrize("root", ["", "memory://store"])
@pytest.mark.parametrize(
    "path", ["/etc/a.mp4", "../a.mp4", "a/../../b.mp4", "a/..", "..\\a.mp4", "C:\\a.mp4", "\\\\host\\a.mp4",
             "s3://other/a.mp4", "file:///etc/a.mp4", "memory://other/a.mp4", "simplecache::s3://other/a.mp4"]
)  # fmt: skip
def test_a_path_that_leaves_the_root_is_refused(path: str, root: str) -> None:
    rows = pd.DataFrame({"video": ["a", "b"], "path": ["a..b/..c.mp4", path], "split": "train", "action": "run"})
    Manifest(rows[:1], located(root)).check()
    with pytest.raises(InputError, match=r"row 1: the path .* leaves the root folder"):
        Manifest(rows, located(root)).check()


@pytest.mark.parametrize("small", [2**25, 0])
def test_a_video_at_an_address_gives_the_same_frames(
    tmp_path: Path, memory: str, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "SMALL", small)
    for suffix in (".mp4", ".avi", ".mkv"):
        path = make_video(tmp_path / f"a{suffix}", numbered(60))
        address = in_memory(path, f"{memory}/a{suffix}")
        assert probe(address) == probe(path)
        np.testing.assert_array_equal(decode(address), decode(path))
        assert numbers_of(decode(address, [50, 3])) == [50, 3]


def test_a_file_written_anew_is_read_anew(tmp_path: Path, memory: str) -> None:
    address = in_memory(make_video(tmp_path / "a.mp4", numbered(5)), f"{memory}/a.mp4")
    assert probe(address).frames == 5
    in_memory(make_video(tmp_path / "b.mp4", numbered(7)), f"{memory}/a.mp4")
    assert probe(address).frames == 7


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_a_broken_file_has_the_same_reason_at_an_address(tmp_path: Path, memory: str, kind: str) -> None:
    path = BROKEN[kind](tmp_path / "a.mp4")
    address = in_memory(path, f"{memory}/a.mp4")
    reasons = []
    for where in (path, address):
        with pytest.raises(VideoError) as error:
            decode(where)
        reasons.append(str(error.value))
    assert reasons[0] == reasons[1]


def test_a_video_at_an_address_opens_no_file_of_this_machine(
    tmp_path: Path, memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = make_video(tmp_path / "secret.ts", numbered(20))
    listed = tmp_path / "a.m3u8"
    listed.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n")
    address = in_memory(listed, f"{memory}/a.m3u8")
    for where in (listed, address):
        with pytest.raises(VideoError):
            probe(where)
    # were play lists let in, those of this machine would work, and those of an address would not
    monkeypatch.setitem(container.OPTIONS, "format_whitelist", f"{container.OPTIONS['format_whitelist']},hls")
    assert probe(listed).frames == 20
    with pytest.raises(VideoError):
        probe(address)


def test_what_cannot_be_fetched_has_its_reason(
    tmp_path: Path, bucket: str, memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for missing in (f"{memory}/no.mp4", f"{bucket}/no.mp4", "s3://no-bucket/a.mp4"):
        with pytest.raises(VideoError, match=r"^no such file$"):
            probe(missing)
    noise = np.random.default_rng(0).integers(0, 256, (40, 120, 160, 3), np.uint8)
    put(make_video(tmp_path / "v" / "a.mp4", noise).parent, f"{bucket}/gone")
    monkeypatch.setattr(addresses, "SMALL", 0)
    monkeypatch.setattr(addresses, "BLOCK", 2**14)
    monkeypatch.setattr(addresses, "BLOCKS", 1)
    with container.opened(f"{bucket}/gone/a.mp4") as video:
        s3fs.S3FileSystem().rm_file(f"{bucket}/gone/a.mp4")
        with pytest.raises(AddressError, match="was deleted while it was read"):
            list(video.frames())


def table_and_failures(folder: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, _ = read_table(f"{folder}/counts.parquet", "counts", ("video",))
    failures, _ = read_table(f"{folder}/counts.failures.parquet", "failures", ("video", "reason"))
    return rows, failures[["video", "reason"]]


def test_labels_at_an_address_are_those_of_this_machine_however_often_it_is_killed(tmp_path: Path, bucket: str) -> None:
    manifest = collection(tmp_path, 30)
    cut(tmp_path / "videos" / "2.mp4", 0.6)
    put(tmp_path, f"{bucket}/c")
    label(manifest, Counting(), tmp_path / "counts.parquet", batch=4, shard=2, workers=1, quiet=True)
    parts = located(f"{bucket}/c/counts.parquet.parts")
    for least in (2, 6):
        process = subprocess.Popen([sys.executable, "-c", KILLED, f"{bucket}/c"], stderr=subprocess.PIPE, text=True)
        while process.poll() is None and len(addresses.names(parts)) < least + 1:  # and the plan
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, process.stderr and process.stderr.read()
    there = Manifest.read(f"{bucket}/c/manifest.parquet")
    rest = Counting()
    failures = label(there, rest, f"{bucket}/c/counts.parquet", batch=4, shard=2, workers=1, quiet=True)
    assert len([name for batch in rest.batches for name in batch]) <= 30 - 2 * 6 + 2
    for here, away in zip(table_and_failures(str(tmp_path)), table_and_failures(f"{bucket}/c"), strict=True):
        pd.testing.assert_frame_equal(here, away)
    assert failures[0].path == f"{bucket}/c/videos/2.mp4"
    store = s3fs.S3FileSystem(use_listings_cache=False)
    assert store.cat_file(f"{bucket}/c/counts.parquet") == (tmp_path / "counts.parquet").read_bytes()
    assert not addresses.names(parts)
    again = Counting()
    assert label(there, again, f"{bucket}/c/counts.parquet", shard=2, workers=1, quiet=True) == failures
    assert not again.batches


@pytest.mark.parametrize("deleted", range(4))
def test_a_crash_while_the_shards_are_deleted_leaves_nothing_that_misleads(
    tmp_path: Path, memory: str, deleted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = collection(tmp_path, 6)
    store = type(fsspec.filesystem("memory"))
    remove, count = store._rm, [0]

    def crashing(self: object, path: str) -> None:
        if count[0] == deleted:
            raise KeyboardInterrupt
        count[0] += 1
        remove(self, path)

    monkeypatch.setattr(store, "_rm", crashing)
    with pytest.raises(KeyboardInterrupt):
        label(manifest, Counting(), f"{memory}/t.parquet", shard=2, workers=1, quiet=True)
    monkeypatch.undo()
    parts = located(f"{memory}/t.parquet.parts")
    assert "plan.json" in addresses.names(parts)
    fsspec.filesystem("memory").rm_file("/store/t.parquet")  # as who wants the labels made again would
    rest = Counting()
    assert not label(manifest, rest, f"{memory}/t.parquet", shard=2, workers=1, quiet=True)
    assert len([name for batch in rest.batches for name in batch]) == 2 * deleted
    assert read_table(f"{memory}/t.parquet", "counts", ("video",))[0]["video"].tolist() == list(manifest.rows["video"])
    assert not addresses.names(parts)


@pytest.mark.parametrize("workers", [0, 1])
def test_training_reads_the_same_clips_from_an_address(tmp_path: Path, bucket: str, workers: int) -> None:
    make_manifest(tmp_path, splits=("train",))
    put(tmp_path, f"{bucket}/t{workers}")
    pixels = []
    for manifest in (tmp_path / "manifest.parquet", f"{bucket}/t{workers}/manifest.parquet"):
        table = Manifest.read(manifest)
        assert probe(table.path(0)).frames == 12  # a connection of this process, which a forked worker must not use
        clips = TrainingClips(Labelled.gather(table, table.actions), ClipSettings(8, 1, 32), 0)
        batches = list(Loader(clips, 2, workers=workers).epoch(0))
        assert not any(batch.problems for batch in batches)
        pixels.append([stack.frames.numpy() for batch in batches for stack in batch.stacks])
    for here, away in zip(*pixels, strict=True):
        np.testing.assert_array_equal(here, away)


@pytest.mark.processes
def test_scenes_are_labelled_and_videos_prepared_from_a_bucket(tmp_path: Path, bucket: str) -> None:
    make_manifest(tmp_path / "m", splits=("train",))
    put(tmp_path / "m", f"{bucket}/p")
    model = str(mean_colour_model(tmp_path / "m.onnx", softmax=True))
    (tmp_path / "names.txt").write_text("red\ngreen\nblue\n")
    options = {"weights": model, "names": str(tmp_path / "names.txt"), "std": "[99,99,99]"}
    words = ["--labeller", "OnnxSceneLabeller", *(f"--labeller.{name}={value}" for name, value in options.items())]
    words += ["--workers", "1", "--quiet"]
    assert run("label", "scenes", f"{bucket}/p/manifest.parquet", f"{bucket}/p/scenes.parquet", *words) == 0
    assert run("label", "scenes", str(tmp_path / "m/manifest.parquet"), str(tmp_path / "scenes.parquet"), *words) == 0
    here, away = SceneTable.read(tmp_path / "scenes.parquet"), SceneTable.read(f"{bucket}/p/scenes.parquet")
    np.testing.assert_array_equal(here.probabilities, away.probabilities)

    made = prepare(f"{bucket}/p/manifest.parquet", tmp_path / "out", short_side=32, workers=1, quiet=True)
    assert made is not None
    assert set(made.rows["frames"]) == {12}
    first = made.path(0)
    written = first.stat().st_mtime_ns
    prepare(f"{bucket}/p/manifest.parquet", tmp_path / "out", short_side=32, workers=1, quiet=True)
    assert first.stat().st_mtime_ns == written


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(*words) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    message = said[said.index("sceneproof: ") :]
    assert len(message) < 600, message
    return message


def test_what_is_not_there_is_told_in_a_message(
    tmp_path: Path, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_manifest(tmp_path, splits=("train",))
    put(tmp_path, f"{bucket}/e")
    people = ["--detector", "MotionMask", "--workers", "1", "--quiet"]
    for missing in (f"{bucket}/no.parquet", "s3://no-bucket/m.parquet"):
        message = refused(["label", "humans", missing, str(tmp_path / "o.parquet"), *people], capsys)
        assert f"{missing}: no such file (expected a manifest table" in message
    out = "s3://no-bucket/o.parquet"
    assert "s3://no-bucket" in refused(["label", "humans", f"{bucket}/e/manifest.parquet", out, *people], capsys)
    root = ["--root", f"{bucket}/elsewhere"]
    message = refused(["label", "humans", f"{bucket}/e/manifest.parquet", str(tmp_path / "o"), *people, *root], capsys)
    assert f"{bucket}/elsewhere/videos/jump/jump_train_0.mp4: no such file" in message


def test_missing_credentials_and_servers_are_told_in_a_message(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["label", "humans", f"{bucket}/m.parquet", str(tmp_path / "o.parquet"), "--detector", "MotionMask"]
    with monkeypatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        s3fs.S3FileSystem.clear_instance_cache()
        message = refused(words, capsys)
        assert f"{bucket}/m.parquet: cannot be reached (Unable to locate credentials" in message
        assert "docs/addresses.md" in message
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        s3fs.S3FileSystem.clear_instance_cache()
        message = refused(words, capsys)
        assert f"{bucket}/m.parquet: cannot be reached (Could not connect" in message
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.parametrize(
    "words", [["train", "s3://bucket/m.parquet", "s3://bucket/run"],
              ["prepare", "s3://bucket/m.parquet", "s3://bucket/out"],
              ["index", "folder", "s3://bucket/videos", "out"],
              ["evaluate", "s3://bucket/run", "m.parquet"],
              ["report", "s3://bucket/run"]]
)  # fmt: skip
def test_an_address_where_only_a_path_can_be_is_refused_by_name(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    message = refused(words, capsys)
    assert "is an address, and this must be a path of this machine" in message
    assert "s3://bucket/" in message
