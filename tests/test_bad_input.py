"""Bad input of every kind, through the command line: exit code 2 and one clear message, never a traceback."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from sceneproof.cli import main
from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.data.tables import read_table, write_table
from sceneproof.run import Run
from tests.labelling.models import mean_colour_model
from tests.training import Small
from tests.videos import cut


@dataclass(frozen=True)
class Ground:
    """Good input, and a trained run, that each test spoils a copy of."""

    small: Small
    run: Path

    def train(self, out: Path, **changes: object) -> list[str]:
        """Words of a training that would work, with flags added or replaced."""
        flags = {"scenes": self.small.scenes, "humans": self.small.boxes, "method": "SDN", **changes}
        words = ["train", str(changes.get("manifest", self.small.manifest)), str(out), "--quiet"]
        for flag, value in flags.items():
            words += [] if flag == "manifest" else [f"--{flag}", str(value)]
        return [*words, "--backbone", "ResNet3D", "--backbone.depth", "10", "--backbone.width", "4"]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    small = Small.make(tmp_path_factory.mktemp("small"))
    run = small.train(tmp_path_factory.mktemp("runs") / "run", optimisation={"epochs": 1})
    return Ground(small, run.path)


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says as it refuses."""
    with pytest.raises(SystemExit) as stop:
        main(words)
    said = capsys.readouterr().err
    assert stop.value.code == 2, said
    assert "Traceback" not in said
    message = said[said.index("sceneproof: ") :]
    assert len(message) < 1500, message
    return message


def changed(path: Path, out: Path, kind: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
    """A copy of a table with other rows."""
    frame, metadata = read_table(path, kind, ())
    write_table(out, change(frame), **{"kind": kind, **metadata})
    return out


def test_a_missing_file_is_named(ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for flag in ("manifest", "scenes", "humans"):
        missing = tmp_path / f"no-{flag}.parquet"
        message = refused(ground.train(tmp_path / "run", **{flag: missing}), capsys)
        assert str(missing) in message
        assert "no such file" in message
    assert not (tmp_path / "run").exists()


def test_a_table_of_another_kind_is_named(ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = refused(ground.train(tmp_path / "run", scenes=ground.small.boxes), capsys)
    assert f"{ground.small.boxes}: holds a boxes table, where a scenes table is needed" in message
    message = refused(ground.train(tmp_path / "run", humans=ground.small.scenes), capsys)
    assert str(ground.small.scenes) in message
    assert "scenes" in message


def test_a_file_that_is_no_table_is_named(ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.parquet"
    page.write_text("<html>moved</html>")
    for flag in ("manifest", "scenes", "humans"):
        assert str(page) in refused(ground.train(tmp_path / "run", **{flag: page}), capsys)
    half = tmp_path / "half.parquet"
    shutil.copy(ground.small.manifest, half)
    assert str(cut(half, 0.5)) in refused(ground.train(tmp_path / "run", manifest=half), capsys)


def test_a_wrong_column_is_named_with_those_there(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def rename(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.rename(columns={"action": "label"})

    table = changed(ground.small.manifest, tmp_path / "m.parquet", "manifest", rename)
    message = refused(ground.train(tmp_path / "run", manifest=table), capsys)
    assert str(table) in message
    assert "'action'" in message
    assert "label" in message


def test_rows_that_cannot_be_are_named(ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def twice(rows: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([rows, rows.iloc[:1]])

    def away(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(path=["../../etc/passwd", *rows["path"].iloc[1:]])

    changes = {"no rows": lambda rows: rows.iloc[:0], "jump_train_0": twice, "../../etc/passwd": away}
    for said, change in changes.items():
        table = changed(ground.small.manifest, tmp_path / "m.parquet", "manifest", change)
        message = refused(ground.train(tmp_path / "run", manifest=table), capsys)
        assert str(table) in message
        assert said in message


def test_an_unknown_split_is_named_with_those_there(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = refused(ground.train(tmp_path / "run", train_split="training"), capsys)
    assert "'training'" in message
    assert "train, validation, test" in message
    message = refused(["evaluate", str(ground.run), str(ground.small.manifest), "--splits", "exam"], capsys)
    assert "'exam'" in message


def test_an_unknown_action_is_named(ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def other(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(action=rows["action"].where(rows["split"] != "test", "somersault"), path=rows["path"])

    table = changed(ground.small.manifest, tmp_path / "m.parquet", "manifest", other)
    words = ["evaluate", str(ground.run), str(table), "--root", str(ground.small.folder)]
    message = refused(words, capsys)
    assert "'somersault'" in message
    assert "jump, run" in message


def test_labels_of_another_data_set_are_named(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def others(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(video=[f"other_{video}" for video in rows["video"]])

    for flag, path, kind in (("scenes", ground.small.scenes, "scenes"), ("humans", ground.small.boxes, "boxes")):
        table = changed(path, tmp_path / f"{kind}.parquet", kind, others)
        message = refused(ground.train(tmp_path / f"run-{kind}", **{flag: table}), capsys)
        assert str(table) in message
        assert "other_jump_train_0" in message


def test_values_that_are_no_probabilities_are_named(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = SceneTable.read(ground.small.scenes)
    table = tmp_path / "s.parquet"
    SceneTable(labels.videos, labels.probabilities * 3, labels.names, "").write(table)
    message = refused(ground.train(tmp_path / "run", scenes=table), capsys)
    assert f"{table}: row 0 (jump_train_0)" in message


def test_what_a_method_needs_is_asked_for(ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ground.train(tmp_path / "run")
    for flag, said in (("--scenes", "give a scene table"), ("--humans", "give --humans TABLE")):
        place = words.index(flag)
        assert said in refused(words[:place] + words[place + 2 :], capsys)


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [
        ("epoch", "3", "epoch"),
        ("optimisation.learning_rate", "3", "learning_rate"),
        ("optimisation.epochs", "many", "epochs"),
        ("optimisation.optimizer", "adam", "sgd"),
        ("method.scene_strength", "1", "scene_strength"),
        ("method", "SND", "SND"),
        ("method", "collections.OrderedDict", "OrderedDict"),
        ("backbone", "no.such.Network", "no.such"),
        ("seed", "one", "seed"),
    ],
)
def test_an_unknown_key_or_value_is_named(
    flag: str, value: str, said: str, ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = refused([*ground.train(tmp_path / "run"), f"--{flag}", value], capsys)
    assert said in message
    assert "--help" in message


def test_an_unknown_key_in_a_recipe_is_named(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.yaml"
    for text, said in (("optimisation:\n  epoch: 3\n", "epoch"), ("tempo: 3\n", "tempo")):
        recipe.write_text(text)
        assert said in refused([*ground.train(tmp_path / "run"), "--config", str(recipe)], capsys)
    assert "none.yaml" in refused([*ground.train(tmp_path / "run"), "--config", str(tmp_path / "none.yaml")], capsys)


def test_a_recipe_that_is_no_yaml_is_named(ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("seed: [")
    assert "recipe.yaml" in refused([*ground.train(tmp_path / "run"), "--config", str(recipe)], capsys)


def test_a_corrupt_checkpoint_is_named(ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoilt = tmp_path / "spoilt"
    shutil.copytree(ground.run, spoilt)
    cut(spoilt / "weights.safetensors", 0.5)
    message = refused(["evaluate", str(spoilt), str(ground.small.manifest)], capsys)
    assert str(spoilt / "weights.safetensors") in message
    assert str(spoilt) in refused(ground.train(tmp_path / "run", weights=spoilt), capsys)
    (tmp_path / "official.pth").write_bytes(b"not a checkpoint" * 10)
    message = refused(ground.train(tmp_path / "run", weights=tmp_path / "official.pth"), capsys)
    assert "official.pth" in message


def test_a_class_count_that_does_not_match_the_weights_is_named(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(ground.run, other)
    labels = other / "labels.json"
    labels.write_text(labels.read_text().replace('"run"', '"run",\n    "walk"'))
    assert Run.open(other).actions == ["jump", "run", "walk"]
    message = refused(["evaluate", str(other), str(ground.small.manifest)], capsys)
    assert "weights.safetensors" in message
    assert "action_head" in message


def test_a_folder_that_is_no_run_is_named(ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert str(tmp_path) in refused(["evaluate", str(tmp_path), str(ground.small.manifest)], capsys)
    (tmp_path / "notes.txt").write_text("mine")
    message = refused(ground.train(tmp_path), capsys)
    assert "not empty" in message
    assert (tmp_path / "notes.txt").read_text() == "mine"
    message = refused(ground.train(ground.run), capsys)  # its clips are of another size
    assert "holds a run with another configuration (" in message


def test_labelling_refuses_what_is_no_classifier(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["label", "scenes", str(ground.small.manifest), str(tmp_path / "s.parquet"), "--quiet", "--labeller"]
    onnx = [*words, "OnnxSceneLabeller"]
    assert "weights" in refused(onnx, capsys)
    assert "nothing.onnx" in refused([*onnx, "--labeller.weights", str(tmp_path / "nothing.onnx")], capsys)
    model = mean_colour_model(tmp_path / "m.onnx", softmax=True)
    assert "3 outputs" in refused([*onnx, "--labeller.weights", str(model)], capsys)
    assert "m.onnx" in refused([*words, "SceneNetwork", "--labeller.weights", str(model)], capsys)
    assert "palette" in refused([*words, "palette"], capsys)
    assert "no such folder" in refused(["label", "network", str(tmp_path / "none"), str(tmp_path / "n")], capsys)
    assert not (tmp_path / "s.parquet").exists()


def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "'trian'" in refused(["trian"], capsys)
    assert "label" in refused(["label"], capsys)


def test_a_manifest_whose_videos_are_gone_is_told(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Manifest.read(ground.small.manifest).write(tmp_path / "moved.parquet")  # paths start from the file's folder
    words = ground.train(tmp_path / "run", manifest=tmp_path / "moved.parquet")
    message = refused(words, capsys)
    assert "videos/jump/jump_train_0.mp4" in message
    assert "root" in message
