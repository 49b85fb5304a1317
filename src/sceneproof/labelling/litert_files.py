"""LiteRT files (.tflite) on the CPU: opened, and run on a picture, in the numbers that their quantisation tells."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneproof.errors import InputError
from sceneproof.files import no_file
from sceneproof.machine import processors

MISSING = 'models in LiteRT files need an extra: pip install "sceneproof[litert]"'


class LiteRTModel:
    """A LiteRT file with one picture for its input.

    Attributes:
        path: the file.
        digest: its SHA-256.
        height: of the picture, in pixels.
        width: likewise.
        shapes: of the outputs that are read: of instances two, else one.
        instances: whether it answers with instances.
    """

    def __init__(self, path: str | Path, *, signed: bool, threads: int) -> None:
        """Loads the model.

        Args:
            path: the file.
            signed: an input that is not quantised takes pixels from -1 to 1.
            threads: that it runs on; 0 for one a core.

        Raises:
            InputError: LiteRT is not installed; no such file, or no segmenter.
        """
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError:
            raise InputError(MISSING) from None
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(no_file(path, "a segmenter in LiteRT, .tflite"))
        data = self.path.read_bytes()
        self.digest = hashlib.sha256(data).hexdigest()
        try:
            self._interpreter: Any = Interpreter(model_content=data, num_threads=threads or processors())
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise InputError(f"{path}: not a LiteRT model that can be loaded: {str(error).splitlines()[0]}") from None
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        picture = tuple(int(side) for side in inputs[0]["shape"]) if len(inputs) == 1 else ()
        chosen = _read_outputs(outputs)
        if len(picture) != 4 or picture[0] != 1 or picture[3] != 3 or not chosen:
            told = [f"{[int(side) for side in given['shape']]}" for given in (*inputs, *outputs)]
            raise InputError(
                f"{path}: not a segmenter: it needs one picture (1, H, W, 3), and instances or classes a pixel to "
                f"answer with, but has inputs {', '.join(told[: len(inputs)])} and outputs "
                f"{', '.join(told[len(inputs) :])}"
            )
        self._input, self._outputs, self.instances = inputs[0], chosen, len(chosen) == 2
        self.shapes = [tuple(int(side) for side in output["shape"]) for output in chosen]
        self.height, self.width = picture[1:3]
        self._lowest = -1.0 if signed else 0.0

    def __call__(self, picture: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """What the model answers to a picture (H, W, 3), RGB, as float32.

        Raises:
            InputError: it does not run, or answers something that is no finite number.
        """
        self._interpreter.set_tensor(self._input["index"], quantised(picture, self._input, self._lowest)[None])
        try:
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise InputError(f"{self.path}: the model does not run: {str(error).splitlines()[0]}") from None
        answers = [dequantised(self._interpreter.get_tensor(output["index"]), output) for output in self._outputs]
        if not all(np.isfinite(answer).all() for answer in answers):  # which, held against a threshold, is nobody
            raise InputError(f"{self.path}: gives answers that are not finite numbers")
        return answers


def quantised(picture: NDArray[np.uint8], details: Any, lowest: float = 0.0) -> NDArray[Any]:
    """A picture as a model's input takes it: by its scale and zero, where it is of whole numbers.

    Args:
        picture: uint8 (H, W, 3).
        details: LiteRT's, of the input.
        lowest: what black is to an input of floats: 0 or -1; white is 1.
    """
    kind, (scale, zero) = np.dtype(details["dtype"]), details["quantization"]
    if kind.kind == "f" or not scale:
        values = picture.astype(np.float32) / 255
        return (values * (1 - lowest) + lowest).astype(kind) if kind.kind == "f" else picture.astype(kind)
    limits = np.iinfo(kind)
    lowest = -1.0 if (limits.min - zero) * scale < -0.5 else 0.0  # black, by what the numbers can mean
    values = picture.astype(np.float32) / 255 * (1 - lowest) + lowest
    return np.asarray(np.clip(np.rint(values / scale + zero), limits.min, limits.max), kind)


def dequantised(values: NDArray[Any], details: Any) -> NDArray[np.float32]:
    """An output's values; those of whole numbers by their scale and zero, where they have them."""
    scale, zero = details["quantization"]
    floats = values.astype(np.float32)
    return (floats - zero) * np.float32(scale) if scale and np.dtype(details["dtype"]).kind in "iu" else floats


def _read_outputs(outputs: Any) -> list[Any]:
    """The outputs of a segmenter, of instances the boxes first; none where it is something else."""
    by_axes: dict[int, list[Any]] = {}
    for output in outputs:
        by_axes.setdefault(len(output["shape"]), []).append(output)
    flat, deep = by_axes.get(3, []), by_axes.get(4, [])
    if len(flat) == len(deep) == 1 and len(outputs) == 2:
        return [flat[0], deep[0]] if flat[0]["shape"][1] > 4 + deep[0]["shape"][3] else []
    return list(outputs) if len(outputs) == 1 and (flat or deep) else []
