"""Who does what where in an untrimmed video: people, styles, directions, and the places they stand at."""

from dataclasses import dataclass

import numpy as np

from sceneproof.mall.bodies import draw_body
from sceneproof.mall.motions import draw_style, perform
from sceneproof.mall.poses import Floats
from sceneproof.mall.untrimmed.acting import Phase, Stay
from sceneproof.mall.untrimmed.course import PASSING
from sceneproof.mall.untrimmed.plan import Segment, UntrimmedFilm

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
