"""Who does what where in an untrimmed video, and the camera that takes it: held by hand, it follows people in part."""

from dataclasses import dataclass

import numpy as np

from sceneproof.mall.bodies import draw_body
from sceneproof.mall.camera import Floats, Shot, backdrop_size
from sceneproof.mall.motions import draw_style, perform
from sceneproof.mall.untrimmed.acting import Phase, Stay
from sceneproof.mall.untrimmed.plan import PASSING, Segment, UntrimmedFilm

ACROSS, DEEP = 0.17, 0.25  # how far from the middle people stand, sideways and in depth, in widths of the picture


@dataclass(frozen=True, slots=True)
class Staging:
    """All people of a video, and where they stand.

    Attributes:
        stays: one person each, in order; never two at a time.
        times: (K,), seconds at which a place is known; between two it goes evenly from one to the next.
        spots: (K, 2), pixels to the right of the middle, and towards the camera.
    """

    stays: tuple[Stay, ...]
    times: Floats
    spots: Floats

    def spot(self, seconds: Floats) -> Floats:
        """Where someone stands at these times, or the last one did and the next one will: (T, 2)."""
        return np.stack([np.interp(seconds, self.times, self.spots[:, axis]) for axis in (0, 1)], 1)


def stage(video: UntrimmedFilm, width: int, size: float, random: np.random.Generator) -> Staging:
    """Draws who comes, how each thing is done, and where to; nobody leaves the picture while they do something.

    Args:
        video: when and what.
        width: of the picture, in pixels.
        size: standing height, in pixels.
        random: where all else is drawn from.
    """
    stays, times, spots = [], [], []
    for come, gone in video.stays:
        done = [segment for segment in video.segments if come < segment.start < gone]
        spot = np.array([random.uniform(-ACROSS, ACROSS), random.uniform(-DEEP, DEEP) / 2]) * width
        facing = random.uniform(-75, 75) + (180 if random.random() < 1 / 6 else 0)
        phases = []
        times.append(come)
        spots.append(spot)
        for segment in done:
            phase, way = _action(segment, spot, facing, width, size, random)
            phases.append(phase)
            times += [segment.start, segment.end]
            spots += [spot, spot + way]
            spot = spot + way
            facing = phase.facing
        times.append(gone)
        spots.append(spot)
        first = phases[0].facing if phases else facing
        stays.append(
            Stay(
                come, gone, draw_body(random), random.uniform(0.95, 1.03),
                (int(random.choice((-1, 1))), int(random.choice((-1, 1)))),
                tuple(_filled(phases, come, gone, first, random)),
            )
        )  # fmt: skip
    return Staging(tuple(stays), np.array(times), np.array(spots))


def _action(
    segment: Segment, spot: Floats, facing: float, width: int, size: float, random: np.random.Generator
) -> tuple[Phase, Floats]:
    """How an action is done, and the way covered: like in a trimmed video between none and what there is room for."""
    style, seed = draw_style(random), int(random.integers(2**32))
    speed = perform(segment.action, np.zeros(1), style, np.random.default_rng(seed)).advance
    share = random.uniform(0, 1)
    if not speed:
        turned = facing + float(np.clip(random.normal(0, 15), -40, 40))
        return Phase(segment.start, segment.end, segment.action, style, turned, seed), np.zeros(2)
    back = np.cos(np.radians(facing)) < 0  # who shows the back goes on to
    ahead = random.uniform(-85, 85) + 180 * back
    across, towards = np.sin(np.radians(ahead)), np.cos(np.radians(ahead))
    if across * spot[0] > 0:  # to where there is room
        ahead, across = -ahead, -across
    way = share * min(speed * (segment.end - segment.start) * size, 0.8 * width)
    step = np.array([across, towards])
    room = np.array([ACROSS, DEEP]) * width - np.sign(step) * spot
    way = min(way, float(np.min(room / np.maximum(np.abs(step), 1e-6))))
    facing += (ahead - facing + 180) % 360 - 180  # turns the short way
    return Phase(segment.start, segment.end, segment.action, style, facing, seed), way * step


def _filled(actions: list[Phase], come: float, gone: float, facing: float, random: np.random.Generator) -> list[Phase]:
    """The actions with all that lies between them: people come, stand, and go."""
    starts = [come + PASSING, *(phase.end for phase in actions)]
    ends = [*(phase.start for phase in actions), gone - PASSING]

    def other(start: float, end: float, activity: str, facing: float) -> Phase:
        return Phase(start, end, activity, draw_style(random), facing, int(random.integers(2**32)))

    phases = [other(come, come + PASSING, "sidle", random.uniform(-35, 35))]
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        near = actions[place - 1].facing if place else facing
        phases += [other(start, end, "stand", near + random.uniform(-20, 20)), *actions[place : place + 1]]
    return [*phases, other(gone - PASSING, gone, "sidle", random.uniform(-35, 35))]


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
