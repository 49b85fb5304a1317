"""What the scene alone tells of the action, on rows where the answer is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sceneproof import cli
from sceneproof.data.bias import _twins
from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.files import read_json

ACTIONS = ("jump", "run", "wave")


def world(folder: Path, *, biased: float, each: int = 60) -> tuple[Path, Path]:
    """A place for each action, in which a share of its videos is; those of `test_out` are in another's."""
    rng = np.random.default_rng(0)
    rows, places = [], []
    for split in ("train", "test", "test_out"):
        for number in range(each * len(ACTIONS)):
            action = number % len(ACTIONS)
            at_home = split != "test_out" and rng.random() < biased
            place = action if at_home else (action + rng.integers(1, len(ACTIONS))) % len(ACTIONS)
            name = f"{split}{number}"
            rows.append({"video": name, "path": f"{name}.mp4", "split": split, "action": ACTIONS[action],
                         "group": f"{split}-{number // 4}"})  # fmt: skip
            places.append(rng.dirichlet(np.eye(len(ACTIONS))[place] * 40 + 1))
    Manifest(pd.DataFrame(rows), folder).write(folder / "manifest.parquet")
    table = SceneTable([row["video"] for row in rows], np.array(places, np.float32), ["air", "beach", "court"], "tiny")
    table.write(folder / "scenes.parquet")
    return folder / "manifest.parquet", folder / "scenes.parquet"


def test_figures_weights_and_a_balanced_subset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest, scenes = world(tmp_path, biased=0.9)
    cli.main(["data", "bias", str(manifest), str(scenes), "--out", str(tmp_path / "bias"), "--epochs", "50"])
    told = read_json(tmp_path / "bias" / "bias.json")
    splits = {split["split"]: split for split in told["splits"]}
    assert splits["train"]["accuracy"]["value"] == pytest.approx(0.9, abs=0.08)
    assert splits["test"]["accuracy"]["value"] == pytest.approx(0.9, abs=0.08)
    assert splits["test_out"]["accuracy"]["value"] < 0.1
    assert splits["test"]["resound"] == pytest.approx(np.log(splits["test"]["accuracy"]["value"] * 3))
    before, after = told["repair"]
    assert 0.4 < before < 1
    assert after < 0.7 * before
    weights = pd.read_parquet(tmp_path / "bias" / "weights.parquet").set_index("video")
    assert len(weights) == 180
    kept = Manifest.read(tmp_path / "bias" / "manifest.parquet", tmp_path)
    counts = kept.rows.groupby(["split", "action"]).size().to_dict()
    assert {split: {counts[split, action] for action in ACTIONS} for split in ("train", "test")} == {
        "train": {30}, "test": {60},
    }  # fmt: skip
    weighed = Manifest.read(tmp_path / "bias" / "weighted.parquet", tmp_path).rows.set_index("video")
    assert len(weighed) == len(pd.read_parquet(manifest))
    assert weighed.loc[weights.index, "weight"].tolist() == weights["weight"].tolist()
    assert weighed["weight"][weighed["split"] != "train"].isna().all()
    said = capsys.readouterr().out
    assert "train: the scene labels alone name the action of" in said
    assert f"--root {tmp_path}" in said
    assert told["leaks"] == []


def test_actions_that_training_never_shows_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest, scenes = world(tmp_path, biased=0.9)
    table = Manifest.read(manifest)
    new = table.rows["split"].eq("test") & table.rows["action"].eq("wave") | table.rows["split"].eq("test_out")
    table.rows["action"] = table.rows["action"].where(~new, "kick")
    table.write(manifest)
    cli.main(["data", "bias", str(manifest), str(scenes), "--out", str(tmp_path / "bias"), "--epochs", "1"])
    said = capsys.readouterr().out.splitlines()
    test = next(line for line in said if line.startswith("test:"))
    assert "of 120 videos" in test
    assert "guessing gives 33.3 %" in test
    assert test.endswith("; without 60 videos of actions that 'train' does not show")
    assert "test_out: nothing can be said of 180 videos of actions that 'train' does not show" in said


def test_the_subset_is_less_biased_than_the_whole(tmp_path: Path) -> None:
    manifest, scenes = world(tmp_path, biased=0.8)
    cli.main(["data", "bias", str(manifest), str(scenes), "--out", str(tmp_path / "whole"), "--quiet"])
    subset = str(tmp_path / "whole" / "manifest.parquet")
    cli.main(["data", "bias", subset, str(scenes), "--out", str(tmp_path / "half"), "--root", str(tmp_path), "--quiet"])
    whole, half = (read_json(tmp_path / name / "bias.json") for name in ("whole", "half"))
    assert half["splits"][0]["accuracy"]["value"] < whole["splits"][0]["accuracy"]["value"] - 0.1


def test_leaks_between_splits_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest, scenes = world(tmp_path, biased=0.5, each=20)
    rows, table = pd.read_parquet(manifest), SceneTable.read(scenes)
    rows.loc[rows["video"] == "test0", "group"] = "train-0"
    Manifest(rows, tmp_path).write(manifest)
    vectors = table.probabilities.copy()
    vectors[list(table.videos).index("test_out7")] = vectors[list(table.videos).index("test3")]
    SceneTable(table.videos, vectors, table.names, table.labeller).write(scenes)
    cli.main(["data", "bias", str(manifest), str(scenes), "--out", str(tmp_path / "bias"), "--epochs", "2"])
    said = capsys.readouterr().out
    assert "leak: the group train-0 is in test and train" in said
    assert "have the same scene labels" in said
    assert "test_out7" in said


def test_a_leak_is_seen_among_videos_that_differ_in_few_scenes(tmp_path: Path) -> None:
    """Most have nothing of the two scenes that vary most, and stand between the two that are one video."""
    rng = np.random.default_rng(0)
    rest = np.concatenate([np.zeros((40, 2)), rng.dirichlet(np.ones(20), 40)], axis=1)
    far = np.eye(22)[[0, 1] * 5]
    vectors = np.concatenate([rest, far]).astype(np.float32)
    vectors[39] = vectors[0]
    rows = pd.DataFrame({"video": [f"v{number}" for number in range(50)], "split": ["train"] * 39 + ["test"] * 11})
    said = _twins(rows.iloc[:40], vectors[:40], np.ones(40, bool)), _twins(rows, vectors, np.arange(50) < 45)
    assert [len(leaks) for leaks in said] == [1, 1]
    assert "v0 (train) and v39 (test)" in said[1][0]


@pytest.mark.parametrize(("words", "message"), [(["--share", "0"], "--share 0"), (["--share", "2"], "--share 2")])
def test_bad_shares(words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest, scenes = world(tmp_path, biased=0.5, each=5)
    with pytest.raises(SystemExit):
        cli.main(["data", "bias", str(manifest), str(scenes), "--out", str(tmp_path / "bias"), *words])
    assert message in capsys.readouterr().err


def test_tables_of_other_data_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest, scenes = world(tmp_path, biased=0.5, each=5)
    rows = pd.read_parquet(manifest)
    Manifest(rows.assign(video="other" + rows["video"]), tmp_path).write(manifest)
    with pytest.raises(SystemExit):
        cli.main(["data", "bias", str(manifest), str(scenes), "--out", str(tmp_path / "bias")])
    assert "is it the table of another data set?" in capsys.readouterr().err


def test_tables_that_are_read_are_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """OUT/manifest.parquet is the balanced subset: in the manifest's own folder it took the manifest's place."""
    manifest, scenes = world(tmp_path, biased=0.5, each=5)
    before = manifest.read_bytes()
    with pytest.raises(SystemExit):
        cli.main(["data", "bias", str(manifest), str(scenes), "--out", str(tmp_path), "--epochs", "1"])
    assert f"{manifest} is there, which would be written over: give another folder" in capsys.readouterr().err
    assert manifest.read_bytes() == before
