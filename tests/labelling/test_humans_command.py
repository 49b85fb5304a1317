"""The words of `label humans`, and what they make."""

from pathlib import Path

import pytest

from sceneproof.cli import main
from sceneproof.data.humans import HumanBoxes, HumanMasks, check_humans, read_humans
from sceneproof.errors import InputError
from sceneproof.labelling.humans import BoxLabelling, MaskLabelling
from sceneproof.labelling.humans_command import labelling_of
from tests.labelling.models import bright_cell_yolox
from tests.videos import make_manifest


def test_the_command_makes_boxes_that_training_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = make_manifest(tmp_path, splits=("train",), clips=1)
    weights, out = bright_cell_yolox(tmp_path / "cells.onnx"), tmp_path / "boxes.parquet"
    words = ["label", "humans", str(tmp_path / "manifest.parquet"), str(out), "--weights", str(weights)]
    main([*words, "--score", "0.9", "--threads", "1", "--workers", "1", "--quiet"])
    said = capsys.readouterr().out
    assert said.startswith(f"{out}: people in 2 of 2 videos, boxes by cells.onnx (sha256 ")
    boxes = read_humans(out)
    assert isinstance(boxes, HumanBoxes)
    assert boxes.detector in said
    assert boxes.rows["track"].min() == 0
    check_humans(boxes, manifest)


def test_the_command_makes_masks_that_training_takes(tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path, splits=("train",), clips=1)
    out = tmp_path / "masks.parquet"
    words = ["label", "humans", str(tmp_path / "manifest.parquet"), str(out), "--detector", "motion"]
    main([*words, "--share", "0.25", "--workers", "1", "--quiet"])
    masks = read_humans(out)
    assert isinstance(masks, HumanMasks)
    assert masks.videos == manifest.rows["video"].tolist()
    assert masks.regions("run_train_0", range(12), 48, 64).mean() == 0.25
    assert masks.share("run_train_0", 12) == 1
    check_humans(masks, manifest)


def test_words_reach_the_detector_and_the_tracks(tmp_path: Path) -> None:
    weights = str(bright_cell_yolox(tmp_path / "m.onnx"))
    plain = labelling_of("yolox", weights=weights, threads=1)
    assert isinstance(plain, BoxLabelling)
    assert plain.metadata["every"] == 4
    assert "score at least 0.1" in plain.metadata["detector"]
    told = labelling_of("yolox", weights=weights, score=0.0, every=2, per_second=5, least_overlap=0.5, gap=3, threads=1)
    assert "score at least 0," in told.metadata["detector"]
    rest = {key: value for key, value in told.metadata.items() if key != "detector"}
    assert rest == {"every": 2, "per_second": 5, "least_overlap": 0.5, "gap": 3}
    motion = labelling_of("motion", share=0.3, every=1)
    assert isinstance(motion, MaskLabelling)
    assert "share 0.3" in motion.metadata["detector"]


def test_masks_look_at_every_frame() -> None:
    for rate in ({"every": 4}, {"per_second": 5}):
        for detector in ("motion", "mask-rcnn"):
            with pytest.raises(InputError, match=f"{detector}: masks are not interpolated"):
                labelling_of(detector, **rate)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("detector", "message"),
    [
        ("yolox", "yolox: give the weights' file"),
        ("hugging-face", "hugging-face: give the model's name"),
        ("faster-rcnn", "give the weights' file, or ask for the download"),
        ("mask-rcnn", "give the weights' file, or ask for the download"),
    ],
)
def test_weights_must_be_given(detector: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        labelling_of(detector)  # type: ignore[arg-type]


def test_motion_takes_no_weights() -> None:
    with pytest.raises(InputError, match=r"motion: needs no weights, but was given faster\.pth"):
        labelling_of("motion", weights="faster.pth")
