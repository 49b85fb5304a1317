"""One camera for a whole untrimmed video: it is held by hand, looks about a little, and follows people in part."""

from dataclasses import dataclass

import numpy as np

from sceneproof.mall.camera import Floats, Shot, backdrop_size
from sceneproof.mall.untrimmed.staging import ACROSS

_PAN = 0.04  # of the picture's size: small enough that all of the way stays on the backdrop
_BREATH = 0.03


@dataclass(frozen=True, slots=True)
class Waves:
    """A sum of sines: how a hand trembles, and an eye wanders, without end and without jumps.

    Attributes:
        amplitude: (D,), of each of the D values.
        frequency, phase: (N, D), in Hz and in cycles.
    """

    amplitude: Floats
    frequency: Floats
    phase: Floats

    def at(self, seconds: Floats) -> Floats:
        """Values at these times, (T,): (T, D), between minus and plus the amplitude."""
        cycles = seconds[:, None, None] * self.frequency + self.phase
        return np.asarray(np.sin(2 * np.pi * cycles).mean(1) * self.amplitude)


def _waves(amplitude: Floats, low: float, high: float, random: np.random.Generator) -> Waves:
    shape = (3, len(amplitude))
    return Waves(amplitude, random.uniform(low, high, shape), random.random(shape))


@dataclass(frozen=True, slots=True)
class Take:
    """How a video is taken, from its first second to its last.

    Attributes:
        width, height: of a frame, in pixels.
        centre: (2,), the point of the backdrop around which the camera looks.
        zoom: frame pixels a backdrop pixel.
        follow: the share of a person's way that the camera goes with, 0 to 1.
        ground: pixels from the middle of the frame down to the feet.
        size: standing height, in pixels.
        gain: exposure.
        pan, tremble, breath, flicker: what changes: place (2), place (2), zoom and exposure.
    """

    width: int
    height: int
    centre: Floats
    zoom: float
    follow: float
    ground: float
    size: float
    gain: float
    pan: Waves
    tremble: Waves
    breath: Waves
    flicker: Waves

    def shot(self, seconds: Floats, spot: Floats) -> Shot:
        """Camera and person at these times, (T,), for someone who stands at `spot`, (T, 2); see `Staging`."""
        moved = self.pan.at(seconds) + self.tremble.at(seconds)
        moved[:, 0] += self.follow * spot[:, 0]
        breath = np.exp(self.breath.at(seconds)[:, 0])
        near = np.tanh(spot[:, 1] / (0.5 * self.width))
        lower = self.ground - moved[:, 1] + 0.04 * self.height * near
        foot = [self.width / 2 + (spot[:, 0] - moved[:, 0]) * breath, self.height / 2 + lower * breath]
        gain = self.gain * (1 + self.flicker.at(seconds)[:, 0])
        size = self.size * np.exp(0.16 * near) * breath
        return Shot(self.centre + moved, self.zoom * breath, np.stack(foot, 1), size, gain)


def draw_take(width: int, height: int, random: np.random.Generator) -> Take:
    """Draws how a video of this size is taken."""
    zoom, follow = random.uniform(1.0, 1.12), random.uniform(0, 0.7)
    frame = np.array([width, height])
    pan = random.uniform(0, _PAN, 2) * frame
    tremble = np.full(2, random.uniform(0, 0.027) * height)
    edge = frame / 2 / (zoom * np.exp(-_BREATH)) + pan + tremble + (follow * ACROSS * width, 0)
    free = np.maximum(np.array(backdrop_size(width, height)) / 2 - edge, 0)
    return Take(
        width=width,
        height=height,
        centre=np.array(backdrop_size(width, height)) / 2 + free * random.uniform(-1, 1, 2),
        zoom=zoom,
        follow=follow,
        ground=(random.uniform(0.87, 0.95) - 0.5) * height,
        size=height * random.uniform(0.68, 0.84),
        gain=random.uniform(0.92, 1.06),
        pan=_waves(pan, 0.03, 0.12, random),
        tremble=_waves(tremble, 0.4, 3.0, random),
        breath=_waves(np.array([random.uniform(0, _BREATH)]), 0.04, 0.12, random),
        flicker=_waves(np.array([random.uniform(0, 0.05)]), 0.2, 0.8, random),
    )
