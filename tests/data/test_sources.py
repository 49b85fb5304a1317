"""Folders of videos and J-HMDB's official layout become manifests."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceneproof.cli import main
from sceneproof.data.humans import check_humans, read_humans
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources import survey
from sceneproof.data.sources.folder import index_folder
from sceneproof.data.sources.hmdb51 import source_film
from sceneproof.data.sources.jhmdb import index_jhmdb
from sceneproof.data.sources.listing import hold_out
from sceneproof.data.video import decode
from sceneproof.errors import InputError
from tests import jhmdb_shared
from tests.videos import BROKEN, make_jhmdb, make_masks, make_video, numbered


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("own")
    for action in ("jump", "run"):
        for clip in range(10):
            make_video(root / action / f"g{clip // 2}_{clip}.mp4", numbered(3))
    (root / "notes.txt").write_text("not a video")
    BROKEN["truncated"](root / "run" / "g9_broken.mp4")
    return root


@pytest.mark.processes
def test_a_folder_becomes_a_manifest(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["index", "folder", str(folder), str(tmp_path / "out")])
    manifest = Manifest.read(tmp_path / "out" / "manifest.parquet")
    counts = Counter(manifest.rows[["action", "split"]].itertuples(index=False, name=None))
    assert counts == {
        **{("jump", "train"): 8, ("jump", "validation"): 1, ("jump", "test"): 1},
        **{("run", "train"): 9, ("run", "validation"): 1, ("run", "test"): 1},
    }
    assert manifest.splits == ["train", "validation", "test"]
    facts = manifest.rows[["video", "width", "height", "frames", "rate"]].to_dict("records")
    assert {"video": "jump/g0_0", "width": 64, "height": 48, "frames": 3, "rate": 25.0} in facts
    unread = manifest.rows[manifest.rows["frames"] == 0]
    assert unread[["video", "width", "height"]].values.tolist() == [["run/g9_broken", 0, 0]]
    assert unread["rate"].isna().all()
    assert len(decode(manifest.path(0))) == 3
    said = capsys.readouterr().out
    assert "run/g9_broken.mp4: cut off: 18 of 30 frames are missing" in said
    assert "1 .txt" in said
    assert list(json.loads((tmp_path / "out" / "audit.json").read_text())["unreadable"]) == ["run/g9_broken.mp4"]


def test_the_same_seed_draws_the_same_split_and_another_seed_another(folder: Path, tmp_path: Path) -> None:
    splits = [
        index_folder(folder, tmp_path, seed=seed, quiet=True).rows.set_index("video")["split"] for seed in (0, 0, 1)
    ]
    assert splits[0].equals(splits[1])
    assert not splits[0].sort_index().equals(splits[2].sort_index())


def test_groups_stay_on_one_side(folder: Path, tmp_path: Path) -> None:
    rows = index_folder(folder, tmp_path, group="([a-z]+/g[0-9]+)_", validation=0.2, test=0.2, quiet=True).rows
    assert (rows.groupby("group")["split"].nunique() == 1).all()
    assert set(rows["split"]) == {"train", "validation", "test"}
    with pytest.raises(InputError, match=r"finds nothing in 'jump/g0_0\.mp4'"):
        index_folder(folder, tmp_path, group="h[0-9]", quiet=True)


@pytest.mark.processes
def test_a_file_that_takes_too_long_is_unreadable(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "TIME_LIMIT", 0.001)
    index_folder(folder, tmp_path / "out", quiet=True)
    told = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert set(told["unreadable"].values()) == {"took longer than the limit of 0.001 s"}


def test_a_script_without_a_guard_can_index(folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from sceneproof.data.sources.folder import index_folder\n"
        f"print('once'); index_folder(Path({str(folder)!r}), Path({str(tmp_path / 'out')!r}), quiet=True)\n"
    )
    said = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert said.stdout == "once\n"
    assert (Manifest.read(tmp_path / "out" / "manifest.parquet").rows["frames"] > 0).sum() == 20  # one is broken


def test_split_folders_are_taken_as_they_are(tmp_path: Path) -> None:
    root = tmp_path / "own"
    for place in ("train/run/a", "train/run/b", "train/jump/a", "train/jump/b", "Val/run/c", "test/run/d"):
        make_video(root / f"{place}.mp4", numbered(2))
    rows = index_folder(root, tmp_path / "out", quiet=True).rows.set_index("video")
    assert rows["split"].to_dict() == {
        "train/run/a": "train",
        "train/run/b": "train",
        "train/jump/a": "train",
        "train/jump/b": "train",
        "Val/run/c": "validation",
        "test/run/d": "test",
    }
    assert rows["action"].to_dict()["Val/run/c"] == "run"
    (root / "Val" / "run" / "c.mp4").unlink()
    (root / "Val" / "run").rmdir()
    (root / "Val").rmdir()
    held = index_folder(root, tmp_path / "out", quiet=True).rows
    assert Counter(held["split"]) == {"train": 2, "validation": 2, "test": 1}  # one of each action's two


def test_videos_inside_the_output_folder_need_no_link(folder: Path) -> None:
    manifest = index_folder(folder, folder, quiet=True)
    assert not (folder / "videos").exists()
    assert manifest.rows["path"].tolist()[0].startswith("jump/")
    assert len(index_folder(folder, folder, quiet=True)) == len(manifest)


def test_folders_that_cannot_be_indexed_say_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        index_folder(tmp_path / "none", tmp_path / "out")
    make_video(tmp_path / "own" / "loose.mp4", numbered(2))
    with pytest.raises(InputError, match="no videos in sub-folders"):
        index_folder(tmp_path / "own", tmp_path / "out")
    make_video(tmp_path / "own" / "run" / "a.mp4", numbered(2))
    with pytest.raises(InputError, match="leave a part to train on"):
        index_folder(tmp_path / "own", tmp_path / "out", test=1.0)
    (tmp_path / "out" / "videos").mkdir(parents=True)
    with pytest.raises(InputError, match="is there already"):
        index_folder(tmp_path / "own", tmp_path / "out", quiet=True)
    make_video(tmp_path / "own" / "run" / "a.avi", numbered(2), codec="mpeg4")
    with pytest.raises(InputError, match=r"run/a\.avi and run/a\.mp4 have one name"):
        index_folder(tmp_path / "own", tmp_path / "out")


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("uvwxyz")), min_size=1, max_size=60),
    st.sampled_from([0.0, 0.1, 0.3]),
    st.integers(0, 5),
)
def test_holding_out_keeps_groups_whole_and_something_to_train_on(
    clips: list[tuple[str, str]], share: float, seed: int
) -> None:
    actions, groups = [clip[0] for clip in clips], [clip[1] for clip in clips]
    held = hold_out(actions, groups, share, seed=seed)
    assert all(len({h for h, g in zip(held, groups, strict=True) if g == group}) == 1 for group in groups)
    assert all(not all(h for h, a in zip(held, actions, strict=True) if a == action) for action in actions)
    assert any(held) <= (share > 0)


def test_holding_out_takes_its_share_of_each_action() -> None:
    actions = ["a"] * 40 + ["b"] * 20 + ["c"] * 2 + ["d"]
    held = hold_out(actions, [str(clip) for clip in range(len(actions))], 0.1, seed=3)
    assert Counter(action for action, out in zip(actions, held, strict=True) if out) == {"a": 4, "b": 2, "c": 1}


def test_jhmdb_in_its_official_layout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_jhmdb(tmp_path / "jhmdb")
    gone = sorted((root / "ReCompress_Videos" / "wave").glob("*FilmB_0*"))[0]
    gone.unlink()
    junk = sorted((root / "puppet_mask" / "golf").glob("*FilmC_1*/puppet_mask.mat"))[0]
    junk.write_text("junk")
    main(["index", "jhmdb", str(root), str(tmp_path / "out"), "--split", "1"])
    manifest = Manifest.read(tmp_path / "out" / "manifest.parquet")
    assert Counter(manifest.rows["split"]) == {"train": 16, "validation": 3, "test": 4}
    assert (manifest.rows.groupby("group")["split"].nunique() == 1).all()
    assert set(manifest.rows[manifest.rows["split"] == "test"]["group"]) == {"GolfFilmF", "WaveFilmF"}
    row = int(np.flatnonzero(manifest.rows["split"] == "test")[0])
    assert len(decode(manifest.path(row))) == 15
    for name in ("masks", "boxes"):
        humans = read_humans(tmp_path / "out" / f"{name}.parquet")
        check_humans(humans, manifest)
        assert len(humans.videos) == 22
        regions = humans.regions(manifest.rows["video"].tolist()[row], range(15), 48, 64)
        np.testing.assert_array_equal(regions, make_masks(15))
    said = capsys.readouterr().out
    assert f"listed and missing, of 24 listed: 1\n  wave: wave/{gone.stem}\n" in said
    assert f"masks of no use: 1\n  golf/{junk.parent.name}: puppet_mask.mat cannot be read" in said


def test_what_jhmdb_lacks_is_named_with_where_it_comes_from(tmp_path: Path) -> None:
    root = make_jhmdb(tmp_path / "jhmdb", actions=["golf"], films=3, clips=1)
    with pytest.raises(InputError, match=r"no split lists like wave_test_split2.txt: they come from http.*splits.zip"):
        index_jhmdb(root, tmp_path / "out", split=2)
    lists = root / "splits" / "golf_test_split1.txt"
    lists.write_text(lists.read_text() + "odd line here\n")
    with pytest.raises(InputError, match=r"golf_test_split1\.txt: line 4: 'odd line here'"):
        index_jhmdb(root, tmp_path / "out")
    lists.write_text("other.avi 1\n")
    with pytest.raises(InputError, match=r"no video of the lists is here \(1 video, .*JHMDB_video.zip"):
        index_jhmdb(root, tmp_path / "out")
    (root / "puppet_mask").rename(root / "elsewhere")
    with pytest.raises(InputError, match=r"puppet_mask: no such folder; unpack http.*puppet_mask.zip there"):
        index_jhmdb(root, tmp_path / "out")


def test_clips_of_one_film_are_known_by_their_names() -> None:
    name = "Return_of_the_King_4_walk_f_cm_np1_fr_med_12"
    assert source_film(name, "walk") == "Return_of_the_King"
    assert source_film("21_run_f_cm_np1_fr_med_0", "run") == "21"
    assert source_film("April_09_brush_hair_u_nm_np1_ba_goo_0", "brush_hair") == "April"
    assert source_film("other name", "walk") == "other name"


def test_the_repack_of_jhmdb(shared_data: Path, tmp_path: Path) -> None:
    manifest = jhmdb_shared.make(shared_data, tmp_path, actions=2, quiet=True)
    assert Counter(manifest.rows["split"]) == {"train": 54, "validation": 9, "test": 26}
    assert (manifest.rows["frames"] > 0).all()
    for name in ("masks", "boxes"):
        humans = read_humans(tmp_path / f"{name}.parquet")
        check_humans(humans, manifest)
        assert set(humans.videos) == set(manifest.rows["video"])
    masks, boxes = read_humans(tmp_path / "masks.parquet"), read_humans(tmp_path / "boxes.parquet")
    video, frames = manifest.rows[["video", "frames"]].iloc[0]
    mask, box = (humans.regions(video, range(frames), 120, 160) for humans in (masks, boxes))
    assert (mask & box).sum() > 0.98 * mask.sum()
    assert all(cv2.boundingRect(shape.astype(np.uint8))[2] for shape in mask)
