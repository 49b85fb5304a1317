"""Labellers and detectors as a user would write them, known to the project by their import paths alone."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sceneproof.labelling.contracts import PersonDetector, PersonSegmenter, SceneLabeller


class Redness(SceneLabeller):
    """Red as much as the red channel outweighs a limit; reads its name from a file, as others do their weights."""

    def __init__(self, weights: Path, *, limit: float = 0.5) -> None:
        """Reads.

        Args:
            weights: Text file.
            limit: Where red begins, 0 to 1.
        """
        self.names = ["other", weights.read_text().strip()]
        self.title = f"redness above {limit:g}"
        self._limit = limit

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        red = (frames[..., 0] > 255 * self._limit).mean(axis=(1, 2))
        return np.stack([1 - red, red], axis=1).astype(np.float32)


class Nameless(SceneLabeller):
    title = "nameless"

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.ones((len(frames), 1), np.float32)


class Stranger:
    """No SceneLabeller, though it could be called."""

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.ones((len(frames), 1), np.float32)


class Everywhere(PersonDetector):
    """One person, as large as the frame."""

    def __init__(self, *, score: float = 0.5) -> None:
        self.title = f"everywhere, {score:g}"
        self._score = score

    def __call__(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        height, width = frames.shape[1:3]
        return [np.array([(0, 0, width, height, self._score)], np.float32) for _ in frames]


class Nowhere(PersonSegmenter):
    title = "nowhere"

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return np.zeros(frames.shape[:3], np.bool_)


class Untitled(Everywhere):
    def __init__(self) -> None:
        """Sets no title."""
