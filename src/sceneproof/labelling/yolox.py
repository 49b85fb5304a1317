"""People by any YOLOX in ONNX (Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430)."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.data.tracks import suppressed
from sceneproof.errors import InputError
from sceneproof.labelling.contracts import NO_NUMBERS, PersonDetector
from sceneproof.onnx_files import PictureModel, model_digest

STRIDES = (8, 16, 32)
GREY = 114
LARGEST_LOG = 10.0
"""e^10 cells: a width of this size in the answer is one in pixels, and not the logarithm of one in cells."""


class YOLOX(PersonDetector):
    """A YOLOX detector, read for its persons only.

    The model takes pictures (B, 3, H, W), BGR, 0 to 255, and answers (B, anchors, 5 + classes): for each cell of the
    grids of stride 8, 16 and 32 the centre's offset and the logarithm of width and height, in cells, then objectness
    and class scores. Exports that turn cells into pixels themselves are told by their answer to noise.

    Attributes:
        title: the model's file with the start of its SHA-256, and the settings.
        short_side: of the model's picture.
    """

    def __init__(
        self,
        weights: str | Path,
        *,
        size: int | None = None,
        score: float = 0.1,
        overlap: float = 0.45,
        person: int = 0,
        batch: int = 8,
        threads: int = 0,
    ) -> None:
        """Loads the model and tries it once, on noise.

        Args:
            weights: The ONNX file.
            size: Height and width of the model's picture, a multiple of 32, where the model leaves them open.
            score: Boxes below it are left out; a score is objectness × probability of the person class.
            overlap: The IoU that two boxes of one frame may have.
            person: The class that is a person: 0 in COCO.
            batch: Pictures that go in at once, where the model takes any number.
            threads: Threads that the model runs on; 0 for one a core.

        Raises:
            InputError: no such file, or not a YOLOX.
        """
        self._model = PictureModel(weights, "a YOLOX detector", size=size, threads=threads)
        self._score, self._overlap, self._column = score, overlap, 5 + person
        height, width = self._model.height, self._model.width
        if height % STRIDES[-1] or width % STRIDES[-1]:
            raise InputError(f"{weights}: the model's picture is {width}x{height}; its sides must be multiples of 32")
        self._batch = self._model.batch or batch
        self._corner, self._stride = _grid(height, width)
        noise = np.random.default_rng(0).integers(0, 256, (1, 3, height, width), np.uint8)
        self._in_pixels = bool(self._answers(noise)[..., 2:4].max() > LARGEST_LOG)
        self.short_side = min(height, width)
        digest, name = model_digest(self._model.path), self._model.path.name
        self.title = (
            f"{name} (sha256 {digest[:12]}), {width}x{height}, class {person}, score at least {score:g}, "
            f"NMS {overlap:g}"
        )

    def __call__(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """People in frames uint8 (N, H, W, 3), RGB: N arrays (K, 5), the best score first."""
        height, width = self._model.height, self._model.width
        people: list[NDArray[np.float32]] = []
        for start in range(0, len(frames), self._batch):
            boxed = [letterbox(frame, height, width) for frame in frames[start : start + self._batch]]
            pixels = np.stack([picture[..., ::-1].transpose(2, 0, 1) for picture, _ in boxed])
            answers = self._answers(pixels)
            people += [self._people(answer, scale) for answer, (_, scale) in zip(answers, boxed, strict=True)]
        return people

    def _answers(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Raw answers (N, anchors, 5 + classes) to at most a batch of pictures (N, 3, H, W)."""
        answers = self._model(pixels)
        if answers.ndim != 3 or answers.shape[1] != len(self._stride) or answers.shape[2] <= self._column:
            raise InputError(
                f"{self._model.path}: not a YOLOX: the first output has the shape {answers.shape}; expected "
                f"({len(answers)}, {len(self._stride)}, {self._column + 1} or more)"
            )
        return answers

    def _people(self, answer: NDArray[np.float32], scale: tuple[float, float]) -> NDArray[np.float32]:
        if not (np.isfinite(answer[:, :5]).all() and np.isfinite(answer[:, self._column]).all()):
            return NO_NUMBERS
        scores = answer[:, 4] * answer[:, self._column]
        likely = scores >= self._score
        centre, sides = answer[likely, 0:2], answer[likely, 2:4]
        if not self._in_pixels:
            corner, stride = self._corner[likely], self._stride[likely, None]
            centre, sides = (centre + corner) * stride, np.exp(sides) * stride
        corners = np.concatenate([centre - sides / 2, centre + sides / 2], axis=1) / np.array([*scale, *scale])
        return suppressed(np.column_stack([corners, scores[likely]]).astype(np.float32), self._overlap)


def letterbox(frame: NDArray[np.uint8], height: int, width: int) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """A frame (H, W, 3) as large as fits into the top left of a grey (height, width, 3), its shape kept.

    Returns:
        the picture, and the factors that x and y in the frame are multiplied by to get those in the picture.
    """
    rows, columns = frame.shape[:2]
    scale = min(height / rows, width / columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    picture = np.full((height, width, 3), GREY, np.uint8)
    # plain bilinear, as the networks were trained; frames that are much larger come shrunk, and smoothed, already
    picture[: size[1], : size[0]] = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)
    return picture, (size[0] / columns, size[1] / rows)


def _grid(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Each anchor's cell, (A, 2), column first, and its stride, (A,): grid by grid, row by row."""
    corners, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride]
        corners.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full(x.size, stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(strides).astype(np.float32)
