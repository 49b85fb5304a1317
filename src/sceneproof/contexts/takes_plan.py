"""Which people are in which place, when: the plan of long takes, a function of the clips and of the settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from sceneproof.data.manifest import Manifest
from sceneproof.errors import InputError
from sceneproof.wording import counted

STANDING, EMPTY = (6, 20), (10, 30)
"""Frames, from the least to the most: how long somebody stands still before and after acting, and nobody is there."""


@dataclass(frozen=True, slots=True)
class Performance:
    """A clip's people in a take: they stand in its first frame, act, and stand in its last.

    Attributes:
        clip: the id of the video that they are from.
        action: what they do.
        begin: the frame of the take in which they come to be seen.
        before: frames for which they stand.
        frames: of the clip.
        after: frames for which they stand again.
    """

    clip: str
    action: str
    begin: int
    before: int
    frames: int
    after: int

    @property
    def acting(self) -> tuple[int, int]:
        """First frame of the action, and the one behind its last."""
        return self.begin + self.before, self.begin + self.before + self.frames


@dataclass(frozen=True, slots=True)
class Take:
    """A long take.

    Attributes:
        name: its name, and the `group` of its segments.
        split: train, test or test_out.
        place: the id of the video whose empty place it is in.
        home: that video's action.
        performances: what is done, in order.
    """

    name: str
    split: str
    place: str
    home: str
    performances: tuple[Performance, ...]

    @property
    def path(self) -> str:
        """Its file, below the folder of the takes."""
        return f"videos/{self.split}/{self.name}.mp4"


@dataclass(frozen=True)
class TakeSettings:
    """What takes follow from, beside the tables: the arguments of `sceneproof contexts takes` of these names."""

    manifest: str
    root: str | None
    humans: str
    train: int
    test: int
    test_out: int
    frames: int
    strength: float
    visitors: int
    seed: int
    crf: int


def plan_takes(table: Manifest, known: set[str], settings: TakeSettings) -> list[Take]:
    """All takes: a function of the table, of who is known in it, and of the settings.

    Args:
        table: the clips.
        known: ids of those whose people are known.
        settings: what takes follow from.

    Raises:
        InputError: clips that are no whole files of one rate and known length, too few actions, or no known people.
    """
    rates, lengths = table.numbers("rate"), table.numbers("frames")
    if not all(np.isnan(edge).all() for edge in table.edges):
        raise InputError(f"{table.name}: rows with a start or an end: takes are made of whole files")
    if not (lengths > 0).all() or not (rates > 0).all() or np.ptp(rates) > 0.01 * rates[0]:
        raise InputError(
            f"{table.name}: takes need the numbers of frames of all clips, and one rate (here {np.nanmin(rates):g} to "
            f"{np.nanmax(rates):g}): bring them to one first, such as by ffmpeg's -r"
        )
    random = np.random.default_rng(np.random.SeedSequence((settings.seed, 7)))
    actions = sorted(set(table.rows.loc[table.rows["split"].isin(("train", "test")), "action"].astype(str)))
    circle = [actions[place] for place in random.permutation(len(actions))]
    if len(circle) < settings.visitors + 2:
        raise InputError(
            f"{table.name}: {counted(len(circle), 'action')} in the splits train and test: with --visitors "
            f"{settings.visitors} a place needs at least {settings.visitors + 2}, so that one is never shown there"
        )
    plan = []
    for number, split in enumerate(("train", "test", "test_out")):
        if count := getattr(settings, split):
            clips = _clips(table, known, "train" if split == "train" else "test", circle, settings.frames)
            random = np.random.default_rng(np.random.SeedSequence((settings.seed, 8, number)))
            plan += [
                _take(f"{split}_{place:04d}", split, clips, circle, settings, random, place) for place in range(count)
            ]
    return plan


Item = TypeVar("Item")
Clips = Mapping[str, Sequence[tuple[str, int]]]
"""Of each action, ids and lengths in frames."""


def _clips(table: Manifest, known: set[str], split: str, circle: Sequence[str], frames: int) -> Clips:
    part = table.split(split)
    longest = frames - 2 * STANDING[0] - EMPTY[0]
    rows = zip(part.rows["video"], part.rows["action"], part.numbers("frames"), strict=True)
    clips: dict[str, list[tuple[str, int]]] = {action: [] for action in circle}
    for video, action, length in rows:
        if str(video) in known and 2 <= length <= longest:
            clips[str(action)].append((str(video), int(length)))
    if lacking := sorted(action for action, of_it in clips.items() if not of_it):
        raise InputError(
            f"{part.name}: split {split!r}: no clip of {', '.join(lacking[:5])} has known people and 2 to "
            f"{longest} frames: give longer takes (--frames), or a manifest without the action"
        )
    return clips


def _take(
    name: str,
    split: str,
    clips: Clips,
    circle: Sequence[str],
    settings: TakeSettings,
    random: np.random.Generator,
    number: int,
) -> Take:
    """One take; places of all actions are equally frequent."""
    home = number % len(circle)
    around = [circle[(home + step) % len(circle)] for step in range(len(circle))]
    visiting, foreign = around[1 : settings.visitors + 1], around[settings.visitors + 1 :]
    place = _one_of(clips[around[0]], random)[0]
    performances: list[Performance] = []
    begin = _drawn(EMPTY, random)
    while True:
        at_home = not visiting or random.random() < settings.strength
        others = foreign if split == "test_out" else around[:1] if at_home else visiting
        action = _one_of(others, random)
        clip, length = _one_of(clips[action], random)
        acted = Performance(clip, action, begin, _drawn(STANDING, random), length, _drawn(STANDING, random))
        end = acted.acting[1] + acted.after
        if end > settings.frames and performances:
            return Take(name, split, place, around[0], tuple(performances))
        if end <= settings.frames:
            performances.append(acted)
            begin = end + _drawn(EMPTY, random)
        else:  # the first does not fit: the shortest pauses, and another draw
            begin = EMPTY[0]


def _one_of(items: Sequence[Item], random: np.random.Generator) -> Item:
    return items[int(random.integers(len(items)))]


def _drawn(bounds: tuple[int, int], random: np.random.Generator) -> int:
    return int(random.integers(bounds[0], bounds[1] + 1))
