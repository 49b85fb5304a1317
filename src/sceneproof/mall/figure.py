"""Draws a person who has been dressed: convex shapes, far ones first, with exact coverage of the pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.mall.brush import Colour

Floats = NDArray[np.float64]
OVERSAMPLING = 4
_SHIFT = 4  # sub-pixel bits of OpenCV's coordinates


@dataclass(frozen=True, slots=True)
class Shape:
    """A convex shape over T frames.

    Attributes:
        corners: for each frame (N, 2), in standing heights; empty where it is hidden.
        colour: RGB.
        near: (T,), what is nearer is drawn later.
    """

    corners: Sequence[Floats]
    colour: Colour
    near: Floats


@dataclass(frozen=True, slots=True)
class DrawnFigure:
    """A person seen over T frames, ready to be drawn at any place and size."""

    shapes: Sequence[Shape]
    order: NDArray[np.intp]

    def bounds(self, frame: int) -> tuple[Floats, Floats]:
        """Least and greatest (right, down) of all shapes in this frame, in standing heights from the foot point."""
        corners = np.concatenate([shape.corners[frame] for shape in self.shapes])
        return corners.min(0), corners.max(0)

    def draw(self, frame: int, foot: Floats, height: float, width: int, rows: int, tint: Colour) -> "Cutout":
        """Draws one frame of a person of `height` pixels who stands at `foot`, into a picture of this size."""
        low, high = (foot + bound * height for bound in self.bounds(frame))
        left, top = (max(0, int(np.floor(value)) - 1) for value in low)
        right, bottom = min(width, int(np.ceil(high[0])) + 1), min(rows, int(np.ceil(high[1])) + 1)
        if right <= left or bottom <= top:
            return Cutout(0, 0, np.zeros((0, 0, 4), np.uint8))
        size = (bottom - top) * OVERSAMPLING, (right - left) * OVERSAMPLING
        patch = np.zeros((*size, 4), np.uint8)
        start = (foot - (left, top)) * OVERSAMPLING - 0.5
        scale = height * OVERSAMPLING
        for place in self.order[frame]:
            shape = self.shapes[place]
            if len(shape.corners[frame]) > 2:
                fixed = ((shape.corners[frame] * scale + start) * (1 << _SHIFT)).round().astype(np.int32)
                red, green, blue = shape.colour
                colour = (red * tint[0], green * tint[1], blue * tint[2], 255)
                cv2.fillConvexPoly(patch, fixed, colour, cv2.LINE_8, _SHIFT)
        small = cv2.resize(patch, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        return Cutout(left, top, small.astype(np.uint8))


@dataclass(frozen=True, slots=True)
class Cutout:
    """A drawn person.

    Attributes:
        left, top: where the pixels lie in the picture.
        pixels: uint8 (h, w, 4), RGB times coverage, and coverage (255: the person fills the pixel).
    """

    left: int
    top: int
    pixels: NDArray[np.uint8]

    def paste(self, picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Puts the person into a picture (H, W, 3); returns where they cover at least half of a pixel: bool (H, W)."""
        mask = np.zeros(picture.shape[:2], bool)
        height, width = self.pixels.shape[:2]
        window = (slice(self.top, self.top + height), slice(self.left, self.left + width))
        cover = self.pixels[:, :, 3:].astype(np.uint16)
        behind = picture[window] * (255 - cover)
        picture[window] = (behind + 127) // 255 + self.pixels[:, :, :3]
        mask[window] = cover[:, :, 0] >= 128
        return mask
