"""Drawn backgrounds: sinusoids, textures, noise."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.mall.film import draw_empty
from sceneproof.mall.scenery import SCENES

CANVAS = 256
"""Pixels: the side of the square that sinusoids are laid out on, before it is stretched to the frame."""
LINES_AT = 192.0
"""Pixels from the top-left corner of the larger square (1.5 times the side) to the middle that it is turned about."""
OVERSAMPLING = 2


@dataclass(frozen=True, slots=True)
class Sinusoids:
    """Parallel wavy lines of one colour on its opposite, turned: as StillMix draws them.

    The line's middle is y = A sin(w x + t) + 128 in pixels of a square of 384; it is repeated every `shift` pixels,
    turned about the middle, and the middle 256 x 256 pixels are stretched to the frame (StillMix,
    benchmark_synthesis/replacebackground_with_mask_for_HMDB51_test.py, `stripe_img`).

    Attributes:
        colour: of the ground, R G B from 0 to 1; the lines are 1 minus it.
        line: half of a line's thickness, in pixels.
        shift: from one line to the next, in pixels.
        frequency: w, radians a pixel.
        phase: t, radians.
        amplitude: A, pixels.
        angle: degrees, counter-clockwise.
    """

    colour: tuple[float, float, float]
    line: float
    shift: float
    frequency: float
    phase: float
    amplitude: float
    angle: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Sinusoids":
        """Draws them from the distributions of the authors' code."""
        red, green, blue, line, shift, frequency, phase, amplitude, angle = rng.random(9).tolist()
        thickness, per_pixel = 5 + 15 * line, 2 * np.pi / (1000 * frequency + 4)
        return cls(
            (red, green, blue), thickness, (3 + 2 * shift) * thickness, per_pixel, (200 * phase - 100) * per_pixel,
            10 + 100 * amplitude, 360 * angle,
        )  # fmt: skip

    def picture(self, height: int, width: int) -> NDArray[np.uint8]:
        """Draws them, anti-aliased: uint8 (H, W, 3)."""
        down = ((np.arange(height * OVERSAMPLING) + 0.5) / (height * OVERSAMPLING) - 0.5) * CANVAS
        across = ((np.arange(width * OVERSAMPLING) + 0.5) / (width * OVERSAMPLING) - 0.5) * CANVAS
        cosine, sine = np.cos(np.radians(self.angle)), np.sin(np.radians(self.angle))
        x = cosine * across[None] - sine * down[:, None] + LINES_AT
        y = sine * across[None] + cosine * down[:, None] + LINES_AT
        behind = y - self.amplitude * np.sin(self.frequency * x + self.phase) - 128 + self.line
        lines = (np.mod(behind, self.shift) < 2 * self.line).astype(np.float32)
        share = cv2.resize(lines, (width, height), interpolation=cv2.INTER_AREA)[..., None]
        ground = np.asarray(self.colour, np.float32)
        return np.asarray(255 * (ground * (1 - share) + (1 - ground) * share) + 0.5, np.uint8)


def texture(height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A texture, uint8 (H, W, 3): noise of a drawn roughness and grain, bent by other noise, in a few colours.

    SCUBA's textures are pictures made by VQGAN-CLIP (Li et al. 2023), which cannot be drawn on the fly; these are ours.
    """
    roughness, bending = rng.uniform(1.0, 2.2), rng.uniform(0, 0.25) * min(height, width)
    stretch, turn = rng.uniform(1, 5), rng.uniform(0, np.pi)
    field = _noise(height, width, roughness, rng, stretch=stretch, turn=turn)
    bent_x, bent_y = (_noise(height, width, 2.4, rng) * bending / 2 for _ in range(2))
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    bent = cv2.remap(field, columns + bent_x, rows + bent_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    knots = int(rng.integers(3, 6))
    colours = rng.uniform(0, 255, (knots, 3))
    # as many pixels of each colour: ranks, not values, choose it
    ranks = np.empty(bent.size)
    ranks[np.argsort(bent, axis=None, kind="stable")] = np.linspace(0, knots - 1, bent.size)
    channels = [np.interp(ranks, np.arange(knots), colours[:, channel]) for channel in range(3)]
    grain = rng.normal(0, rng.uniform(0, 8), (height, width, 1))
    return np.asarray((np.stack(channels, -1).reshape(height, width, 3) + grain).clip(0, 255), np.uint8)


def noise(height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A colour for each pixel, drawn from all with equal chance: uint8 (H, W, 3)."""
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def scene(height: int, width: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], str]:
    """One of the Mall's scenes with nobody in it, uint8 (H, W, 3), and which."""
    name = SCENES[int(rng.integers(len(SCENES)))]
    return draw_empty(name, width, height, (int(rng.integers(2**32)),)), name


def _noise(
    height: int, width: int, roughness: float, rng: np.random.Generator, *, stretch: float = 1.0, turn: float = 0.0
) -> NDArray[np.float32]:
    """Noise of mean 0 and deviation 1, (H, W), whose amplitude falls with frequency to the power of `roughness`."""
    down, across = np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None] * height
    along, aside = np.cos(turn) * across + np.sin(turn) * down, np.cos(turn) * down - np.sin(turn) * across
    frequency = np.hypot(along * stretch, aside)
    frequency[0, 0] = np.inf
    waves = rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)
    field = np.fft.irfft2(waves * frequency**-roughness, (height, width))
    return np.asarray(field / max(float(field.std()), 1e-12), np.float32)
