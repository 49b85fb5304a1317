"""What finds people in pictures: the contracts. One file a family: yolox, torchvision_people, hugging_face_detector."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Detector(Protocol):
    """Anything that finds people as boxes. Yours needs no registration.

    Attributes:
        title: what finds them, and with which settings, as the table will tell: all that its answers depend on.
        short_side: frames may come shrunk to this short side, in pixels; None: it wants them as they are.
    """

    @property
    def title(self) -> str:
        """What finds people, and with which settings."""

    @property
    def short_side(self) -> int | None:
        """Of the largest frames that are of use."""

    def __call__(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """People in frames uint8 (N, H, W, 3), RGB.

        Returns:
            N arrays float32 (K, 5): x1, y1, x2, y2 in pixels of these frames, x2 and y2 exclusive, and the score.
        """


class Segmenter(Protocol):
    """Anything that finds people's pixels. Yours needs no registration.

    Attributes:
        title: as a Detector's.
        short_side: likewise.
    """

    @property
    def title(self) -> str:
        """What finds people, and with which settings."""

    @property
    def short_side(self) -> int | None:
        """Of the largest frames that are of use."""

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Pixels of all people together, bool (N, H, W), in all frames of one clip, uint8 (N, H, W, 3), RGB."""
