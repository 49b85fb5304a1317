"""ONNX classifiers so small that their answers can be worked out by hand, and labellers made of nothing."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from sceneproof.labelling.contracts import SceneLabeller


def mean_colour_model(
    path: Path,
    *,
    softmax: bool,
    shape: Sequence[int | str] = ("b", 3, 4, 4),
    pixels: int = TensorProto.FLOAT,
    axes: Sequence[int] = (2, 3),
) -> Path:
    """Writes a model whose answer is the picture's mean in each channel, (B, 3), after a softmax if asked."""
    picture = helper.make_tensor_value_info("picture", pixels, shape)
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, None)
    nodes = [
        helper.make_node("Cast", ["picture"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["mean"], axes=list(axes), keepdims=0),
        helper.make_node("Softmax" if softmax else "Identity", ["mean"], ["answer"]),
    ]
    graph = helper.make_graph(nodes, "mean colour", [picture], [answer])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


def single_colour(*colours: tuple[int, int, int], height: int = 6, width: int = 8) -> NDArray[np.uint8]:
    """uint8 (N, H, W, 3): a frame filled with each colour."""
    frames = np.zeros((len(colours), height, width, 3), np.uint8)
    frames[:] = np.array(colours, np.uint8)[:, None, None]
    return frames


class Brightness(SceneLabeller):
    """A labeller that calls a frame bright as much as its mean pixel is near 255; it counts its calls."""

    names: Sequence[str] = ("dark", "bright")
    title = "brightness"

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.calls.append(len(frames))
        bright = frames.reshape(len(frames), -1).mean(axis=1) / 255
        return np.stack([1 - bright, bright], axis=1).astype(np.float32)


def bright_cell_yolox(path: Path, *, shape: Sequence[int | str] = ("b", 3, 64, 64), in_pixels: bool = False) -> Path:
    """Writes a YOLOX of two classes for 64 x 64: each cell holds a box of its own size, as likely as it is bright.

    Brightness is the first channel's mean in the cell over 255 (blue, for the model takes BGR). The second class is
    never likely. With `in_pixels` the answer's boxes are in pixels, as some exports have it.
    """
    nodes: list[NodeProto] = []
    parts: list[str] = []
    cells: list[tuple[float, ...]] = []
    for stride in (8, 16, 32):
        side = 64 // stride
        nodes += [
            helper.make_node("AveragePool", ["blue"], [f"pooled{stride}"], kernel_shape=[stride] * 2,
                             strides=[stride] * 2),
            helper.make_node("Reshape", [f"pooled{stride}", "flat"], [f"cells{stride}"]),
        ]  # fmt: skip
        parts.append(f"cells{stride}")
        centres = [((x + 0.5) * stride, (y + 0.5) * stride, stride, stride) for y in range(side) for x in range(side)]
        cells += centres if in_pixels else [(0.5, 0.5, 0.0, 0.0)] * side**2
    constants = {
        "flat": np.array([0, -1, 1]),
        "first": np.array([0]),
        "white": np.array(255, np.float32),
        "cells": np.array([cells], np.float32),
        "classes": np.tile(np.array([1, 0], np.float32), (1, len(cells), 1)),
    }
    nodes = [
        helper.make_node("Gather", ["images", "first"], ["raw"], axis=1),
        helper.make_node("Div", ["raw", "white"], ["blue"]),
        *nodes,
        helper.make_node("Concat", parts, ["objectness"], axis=1),
        helper.make_node("Mul", ["objectness", "nothing"], ["zero"]),
        helper.make_node("Add", ["cells", "zero"], ["boxes"]),
        helper.make_node("Add", ["classes", "zero"], ["sure"]),
        helper.make_node("Concat", ["boxes", "objectness", "sure"], ["output"], axis=2),
    ]
    constants["nothing"] = np.array(0, np.float32)
    graph = helper.make_graph(
        nodes,
        "bright cells",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path
