"""Optical flow as pictures: where each pixel moves to in the next frame, in the colours of an ordinary video.

Red is the move to the right, green the move down, both cut off at 20 pixels: 128 is none, 1 and 255 are 20 pixels to
the left or up and to the right or down. Blue is 128 throughout. The last frame, which has no next one, repeats the flow
before it, so that a video of flow has the frames and times of its original.
"""

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.errors import VideoError

MOST = 20.0
"""Pixels of a move, at most, as I3D and TSN cut it off (Carreira and Zisserman 2017, section 3)."""
ZERO, SPAN = 128, 127
DIS = "DIS"
"""What flow is made by where nothing else is said."""
Moves = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.float32]]
"""Two frames uint8 (H, W, 3) to the move of each pixel, float32 (H, W, 2), in pixels to the right and down."""


def dis() -> Moves:
    """DIS (Kroeger et al. 2016) as OpenCV has it, in its medium preset; each pair of frames by itself."""
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def moves(frame: NDArray[np.uint8], following: NDArray[np.uint8]) -> NDArray[np.float32]:
        grey, after = (np.asarray(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY), np.uint8) for each in (frame, following))
        return np.asarray(method.calc(grey, after, np.zeros((*grey.shape, 2), np.float32)), np.float32)

    return moves


def flow_pictures(frames: Iterable[NDArray[np.uint8]], moves: Moves | None = None) -> Iterator[NDArray[np.uint8]]:
    """Pictures uint8 (H, W, 3) of the flow of frames uint8 (H, W, 3), as many as frames.

    Args:
        frames: one after another.
        moves: what computes the flow; by default DIS.

    Raises:
        VideoError: a single frame, in which nothing moves.
    """
    moves = moves or dis()
    before: NDArray[np.uint8] | None = None
    last: NDArray[np.uint8] | None = None
    for frame in frames:
        if before is not None:
            last = picture_of_flow(moves(before, frame))
            yield last
        before = frame
    if last is None:
        raise VideoError("it has a single frame, in which nothing moves: there is no optical flow")
    yield last


def picture_of_flow(flow: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Flow float32 (H, W, 2), in pixels to the right and down, as a picture uint8 (H, W, 3)."""
    coded = ZERO + np.rint(flow.clip(-MOST, MOST) * (SPAN / MOST))
    return np.concatenate([coded, np.full((*flow.shape[:2], 1), ZERO)], axis=2).astype(np.uint8)


def flow_of_picture(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Flow float32 (..., 2), in pixels, of pictures uint8 (..., 3)."""
    return (picture[..., :2].astype(np.float32) - ZERO) * np.float32(MOST / SPAN)
