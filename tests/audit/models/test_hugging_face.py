"""Tiny models with random weights, held against what transformers itself makes of the same clips; no network."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sceneproof.audit.models import hugging_face as module
from sceneproof.audit.models.hugging_face import HuggingFaceModel
from sceneproof.audit.models.inputs import InputSettings
from sceneproof.errors import InputError
from tests.audit.models.subjects import CLASSES, DEVICE, hugging_face, noise

transformers = pytest.importorskip("transformers", reason="needs sceneproof[hf]")

KINDS = ("videomae", "timesformer", "vivit", "vjepa2")
TUBELET = {"videomae": 2, "timesformer": 1, "vivit": 2, "vjepa2": 2}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_transformers_own(kind: str, tmp_path: Path) -> None:
    subject = HuggingFaceModel(str(hugging_face(tmp_path, kind)), device=DEVICE)
    assert subject.actions == CLASSES
    assert (subject.sampling.length, subject.sampling.stride) == (4, module.STRIDES[kind])
    clips = noise(2, 4)
    network = transformers.AutoModelForVideoClassification.from_pretrained(tmp_path).eval()
    processor = transformers.AutoVideoProcessor.from_pretrained(tmp_path)
    with torch.no_grad():
        for clip, scores in zip(clips, subject.answer(clips).scores, strict=True):
            theirs = network(**processor(list(clip), return_tensors="pt")).logits.softmax(1)[0]
            np.testing.assert_allclose(scores, theirs, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_head_on_the_features_gives_the_scores(kind: str, tmp_path: Path) -> None:
    subject = HuggingFaceModel(str(hugging_face(tmp_path, kind)), device=DEVICE)
    network = transformers.AutoModelForVideoClassification.from_pretrained(tmp_path)
    answer = subject.answer(noise(2, 4))
    assert answer.features is not None
    with torch.no_grad():
        again = network.classifier(torch.from_numpy(answer.features)).softmax(1)
    np.testing.assert_allclose(again, answer.scores, atol=1e-5)


@pytest.mark.parametrize("kind", [*KINDS, "timesformer joint", "videomae token"])
@pytest.mark.parametrize("place", [(0, 0, 1), (3, 1, 0), (2, 0, 0)])
def test_tokens_lie_where_the_pixels_do(
    kind: str, place: tuple[int, int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place of the clip is changed: the token that changes most must be folded to that place."""
    name, _, other = kind.partition(" ")
    extra: dict[str, Any] = {"use_mean_pooling": False} if other == "token" else {}
    if other == "joint":
        extra = {"attention_type": "joint_space_time"}
    subject = HuggingFaceModel(str(hugging_face(tmp_path, name, spread=0.05, **extra)), device=DEVICE)
    tokens: list[Tensor] = []

    def kept(features: Tensor, scores: Tensor, classes: Tensor) -> Tensor:
        tokens.append(features.detach())
        return (features - tokens[0]).detach().abs().sum(-1)

    monkeypatch.setattr(module, "grad_cam", kept)
    grey = np.full((1, 4, 36, 36, 3), 128, np.uint8)
    subject.maps(grey, np.array([0]))
    time, row, column = place
    first = time // TUBELET[name] * TUBELET[name]
    bright = grey.copy()
    rows, columns = slice(2 + 16 * row, 18 + 16 * row), slice(2 + 16 * column, 18 + 16 * column)
    bright[0, first : first + TUBELET[name], rows, columns] = (255, 0, 40)
    changed = subject.maps(bright, np.array([0])).activation[0]
    assert changed.shape == (4, 2, 2)
    most = np.unravel_index(changed.argmax(), changed.shape)
    assert (most[0] // TUBELET[name], *most[1:]) == (time // TUBELET[name], row, column)


@pytest.mark.parametrize("kind", KINDS)
def test_maps_are_no_rounding_noise(kind: str, tmp_path: Path) -> None:
    """Behind a normalisation that is read alone, the product would be 0 everywhere but for rounding."""
    subject = HuggingFaceModel(str(hugging_face(tmp_path, kind)), device=DEVICE)
    maps = [subject.maps(noise(2, 4), np.full(2, number)).activation for number in range(3)]
    assert max(found.max() for found in maps) > 1e-3


def test_frames_and_stride_can_be_given(tmp_path: Path) -> None:
    folder = str(hugging_face(tmp_path, "videomae"))
    subject = HuggingFaceModel(folder, inputs=InputSettings(stride="even"), device=DEVICE)
    assert (subject.sampling.length, subject.sampling.stride) == (4, None)
    odd = HuggingFaceModel(folder, inputs=InputSettings(frames=6), device=DEVICE)
    with pytest.raises(InputError, match="does not take clips TCHW of 6x3x16x16"):
        odd.answer(noise(1, 6))


def test_a_folder_with_an_image_processor(tmp_path: Path) -> None:
    folder = hugging_face(tmp_path, "videomae", processor="VideoMAEImageProcessor")
    scores = HuggingFaceModel(str(folder), device=DEVICE).answer(noise(2, 4)).scores
    other = hugging_face(tmp_path / "video", "videomae")
    np.testing.assert_allclose(
        scores, HuggingFaceModel(str(other), device=DEVICE).answer(noise(2, 4)).scores, atol=0.02
    )


def test_weights_and_preprocessing_are_part_of_the_identity(tmp_path: Path) -> None:
    folder = hugging_face(tmp_path, "videomae")
    first = HuggingFaceModel(str(folder), device=DEVICE).identity
    assert HuggingFaceModel(str(folder), device=DEVICE).identity == first
    transformers.VideoMAEVideoProcessor(size={"shortest_edge": 16}, crop_size=16).save_pretrained(folder)
    assert HuggingFaceModel(str(folder), device=DEVICE).identity != first


def test_an_answer_a_frame_is_refused(tmp_path: Path) -> None:
    folder = hugging_face(tmp_path, "timesformer", attention_type="space_only")
    with pytest.raises(InputError, match="gives 4 rows of scores for 1 clip"):
        HuggingFaceModel(str(folder), device=DEVICE).answer(noise(1, 4))


def test_tokens_without_places_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WITH_PLACES", ())
    subject = HuggingFaceModel(str(hugging_face(tmp_path, "timesformer")), device=DEVICE)
    answer = subject.answer(noise(1, 4))
    assert answer.scores.shape == (1, 3)
    assert answer.features is not None
    with pytest.raises(InputError, match="the places of a timesformer's tokens are not known"):
        subject.maps(noise(1, 4), np.array([0]))


def test_names_in_place_of_its_own(tmp_path: Path) -> None:
    folder = str(hugging_face(tmp_path, "videomae"))
    assert HuggingFaceModel(folder, names=["a", "b", "c"], device=DEVICE).actions == ["a", "b", "c"]
    with pytest.raises(InputError, match="has 3 classes, and was given 2 names"):
        HuggingFaceModel(folder, names=["a", "b"], device=DEVICE)


def test_what_cannot_be_loaded_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match="no video classifier that can be loaded"):
        HuggingFaceModel(str(tmp_path), device=DEVICE)
    folder = hugging_face(tmp_path / "bare", "videomae")
    for file in folder.glob("*processor*.json"):
        file.unlink()
    with pytest.raises(InputError, match="its preprocessing cannot be loaded"):
        HuggingFaceModel(str(folder), device=DEVICE)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r"needs transformers: pip install 'sceneproof\[hf\]'"):
        HuggingFaceModel(str(folder), device=DEVICE)
