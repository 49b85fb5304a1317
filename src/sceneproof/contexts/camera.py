"""What is behind people where the camera moves: frames laid over each other by the camera's motion.

A mosaic (Irani, Anandan and Hsu, "Mosaic based representations of video sequences and their applications", ICCV 1995):
the motion from each frame to the next is a similarity, fitted by RANSAC to points tracked off the people, and chained
to the middle frame.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Medians = Callable[[NDArray[np.uint8], NDArray[np.bool_]], tuple[NDArray[np.uint8], NDArray[np.bool_]]]

POINTS, LEAST_POINTS, LEAST_INLIERS = 200, 12, 0.5
"""Points tracked between two frames; with fewer, or a smaller share that moves alike, the motion is not known."""
REPROJECTION = 1.5  # pixels
LAID = 24
"""Frames at most, evenly over the clip, that a mosaic is the median of."""
LARGEST = 6.0
"""Times a frame's area: a mosaic that were larger is not made."""
LEVELS = 24
"""Of 255: a pixel of the background that differs from the mosaic by more is not explained by it."""
ALIGNED = 0.2
"""A mosaic is used where at most this share of the background in sight is not explained: chosen by eye on J-HMDB."""


@dataclass(frozen=True)
class Mosaic:
    """The background of a clip in the coordinates of its middle frame, on a larger canvas.

    Attributes:
        pixels: uint8 (H', W', 3).
        seen: bool (H', W'), where some frame shows it.
        hidden: bool (H', W'), where some frame has a person.
        into: frame -> 2 x 3 similarity from the canvas to the frame, for the frames whose motion is known.
        unexplained: share of the background in sight that differs from it, 0 to 1.
    """

    pixels: NDArray[np.uint8]
    seen: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    into: dict[int, Matrix]
    unexplained: float = 0.0

    def behind(self, frame: int, height: int, width: int) -> NDArray[np.uint8]:
        """The background of a frame: uint8 (H, W, 3)."""
        return np.asarray(cv2.warpAffine(self.pixels, self.into[frame], (width, height)), np.uint8)

    def part(self, where: NDArray[np.bool_], frame: int, height: int, width: int) -> NDArray[np.bool_]:
        """A part of the canvas, bool (H', W'), as the frame shows it: bool (H, W)."""
        shown = cv2.warpAffine(where.astype(np.uint8) * 255, self.into[frame], (width, height))
        return np.asarray(shown > 0)


def mosaic(frames: NDArray[np.uint8], hidden: NDArray[np.bool_], medians: Medians) -> Mosaic | None:
    """The background of a clip whose camera moves; None where its motion cannot be told.

    Args:
        frames: uint8 (N, H, W, 3).
        hidden: bool (N, H, W), what is not background.
        medians: `empty.masked_median`.
    """
    count, height, width = hidden.shape
    to_middle = _chained(frames, hidden, count // 2)
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float64)
    reached = np.concatenate([corners @ matrix.T for matrix in to_middle.values()])
    low, high = np.floor(reached.min(0)), np.ceil(reached.max(0))
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    if len(to_middle) < 2 or size[0] * size[1] > LARGEST * height * width:
        return None
    shift = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]])
    onto = {number: (shift @ _square(matrix))[:2] for number, matrix in to_middle.items()}
    known = np.array(sorted(onto))
    chosen = known[np.unique(np.linspace(0, len(known) - 1, LAID).round().astype(int))]
    laid = np.stack([np.asarray(cv2.warpAffine(frames[number], onto[number], size), np.uint8) for number in chosen])
    clear = np.stack([_laid(~hidden[number], onto[number], size) == 255 for number in chosen])
    people = np.any([_laid(hidden[number], onto[number], size) > 0 for number in chosen], axis=0)
    values, seen = medians(laid.reshape(len(chosen), -1, 3), ~clear.reshape(len(chosen), -1))
    into = {number: np.asarray(cv2.invertAffineTransform(matrix), np.float64) for number, matrix in onto.items()}
    panorama = Mosaic(values.reshape(size[1], size[0], 3), seen.reshape(size[1], size[0]), people, into)
    return replace(panorama, unexplained=_unexplained(panorama, frames, hidden, chosen))


def _unexplained(
    panorama: Mosaic, frames: NDArray[np.uint8], hidden: NDArray[np.bool_], numbers: NDArray[np.int64]
) -> float:
    wrong = total = 0
    for number in numbers.tolist():
        behind = panorama.behind(number, *hidden.shape[1:])
        background = ~panorama.part(~panorama.seen, number, *hidden.shape[1:]) & ~hidden[number]
        differs = cv2.absdiff(cv2.blur(behind, (3, 3)), cv2.blur(frames[number], (3, 3))).max(2) > LEVELS
        wrong, total = wrong + int((differs & background).sum()), total + int(background.sum())
    return wrong / total if total else 1.0


def _chained(frames: NDArray[np.uint8], hidden: NDArray[np.bool_], middle: int) -> dict[int, Matrix]:
    """Frame -> 2 x 3 similarity to the middle frame's coordinates, as far as motions are known on the way there."""
    grey = [np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)) for frame in frames]
    matrices = {middle: np.eye(3)}
    for way in (1, -1):
        number = middle + way
        while 0 <= number < len(frames):
            step = _step(grey[number], grey[number - way], hidden[number], hidden[number - way])
            if step is None:
                break
            matrices[number] = matrices[number - way] @ _square(step)
            number += way
    return {number: matrix[:2] for number, matrix in matrices.items()}


def _step(
    mine: NDArray[np.uint8], theirs: NDArray[np.uint8], hidden: NDArray[np.bool_], hidden_there: NDArray[np.bool_]
) -> Matrix | None:
    """The similarity, 2 x 3, from one frame to its neighbour; None where too few points move alike."""
    points = cv2.goodFeaturesToTrack(mine, POINTS, 0.01, 5, mask=(~hidden).astype(np.uint8) * 255)
    if points is None or len(points) < LEAST_POINTS:
        return None
    begun = np.zeros_like(points)  # is not looked at without OPTFLOW_USE_INITIAL_FLOW
    moved, tracked, _ = cv2.calcOpticalFlowPyrLK(mine, theirs, points, begun, winSize=(15, 15), maxLevel=3)
    places = np.rint(moved[:, 0]).astype(int)
    inside = ((places >= 0) & (places < np.array(mine.shape[::-1]))).all(1)
    kept = (tracked[:, 0] == 1) & inside
    kept[kept] &= ~hidden_there[places[kept, 1], places[kept, 0]]
    if kept.sum() < LEAST_POINTS:
        return None
    matrix, inliers = cv2.estimateAffinePartial2D(
        points[kept], moved[kept], method=cv2.RANSAC, ransacReprojThreshold=REPROJECTION
    )
    if matrix is None or inliers.mean() < LEAST_INLIERS:
        return None
    return np.asarray(matrix, np.float64)


def _laid(where: NDArray[np.bool_], matrix: Matrix, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A part of a frame, bool (H, W), laid on the canvas: 0 to 255."""
    return np.asarray(cv2.warpAffine(where.astype(np.uint8) * 255, matrix, size), np.uint8)


def _square(matrix: Matrix) -> Matrix:
    return np.vstack([matrix, [0.0, 0.0, 1.0]])
