"""Which way up a video is shown: its display matrix, read as ffmpeg reads it when it turns a video by itself."""

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from sceneproof.errors import VideoError

TOLERANCE = 1.0  # degrees, ffmpeg's


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a decoded picture becomes the one that is shown: transposed first, then turned over.

    Attributes:
        transposed: rows become columns, so height and width change places.
        upside_down: the order of the rows is turned over.
        mirrored: the order of the columns is turned over.
    """

    transposed: bool = False
    upside_down: bool = False
    mirrored: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> "Orientation":
        """What a frame's display matrix says; as it is where there is none.

        The matrix (libavutil/display.h) sends a pixel at (x, y) to (a x + c y, b x + d y): four turns, each with or
        without a mirror.

        Raises:
            VideoError: another angle than a multiple of 90 degrees, of which a rectangle cannot be filled.
        """
        side_data: Any = frame.side_data  # PyAV's own types say something else of it
        try:
            matrix = bytes(side_data[Type.DISPLAYMATRIX])
        except KeyError:
            return cls()
        a, b, _, c, d = struct.unpack("=9i", matrix[:36])[:5]
        if not (math.hypot(a, c) and math.hypot(b, d)) or not (a or b):
            return cls()  # it sends the picture to a line: ffmpeg leaves such matrices out
        angle = math.degrees(math.atan2(b, a))
        quarters = round(angle / 90)
        if abs(angle - 90 * quarters) > TOLERANCE:
            raise VideoError(
                f"shown turned by {angle:.0f} degrees clockwise: only multiples of 90 are read; rewrite it with ffmpeg"
            )
        if quarters % 2:
            return cls(transposed=True, upside_down=b < 0, mirrored=c < 0)
        return cls(upside_down=d < 0, mirrored=a < 0)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width as shown, by those of the decoded picture."""
        return (width, height) if self.transposed else (height, width)

    def upright(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Frames (T, H, W, 3) as they are shown."""
        if self == Orientation():
            return frames
        if self.transposed:
            frames = frames.swapaxes(1, 2)
        return np.ascontiguousarray(frames[:, :: -1 if self.upside_down else 1, :: -1 if self.mirrored else 1])
