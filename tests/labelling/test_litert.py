"""People's pixels of LiteRT segmenters: what they answer, by hand; the files, where LiteRT and shared data are."""

import importlib.util
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from numpy.typing import NDArray

from sceneproof.data.video import decode
from sceneproof.errors import InputError
from sceneproof.labelling.contracts import DecodedClip
from sceneproof.labelling.humans import MaskLabelling
from sceneproof.labelling.litert import LiteRTSegmenter, drawn, likelihood, people_of
from sceneproof.labelling.litert_files import dequantised, quantised

SIGNED_BYTES = {"dtype": np.int8, "quantization": (1 / 255, -128)}
needs_litert = pytest.mark.skipif(importlib.util.find_spec("ai_edge_litert") is None, reason="the extra litert")


def details(
    shape: tuple[int, ...], kind: Any = np.float32, quantization: tuple[float, int] = (0.0, 0)
) -> dict[str, Any]:
    return {"index": shape, "shape": np.array(shape), "dtype": kind, "quantization": quantization}


class Interpreter:
    """LiteRT's, with answers made here: by shape of the output."""

    inputs = (details((1, 64, 64, 3)),)
    answers: tuple[tuple[dict[str, Any], NDArray[Any]], ...] = ()

    def __init__(self, **_: Any) -> None:
        self.seen: NDArray[Any] | None = None

    def allocate_tensors(self) -> None:
        """Nothing to do."""

    def invoke(self) -> None:
        """The answers are made already."""

    def get_input_details(self) -> list[dict[str, Any]]:
        return list(self.inputs)

    def get_output_details(self) -> list[dict[str, Any]]:
        return [output for output, _ in self.answers]

    def set_tensor(self, index: Any, value: NDArray[Any]) -> None:
        assert tuple(value.shape) == index
        assert value.dtype == self.inputs[0]["dtype"]
        self.seen = value

    def get_tensor(self, index: Any) -> NDArray[Any]:
        return next(value for output, value in self.answers if output["index"] == index)


def segmenter(tmp_path: Path, *answers: tuple[dict[str, Any], NDArray[Any]], **options: Any) -> LiteRTSegmenter:
    """A segmenter whose file gives these answers."""
    file = tmp_path / "model.tflite"
    file.write_bytes(b"a model")
    module = type(sys)("ai_edge_litert.interpreter")
    module.Interpreter = type("Made", (Interpreter,), {"answers": answers})  # type: ignore[attr-defined]
    with patch.dict(sys.modules, {"ai_edge_litert": type(sys)("ai_edge_litert"), "ai_edge_litert.interpreter": module}):
        return LiteRTSegmenter(file, **options)


def instances(factor: float) -> tuple[tuple[dict[str, Any], NDArray[Any]], ...]:
    """Two classes, two prototypes of 16 x 16: everywhere 1, and the left half 1, the right -1; in 64 x 64 pixels.

    A person (class 0) in the upper half, made of both prototypes: its left; the same again, worse; and a chair below.
    """
    rows = np.array([
        [32, 16, 64, 32, 0.9, 0.0, 0.0, 5.0],
        [32, 17, 64, 30, 0.6, 0.0, 5.0, 0.0],
        [32, 48, 64, 32, 0.0, 0.9, 5.0, 0.0],
        [10, 60, 8, 8, 0.05, 0.0, 5.0, 0.0],
    ], np.float32)  # fmt: skip
    rows[:, :4] *= factor
    prototypes = np.ones((1, 16, 16, 2), np.float32)
    prototypes[..., 8:, 1] = -1
    return (details((1, 8, 4)), rows.T[None]), (details((1, 16, 16, 2)), prototypes)


@pytest.mark.parametrize("factor", [1.0, 1 / 64], ids=["pixels", "shares"])
@pytest.mark.parametrize("turned", [False, True])
def test_instances_are_mixed_inside_their_boxes(factor: float, turned: bool, tmp_path: Path) -> None:
    answers = instances(factor)
    model = segmenter(tmp_path, *(answers[::-1] if turned else answers))
    expected = np.zeros((128, 128), bool)
    expected[:64, :64] = True
    np.testing.assert_array_equal(model(np.zeros((2, 128, 128, 3), np.uint8)), np.stack([expected, expected]))
    assert (model.short_side, "class 0, score at least 0.1, NMS 0.45" in model.title) == (64, True)
    chairs = segmenter(tmp_path, *answers, person=1)(np.zeros((1, 128, 128, 3), np.uint8))[0]
    np.testing.assert_array_equal(chairs, np.repeat(np.arange(128) >= 64, 128).reshape(128, 128))
    alike = segmenter(tmp_path, *answers, overlap=0.99)(np.zeros((1, 128, 128, 3), np.uint8))[0]
    assert alike[20, 100]  # the worse box is kept, and covers the right


def test_a_frame_of_another_shape_lies_in_the_top_left_of_the_picture(tmp_path: Path) -> None:
    found = segmenter(tmp_path, *instances(1.0))(np.zeros((1, 48, 64, 3), np.uint8))[0]
    assert found.shape == (48, 64)
    assert found[:32, :32].all()
    assert not found[33:].any()
    assert not found[:, 33:].any()
    assert not segmenter(tmp_path, *instances(1.0), score=0.95)(np.zeros((1, 48, 64, 3), np.uint8)).any()


def test_people_are_cut_off_at_the_frame_and_nobody_is_nothing() -> None:
    rows = np.array([[0, 0, 20, 20, 0.5, 1.0], [500, 500, 4, 4, 0.9, 1.0]], np.float32)
    people = people_of(rows, 1, 0, score=0.1, overlap=0.5)
    np.testing.assert_allclose(people, [[498, 498, 502, 502, 0.9, 1], [-10, -10, 10, 10, 0.5, 1]], rtol=1e-6)
    mask = drawn(people, np.ones((4, 4, 1), np.float32), (32, 32), (1.0, 1.0), (0.125, 0.125), 0.0)
    assert mask[:10, :10].all()
    assert mask.sum() == 100
    assert len(people_of(rows, 1, 0, score=0.95, overlap=0.5)) == 0
    assert not drawn(people[:0], np.ones((4, 4, 1), np.float32), (8, 8), (1.0, 1.0), (0.5, 0.5), 0.0).any()


def test_pixels_are_probabilities_logits_or_classes(tmp_path: Path) -> None:
    left = np.zeros((64, 64), np.float32)
    left[:, :32] = 1
    logits, twenty = np.stack([-9 * left, 9 * left - 4], 2), np.where(left, 15, 7).astype(np.int64)
    kinds: list[tuple[dict[str, Any], NDArray[Any]]] = [
        (details((1, 64, 64, 1)), left[None, ..., None]),
        (details((1, 64, 64, 1)), 12 * left[None, ..., None] - 6),
        (details((1, 64, 64, 2)), np.stack([1 - left, left], 2)[None]),
        (details((1, 64, 64, 2)), logits[None]),
        (details((1, 64, 64), np.int64), twenty[None]),
    ]
    expected = np.zeros((30, 64), bool)
    expected[:, :32] = True
    for answer in kinds:
        found = segmenter(tmp_path, answer)(np.zeros((1, 30, 64, 3), np.uint8))[0]
        np.testing.assert_array_equal(found, expected)
    assert segmenter(tmp_path, kinds[4], person=7)(np.zeros((1, 30, 64, 3), np.uint8))[0][:, 40:].all()
    assert likelihood(np.array([[[0.0, np.log(3)]]], np.float32), 1) == pytest.approx(0.75)


def test_quantisation_is_the_files() -> None:
    picture = np.array([[[0, 128, 255]]], np.uint8)
    np.testing.assert_array_equal(quantised(picture, SIGNED_BYTES), [[[-128, 0, 127]]])
    bytes_around_zero = {"dtype": np.uint8, "quantization": (0.0078125, 128)}  # from -1 to 1: bytes are pixels
    assert np.abs(quantised(picture, bytes_around_zero).astype(int) - picture).max() <= 1
    floats = {"dtype": np.float32, "quantization": (0.0, 0)}
    np.testing.assert_allclose(quantised(picture, floats)[0, 0], [0, 128 / 255, 1], rtol=1e-6)
    np.testing.assert_allclose(quantised(picture, floats, -1.0)[0, 0], [-1, 1 / 255, 1], atol=1e-6)
    np.testing.assert_allclose(
        dequantised(np.array([-128, 24, 127], np.int8), {"dtype": np.int8, "quantization": (0.02, 24)}),
        [-3.04, 0, 2.06], rtol=1e-5,
    )  # fmt: skip
    assert dequantised(np.array([15]), {"dtype": np.int64, "quantization": (0.0, 0)}).tolist() == [15.0]


def test_other_models_and_settings_are_refused(tmp_path: Path) -> None:
    boxes, prototypes = instances(1.0)
    with pytest.raises(InputError, match=r"not a segmenter: .* outputs \[1, 8, 4\], \[1, 16, 16, 8\]"):
        segmenter(tmp_path, boxes, (details((1, 16, 16, 8)), np.zeros((1, 16, 16, 8))))
    with pytest.raises(InputError, match=r"not a segmenter: .* inputs \[1, 64, 64, 3\] and outputs \[1, 1000\]"):
        segmenter(tmp_path, (details((1, 1000)), np.zeros((1, 1000))))
    with pytest.raises(InputError, match="has 2 classes, from 0, so none is number 2"):
        segmenter(tmp_path, boxes, prototypes, person=2)
    with pytest.raises(InputError, match="shares from 0 to 1"):
        LiteRTSegmenter(tmp_path / "model.tflite", pixel=1.0)


def test_without_litert_the_extra_is_named(tmp_path: Path) -> None:
    with (
        patch.dict(sys.modules, {"ai_edge_litert.interpreter": None, "ai_edge_litert": None}),
        pytest.raises(InputError, match=r'pip install "sceneproof\[litert\]"'),
    ):
        LiteRTSegmenter(tmp_path / "model.tflite")


@needs_litert
def test_what_is_no_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        LiteRTSegmenter(tmp_path / "none.tflite")
    (tmp_path / "text.tflite").write_text("no model at all" * 99)
    with pytest.raises(InputError, match="not a LiteRT model that can be loaded"):
        LiteRTSegmenter(tmp_path / "text.tflite")


@needs_litert
@pytest.mark.parametrize(("name", "least"), [
    ("yolov8n_320_seg_int8", 0.5), ("segm_full_v679", 0.5), ("coral_deeplabv3_mnv2_dm05_pascal_quant", 0.3),
    ("selfiesegmentation_mlkit-256x256-2021_01_19-v1215.f16", 0.4),
])  # fmt: skip
def test_real_segmenters_find_real_people(name: str, least: float, shared_data: Path) -> None:
    model = LiteRTSegmenter(shared_data / "weights" / f"{name}.tflite", threads=1)
    values = []
    for clip in sorted((shared_data / "jhmdb").glob("*/*.mp4"))[::40]:
        with np.load(shared_data / "jhmdb_masks" / f"{clip.parent.name}.npz") as masks:
            people = np.unpackbits(masks[clip.stem], axis=-1).astype(np.bool_)[0]
        found = model(decode(clip, [0]))[0]
        values.append((found & people).sum() / max((found | people).sum(), 1))
    assert np.mean(values) > least


def test_answers_that_are_not_finite_are_not_nobody(tmp_path: Path) -> None:
    answer = np.full((1, 4, 4, 1), np.nan, np.float32)
    looked = DecodedClip("dive", np.arange(1), 0, 1, 8, 8, np.zeros((1, 8, 8, 3), np.uint8))
    with pytest.raises(InputError, match=r"dive: .*model\.tflite: gives answers that are not finite numbers"):
        MaskLabelling(segmenter(tmp_path, (details((1, 4, 4, 1)), answer)))([looked])
