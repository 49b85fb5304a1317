"""When people come and go in an untrimmed video, and when they do something: times alone, in seconds."""

from dataclasses import dataclass

import numpy as np

PASSING = 1.6
"""Seconds that someone takes to come into the picture, or to leave it."""
SETTLED = 0.8
"""Seconds, at least, that they stand before and after what they do; longer than a pose takes to become another."""
_EMPTY = 1.0  # seconds, at least, between the one who goes and the one who comes
_HERE, _CHANGE = 0.5, 0.75  # how often someone is there at first, and how often a pause that is long enough is a change


@dataclass(frozen=True, slots=True)
class Course:
    """What happens when.

    Attributes:
        segments: start and end of each action, in order, at least `SETTLED` apart.
        stays: when each person begins to come and is gone, in order. Someone who is there at first came before 0, who
            stays to the end goes after it.
    """

    segments: tuple[tuple[float, float], ...]
    stays: tuple[tuple[float, float], ...]


def least_seconds(shortest: float) -> float:
    """How long a video must be for one action to fit, whoever has to come first."""
    return _EMPTY + PASSING + 2 * SETTLED + shortest


def draw_course(
    seconds: float, lengths: tuple[float, float], pauses: tuple[float, float], random: np.random.Generator
) -> Course:
    """Draws a course with at least one action.

    Args:
        seconds: the video's length, at least `least_seconds`.
        lengths: of the shortest and the longest action; evenly drawn.
        pauses: the shortest, at least twice `SETTLED`, and the longest pause between two.
        random: where it is drawn from.
    """
    here, latest = random.random() < _HERE, seconds - SETTLED - lengths[0]
    start = random.uniform(0, pauses[1] / 2) + SETTLED + (0 if here else PASSING + _EMPTY)
    start = min(start, latest)
    come = -PASSING if here else random.uniform(0, start - SETTLED - PASSING)
    segments, stays = [], []
    while start <= latest:
        end = min(start + random.uniform(*lengths), seconds - SETTLED)
        segments.append((round(start, 2), round(end, 2)))
        pause = random.uniform(*pauses)
        spare = pause - 2 * (PASSING + SETTLED) - _EMPTY
        if spare > 0 and random.random() < _CHANGE:
            before, empty, _ = spare * random.dirichlet((1, 3, 1))
            gone = end + SETTLED + before + PASSING
            stays.append((come, gone))
            come = gone + _EMPTY + empty
        start = end + pause
    stays.append((come, seconds + PASSING))
    return Course(tuple(segments), tuple(stay for stay in stays if stay[0] < seconds))
