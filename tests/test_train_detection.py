import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

from sceneproof import cli
from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.backbones.vgg16 import VGG16
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import read_table
from sceneproof.engine import _Loop
from sceneproof.errors import InputError
from sceneproof.evaluate import evaluate
from sceneproof.files import read_json
from sceneproof.methods import Method
from sceneproof.methods.plain import Plain
from sceneproof.optimisation import Optimisation
from sceneproof.run import Run
from sceneproof.tasks import Detection
from sceneproof.tasks.detection import Detector
from sceneproof.tasks.detection.clips import BoxClipSettings
from sceneproof.tasks.detection.linking import TubeSettings
from sceneproof.tasks.detection.moc import MOC
from sceneproof.tasks.detection.ssd import SSD
from sceneproof.train import train
from tests.squares import CORNERS, FRAMES, make_squares
from tests.training import Small
from tests.videos import BROKEN

SCALES, RATIOS = (0.2, 0.4, 0.6, 0.9), ((2,), (2,), (2,))
WAYS: dict[str, dict[str, Any]] = {
    "SSD": {
        "backbone": partial(VGG16, width=4, batch_norm=True),
        "method": partial(SSD, scales=SCALES, aspect_ratios=RATIOS, kept=20),
        "clip": BoxClipSettings(length=1, size=64, zoom=1.5, smallest=0.6),
    },
    "MOC": {
        "backbone": partial(ResNet3D, depth=10, width=4),
        "method": partial(MOC, frames=4, decoder_width=8, head_width=8, kept=10),
        "clip": BoxClipSettings(length=4, size=64, step=4, zoom=1.5, smallest=0.6),
    },
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_squares(tmp_path_factory.mktemp("squares"))


def trained(videos: Path, out: Path, *, way: str = "SSD", **more: Any) -> Run:
    settings = {
        "epochs": 2, "batch": 4, "optimizer": "adamw", "lr": 1e-3, "schedule": "cosine", "checkpoint_every": 3,
        "log_every": 2, "trackers": (), **more.pop("optimisation", {}),
    }  # fmt: skip
    arguments: dict[str, Any] = {
        **WAYS[way], "humans": videos.parent / "boxes.parquet", "quiet": True,
        "tubes": TubeSettings(switch_cost=None, least_frames=3), **more,
    }  # fmt: skip
    arguments["task"] = Detection(clip=arguments.pop("clip"), tubes=arguments.pop("tubes"))
    return train(videos, out, optimisation=Optimisation(**settings), **arguments)


def same(one: Run, other: Run) -> bool:
    weights, others = (load_file(run.path / "weights.safetensors") for run in (one, other))
    return all(weights[key].equal(others[key]) for key in weights) and one.history() == other.history()


@pytest.mark.parametrize("way", WAYS)
def test_an_interrupted_training_ends_with_the_same_bits(
    way: str, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(videos, tmp_path / "whole", way=way)
    before = _Loop.step

    def step(self: _Loop, batch: Any) -> None:
        before(self, batch)
        if self.progress.step == 5:
            raise ZeroDivisionError  # as a kill: no checkpoint is written

    with monkeypatch.context() as patch:
        patch.setattr(_Loop, "step", step)
        with pytest.raises(ZeroDivisionError):
            trained(videos, tmp_path / "run", way=way)
    again = trained(videos, tmp_path / "run", way=way, workers=1, memory=True)
    assert again.done
    assert same(again, whole)
    assert whole.history()[-1]["step"] == 2 * Run.open(whole.path).known.steps, (
        "its network was told how many there are"
    )
    assert 0 <= whole.history()[-1]["validation/frame_mAP"] <= 1


def test_from_the_command_line(videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "task: detection\nbackbone: {class_path: VGG16, init_args: {width: 8, batch_norm: true}}\n"
        "method: {class_path: SSD, init_args: {scales: [0.2, 0.4, 0.6, 0.9], aspect_ratios: [[2], [2], [2]]}}\n"
        "validation_split: null\nclip: {length: 2, size: 64, augment: false}\n"
        "tubes: {switch_cost: null, least_frames: 5}\n"
        "optimisation: {epochs: 16, batch: 8, optimizer: adamw, lr: 0.005, trackers: [], schedule: cosine}\n"
    )
    run, boxes = tmp_path / "run", str(videos.parent / "boxes.parquet")
    words = ["--humans", boxes, "--quiet"]
    cli.main(["train", str(videos), str(run), "--config", str(recipe), "--memory", *words])
    cli.main(["evaluate", str(run), str(videos), "--splits", "test", "test_out", *words])
    figures = read_json(run / "evaluation" / "metrics.json")["splits"]
    assert (figures["test"]["videos"], figures["test"]["boxes"], figures["test"]["missed"]) == (6, 6 * FRAMES, 0)
    for reading in ("act", "voc"):
        assert figures["test"]["frame_mAP"][reading]["0.5"] > 0.7, "a bright square is easily found"
        assert figures["test"]["video_mAP"][reading]["0.5"] > 0.7
    tubes, facts = read_table(run / "evaluation" / "tubes.parquet", "found tubes", ("tube", "frame_score"))
    assert facts["actions"] == ["blue", "red"]
    assert (tubes.groupby(["video", "tube"])["frame"].count() >= 5).all()
    report = tmp_path / "page.html"
    cli.main(["report", str(run), "--manifest", str(videos), "--out", str(report), "--quiet"])
    assert "frame-mAP" in report.read_text()
    capsys.readouterr()
    out = tmp_path / "found"
    cli.main(["detect", str(run), str(videos.parent / "videos" / "test0.mp4"), "--out", str(out)])
    assert "blue" in capsys.readouterr().out
    table = pd.read_csv(out / "test0.csv")
    assert table["action"].iat[0] == "blue"
    told = json.loads((out / "test0.json").read_text())
    assert len(told["tubes"][0]["boxes"]) == (table["last"] - table["first"]).tolist()[0] + 1
    assert (out / "test0.annotated.mp4").stat().st_size > 0


@pytest.mark.parametrize("way", WAYS)
def test_a_detector_starts_from_a_classifier(way: str, videos: Path, tmp_path: Path) -> None:
    small = Small.make(tmp_path / "small")
    backbone = partial(VGG16, width=4, batch_norm=True, hidden=16) if way == "SSD" else WAYS[way]["backbone"]
    start = small.train(tmp_path / "start", method=Plain, backbone=backbone, optimisation={"epochs": 1})
    run = trained(
        videos, tmp_path / "run", way=way, weights=start.path, freeze_backbone=True,
        optimisation={"epochs": 1, "freeze_batch_norm": True},
    )  # fmt: skip
    ours, theirs = (load_file(one.path / "weights.safetensors") for one in (run, start))
    shared = [key for key in ours if key.startswith("backbone.")]
    assert shared
    assert all(ours[key].equal(theirs[key]) for key in shared), "frozen: the backbone is the classifier's"
    with pytest.raises(InputError, match="a run of detection, where one of classification is needed"):
        run.trained(Method)
    with pytest.raises(InputError, match="a run of classification, where one of detection is needed"):
        start.trained(Detector)


def test_a_video_that_cannot_be_read_is_missed(videos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(videos.parent, folder)
    for name in ("train0", "test0"):
        (folder / "videos" / f"{name}.mp4").unlink()
        BROKEN["not a video"](folder / "videos" / f"{name}.mp4")
    manifest = folder / "manifest.parquet"
    run = trained(manifest, tmp_path / "run", optimisation={"epochs": 1})
    tested = evaluate(run.path, manifest, humans=folder / "boxes.parquet", quiet=True)
    assert tested.metrics["splits"]["test"]["missed"] == 1
    assert tested.metrics["splits"]["test"]["boxes"] == 6 * FRAMES, "they count, and are not found"
    assert set(tested.tables["truth"].loc[tested.tables["truth"]["problem"] != "", "video"]) == {"test0"}
    assert "test0" not in set(tested.predictions["video"])


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("frame", 99, r"index check .*--boxes .*--repair"),
        ("x2", 900.0, r"outside.*index check"),
        ("x2", 0.0, r"index check"),
        ("video", "nobody", r"not in the manifest"),
    ],
)
def test_wrong_boxes_are_refused_with_the_way_to_mend_them(
    column: str, value: object, message: str, videos: Path, tmp_path: Path
) -> None:
    rows, _ = read_table(videos.parent / "boxes.parquet", "boxes", ("video",))
    first = rows.index == 0
    rows[column] = rows[column].astype(object).mask(first, value)
    if column == "x2" and value == 0.0:
        rows["x1"] = rows["x1"].mask(first, 0.0)
    rows = rows.astype(dict.fromkeys(CORNERS, "float32") | {"frame": "int64"})
    rows.to_parquet(tmp_path / "wrong.parquet")
    with pytest.raises(InputError, match=message):
        trained(videos, tmp_path / "run", humans=tmp_path / "wrong.parquet")


def test_what_cannot_go_together_is_told_before_training(videos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give cosine or constant"):
        trained(videos, tmp_path / "run", optimisation={"schedule": "plateau"})
    with pytest.raises(InputError, match=r"clip.length: must be 4"):
        trained(videos, tmp_path / "run", way="MOC", clip=BoxClipSettings(length=3, size=64))
    with pytest.raises(InputError, match="out of context"):
        trained(videos, tmp_path / "run", validation_split="test_out")
    with pytest.raises(InputError, match="take a 2D backbone"):
        trained(videos, tmp_path / "run", backbone=WAYS["MOC"]["backbone"])


def test_people_of_one_video_may_do_different_things(videos: Path, tmp_path: Path) -> None:
    rows, _ = read_table(videos.parent / "boxes.parquet", "boxes", ("video",))
    other = rows[rows["video"] == "train0"].assign(track=1, action="yellow")
    other = other.assign(**dict(zip(CORNERS, map(np.float32, [0, 0, 10, 10]), strict=True)))
    pd.concat([rows.assign(track=0, action=None), other]).to_parquet(tmp_path / "two.parquet")
    run = trained(videos, tmp_path / "run", humans=tmp_path / "two.parquet", optimisation={"epochs": 1})
    assert run.actions == ["blue", "red", "yellow"]


def test_videos_without_boxes_are_left_out_and_counted(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, _ = read_table(videos.parent / "boxes.parquet", "boxes", ("video",))
    few = rows[~rows["video"].isin(["train0", "test0"])]
    few.to_parquet(tmp_path / "few.parquet")
    run = trained(videos, tmp_path / "run", humans=tmp_path / "few.parquet", quiet=False, optimisation={"epochs": 1})
    assert "1 of 16 training videos has no box" in capsys.readouterr().err
    tested = evaluate(run.path, videos, humans=tmp_path / "few.parquet", quiet=True)
    assert tested.metrics["splits"]["test"]["boxes"] == 5 * FRAMES
    assert tested.tables["truth"].loc[tested.tables["truth"]["video"] == "test0", "action"].tolist() == ["background"]


def test_a_study_of_detectors(videos: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "small.yaml"
    recipe.write_text(
        "task: detection\nbackbone: {class_path: VGG16, init_args: {width: 4, batch_norm: true}}\n"
        "method: {class_path: SSD, init_args: {scales: [0.2, 0.4, 0.6, 0.9], aspect_ratios: [[2], [2], [2]]}}\n"
        "validation_split: null\nclip: {size: 64}\ntubes: {switch_cost: null, least_frames: 3}\n"
        "optimisation: {epochs: 1, batch: 8, trackers: [], schedule: constant}\n"
    )
    out = tmp_path / "study"
    cli.main([
        "study", str(recipe), str(videos), str(out), "--seeds", "0", "1", "--humans",
        str(videos.parent / "boxes.parquet"), "--splits", "test", "test_out", "--results", str(tmp_path / "r.csv"),
        "--quiet",
    ])  # fmt: skip
    assert (out / "report.html").is_file()
    metrics = set(pd.read_csv(tmp_path / "r.csv")["metric"])
    assert {"test/frame_mAP/act/0.5", "test_out/video_mAP/voc/0.5:0.95"} <= metrics
    assert Manifest.read(videos).splits == ["train", "validation", "test", "test_out"]
