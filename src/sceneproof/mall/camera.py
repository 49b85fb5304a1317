"""A camera that pans, zooms a little, trembles in the hand, and follows who walks, or does not."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ACROSS, DOWN = 1.6, 1.25  # a backdrop's size over the frame's


@dataclass(frozen=True, slots=True)
class Shot:
    """Where camera and person are over T frames, in pixels.

    Attributes:
        centre: (T, 2), the point of the backdrop in the middle of the frame.
        zoom: (T,), frame pixels a backdrop pixel.
        foot: (T, 2), where the person stands, in the frame.
        height: (T,), the person's standing height, in the frame.
        gain: (T,), exposure.
    """

    centre: Floats
    zoom: Floats
    foot: Floats
    height: Floats
    gain: Floats

    def frame(self, backdrop: NDArray[np.uint8], place: int, width: int, height: int) -> NDArray[np.uint8]:
        """What the camera sees of the backdrop at one frame: uint8 (height, width, 3)."""
        zoom, (x, y) = self.zoom[place], self.centre[place]
        matrix = np.array([[zoom, 0, width / 2 - zoom * x], [0, zoom, height / 2 - zoom * y]])
        seen = cv2.warpAffine(
            backdrop, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(cv2.convertScaleAbs(seen, alpha=float(self.gain[place])), np.uint8)


def backdrop_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the backdrop that frames of this size are cut from."""
    return round(width * ACROSS), round(height * DOWN)


def shoot(
    seconds: Floats, width: int, height: int, *, speed: float, facing: float, random: np.random.Generator
) -> Shot:
    """Plans camera and person's place at these times, (T,).

    Args:
        seconds: the frames' times.
        width: of a frame, in pixels.
        height: of a frame, in pixels.
        speed: how fast the person moves forwards, in standing heights a second.
        facing: where they face; see `View`.
        random: pan, zoom, tremble, size, how far the person gets and how closely the camera follows come from here.
    """
    wide, high = backdrop_size(width, height)
    middle = seconds - seconds[len(seconds) // 2]
    duration = max(float(seconds[-1] - seconds[0]), 1e-6)
    size = height * random.uniform(0.7, 0.88)
    zoom = random.uniform(1.0, 1.12) * np.exp(random.uniform(-0.05, 0.05) * middle / duration)

    # the way covered is between none, as on a treadmill, and what fits the backdrop; the camera follows part of it
    way = min(speed * duration * size, 0.8 * width) * random.uniform(0, 1) * middle / duration
    follow = random.uniform(0, 1)
    follow = max(follow, 1 - 0.4 * width / max(float(np.ptp(way)), 1e-6))
    across, towards = way * np.sin(np.radians(facing)), way * np.cos(np.radians(facing))
    size = size * np.exp(0.16 * np.tanh(towards / (0.5 * width)))

    pan = random.uniform(-0.1, 0.1, 2) * (width, 0.25 * height) * middle[:, None] / duration
    tremble = (
        random.uniform(0, 0.009)
        * height
        * sum(np.sin(2 * np.pi * (seconds[:, None] * random.uniform(0.4, 3.0, 2) + random.random(2))) for _ in range(3))
    )
    path = pan + tremble
    path[:, 0] += follow * across
    edge = np.array([width, height]) / 2 / zoom.min()
    free_low, free_high = edge - path.min(0), np.array([wide, high]) - edge - path.max(0)
    centre = path + free_low + (free_high - free_low) * random.uniform(0, 1, 2)

    place = across - (path[:, 0] - path[:, 0].mean())
    offset = np.clip(random.uniform(-0.14, 0.14) * width, -0.3 * width - place.min(), 0.3 * width - place.max())
    ground = (random.uniform(0.87, 0.95) - 0.5) * height
    lower = -(path[:, 1] - path[:, 1].mean()) + 0.04 * height * np.tanh(towards / (0.5 * width))
    foot = np.stack([width / 2 + (place + offset) * zoom, height / 2 + (ground + lower) * zoom / zoom.mean()], 1)
    gain = 1 + random.uniform(0, 0.05) * np.sin(2 * np.pi * (seconds * random.uniform(0.2, 0.8) + random.random()))
    return Shot(centre, zoom, foot, size * zoom / zoom.mean(), gain * random.uniform(0.92, 1.06))
