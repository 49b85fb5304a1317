"""The words of `label scenes`: labellers by name and by import path, and where the work is done."""

from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18

from sceneproof.cli import main
from sceneproof.data.scenes import SceneTable
from tests.labelling.python2 import save_as_places365
from tests.videos import make_manifest

OWN = "tests.labelling.ones_own"


def label(folder: Path, out: str, *words: str) -> SceneTable:
    main(["label", "scenes", str(folder / "manifest.parquet"), str(folder / out), "--quiet", *words])
    return SceneTable.read(folder / out)


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as stop:
        label(folder, "refused.parquet", *words)
    assert stop.value.code == 2
    assert not (folder / "refused.parquet").exists()
    return " ".join(capsys.readouterr().err.split())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_manifest(tmp_path, splits=("train",), clips=1)
    (tmp_path / "red.txt").write_text("red")
    return tmp_path


def test_a_labeller_of_ones_own_by_its_import_path(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = ("--labeller", f"{OWN}.Redness", "--labeller.weights", str(folder / "red.txt"))
    table = label(folder, "s.parquet", *own, "--labeller.limit", "0.25", "--workers", "1")
    assert (table.names, table.labeller) == (["other", "red"], "redness above 0.25")
    assert len(table.videos) == 2
    assert "2 of 2 videos, 2 scenes, by redness above 0.25" in capsys.readouterr().out
    assert "--labeller.limt is not accepted" in refused(folder, capsys, *own, "--labeller.limt", "1")


@pytest.mark.parametrize(
    ("labeller", "said"),
    [
        (f"{OWN}.Nameless", "has no names: a SceneLabeller's __init__ sets names and title"),
        (f"{OWN}.Stranger", "to be a subclass of <class 'SceneLabeller'>"),
        (f"{OWN}.Nobody", "Nobody"),
        ("no.such.module", "No module named 'no'"),
        ("onnx", "onnx"),
    ],
)
def test_what_is_no_labeller_is_refused(
    labeller: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(folder, capsys, "--labeller", labeller)


def test_places365_is_the_default(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "ask for the download: http://places2" in refused(folder, capsys)
    torch.manual_seed(0)
    weights = save_as_places365(resnet18(num_classes=365).state_dict(), folder / "w.pth.tar", arch="resnet18")
    table = label(folder, "s.parquet", "--labeller.weights", str(weights), "--labeller.depth", "18", "--workers", "1")
    assert len(table.names) == 365
    assert table.labeller.startswith("Places365 ResNet-18 (w.pth.tar, sha256 ")


def test_settings_of_ray_are_not_ignored(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = ("--labeller", f"{OWN}.Redness", "--labeller.weights", str(folder / "red.txt"))
    assert "these are for the engine ray" in refused(folder, capsys, *own, "--actors", "2")
    assert "actors and cpus must be at least 1" in refused(folder, capsys, *own, "--engine", "ray", "--actors", "0")


@pytest.mark.slow
def test_a_cluster_gives_the_table_that_one_process_gives(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # 15 by default: beside other work they would hardly be run at all
    monkeypatch.chdir(folder)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        for name, words in {
            "own": ("scenes", "--labeller", f"{OWN}.Redness", "--labeller.weights", "red.txt"),
            "boxes": ("humans", "--detector", "MotionMask"),
        }.items():
            for engine in ("local", "ray"):
                command = ["label", words[0], "manifest.parquet", f"{name}-{engine}.parquet", *words[1:]]
                main([*command, "--shard", "1", "--workers", "1", "--engine", engine, "--quiet"])
            tables = [(folder / f"{name}-{engine}.parquet").read_bytes() for engine in ("local", "ray")]
            assert tables[0] == tables[1]
    finally:
        ray.shutdown()
