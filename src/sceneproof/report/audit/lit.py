"""A clip lit where a model looks."""

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.audit.subject import Maps, Pixels
from sceneproof.report.cam import outline, shade

UNSEEN = 6
"""What the model does not see is so many times darker."""


def lit_clip(clip: Pixels, maps: Maps, people: NDArray[np.bool_] | None) -> Pixels:
    """The clip, lit where the evidence for a class lies; darkest where the model sees nothing of it.

    Args:
        clip: uint8 (T, H, W, 3).
        maps: of this one clip.
        people: bool (T, H, W), to draw a line round; None: no line.
    """
    rows, columns = slice(maps.top, maps.top + maps.height), slice(maps.left, maps.left + maps.width)
    activation, size = maps.activation[0], (maps.width, maps.height)
    highest = max(float(activation.max()), 1e-12)
    lit = np.stack([cv2.resize(one / highest, size, interpolation=cv2.INTER_LINEAR) for one in activation])
    drawn = clip // UNSEEN
    drawn[:, rows, columns] = shade(clip[:, rows, columns], lit.astype(np.float32).clip(0, 1))
    return drawn if people is None else outline(drawn, people)
