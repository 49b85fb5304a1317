"""A Hugging Face detector, with random weights that were told what to see."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sceneproof.errors import InputError
from sceneproof.labelling.contracts import DecodedClip
from sceneproof.labelling.hugging_face_detector import HuggingFaceDetector
from sceneproof.labelling.humans import BoxLabelling

transformers = pytest.importorskip("transformers", reason="needs sceneproof[hf]")

FRAMES = np.random.default_rng(0).integers(0, 256, (3, 40, 60, 3), np.uint8)


def make(folder: Path, *names: str, sure: int = 1) -> Path:
    """Writes a tiny YOLOS that gives label `sure` to each of its three boxes, all in the middle of the picture."""
    torch.manual_seed(0)
    config = transformers.YolosConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=[32, 48],
        patch_size=16,
        num_detection_tokens=3,
        id2label=dict(enumerate(names)),
    )
    model = transformers.YolosForObjectDetection(config)
    with torch.no_grad():
        model.class_labels_classifier.layers[-1].bias[sure] = 20
        for layer in model.bbox_predictor.layers:
            layer.weight.zero_()
            layer.bias.zero_()
        model.bbox_predictor.layers[-1].bias[2:] = torch.tensor([0.0, -np.log(3)])  # sides of 1/2 and 1/4
    model.save_pretrained(folder)
    transformers.YolosImageProcessor(size={"height": 32, "width": 48}).save_pretrained(folder)
    return folder


def test_persons_are_found_by_name_in_pixels_of_the_frame(tmp_path: Path) -> None:
    detector = HuggingFaceDetector(make(tmp_path, "dog", "Person", "cat"), batch=2, device="cpu")
    found = detector(FRAMES)
    assert len(found) == 3
    for boxes in found:
        assert boxes.dtype == np.float32
        # the middle half of 60 columns, and the middle quarter of 40 rows
        np.testing.assert_allclose(boxes[:, :4], [[15, 15, 45, 25]] * 3, atol=1e-3)
        assert (boxes[:, 4] > 0.99).all()
    assert "score at least 0.1" in detector.title


def test_other_weights_or_settings_of_the_same_folder_have_another_title(tmp_path: Path) -> None:
    """Else labels that one network began would be gone on with by another."""
    folder = make(tmp_path, "dog", "person")
    titles = [HuggingFaceDetector(folder, device="cpu").title]
    settings = tmp_path / "preprocessor_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "image_mean": [0.5, 0.5, 0.5]}))
    titles.append(HuggingFaceDetector(folder, device="cpu").title)
    make(tmp_path, "dog", "person", sure=0)
    titles.append(HuggingFaceDetector(folder, device="cpu").title)
    assert len(set(titles)) == 3, titles


def test_answers_that_are_not_finite_are_not_nobody(tmp_path: Path) -> None:
    detector = HuggingFaceDetector(make(tmp_path, "dog", "person"), device="cpu")
    with torch.no_grad():
        detector._model.class_labels_classifier.layers[-1].bias[1] = torch.nan
    looked = DecodedClip("dive", np.arange(3), 0, 3, 40, 60, FRAMES)
    with pytest.raises(InputError, match=r"dive: .*: gives boxes that are not finite numbers"):
        BoxLabelling(detector)([looked])


def test_other_labels_are_nobody(tmp_path: Path) -> None:
    found = HuggingFaceDetector(make(tmp_path, "dog", "person", sure=0), device="cpu")(FRAMES[:1])
    assert [boxes.shape for boxes in found] == [(0, 5)]


def test_models_that_see_no_persons_or_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no label 'person'; it has: dog, cat"):
        HuggingFaceDetector(make(tmp_path / "pets", "dog", "cat"))
    with pytest.raises(InputError, match="not an object detection model that can be loaded"):
        HuggingFaceDetector(tmp_path)
    config = tmp_path / "pets" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "model_type": "bert"}))
    with pytest.raises(InputError, match="not an object detection model that can be loaded"):
        HuggingFaceDetector(tmp_path / "pets")
    with pytest.raises(InputError, match=r"nobody/nothing: .*\(downloading was not asked for\)"):
        HuggingFaceDetector("nobody/nothing")
