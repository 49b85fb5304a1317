"""A canvas for scenery: simple anti-aliased shapes, gradients and grain, in units of the picture's height."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Colour = tuple[float, float, float]
Image = NDArray[np.uint8]

OVERSAMPLING = 2
_SHIFT = 4  # sub-pixel bits of OpenCV's coordinates
_CIRCLE = np.stack([np.cos(np.arange(28) * np.pi / 14), np.sin(np.arange(28) * np.pi / 14)], 1)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour that lies `share` of the way from the first to the second."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def shade(colour: Colour, factor: float) -> Colour:
    """A colour made darker (factor below 1) or lighter."""
    red, green, blue = (min(255.0, max(0.0, part * factor)) for part in colour)
    return red, green, blue


class Canvas:
    """A picture being painted: x runs from 0 to `width`, y from 0 (top) to 1 (bottom). Colours are RGB, 0-255.

    Attributes:
        width: the picture's width over its height.
        random: where all that varies in the picture is drawn from.
        tint: what the scene's light does to the colours of someone who stands in it.
    """

    def __init__(self, width: int, height: int, random: np.random.Generator) -> None:
        self.pixels: Image = np.zeros((height * OVERSAMPLING, width * OVERSAMPLING, 3), np.uint8)
        self.width = width / height
        self.random = random
        self.tint: Colour = (1.0, 1.0, 1.0)
        self._scale = height * OVERSAMPLING

    def between(self, low: float, high: float) -> float:
        """A number drawn between two bounds."""
        return float(self.random.uniform(min(low, high), max(low, high)))  # a narrow picture may turn them over

    def whole(self, low: int, high: int) -> int:
        """A whole number drawn from `low` to `high`, both included."""
        return int(self.random.integers(low, high + 1))

    def chance(self, share: float) -> bool:
        """True in this share of the draws."""
        return bool(self.random.random() < share)

    def pick(self, colours: Sequence[Colour], spread: float = 14.0) -> Colour:
        """One of the colours, varied a little."""
        base = colours[int(self.random.integers(len(colours)))]
        return self.vary(base, spread)

    def vary(self, colour: Colour, spread: float = 14.0) -> Colour:
        """The colour, varied a little in brightness and in hue."""
        shift = self.random.normal(0, spread / 2) + self.random.normal(0, spread / 3, 3)
        red, green, blue = np.clip(np.asarray(colour) + shift, 0, 255).tolist()
        return red, green, blue

    def spread(self, count: int, low: float = 0.0, high: float | None = None) -> list[float]:
        """`count` places from left to right, irregular but without large gaps."""
        high = self.width if high is None else high
        return [low + (high - low) * (place + self.between(0.1, 0.9)) / count for place in range(count)]

    def poly(self, points: ArrayLike, colour: Colour, alpha: float = 1.0) -> None:
        """Fills a polygon; `alpha` below 1 lets what is behind shine through."""
        corners = np.asarray(points, np.float64) * self._scale
        if alpha >= 1:
            fixed = np.round(corners * (1 << _SHIFT)).astype(np.int32)
            cv2.fillPoly(self.pixels, [fixed], colour, cv2.LINE_AA, _SHIFT)
            return
        low = np.maximum(np.floor(corners.min(0)).astype(int) - 1, 0)
        high = np.ceil(corners.max(0)).astype(int) + 2
        window = self.pixels[low[1] : high[1], low[0] : high[0]]
        if window.size:
            over = window.copy()
            fixed = np.round((corners - low) * (1 << _SHIFT)).astype(np.int32)
            cv2.fillPoly(over, [fixed], colour, cv2.LINE_AA, _SHIFT)
            window[:] = cv2.addWeighted(over, alpha, window, 1 - alpha, 0)

    def rect(self, x: float, y: float, width: float, height: float, colour: Colour, alpha: float = 1.0) -> None:
        """Fills a rectangle with its top left corner at (x, y)."""
        self.poly([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], colour, alpha)

    def trapezoid(
        self, top: tuple[float, float, float], bottom: tuple[float, float, float], colour: Colour, alpha: float = 1.0
    ) -> None:
        """Fills between two level edges, each given as left, right and y."""
        corners = [(top[0], top[2]), (top[1], top[2]), (bottom[1], bottom[2]), (bottom[0], bottom[2])]
        self.poly(corners, colour, alpha)

    def ellipse(self, x: float, y: float, across: float, down: float, colour: Colour, alpha: float = 1.0) -> None:
        """Fills an ellipse around (x, y) with these half axes."""
        self.poly(_CIRCLE * (across, down) + (x, y), colour, alpha)

    def line(self, points: ArrayLike, colour: Colour, thickness: float) -> None:
        """Draws a line through the points."""
        fixed = np.round(np.asarray(points, np.float64) * self._scale * (1 << _SHIFT)).astype(np.int32)
        pixels = max(1, round(thickness * self._scale))
        cv2.polylines(self.pixels, [fixed], False, colour, pixels, cv2.LINE_AA, _SHIFT)

    def gradient(self, top: float, bottom: float, first: Colour, last: Colour) -> None:
        """Fills the full width between two heights, from one colour to the other."""
        rows = self._rows(top, bottom)
        count = rows.stop - rows.start
        if count > 0:
            share = np.linspace(0, 1, count)[:, None, None]
            self.pixels[rows] = np.asarray(first) * (1 - share) + np.asarray(last) * share

    def grain(self, top: float, bottom: float, amount: float, cell: float, stretch: float = 1.0) -> None:
        """Roughens a band with soft noise, cells of this height and `stretch` times as wide."""
        rows = self._rows(top, bottom)
        height, width = rows.stop - rows.start, self.pixels.shape[1]
        if height < 1:
            return
        size = (int(height / (cell * self._scale)) + 2, int(width / (cell * stretch * self._scale)) + 2)
        noise = self.random.normal(0, amount, size).astype(np.float32)
        noise = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
        band = self.pixels[rows].astype(np.float32) + noise[:, :, None]
        self.pixels[rows] = np.clip(band, 0, 255)

    def ridge(self, y: float, height: float, colour: Colour, steps: int = 6, rough: float = 0.5) -> None:
        """Fills from a rolling (few steps) or jagged (large `rough`) sky line down to the bottom."""
        places = np.linspace(0, self.width, 160)
        line = np.zeros(160)
        for octave in range(4):
            knots = self.random.uniform(-1, 1, steps * 2**octave + 1)
            line += rough**octave * np.interp(places, np.linspace(0, self.width, len(knots)), knots)
        points = [(0.0, 1.0), *zip(places, y - height * line / 2, strict=True), (self.width, 1.0)]
        self.poly(points, colour)

    def glow(self, x: float, y: float, radius: float, colour: Colour, amount: float = 1.0) -> None:
        """Adds light that fades from (x, y) outwards."""
        low = np.floor((np.array([x, y]) - radius) * self._scale).astype(int).clip(0)
        high = np.ceil((np.array([x, y]) + radius) * self._scale).astype(int).clip(0)
        window = self.pixels[low[1] : high[1], low[0] : high[0]]
        across = (np.arange(window.shape[1]) + low[0]) / self._scale - x
        down = (np.arange(window.shape[0]) + low[1]) / self._scale - y
        near = np.clip(1 - np.hypot(down[:, None], across[None]) / radius, 0, 1) ** 2 * amount
        window[:] = np.clip(window + near[:, :, None] * np.asarray(colour), 0, 255)

    def blur(self, top: float, bottom: float, radius: float) -> None:
        """Softens a band, as a lens does with what is far away."""
        rows = self._rows(top, bottom)
        if rows.stop - rows.start > 1:
            self.pixels[rows] = cv2.GaussianBlur(self.pixels[rows], (0, 0), radius * self._scale)

    def finish(self) -> Image:
        """The picture at its own size, with a little shade in the corners: uint8 (H, W, 3)."""
        height, width = self.pixels.shape[0] // OVERSAMPLING, self.pixels.shape[1] // OVERSAMPLING
        small = cv2.resize(self.pixels, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
        down = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None] ** 2
        across = np.linspace(-1, 1, width, dtype=np.float32)[None, :, None] ** 2
        return np.clip(small * (1 - 0.11 * (down + across)), 0, 255).astype(np.uint8)

    def _rows(self, top: float, bottom: float) -> slice:
        height = self.pixels.shape[0]
        return slice(max(0, round(top * height)), min(height, round(bottom * height)))
