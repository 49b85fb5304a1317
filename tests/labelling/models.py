"""ONNX classifiers so small that their answers can be worked out by hand, and labellers made of nothing."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper


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


class Brightness:
    """A labeller that calls a frame bright as much as its mean pixel is near 255; it counts its calls."""

    names = ("dark", "bright")
    title = "brightness"

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.calls.append(len(frames))
        bright = frames.reshape(len(frames), -1).mean(axis=1) / 255
        return np.stack([1 - bright, bright], axis=1).astype(np.float32)
