"""Published subsets of test videos: found by id, file or group, or refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sceneproof.data.bias import data_bias
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
        found = members(table(rows), {"debiased": ids}, Path("splits.json"))
        assert found["debiased"].tolist() == [False, True], ids


def test_a_group_may_stand_for_several_clips() -> None:
    rows = [("a", "a.mp4", "y"), ("b", "b.mp4", "y"), ("c", "c.mp4", "z")]
    assert members(table(rows), {"all": ["y"]}, Path("s.json"))["all"].tolist() == [True, True, False]


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
    assert of["subset full"].accuracy == of["test"].accuracy
    assert of["subset full"].accuracy.value == pytest.approx(0.5)
    assert of["subset debiased"].accuracy.value == 1
    assert of["subset debiased"].resound == pytest.approx(np.log(2))
    subset = Manifest.read(out / "subset-debiased.parquet").rows
    assert subset["split"].value_counts().to_dict() == {"train": 16, "test": 8}
