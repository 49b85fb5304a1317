"""ONNX files on the CPU: opened, and run on pictures, with what onnxruntime may raise said plainly."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as failures

from sceneproof.errors import InputError
from sceneproof.files import no_file

FAILURES = (
    failures.Fail,
    failures.InvalidArgument,
    failures.InvalidGraph,
    failures.InvalidProtobuf,
    failures.NoSuchFile,
    failures.NotImplemented,
    failures.RuntimeException,
)
"""What onnxruntime raises on a file that it cannot load, or a model that does not take what it is given."""
LOCATION = re.compile(rb"\n\x08location\x12(.)", re.DOTALL)
"""Where a file says which other one holds a weight: the key, and the length of the name that follows (StringStringEntry
of onnx.proto; external data)."""
FLOATS: Mapping[str, Any] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


def model_digest(path: str | Path) -> str:
    """SHA-256 of a model, 64 digits: of its file, and of those beside it that hold its weights, where it names some.

    Raises:
        OSError: a file cannot be read.
    """
    data = Path(path).read_bytes()
    digest = hashlib.sha256(data)
    names = {data[said.end() : said.end() + said[1][0]] for said in LOCATION.finditer(data)}
    for name in sorted(names):
        weights = Path(path).parent / os.fsdecode(name)
        if b"\0" not in name and weights.is_file():
            with weights.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def open_session(path: str | Path, expected: str, *, threads: int = 0) -> Any:
    """Loads a model.

    Args:
        path: the ONNX file.
        expected: what it should hold, for messages: "an image classifier".
        threads: that the model runs on; 0 for one a core.

    Raises:
        InputError: no such file, or no model that can be loaded.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(no_file(path, f"{expected} in ONNX"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # warnings about a model's style are no concern of the user's
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except FAILURES as error:
        raise InputError(f"{path}: not an ONNX model that can be loaded: {error}") from None


class PictureModel:
    """A model whose one input is pictures, (B, 3, H, W) or (B, H, W, 3), and whose first output is what counts.

    Attributes:
        path: the file.
        dtype: of the pictures.
        batch: that the model was exported with; None where it takes any number of pictures.
        height: of a picture, in pixels.
        width: likewise.
        channels_first: whether pictures are (B, 3, H, W).
    """

    def __init__(
        self,
        path: str | Path,
        expected: str,
        *,
        size: int | None,
        threads: int,
        dtypes: Mapping[str, Any] = FLOATS,
        channels_last: bool = False,
    ) -> None:
        """Loads the model.

        Args:
            path: the ONNX file.
            expected: what it should hold, for messages: "an image classifier".
            size: height and width of a picture, where the model leaves them open.
            threads: that the model runs on; 0 for one a core.
            dtypes: the numbers that pictures may be of, by onnxruntime's names.
            channels_last: whether pictures may be (B, H, W, 3), too.

        Raises:
            InputError: no such file, another kind of input, or a size that must be given.
        """
        self.path, self._session = Path(path), open_session(path, expected, threads=threads)
        inputs = self._session.get_inputs()
        shape = list(inputs[0].shape) if len(inputs) == 1 else []
        channels = [shape[1], *([shape[3]] if channels_last else [])] if len(shape) == 4 else []
        if 3 not in channels or inputs[0].type not in dtypes:
            told = "; ".join(f"{given.name} {given.shape} {given.type}" for given in inputs)
            layouts = "(B, 3, H, W)" + " or (B, H, W, 3)" * channels_last
            raise InputError(f"{path}: not {expected}: it needs one input of pictures {layouts}, but has: {told}")
        self._name, self.dtype, self.channels_first = inputs[0].name, dtypes[inputs[0].type], shape[1] == 3
        self.batch = shape[0] if isinstance(shape[0], int) and shape[0] > 0 else None
        sides = shape[2:] if self.channels_first else shape[1:3]
        height, width = (side if isinstance(side, int) and side > 0 else size for side in sides)
        if height is None or width is None:
            raise InputError(
                f"{path}: the model leaves its picture's size open {shape}: say the size that it was trained with"
            )
        self.height, self.width = height, width

    def __call__(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """The first output for at most a batch of pictures.

        Raises:
            InputError: the model does not run on them, or gives another number of answers.
        """
        filled = pixels
        if self.batch and len(pixels) < self.batch:  # a model exported with a fixed batch takes nothing less
            filled = np.concatenate([pixels, np.repeat(pixels[-1:], self.batch - len(pixels), axis=0)])
        try:
            answers = self._session.run(None, {self._name: np.ascontiguousarray(filled, self.dtype)})[0]
        except FAILURES as error:
            raise InputError(f"{self.path}: the model does not run on its picture input: {error}") from None
        values = np.asarray(answers, np.float32)
        if not values.ndim or len(values) != len(filled):
            raise InputError(
                f"{self.path}: not what it should be: {len(filled)} pictures gave an output of shape {values.shape}"
            )
        return values[: len(pixels)]
