"""The words of `label humans`: detectors by name and by import path, what they make, and former spellings."""

from functools import partial
from pathlib import Path

import pytest

from sceneproof.cli import main
from sceneproof.data.humans import HumanBoxes, HumanMasks, check_humans, read_humans
from sceneproof.errors import InputError
from sceneproof.labelling.humans import BoxLabelling, MaskLabelling
from sceneproof.labelling.humans_command import people_labelling
from sceneproof.labelling.motion_mask import MotionMask
from sceneproof.labelling.yolox import YOLOX
from sceneproof.spec import Spec
from tests.labelling.models import bright_cell_yolox
from tests.videos import make_manifest

OWN = "tests.labelling.ones_own"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_manifest(tmp_path, splits=("train",), clips=1)
    return tmp_path


def label(folder: Path, out: str, *words: str) -> HumanBoxes | HumanMasks:
    main(["label", "humans", str(folder / "manifest.parquet"), str(folder / out), "--workers", "1", "--quiet", *words])
    return read_humans(folder / out)


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as stop:
        label(folder, "refused.parquet", *words)
    assert stop.value.code == 2
    assert not (folder / "refused.parquet").exists()
    return " ".join(capsys.readouterr().err.split())


def test_the_command_makes_boxes_that_training_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = make_manifest(tmp_path, splits=("train",), clips=1)
    weights = str(bright_cell_yolox(tmp_path / "cells.onnx"))
    words = ("--detector.weights", weights, "--detector.score", "0.9", "--detector.threads", "1")
    boxes = label(tmp_path, "boxes.parquet", *words)
    said = capsys.readouterr().out
    assert said.startswith(f"{tmp_path / 'boxes.parquet'}: people in 2 of 2 videos, boxes by cells.onnx (sha256 ")
    assert isinstance(boxes, HumanBoxes)
    assert boxes.detector in said
    assert boxes.rows["track"].min() == 0
    check_humans(boxes, manifest)
    named = label(tmp_path, "named.parquet", "--detector", "YOLOX", *words)
    assert (tmp_path / "named.parquet").read_bytes() == (tmp_path / "boxes.parquet").read_bytes()
    assert named.detector == boxes.detector


def test_the_command_makes_masks_that_training_takes(tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path, splits=("train",), clips=1)
    masks = label(tmp_path, "masks.parquet", "--detector", "MotionMask", "--detector.share", "0.25")
    assert isinstance(masks, HumanMasks)
    assert masks.videos == manifest.rows["video"].tolist()
    assert masks.regions("run_train_0", range(12), 48, 64).mean() == 0.25
    assert masks.share("run_train_0", 12) == 1
    check_humans(masks, manifest)


def test_a_detector_of_ones_own_by_its_import_path(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = ("--detector", f"{OWN}.Everywhere", "--detector.score", "0.75")
    boxes = label(folder, "boxes.parquet", *own, "--every", "2")
    assert isinstance(boxes, HumanBoxes)
    assert boxes.detector == "everywhere, 0.75"
    assert (boxes.rows["score"] == 0.75).all()
    assert "boxes by everywhere, 0.75" in capsys.readouterr().out
    masks = label(folder, "masks.parquet", "--detector", f"{OWN}.Nowhere")
    assert isinstance(masks, HumanMasks)
    assert not len(masks.rows)
    assert "'scor' is not accepted" in refused(folder, capsys, *own, "--detector.scor", "1")


def test_a_file_names_a_detector_only_where_it_is_trusted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "people.yaml").write_text(f"detector: {OWN}.Everywhere\n")
    config = ("--config", str(folder / "people.yaml"))
    assert f"add --trust {OWN}.Everywhere" in refused(folder, capsys, *config)
    assert label(folder, "boxes.parquet", *config, "--trust", OWN).detector == "everywhere, 0.5"


@pytest.mark.parametrize(
    ("detector", "said"),
    [
        (f"{OWN}.Untitled", "has no title: its __init__ sets one"),
        (f"{OWN}.Redness", "Redness"),
        (f"{OWN}.Nobody", "Nobody"),
        ("no.such.module", "No module named 'no'"),
    ],
)
def test_what_finds_no_people_is_refused(
    detector: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(folder, capsys, "--detector", detector)


@pytest.mark.parametrize(
    ("words", "now"),
    [
        (["--weights", "m.onnx"], "--detector.weights"),
        (["--detector", "mask-rcnn", "--download"], "--detector MaskRCNN"),
        (["--detector=motion"], "--detector MotionMask"),
        (["--score=0.5"], "--detector.score"),
    ],
)
def test_former_spellings_are_refused_with_those_of_today(
    words: list[str], now: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"is spelled {now}" in refused(folder, capsys, *words)


def test_settings_reach_the_detector_and_the_tracks(tmp_path: Path) -> None:
    detector = Spec.of(partial(YOLOX, weights=str(bright_cell_yolox(tmp_path / "m.onnx")), threads=1))
    plain = people_labelling(detector)
    assert isinstance(plain, BoxLabelling)
    assert plain.metadata["every"] == 4
    assert "score at least 0.1" in plain.metadata["detector"]
    told = people_labelling(detector, every=2, per_second=5, least_overlap=0.5, gap=3)
    rest = {key: value for key, value in told.metadata.items() if key != "detector"}
    assert rest == {"every": 2, "per_second": 5, "least_overlap": 0.5, "gap": 3}
    motion = people_labelling(Spec.of(partial(MotionMask, share=0.3)), every=1)
    assert isinstance(motion, MaskLabelling)
    assert "share 0.3" in motion.metadata["detector"]


def test_masks_look_at_every_frame() -> None:
    for rate in ({"every": 4}, {"per_second": 5}):
        with pytest.raises(InputError, match="MotionMask: masks are not interpolated"):
            people_labelling(Spec.of(MotionMask), **rate)


@pytest.mark.parametrize(
    ("detector", "said"),
    [
        ("YOLOX", "weights"),
        ("HuggingFaceDetector", "model"),
        ("FasterRCNN", "give the weights' file, or ask for the download"),
        ("MaskRCNN", "give the weights' file, or ask for the download"),
    ],
)
def test_weights_must_be_given(detector: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in refused(folder, capsys, "--detector", detector)


def test_the_motion_mask_takes_no_weights(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--detector", "MotionMask", "--detector.weights", "faster.pth")
    assert "'weights' is not accepted" in refused(folder, capsys, *words)
