"""A run goes on with the data that it was begun with, wherever it lies now, and with no other."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from sceneproof import cli
from sceneproof.audit.settings import DataSettings
from sceneproof.contexts.export import claim_export
from sceneproof.contexts.writing import ExportSettings
from sceneproof.data.digests import file_digests
from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.data.tables import read_table, write_table
from sceneproof.engine import _Loop
from sceneproof.errors import InputError
from sceneproof.execution import _tested
from sceneproof.files import write_json
from sceneproof.run import Run
from tests.squares import make_squares
from tests.training import Small
from tests.untrimmed import make_untrimmed


class Killed(BaseException):
    """What no code catches."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A data set, and beside it a run of it that was stopped after its first checkpoint."""
    small = Small.make(tmp_path_factory.mktemp("begun"))
    take = _Loop.step

    def step_and_die(self: _Loop, batch: object) -> None:
        take(self, batch)
        if self.progress.step == 4:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Loop, "step", step_and_die)
        with pytest.raises(Killed):
            small.train(small.folder / "run", optimisation={"epochs": 2})
    return small


@pytest.fixture
def small(begun: Small, tmp_path: Path) -> Small:
    shutil.copytree(begun.folder, tmp_path / "copy")
    return Small(tmp_path / "copy")


def resume(small: Small) -> Run:
    return small.train(small.folder / "run", optimisation={"epochs": 2})


def change_manifest(small: Small, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    table = Manifest.read(small.manifest)
    Manifest(change(table.rows), table.root).write(small.manifest)


def swapped(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Two training clips of different actions have each other's value."""
    first, second = rows[rows["split"] == "train"].groupby("action").head(1).index
    values = rows[column].copy()
    values[first], values[second] = rows[column][second], rows[column][first]
    return rows.assign(**{column: values})


CHANGES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "a row less": (lambda rows: rows.drop(index=0).reset_index(drop=True), "rows of split train: 16 before, 15 now"),
    "paths swapped": (lambda rows: swapped(rows, "path"), "path in split train: changed"),
    "actions swapped": (lambda rows: swapped(rows, "action"), "action in split train: changed"),
    "another order": (lambda rows: rows[::-1].reset_index(drop=True), "video in split train: changed"),
    "segments": (lambda rows: rows.assign(start=0.04, end=0.4), "start in split train: changed"),
    "validation": (
        lambda rows: rows.drop(index=rows.index[rows["split"] == "validation"][:1]).reset_index(drop=True),
        "rows of split validation: 16 before, 15 now",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_does_not_go_on_with_a_changed_manifest(small: Small, change: str) -> None:
    how, told = CHANGES[change]
    change_manifest(small, how)
    with pytest.raises(InputError, match=rf"holds a run on other data \(manifest: {told}\): give it the tables that"):
        resume(small)


def test_a_run_does_not_go_on_with_changed_labels(small: Small) -> None:
    scenes = SceneTable.read(small.scenes)
    SceneTable(scenes.videos, scenes.probabilities[::-1], scenes.names, scenes.labeller).write(small.scenes)
    with pytest.raises(InputError, match=r"on other data \(scenes: labels: changed\)"):
        resume(small)
    scenes.write(small.scenes)
    boxes, _ = read_table(small.boxes, "boxes", ("video", "x1"))
    moved = boxes.assign(x1=np.maximum(boxes["x1"] - 1, 0).astype(np.float32))
    write_table(small.boxes, moved, "boxes", detector="made up")
    with pytest.raises(InputError, match=r"on other data \(humans: x1: changed\)"):
        resume(small)


def test_the_same_data_elsewhere_written_anew_with_rows_that_do_not_matter_goes_on(small: Small) -> None:
    folder = small.folder.rename(small.folder.with_name("moved"))
    small = Small(folder)
    change_manifest(
        small, lambda rows: rows.assign(note="new", scene="x").drop(index=rows.index[rows["split"] == "test"])
    )
    read_table(small.boxes, "boxes", ("video",))[0].to_parquet(small.boxes)
    run = resume(small)
    assert run.done
    change_manifest(small, CHANGES["paths swapped"][0])
    with pytest.raises(InputError, match="on other data"):  # nor is a finished one of other data handed out
        resume(small)


def test_a_run_of_an_older_version_goes_on_with_a_warning(small: Small, caplog: pytest.LogCaptureFixture) -> None:
    (small.folder / "run" / "data.json").unlink()
    run = Run.open(small.folder / "run")
    here = {**run.config, "manifest": str(small.manifest), "scenes": str(small.scenes), "humans": str(small.boxes)}
    (run.path / "config.yaml").write_text(yaml.safe_dump(here))
    (run.path / "checksums.json").unlink()
    assert resume(small).done
    assert "whether its tables have changed since is not known" in caplog.text


RECIPES = {
    "localization": "task: localization\nbackbone: {class_path: ResNet3D, init_args: {depth: 10, width: 2}}\n"
    "method: PerFrame\nbuffer: {length: 32, step: 32, test_step: 32, rate: null, size: 32, scales: [1.0]}\n",
    "detection": "task: detection\nbackbone: {class_path: VGG16, init_args: {width: 2, batch_norm: true}}\n"
    "method: {class_path: SSD, init_args: {scales: [0.2, 0.4, 0.6, 0.9], aspect_ratios: [[2], [2], [2]]}}\n"
    "clip: {length: 1, size: 48}\n",
}
"""Trainings of a moment."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder a task: a data set, and a run that was trained on it."""
    folder = tmp_path_factory.mktemp("trained")
    make_untrimmed(folder / "localization", train=2, test=1)
    make_squares(folder / "detection", train=4, test=2)
    for task, recipe in RECIPES.items():
        more = "validation_split: null\noptimisation: {epochs: 1, batch: 4, schedule: constant, trackers: []}\n"
        (folder / task / "recipe.yaml").write_text(recipe + more)
        train_again(folder / task)
    return folder


def train_again(folder: Path) -> None:
    people = ["--humans", str(folder / "boxes.parquet")] if (folder / "boxes.parquet").exists() else []
    recipe = ["--config", str(folder / "recipe.yaml"), "--quiet"]
    cli.main(["train", str(folder / "manifest.parquet"), str(folder / "run"), *recipe, *people])


def moved(rows: pd.DataFrame, column: str, by: float) -> pd.DataFrame:
    """The first row with another number."""
    values = rows[column].to_numpy(float).copy()
    values[0] += by
    return rows.assign(**{column: values})


def another(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """The first training row with a value that another one has."""
    part = rows.index[rows["split"] == "train"]
    values = rows[column].copy()
    values[part[0]] = next(values[row] for row in part if values[row] != values[part[0]])
    return rows.assign(**{column: values})


MORE_CHANGES: dict[tuple[str, str], tuple[str, Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    ("localization", "a segment less"): ("manifest", lambda rows: rows[1:], "manifest: rows of split train: 4 before"),
    ("localization", "another start"): (
        "manifest", lambda rows: moved(rows, "start", 0.1), "manifest: start in split train: changed",
    ),
    ("localization", "another end"): (
        "manifest", lambda rows: moved(rows, "end", 0.1), "manifest: end in split train: changed",
    ),
    ("localization", "another action"): (
        "manifest", lambda rows: another(rows, "action"), "manifest: action in split train: changed",
    ),
    ("localization", "another rate"): (
        "manifest", lambda rows: rows.assign(rate=10.0), "manifest: rate in split train: changed",
    ),
    ("detection", "another action"): (
        "manifest", lambda rows: another(rows, "action"), "manifest: action in split train: changed",
    ),
    ("detection", "another file"): (
        "manifest", lambda rows: another(rows, "path"), "manifest: path in split train: changed",
    ),
    ("detection", "another box"): ("boxes", lambda rows: moved(rows, "x2", -1), "humans: x2: changed"),
    ("detection", "a box less"): ("boxes", lambda rows: rows[1:], "humans: rows: 48 before, 47 now"),
    ("detection", "another frame"): (
        "boxes", lambda rows: rows.assign(frame=11 - rows["frame"]), "humans: frame: changed",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("task", "change"), MORE_CHANGES)
def test_neither_localizers_nor_detectors_go_on_with_changed_data(
    task: str, change: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained / task, tmp_path / task)
    table, how, told = MORE_CHANGES[task, change]
    file = tmp_path / task / f"{table}.parquet"
    how(pd.read_parquet(file)).reset_index(drop=True).to_parquet(file)
    with pytest.raises(SystemExit) as stop:
        train_again(tmp_path / task)
    assert stop.value.code == 2
    assert f"holds a run on other data ({told}" in capsys.readouterr().err


@pytest.mark.parametrize("task", RECIPES)
def test_localizers_and_detectors_go_on_with_the_same_data_elsewhere(task: str, trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "moved"
    shutil.copytree(trained / task, folder)
    rows = pd.read_parquet(folder / "manifest.parquet")
    rows = rows[~rows["split"].str.startswith("test")].assign(note="new", scene="x").reset_index(drop=True)
    rows.to_parquet(folder / "manifest.parquet")
    if (folder / "boxes.parquet").exists():
        boxes = pd.read_parquet(folder / "boxes.parquet")
        boxes[boxes["video"].isin(rows["video"])].reset_index(drop=True).to_parquet(folder / "boxes.parquet")
    before = (folder / "run" / "weights.safetensors").stat().st_mtime_ns
    train_again(folder)
    assert (folder / "run" / "weights.safetensors").stat().st_mtime_ns == before


def test_figures_on_tables_that_have_changed_are_no_longer_those_of_the_run(tmp_path: Path) -> None:
    table = tmp_path / "m.parquet"
    write_table(table, pd.DataFrame({"a": [1]}), "manifest")
    settings = {"manifest": str(table), "splits": ["test"]}
    write_json(tmp_path / "metrics.json", {"settings": settings, "tables": file_digests(manifest=table)}, sealed=True)
    assert _tested(tmp_path, settings)
    assert not _tested(tmp_path, {**settings, "splits": ["other"]})
    write_table(table, pd.DataFrame({"a": [2]}), "manifest")
    assert not _tested(tmp_path, settings)
    (tmp_path / "metrics.json").write_text("{")
    assert not _tested(tmp_path, settings)
    write_json(tmp_path / "metrics.json", {"settings": settings})
    assert _tested(tmp_path, settings), "an older version did not say"


def test_an_export_does_not_go_on_with_changed_tables(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = ExportSettings(manifest="m", humans="h", crf=12)
    claim_export(tmp_path, settings, {"manifest": "1", "humans": "2"})
    claim_export(tmp_path, settings, {"manifest": "1", "humans": "2"})
    with pytest.raises(InputError, match=r"an export with SHA-256 of humans 2, not 3"):
        claim_export(tmp_path, settings, {"manifest": "1", "humans": "3"})
    said = json.loads((tmp_path / "export.json").read_text())
    del said["tables"]
    write_json(tmp_path / "export.json", said)
    claim_export(tmp_path, settings, {"manifest": "1", "humans": "3"})
    assert "whether they have changed since is not known" in caplog.text


def test_other_pictures_in_the_folder_of_backgrounds_are_noticed(tmp_path: Path) -> None:
    """An audit would go on with answers to clips in other places; an export would mix old ones and new ones."""
    manifest, folder = tmp_path / "m.parquet", tmp_path / "places"
    write_table(manifest, pd.DataFrame({"a": [1]}), "manifest")
    folder.mkdir()
    (folder / "beach.png").write_bytes(b"sand")
    data = DataSettings(manifest=str(manifest), backgrounds=str(folder))
    said = [data.digests()]
    (folder / "beach.png").write_bytes(b"rock")
    said.append(data.digests())
    (folder / "beach.png").rename(folder / "cliff.png")
    said.append(data.digests())
    (folder / "notes.txt").write_text("no place")
    assert data.digests() == said[-1]
    assert len({digests["backgrounds"] for digests in said}) == 3
    assert "backgrounds" not in DataSettings(manifest=str(manifest)).digests()
