"""Holes filled by networks that are so small that their answers are known."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from sceneproof.audit import audit
from sceneproof.audit.subject import Pixels
from sceneproof.contexts.inpainting import LearnedInpainter, inpainting, smooth
from sceneproof.contexts.variants import Impossible, Made, Variants
from sceneproof.errors import InputError
from tests.contexts.test_variants import CLIPS, read, variants
from tests.training import Small

INK = (0.2, 0.4, 0.8)
"""What the tests' network puts into a hole, from 0 to 1."""


def network(
    path: Path, *, largest: float = 1.0, size: tuple[Any, Any] = ("h", "w"), backwards: bool = False, hole: int = 1
) -> Path:
    """Writes a network: the picture outside of the hole, `INK` inside; times `largest`."""
    inputs = [
        helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, *size)),
        helper.make_tensor_value_info("mask", TensorProto.FLOAT, (1, hole, *size)),
    ]
    nodes = [
        helper.make_node("Sub", ["one", "mask"], ["rest"]),
        helper.make_node("Mul", ["image", "mask" if backwards else "rest"], ["seen"]),
        helper.make_node("Mul", ["ink", "rest" if backwards else "mask"], ["drawn"]),
        helper.make_node("Add", ["seen", "drawn"], ["whole"]),
        helper.make_node("Mul", ["whole", "largest"], ["answer"]),
    ]
    constants = [
        helper.make_tensor("one", TensorProto.FLOAT, (), [1.0]),
        helper.make_tensor("largest", TensorProto.FLOAT, (), [largest]),
        helper.make_tensor("ink", TensorProto.FLOAT, (1, 3, 1, 1), INK),
    ]
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "ink", inputs[::-1] if backwards else inputs, [answer], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


@pytest.mark.parametrize("largest", [1.0, 255.0])
@pytest.mark.parametrize("size", [("h", "w"), (64, 64)])
def test_the_hole_is_what_the_network_says_whatever_its_range_and_size(
    tmp_path: Path, largest: float, size: tuple[Any, Any]
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    hole = np.zeros((48, 80), np.bool_)
    hole[10:40, 20:60] = True
    filled = inpainting(network(tmp_path / "ink.onnx", largest=largest, size=size))(picture, hole)
    assert filled.shape == picture.shape
    np.testing.assert_allclose(filled[14:36, 24:56], np.broadcast_to([51, 102, 204], (22, 32, 3)), atol=1)


def test_without_a_network_holes_are_filled_smoothly() -> None:
    assert inpainting(None) is smooth


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"backwards": True}, "or 0 in the hole"),
        ({"largest": 40.0}, "outside of the hole its picture is off"),
        ({"hole": 3}, r"not a network that fills holes.* it has: image \[1, 3, 'h', 'w'\]"),
    ],
)
def test_what_fills_no_holes_is_refused(tmp_path: Path, made: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        LearnedInpainter(network(tmp_path / "ink.onnx", **made))


def test_people_are_taken_out_by_the_network_where_no_frame_shows_what_is_behind(tmp_path: Path) -> None:
    plain = variants()
    learned = Variants(plain.partners, read, inpaint=inpainting(network(tmp_path / "ink.onnx")))
    clip = read("a0")
    assert clip.people is not None
    always = type(clip)(clip.video, clip.frames, np.broadcast_to(clip.people.any(0), clip.people.shape).copy())
    for name in ("human_inpainted", "self_paste"):
        answer, other = (of.of(always, CLIPS).make(name) for of in (learned, plain))
        assert isinstance(answer, Made)
        assert isinstance(other, Made)
        assert not np.array_equal(answer.clips[0], other.clips[0]) or name == "self_paste"
    taken = learned.of(always, CLIPS).make("human_inpainted")
    assert not isinstance(taken, Impossible)
    assert taken.guessed is not None
    assert always.people is not None
    inside = taken.guessed[1] & always.people[2]
    shown = taken.clips[0][1][inside].astype(int)
    assert np.abs(np.median(shown, axis=0) - np.array([51, 102, 204])).max() <= 2


def test_an_audit_from_python_takes_a_network_too(tmp_path: Path) -> None:
    small = Small.make(tmp_path / "data")

    def model(clip: Pixels) -> list[float]:
        return [0.5, 0.5]

    model.actions = ["jump", "run"]  # type: ignore[attr-defined]
    words: dict[str, Any] = {"humans": small.boxes, "variants": ["human_inpainted"], "shown": 0}
    made = audit(model, small.manifest, tmp_path / "out", inpainter=network(tmp_path / "ink.onnx"), **words)
    assert "ink.onnx" in (tmp_path / "out" / "audit.json").read_text()
    assert made.measures.value("survives_human_inpainted") is not None
    with pytest.raises(InputError, match=r"wrong\.onnx"):
        audit(model, small.manifest, tmp_path / "no", inpainter=network(tmp_path / "wrong.onnx", hole=2), **words)
