"""Opening ONNX files on the CPU, with what onnxruntime may raise said plainly."""

from pathlib import Path
from typing import Any

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as failures

from sceneproof.errors import InputError

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
        raise InputError(f"{path}: no such file (expected {expected} in ONNX)")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # warnings about a model's style are no concern of the user's
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except FAILURES as error:
        raise InputError(f"{path}: not an ONNX model that can be loaded: {error}") from None
