"""What the outline of people alone shows: if it tells the action, so does a pasted one, whatever is inside it."""

import cv2
import numpy as np
from numpy.typing import NDArray

GRID = (6, 8)
"""Rows and columns that an outline is told in."""
MOMENTS = 4


def outline_features(people: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Where the people's outline is at `MOMENTS` moments, its size and shape, and how these change.

    Args:
        people: bool (T, H, W).

    Returns:
        float32 (D,): at each moment the share of each cell of a `GRID` that is people; then means and deviations over
        time of area, middle (down, across), height and width, all in parts of the frame.
    """
    numbers = np.linspace(0, len(people) - 1, MOMENTS).round().astype(int)
    rows, columns = GRID
    grids = [
        cv2.resize(people[number].astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA).ravel()
        for number in numbers
    ]
    shapes = np.array([_shape(mask) for mask in people])
    return np.concatenate([*grids, shapes.mean(0), shapes.std(0)]).astype(np.float32)


def _shape(mask: NDArray[np.bool_]) -> tuple[float, float, float, float, float]:
    """Area, middle (down, across), height and width, in parts of the frame; 0 without people."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    if not width:
        return (0.0,) * 5
    tall, wide = mask.shape
    return float(mask.mean()), (y + height / 2) / tall, (x + width / 2) / wide, height / tall, width / wide
