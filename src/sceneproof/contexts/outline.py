"""What the outline of people alone shows: if it tells the action, so does a pasted one, whatever is inside it."""

import cv2
import numpy as np
from numpy.typing import NDArray

GRID = (6, 6)
"""Rows and columns that an outline is told in: a finer grid only gives a linear probe more to stumble over."""
MOMENTS = 4


def outline_features(people: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Where the people's outline is at `MOMENTS` moments, its size and shape, and how these change.

    Args:
        people: bool (T, H, W), T from 1.

    Returns:
        float32 (D,), D = 4 x 6 x 6 + 19, each from 0 to 1: at each moment, evenly from the first frame to the last,
        the share of each cell of a `GRID` that is people, row by row, the grid lying in the box around all people of
        the whole clip, so that a shape is the same wherever it stands; then the share of frames that show people; then,
        of the frames that do, six figures' means, standard deviations over time, and mean changes from one to the next:
        area, middle (down, across), height and width of the box around all people, all in parts of the frame, and
        aspect, height / (height + width) in pixels. 0 where nobody is known.

    Raises:
        ValueError: no frames.
    """
    if not len(people):
        raise ValueError("an outline needs one frame at least")
    numbers = np.linspace(0, len(people) - 1, MOMENTS).round().astype(int)
    x, y, width, height = cv2.boundingRect(np.asarray(people.any(axis=0), dtype=np.uint8))
    inside = people[:, y : y + height, x : x + width] if width else people
    grids = [_grid(inside[number]) for number in numbers]
    known = people.any(axis=(1, 2))
    shapes = np.array([_shape(mask) for mask in people[known]] or [(0.0,) * 6])
    steps = np.abs(np.diff(shapes, axis=0)).mean(axis=0) if len(shapes) > 1 else np.zeros(6)
    return np.concatenate([*grids, [known.mean()], shapes.mean(axis=0), shapes.std(axis=0), steps]).astype(np.float32)


def _grid(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The share of each cell that is people, row by row."""
    rows, columns = GRID
    small = cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32).ravel()


def _shape(mask: NDArray[np.bool_]) -> tuple[float, ...]:
    """Area, middle (down, across), height, width and aspect of a mask that shows people."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    tall, wide = mask.shape
    middle = (y + height / 2) / tall, (x + width / 2) / wide
    return float(mask.mean()), *middle, height / tall, width / wide, height / (height + width)
