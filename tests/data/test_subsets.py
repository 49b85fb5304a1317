"""Published subsets of test videos: found by id, file or group, or refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sceneproof.data.bias import Bias, data_bias
from sceneproof.data.manifest import Manifest
from sceneproof.data.subsets import members, read_subsets
from sceneproof.errors import InputError
from tests.videos import make_manifest, make_scenes


def table(rows: list[tuple[str, str, str]]) -> Manifest:
    values = [(video, path, "test", "jump", group) for video, path, group in rows]
    return Manifest(pd.DataFrame(values, columns=["video", "path", "split", "action", "group"]), Path("."))


def test_ids_are_those_of_the_manifest_or_of_files_or_of_groups() -> None:
    rows = [
        ("jump/v_Jump_g01_c01", "videos/x/a_000.mp4", "youtube1"),
        ("jump/v_Jump_g01_c02", "videos/x/b_001.mp4", "y2"),
    ]
    for ids in (["v_Jump_g01_c02"], ["Jump/v_Jump_g01_c02.avi"], ["b_001"], ["y2"], ["y2", "elsewhere"]):
        found, unknown = members(table(rows), {"debiased": ids}, Path("splits.json"))
        assert found["debiased"].tolist() == [False, True], ids
        assert unknown == {"debiased": ids[1:]}


def test_a_name_that_is_an_id_by_chance_does_not_decide() -> None:
    rows = [("b", "x/y_1.mp4", "1"), ("c", "x/y_2.mp4", "2")]
    found, unknown = members(table(rows), {"all": ["b", "y_1", "y_2"]}, Path("s.json"))
    assert found["all"].tolist() == [True, True]
    assert unknown == {"all": ["b"]}


def test_a_group_may_stand_for_several_clips() -> None:
    rows = [("a", "a.mp4", "y"), ("b", "b.mp4", "y"), ("c", "c.mp4", "z")]
    assert members(table(rows), {"all": ["y"]}, Path("s.json"))[0]["all"].tolist() == [True, True, False]


def test_what_names_two_videos_or_none_is_refused() -> None:
    twice = [("a/x", "a/x.mp4", "1"), ("b/x", "b/x.mp4", "2")]
    with pytest.raises(InputError, match="two videos are called 'x'"):
        members(table(twice), {"all": ["x"]}, Path("s.json"))
    with pytest.raises(InputError, match="is it of another data set"):
        members(table(twice), {"all": ["y"]}, Path("s.json"))


@pytest.mark.parametrize("content", [[], {}, {"full": "a"}, {"full": []}, {"full": [1]}])
def test_other_files_are_refused(content: object, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"s\.json"):
        read_subsets(tmp_path / "s.json")


def test_the_bias_of_a_subset_and_a_manifest_of_it(tmp_path: Path) -> None:
    """The test videos of one action are in another's place: without them the scene tells all."""
    manifest = make_manifest(tmp_path / "data", clips=8)
    rows = manifest.rows
    moved = ((rows["split"] == "test") & (rows["action"] == "run")).to_numpy()
    rows.loc[moved, "scene"] = "jump place"
    make_scenes(manifest, tmp_path / "scenes.parquet")
    stay = rows.loc[(rows["split"] == "test") & ~moved, "video"].tolist()
    both = {"full": rows.loc[rows["split"] == "test", "video"].tolist(), "debiased": stay}
    (tmp_path / "splits.json").write_text(json.dumps(both))
    out = tmp_path / "bias"
    found = data_bias(
        tmp_path / "data" / "manifest.parquet", tmp_path / "scenes.parquet", out, subset=tmp_path / "splits.json",
        epochs=2, quiet=True,
    )  # fmt: skip
    of = {split.split: split for split in found.splits}
    full, debiased = of["subset full"].accuracy, of["subset debiased"].accuracy
    assert full is not None
    assert debiased is not None
    assert full == of["test"].accuracy
    assert full.value == pytest.approx(0.5)
    assert debiased.value == 1
    assert of["subset debiased"].resound == pytest.approx(np.log(2))
    subset = Manifest.read(out / "subset-debiased.parquet").rows
    assert subset["split"].value_counts().to_dict() == {"train": 16, "test": 8}


def bias_of(folder: Path, subsets: dict[str, list[str]]) -> Bias:
    """The bias of a manifest of two actions and its subsets."""
    manifest = make_manifest(folder / "data", clips=4)
    make_scenes(manifest, folder / "scenes.parquet")
    (folder / "splits.json").write_text(json.dumps(subsets))
    return data_bias(
        folder / "data" / "manifest.parquet", folder / "scenes.parquet", folder / "bias", quiet=True,
        subset=folder / "splits.json", epochs=1,
    )  # fmt: skip


def test_a_subset_that_is_there_in_part_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = make_manifest(tmp_path / "data", clips=4).rows
    some = rows.loc[rows["split"] == "test", "video"].tolist()[:3]
    assert bias_of(tmp_path, {"debiased": [*some, "gone1", "gone2"]}).splits[-1].videos == 3
    said = capsys.readouterr().err
    assert "2 of 5 ids of 'debiased' are no videos of" in said
    assert "such as 'gone1': its figures are of the others" in said


def test_subsets_without_a_test_video_or_of_one_file_are_refused(tmp_path: Path) -> None:
    rows = make_manifest(tmp_path / "data", clips=4).rows
    train, test = (rows.loc[rows["split"] == split, "video"].tolist() for split in ("train", "test"))
    with pytest.raises(InputError, match="'learnt' names no test video of"):
        bias_of(tmp_path, {"learnt": train})
    with pytest.raises(InputError, match=r"'a b' and 'a_b' would be one file, subset-a_b\.parquet"):
        bias_of(tmp_path, {"a b": test[:2], "a_b": test[2:]})
    assert not (tmp_path / "bias").exists()
