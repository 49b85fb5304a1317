"""Optical flow as pictures: where each pixel moves to in the next frame, in the colours of an ordinary video.

Red is the move to the right, green the move down, both cut off at 20 pixels: 128 is none, 1 and 255 are 20 pixels to
the left or up and to the right or down. Blue is 128 throughout. The last frame, which has no next one, repeats the flow
before it, so that a video of flow has the frames and times of its original.
"""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.errors import VideoError

MOST = 20.0
"""Pixels of a move, at most, as I3D and TSN cut it off (Carreira and Zisserman 2017, section 3)."""
ZERO, SPAN = 128, 127


def flow_pictures(frames: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    """Pictures uint8 (H, W, 3) of the flow of frames uint8 (H, W, 3), as many as frames; by DIS (Kroeger et al. 2016).

    Raises:
        VideoError: a single frame, in which nothing moves.
    """
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    before: NDArray[np.uint8] | None = None
    last: NDArray[np.uint8] | None = None
    for frame in frames:
        grey = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)
        if before is not None:
            zero = np.zeros((*grey.shape, 2), np.float32)
            last = picture_of_flow(np.asarray(method.calc(before, grey, zero), np.float32))
            yield last
        before = grey
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
