"""Scene labels from any image classifier in ONNX: Places365 networks, or one of your own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sceneproof.errors import InputError
from sceneproof.labelling.contracts import SceneLabeller
from sceneproof.labelling.pictures import resize
from sceneproof.labelling.places365 import read_names, scene_names
from sceneproof.onnx_files import FLOATS, PictureModel, model_digest
from sceneproof.wording import counted

PIXELS = {**FLOATS, "tensor(uint8)": np.uint8}
Triple = tuple[float, float, float]


class OnnxSceneLabeller(SceneLabeller):
    """Posteriors of an ONNX image classifier.

    The model takes one picture tensor, (B, 3, H, W) or (B, H, W, 3), in float32, float16 or uint8. A frame is stretched
    whole to H × W, put in the channel order asked for, and becomes (pixels − mean) / std, with pixels 0 to 255.

    Attributes:
        title: the model's file with the start of its SHA-256.
        short_side: None: frames are stretched by our own rule alone.
    """

    def __init__(
        self,
        weights: str | Path,
        names: Sequence[str] | str | Path | None = None,
        *,
        size: int | None = None,
        channels: Literal["rgb", "bgr"] = "rgb",
        mean: Triple = (0.0, 0.0, 0.0),
        std: Triple = (1.0, 1.0, 1.0),
        output: Literal["auto", "probabilities", "logits"] = "auto",
        threads: int = 0,
    ) -> None:
        """Loads the model and tries it once, on noise.

        Args:
            weights: The ONNX file.
            names: Scene names in the order of the model's outputs, or a text file with one a line. By default the
                365 of Places365, for a model with 365 outputs.
            size: Height and width of the model's picture, needed where the model leaves them open.
            channels: The channel order that the model was trained with.
            mean: Subtracted from the pixels (0 to 255), in the model's channel order.
            std: The pixels are divided by it, in the model's channel order.
            output: Whether the model ends in a softmax. With "auto": it does if its answers to two pictures of noise
                are all at least 0 and sum to 1 within 0.001; otherwise they are logits and a softmax is applied.
            threads: Threads that the model runs on; 0 for one a core.

        Raises:
            InputError: no such file, not an ONNX image classifier, or more or fewer names than outputs.
        """
        self._mean, self._std = np.array(mean, np.float32), np.array(std, np.float32)
        self._bgr = channels == "bgr"
        self._model = PictureModel(
            weights, "an image classifier", size=size, threads=threads, dtypes=PIXELS, channels_last=True
        )
        noise = np.random.default_rng(0).integers(0, 256, (2, self._model.height, self._model.width, 3), np.uint8)
        answers = self._run(noise)
        self._softmax = output == "logits" or (output == "auto" and not _are_probabilities(answers))
        self.names: Sequence[str] = _names(names, answers.shape[1], self._model.path)
        self.title = f"{self._model.path.name} (sha256 {model_digest(self._model.path)[:12]})"

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Posteriors (N, S) of frames uint8 (N, H, W, 3), RGB."""
        answers = self._run(frames)
        return _softmax(answers) if self._softmax else answers

    def _run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        model = self._model
        pixels = resize(frames, model.height, model.width)
        if self._bgr:
            pixels = pixels[..., ::-1]
        if model.dtype is not np.uint8:
            pixels = ((pixels - self._mean) / self._std).astype(model.dtype)
        if model.channels_first:
            pixels = pixels.transpose(0, 3, 1, 2)
        step = model.batch or len(pixels)
        values = np.concatenate([model(pixels[start : start + step]) for start in range(0, len(pixels), step)])
        if values.ndim < 2 or values.shape[1] != values[0].size:
            raise InputError(
                f"{model.path}: the first output has the shape {values.shape}; a classifier's is (pictures, scenes)"
            )
        return values.reshape(len(values), -1)


def _names(names: Sequence[str] | str | Path | None, outputs: int, path: Path) -> list[str]:
    if names is None:
        names = scene_names()
        if outputs != len(names):
            raise InputError(
                f"{path}: the model has {outputs} outputs, and not Places365's 365: "
                f"give the names of its scenes, in a text file with one a line"
            )
    source = str(names) if isinstance(names, (str, Path)) else "the list given"
    names = read_names(names)
    if outputs != len(names):
        raise InputError(
            f"{path}: the model has {counted(outputs, 'output')}, but {source} names {counted(len(names), 'scene')}"
        )
    return names


def _are_probabilities(answers: NDArray[np.float32]) -> bool:
    return bool((answers >= 0).all() and (abs(answers.sum(axis=1) - 1) < 1e-3).all())


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float32] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return shares
