"""Published collections become manifests: every source by its own lists and layout, made small."""

import importlib
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sceneproof.cli import COMMANDS, main
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources import diving48, kinetics, thumos14, ucf101
from sceneproof.data.sources.hmdb51 import index_hmdb51
from sceneproof.data.video import decode
from sceneproof.errors import InputError
from tests.layouts import FRAMES, LAYOUTS, make_diving48, make_kinetics, make_ucf101, spoil
from tests.videos import BROKEN

HELD_OUT = [name for name, layout in LAYOUTS.items() if {"train", "validation", "test"} == set(layout.splits)]


@pytest.fixture(scope="module", params=LAYOUTS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A data set's name, and its small collection."""
    root = tmp_path_factory.mktemp(request.param)
    LAYOUTS[request.param].make(root)
    return request.param, root


@pytest.fixture
def copied(made: tuple[str, Path], tmp_path: Path) -> tuple[str, Path]:
    """The same, to be spoiled."""
    shutil.copytree(made[1], tmp_path / "copy")
    return made[0], tmp_path / "copy"


def index(name: str, root: Path, out: Path, **options: Any) -> Manifest:
    """What the command calls, without the half second that it takes to read its words."""
    module, _, function = COMMANDS[f"index {name}"][0].partition(":")
    words = {LAYOUTS[name].words[0].removeprefix("--"): LAYOUTS[name].words[1]} if LAYOUTS[name].words else {}
    getattr(importlib.import_module(module), function)(root / "videos", root / "lists", out, **words, **options)
    return Manifest.read(out / "manifest.parquet")


def audit_of(out: Path) -> dict[str, Any]:
    audit: dict[str, Any] = json.loads((out / "audit.json").read_text())
    return audit


def test_every_listed_source_is_here() -> None:
    names = {name.removeprefix("index ") for name in COMMANDS if name.startswith("index ")}
    assert names == {*LAYOUTS, "bar", "folder", "jhmdb", "table", "check"}


def test_a_collection_becomes_a_manifest(
    made: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, root = made
    words = [str(path) for path in (root / "videos", root / "lists", tmp_path / "out")]
    main(["index", name, *words, *LAYOUTS[name].words])
    manifest = Manifest.read(tmp_path / "out" / "manifest.parquet")
    assert Counter(manifest.rows["split"]) == LAYOUTS[name].splits
    assert len(manifest.actions) == 2
    assert (manifest.rows["frames"] >= FRAMES).all()
    assert len(decode(manifest.path(len(manifest) - 1))) == manifest.rows["frames"].iat[-1]
    audit = audit_of(tmp_path / "out")
    empty = ("missing", "listed_twice", "unreadable", "same_bytes", "leaks", "same_bytes_across")
    assert {key: audit[key] for key in empty if audit[key]} == {}
    said = capsys.readouterr().out
    assert str(audit["source"]) in said
    metadata = json.loads(pq.read_schema(tmp_path / "out" / "manifest.parquet").metadata[b"sceneproof"])
    assert metadata == {"kind": "manifest", "source": audit["source"]}


def test_nothing_is_opened_without_probing(made: tuple[str, Path], tmp_path: Path) -> None:
    name, root = made
    manifest = index(name, root, tmp_path / "out", probe=False)
    assert Counter(manifest.rows["split"]) == LAYOUTS[name].splits
    assert "frames" not in manifest.rows
    assert any("were not opened" in note for note in audit_of(tmp_path / "out")["notes"])


def test_what_is_wrong_is_told(copied: tuple[str, Path], tmp_path: Path) -> None:
    name, root = copied
    videos = sorted(path for path in (root / "videos").rglob("*.*") if path.is_file())
    # which side a video is on decides nothing here: one goes, one breaks, one becomes another's copy
    rows = index(name, root, tmp_path / "before").rows
    used = {Path(path).name for path in rows["path"]}
    gone, broken, copy, original = [path for path in videos if path.name in used][:4]
    gone.unlink()
    BROKEN["empty"](broken)
    shutil.copyfile(original, copy)
    rows = index(name, root, tmp_path / "out").rows
    audit = audit_of(tmp_path / "out")
    missing = [video for videos in audit["missing"].values() for video in videos]
    lost = set(Manifest.read(tmp_path / "before" / "manifest.parquet").rows["video"]) - set(rows["video"])
    assert set(missing) == lost
    assert lost
    assert audit["listed"] == len(rows) + len(lost)
    assert [Path(path).name for path in audit["unreadable"]] == [broken.name]
    assert [{Path(path).name for path in paths} for paths in audit["same_bytes"]] == [{copy.name, original.name}]
    assert (rows["frames"] == 0).any()
    for path in (root / "videos").rglob("*.*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(InputError, match=r"no video of the lists is here \(\d+ videos, .*they come from http"):
        index(name, root, tmp_path / "out")


def test_a_list_that_is_not_there_is_named_with_its_address(copied: tuple[str, Path], tmp_path: Path) -> None:
    name, root = copied
    for file in LAYOUTS[name].lists[:1] if name not in ("hmdb51", "kinetics", "thumos14") else ("",):
        path = root / "lists" / file
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        with pytest.raises(InputError, match=LAYOUTS[name].site):
            index(name, root, tmp_path / "out")


def test_a_malformed_line_is_named(copied: tuple[str, Path], tmp_path: Path) -> None:
    name, root = copied
    spoil(LAYOUTS[name], root)
    with pytest.raises(InputError, match=LAYOUTS[name].bad[1]):
        index(name, root, tmp_path / "out")


@pytest.mark.parametrize("name", [name for name in HELD_OUT if name != "kinetics"])
def test_groups_stay_on_one_side_of_what_is_held_out(name: str, tmp_path: Path) -> None:
    LAYOUTS[name].make(tmp_path)
    rows = index(name, tmp_path, tmp_path / "out").rows
    assert (rows.groupby("group")["split"].nunique() == 1).all()
    assert rows["group"].nunique() < len(rows)
    assert set(index(name, tmp_path, tmp_path / "none", validation=0).splits) == {"train", "test"}


def test_leaks_of_the_lists_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_ucf101(tmp_path)
    lists = tmp_path / "lists"
    train = (lists / "trainlist01.txt").read_text().splitlines()
    moved = next(line for line in train if "YoYo_g02_c01" in line)
    (lists / "trainlist01.txt").write_text("\n".join(line for line in train if line != moved))
    (lists / "testlist01.txt").write_text(f"{(lists / 'testlist01.txt').read_text()}{moved.split()[0]}\n")
    index("ucf101", tmp_path, tmp_path / "out", validation=0)
    assert audit_of(tmp_path / "out")["leaks"] == {"YoYo_g02": {"train": 1, "test": 1}}
    said = capsys.readouterr().out
    assert (
        "LEAK: groups (clips of one video or film) on several sides of the splits: 1\n  YoYo_g02: 1 in train, 1 in test"
        in said
    )
    shutil.copyfile(*(tmp_path / "videos" / "YoYo" / f"v_YoYo_g0{group}_c02.avi" for group in (1, 2)))
    index("ucf101", tmp_path, tmp_path / "out", validation=0)
    assert len(audit_of(tmp_path / "out")["same_bytes_across"]) == 1


def test_a_video_listed_twice_counts_once(tmp_path: Path) -> None:
    make_kinetics(tmp_path)
    lists = tmp_path / "lists"
    again = (lists / "train.csv").read_text().splitlines()[1]
    (lists / "val.csv").write_text(
        (lists / "val.csv").read_text() + again.replace("train", "val", 2).replace("-val", "-train") + "\n"
    )
    rows = index("kinetics", tmp_path, tmp_path / "out").rows
    assert audit_of(tmp_path / "out")["listed_twice"] == ["ab-train_0x_000000_000010"]
    assert rows.set_index("video")["split"]["ab-train_0x_000000_000010"] == "train"


def test_files_named_by_the_id_alone_are_the_clip_or_the_whole_video(tmp_path: Path) -> None:
    make_kinetics(tmp_path)
    for path in sorted((tmp_path / "videos").rglob("*.mp4")):
        path.rename(path.with_name(path.name[:11] + ".mp4"))
    lists = tmp_path / "lists" / "train.csv"
    assert "start" not in index("kinetics", tmp_path, tmp_path / "out").rows
    # an eternity of six frames: .24 s are more than the clip's .05 s and what a cut may be off
    lists.write_text(lists.read_text().replace(",0,10,", ",0,0.05,"))
    kinetics.SLACK, before = 0.1, kinetics.SLACK
    try:
        rows = index("kinetics", tmp_path, tmp_path / "out").rows
    finally:
        kinetics.SLACK = before
    whole = rows[rows["end"].notna()]
    assert whole["video"].tolist() == ["ab-train_0x_000000_000000", "pv-train_0x_000000_000000"]
    assert set(whole["end"]) == {0.05}


def test_lists_of_several_kinetics_are_not_mixed(tmp_path: Path) -> None:
    make_kinetics(tmp_path)
    lists = tmp_path / "lists"
    (lists / "train.csv").rename(lists / "kinetics-600_train.csv")
    assert Counter(index("kinetics", tmp_path, tmp_path / "out").rows["split"]) == {"validation": 4, "test": 4}
    (lists / "test.csv").write_text("youtube_id,time_start,time_end,split\nabcdefghijk,1,11,test\n")
    index("kinetics", tmp_path, tmp_path / "out")
    assert "test.csv has no labels: left out" in audit_of(tmp_path / "out")["notes"]
    rows = "".join(f"label {n},abcdefghij{n % 10},{n},{n + 10},train\n" for n in range(401))
    (lists / "train.csv").write_text(f"label,youtube_id,time_start,time_end,split\n{rows}")
    with pytest.raises(InputError, match="403 classes, Kinetics-400 has 400"):
        kinetics.read_lists(lists, 400)


def test_versions_of_diving48_are_not_mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_diving48(tmp_path)
    listing = diving48.read_lists(tmp_path / "lists", "V1")
    assert listing.source == "Diving48 V1"
    assert set(listing.rows["action"]) == {"V1 Back 15som 05Twis FREE", "V1 Forward 25som NoTwis PIKE"}
    with pytest.raises(InputError, match=r"Diving48_V2_train\.json: no such list"):
        diving48.read_lists(tmp_path / "lists", "V2")
    monkeypatch.setitem(diving48.OFFICIAL["V2"], "test", 4)
    with pytest.raises(InputError, match=r"Diving48_test\.json: 4 entries, as many as a list of V2 .* not be mixed"):
        diving48.read_lists(tmp_path / "lists", "V1")
    make_diving48(tmp_path, "V2")
    assert set(diving48.read_lists(tmp_path / "lists", "V2").rows["action"]) == {
        "V2 Back 15som 05Twis FREE",
        "V2 Forward 25som NoTwis PIKE",
    }


def test_ambiguous_segments_are_kept_apart(tmp_path: Path) -> None:
    LAYOUTS["thumos14"].make(tmp_path)
    manifest = index("thumos14", tmp_path, tmp_path / "out")
    assert manifest.actions == ["Billiards", "Diving"]
    apart = Manifest.read(tmp_path / "out" / "ambiguous.parquet")
    assert apart.rows[["group", "start", "end"]].values.tolist() == [
        ["video_validation_0000051", 0.9, 1.1],
        ["video_test_0001292", 0.9, 1.1],
    ]
    row = manifest.rows.set_index("video").loc["video_test_0001292/Diving/1.1-1.9"]
    assert (row["split"], row["start"], row["end"], row["frames"]) == ("test", 1.1, 1.9, 50)


def test_videos_of_thumos14_that_were_left_out_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    LAYOUTS["thumos14"].make(tmp_path)
    words = [str(tmp_path / part) for part in ("videos", "lists", "out")]
    main(["index", "thumos14", *words, "--left_out", "video_validation_0000051", "video_validation_0000053"])
    source = "THUMOS-14, 1 test videos, without video_validation_0000051, video_validation_0000053"
    assert source in capsys.readouterr().out
    assert json.loads(pq.read_schema(tmp_path / "out" / "manifest.parquet").metadata[b"sceneproof"])["source"] == source
    assert set(Manifest.read(tmp_path / "out" / "manifest.parquet").rows["group"]) == {
        "video_validation_0000052",
        "video_validation_0000054",
        "video_test_0001292",
    }
    with pytest.raises(InputError, match="--left-out video_test_1: no annotations of such a video"):
        index("thumos14", tmp_path, tmp_path / "again", left_out=["video_test_1"])


def test_films_of_hmdb51_do_not_straddle_and_neither_is_left_out(tmp_path: Path) -> None:
    LAYOUTS["hmdb51"].make(tmp_path)
    manifest = index_hmdb51(tmp_path / "videos", tmp_path / "lists", tmp_path / "out", quiet=True)
    assert not manifest.rows["group"].str.startswith("FilmE").any()
    assert set(manifest.rows[manifest.rows["split"] == "test"]["group"]) == {"FilmAw", "FilmAs"}


def test_index_and_help_do_without_torch(tmp_path: Path) -> None:
    make_ucf101(tmp_path)
    words = ["index", "ucf101", *(str(tmp_path / part) for part in ("videos", "lists", "out")), "--quiet"]
    code = (
        "import importlib, sys\nfrom sceneproof.cli import COMMANDS, main\n"
        f"main({words!r})\n"
        "for name, (place, _) in COMMANDS.items():\n"
        "    if name.startswith('index '):\n"
        "        importlib.import_module(place.partition(':')[0])\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("split", [1, 2, 3])
def test_the_official_lists_of_ucf101(shared_data: Path, split: int) -> None:
    listing = ucf101.read_lists(shared_data / "lists" / "ucf101", split)
    counts = Counter(listing.rows["split"])
    assert (counts["train"], counts["test"]) == ucf101.OFFICIAL[split]
    assert listing.notes == []
    assert listing.rows["action"].nunique() == 101
    assert (listing.rows.groupby("group")["split"].nunique() == 1).all()


def test_the_official_annotations_of_thumos14(shared_data: Path) -> None:
    listing = thumos14.read_lists(shared_data / "thumos")
    assert len(listing.rows) == 3358 + 99
    assert listing.source == "THUMOS-14, 213 test videos"
    assert "test videos with an action: 212; many leave out" in thumos14.without(listing, ()).notes[-1]
    fewer = thumos14.without(listing, thumos14.OFTEN_LEFT_OUT)
    assert fewer.source.startswith("THUMOS-14, 210 test videos, without video_test_0000270, video_test_0001292")
    assert fewer.rows["group"].nunique() == 210
