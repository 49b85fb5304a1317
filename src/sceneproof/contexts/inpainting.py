"""Filling holes in pictures: smooth colours from around, or a network in ONNX, such as LaMa."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.errors import InputError
from sceneproof.onnx_files import FAILURES, FLOATS, open_session

Inpaint = Callable[[NDArray[np.uint8], NDArray[np.bool_]], NDArray[np.uint8]]
"""A picture (H, W, 3) and its hole (H, W) -> the picture filled; only what is in the hole is used of it."""
COARSE = 60
"""Pixels: the short side at which holes are filled smoothly; more would show no more."""
RADIUS = 3
"""Pixels around a hole that OpenCV's inpainting looks at."""
STEP = 64
"""Pixels: a network that takes pictures of any size gets sides that are multiples of this: networks halve them."""
UNTOUCHED = 0.1
"""Of the range of values: how far a network may be off, on average, outside of the hole, which it was shown."""
EXPECTED = "a network that fills holes: inputs (1, 3, H, W), the picture, and (1, 1, H, W), 1 in the hole"


def smooth(picture: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Fills a hole from around (Telea 2004, by OpenCV), at a short side of `COARSE`."""
    height, width = hole.shape
    small = cv2.inpaint(shrunk(picture, COARSE), (shrunk(hole.astype(np.uint8) * 255, COARSE) > 0).astype(np.uint8),
                        RADIUS, cv2.INPAINT_TELEA)  # fmt: skip
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def shrunk(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A picture at this short side, or as it is where that is larger."""
    factor = side / min(picture.shape[:2])
    if factor >= 1:
        return picture
    size = round(picture.shape[1] * factor), round(picture.shape[0] * factor)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def inpainting(path: str | Path | None) -> Inpaint:
    """The network in this file, or smooth filling without one."""
    return smooth if path is None else LearnedInpainter(path)


class LearnedInpainter:
    """Fills holes by a network in ONNX.

    The network takes a picture from 0 to 1, (1, 3, H, W), in RGB, and its hole, (1, 1, H, W), 1 where it is, in this
    order or the other one, and gives the picture filled, from 0 to 1 or from 0 to 255: which of them is found out by
    what it says outside of the hole. Exports of LaMa (Suvorov et al., WACV 2022) are of this form.
    """

    def __init__(self, path: str | Path) -> None:
        """Loads the network and tries it.

        Raises:
            InputError: no such file, other inputs, or a network that does not leave the rest of a picture as it is.
        """
        self.path, self._session = Path(path), open_session(path, EXPECTED, threads=1)
        inputs = {_channels(given.shape): given for given in self._session.get_inputs()}
        if set(inputs) != {3, 1} or any(given.type not in FLOATS for given in inputs.values()):
            told = "; ".join(f"{given.name} {given.shape} {given.type}" for given in self._session.get_inputs())
            raise InputError(f"{path}: not {EXPECTED}; it has: {told}")
        self._picture, self._hole = inputs[3], inputs[1]
        height, width = (side if isinstance(side, int) and side > 0 else None for side in self._picture.shape[2:])
        self._size = None if height is None or width is None else (height, width)
        self._range = self._found_range()

    def __call__(self, picture: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Fills the hole (H, W) of a picture (H, W, 3)."""
        height, width = hole.shape
        answer = (self._run(picture, hole) / self._range * 255).round().clip(0, 255).astype(np.uint8)
        return np.asarray(cv2.resize(answer, (width, height), interpolation=cv2.INTER_AREA), np.uint8)

    def _run(self, picture: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
        """What the network says, (h, w, 3), at the size that it takes."""
        height, width = self._size or (-(-side // STEP) * STEP for side in hole.shape)
        shown = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)[None] / 255
        gone = cv2.resize(hole.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)[None, None]
        feeds = {
            self._picture.name: np.ascontiguousarray(shown, FLOATS[self._picture.type]),
            self._hole.name: np.ascontiguousarray(gone, FLOATS[self._hole.type]),
        }
        try:
            answer = np.asarray(self._session.run(None, feeds)[0], np.float32)
        except FAILURES as error:
            raise InputError(f"{self.path}: the network does not run on a picture and its hole: {error}") from None
        if answer.shape != (1, 3, height, width) or not np.isfinite(answer).all():
            raise InputError(
                f"{self.path}: gives {answer.shape}, or numbers that are not finite; a picture {(1, 3, height, width)} "
                f"was expected"
            )
        return np.asarray(answer[0].transpose(1, 2, 0), np.float32)

    def _found_range(self) -> float:
        """The largest value that the network gives: 1 or 255."""
        across, down = np.meshgrid(np.linspace(0, 255, 256), np.linspace(0, 255, 256))
        picture = np.stack([across, down, 255 - across], 2).astype(np.uint8)
        hole = np.zeros((256, 256), np.bool_)
        hole[112:144, 112:144] = True
        answer = self._run(picture, hole)
        size = (answer.shape[1], answer.shape[0])
        wanted = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
        known = cv2.resize(hole.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) == 0
        off = {largest: float(np.abs(answer / largest - wanted)[known].mean()) for largest in (1.0, 255.0)}
        largest = min(off, key=lambda value: off[value])
        if off[largest] > UNTOUCHED:
            raise InputError(
                f"{self.path}: outside of the hole its picture is off by {off[largest]:.0%} of the range: it is no "
                f"network that fills holes, or takes another picture than RGB from 0 to 1, or 0 in the hole"
            )
        return largest


def _channels(shape: Sequence[int | str | None]) -> int | str | None:
    return shape[1] if len(shape) == 4 else None
