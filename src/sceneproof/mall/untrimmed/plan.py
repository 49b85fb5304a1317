"""The plan of an untrimmed world: every setting, which videos follow from them, and when in them something is done."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sceneproof.errors import InputError
from sceneproof.mall import bias
from sceneproof.mall.film import Format
from sceneproof.mall.motions import ACTIONS
from sceneproof.mall.plan import check_settings
from sceneproof.mall.scenery import SCENES

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


SPLITS = ("train", "validation", "validation_out", "test", "test_out")
BACKGROUND = "background"
"""The action of a row that is no segment, but makes a video known in which nothing is done."""


@dataclass(frozen=True, slots=True)
class Segment:
    """An action and its time, in seconds: where its share of the pose rises above a half, and falls below it."""

    start: float
    end: float
    action: str


@dataclass(frozen=True)
class UntrimmedFilm:
    """One untrimmed video of a world.

    Attributes:
        name: its name, and the `group` of its segments.
        split: one of `SPLITS`.
        scene: where, from beginning to end.
        context: "in" where training may show every action here, "out" where it never shows any of them.
        seed: what it is drawn from.
        segments: what is done, in order; none in a few videos.
        stays: when people come and are gone; see `Course`.
    """

    name: str
    split: str
    scene: str
    context: str
    seed: tuple[int, ...]
    segments: tuple[Segment, ...]
    stays: tuple[tuple[float, float], ...]

    @property
    def path(self) -> str:
        """Its file, below the world's folder."""
        return f"videos/{self.split}/{self.scene}_{self.name.rpartition('_')[2]}.mp4"


@dataclass(frozen=True)
class UntrimmedWorld:
    """Every setting of an untrimmed world; two with equal settings have equal files.

    Attributes:
        train: videos to train on: in each, every action is at home in its scene or visits it.
        validation: as `train`, to choose by.
        validation_out: every action in a scene where training never shows it; to report and never to choose by.
        test: in context.
        test_out: out of context.
        seconds: of a video.
        shortest: seconds of the shortest action; lengths are evenly drawn.
        longest: seconds of the longest one.
        activity: the share of the time in which something is done, about.
        idle: the share of videos in which nothing is done, though people come and go.
        height: of a video, in pixels; even.
        width: of a video, in pixels; even.
        rate: frames a second.
        crf: H.264's constant rate factor: 0 is lossless, larger is smaller and worse.
        strength: how much the scene tells of the action: 0 least, 1 most; see `sceneproof.mall.bias`.
        seed: another seed, another world.
    """

    train: int = 200
    validation: int = 40
    validation_out: int = 40
    test: int = 80
    test_out: int = 80
    seconds: float = 64.0
    shortest: float = 3.0
    longest: float = 14.0
    activity: float = 0.5
    idle: float = 0.05
    height: int = 72
    width: int = 96
    rate: float = 6.25
    crf: int = 20
    strength: float = 0.8
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks the settings.

        Raises:
            InputError: names the setting, its value and what it may be.
        """
        check_settings(self, counts=(*SPLITS, "crf", "seed"), shares=("strength", "idle"))
        if not 1 <= self.rate <= 240 or self.crf > 51:
            raise InputError(f"rate, crf: {self.rate}, {self.crf}: 1 to 240 frames a second, and a crf of at most 51")
        if not 1 <= self.shortest <= self.longest < math.inf:
            raise InputError(
                f"shortest, longest: {self.shortest}, {self.longest}: an action takes at least 1 second, and the "
                f"longest no less than the shortest"
            )
        if not least_seconds(self.shortest) <= self.seconds < math.inf:
            raise InputError(
                f"seconds: {self.seconds}: an action of {self.shortest:g} s, and who comes to do it, need "
                f"at least {least_seconds(self.shortest):g} s"
            )
        if not 0 < self.activity < 1:
            raise InputError(f"activity: {self.activity}: must be above 0 and below 1")

    def scaled(self, factor: float) -> "UntrimmedWorld":
        """The same world with fewer (or more) videos in every split."""
        return replace(self, **{name: round(getattr(self, name) * factor) for name in SPLITS})

    @property
    def format(self) -> Format:
        """The shape of its videos."""
        return Format(self.width, self.height, round(self.seconds * self.rate), self.rate, self.crf)

    def shares(self, split: str) -> NDArray[np.float64]:
        """How likely each action of `ACTIONS` is in a split, given the scene of `SCENES`: (S, A), rows sum to 1."""
        if split.endswith("_out"):
            together = bias.out_of_context(len(ACTIONS), len(SCENES))
        else:
            together = bias.in_context(len(ACTIONS), len(SCENES), self.strength)
        return np.asarray(together.T / together.sum(0)[:, None])

    def bayes_accuracy(self) -> float:
        """The accuracy, 0 to 1, of the best possible guess of a segment's action from the true scene, in context."""
        return bias.bayes_accuracy(bias.in_context(len(ACTIONS), len(SCENES), self.strength))

    def videos(self) -> list[UntrimmedFilm]:
        """All videos, split by split. What happens in one follows from the seed, its split and its place there."""
        videos = []
        for number, split in enumerate(SPLITS):
            random = np.random.default_rng(np.random.SeedSequence((self.seed, 3, number)))
            count = getattr(self, split)
            scenes = bias.allot(np.full((1, len(SCENES)), 1 / len(SCENES)), count, random)
            idle = set(random.permutation(count)[: round(self.idle * count)].tolist())
            videos += [
                self._video(split, number, place, scene, place in idle) for place, (_, scene) in enumerate(scenes)
            ]
        return videos

    def _video(self, split: str, number: int, place: int, scene: int, idle: bool) -> UntrimmedFilm:
        random = np.random.default_rng(np.random.SeedSequence((self.seed, 4, number, place)))
        factor = (1 - self.activity) / self.activity
        least = max(2 * SETTLED, factor * self.shortest)
        pauses = (least, max(least, factor * self.longest))
        course = draw_course(self.format.frames / self.rate, (self.shortest, self.longest), pauses, random)
        # within a video too, the number of segments of an action differs from its expectation by less than one
        drawn = bias.allot(self.shares(split)[scene : scene + 1], len(course.segments), random)
        segments = [Segment(*times, ACTIONS[action]) for times, (_, action) in zip(course.segments, drawn, strict=True)]
        return UntrimmedFilm(
            f"{split}_{place:05d}", split, SCENES[scene], "out" if split.endswith("_out") else "in",
            (self.seed, 5, number, place), () if idle else tuple(segments), course.stays,
        )  # fmt: skip
