"""Where the models look: the same clips, and the evidence that each model takes from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from sceneproof.addresses import Address
from sceneproof.data.clips import evenly_spaced
from sceneproof.data.dataset import Videos
from sceneproof.data.humans import HumanBoxes, HumanMasks, check_humans, read_humans
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import tell
from sceneproof.data.transforms import centre_crop, normalise, resize
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError
from sceneproof.methods.base import Method
from sceneproof.metrics.bootstrap import Interval, mean_interval
from sceneproof.progress import track
from sceneproof.report.cam import area_of_person, explain, outline, shade, share_on_person
from sceneproof.report.cells import Cell, Table, percent
from sceneproof.report.pictures import Picture, picture
from sceneproof.report.sample import in_turn
from sceneproof.report.study import Recipe, Study
from sceneproof.report.tables import between, models
from sceneproof.run import Run
from sceneproof.tasks.classification import clip_of
from sceneproof.types import Clip

SHOWN = 144  # pixels: the side of a picture on the page
RATE = 12.5  # frames a second, where the manifest gives none


@dataclass(frozen=True)
class ShownClip:
    """A clip with its pictures: itself, and one map a model."""

    action: str
    scene: str
    pictures: list[Picture]


@dataclass(frozen=True)
class Looks:
    """The section's contents.

    Attributes:
        shares: by recipe, the mean share of activation that is on the person; and "area", the person's own share.
    """

    text: str
    clips: list[ShownClip]
    table: Table | None
    shares: dict[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True)
class _Seen:
    """A clip as shown: frames (T, SHOWN, SHOWN, 3) and the person's place, None where unknown."""

    frames: NDArray[np.uint8]
    person: NDArray[np.bool_] | None


def look(
    study: Study,
    manifest: Address,
    *,
    humans: Address | None = None,
    root: Address | None = None,
    clips: int = 8,
    mapped: int = 64,
    trust: Sequence[str] | None = None,
    quiet: bool = False,
) -> tuple[Looks | None, str]:
    """Draws clips at random and maps each model's evidence on them: the section, and what is missing from it.

    Raises:
        InputError: the manifest does not hold the tested videos, or other bad input.
    """
    table = Manifest.read(manifest, root)
    people = read_humans(humans) if humans is not None else None
    if people is not None:
        tell(check_humans(people, table))
    on = list(study.slices())[-1]
    place = {str(video): row for row, video in enumerate(table.rows["video"])}
    chosen = [row for row in draw(study, on, max(clips, mapped)) if study.rows["video"].iat[row] in place]
    if not chosen:
        raise InputError(f"{manifest}: none of the tested videos is in this manifest: is it of another data set?")
    shown_models, missing = _models(study, trust)
    videos = Videos(table)
    shown: list[ShownClip] = []
    shares: dict[str, list[float]] = {name: [] for name in ("area", *(recipe.name for recipe, _ in shown_models))}
    for row in track(chosen, "drawing clips", len(chosen), quiet=quiet):
        try:
            seen, answers = _look_at(videos, place[str(study.rows["video"].iat[row])], people, shown_models, study)
        except VideoError:
            continue  # moved or broken since the test: the pictures are a sample, the figures do not need them
        if seen.person is not None and seen.person.any():
            for name, share in [("area", area_of_person(seen.person)), *((n, a.share) for n, a in answers.items())]:
                shares[name].append(share)
        if len(shown) < clips:
            shown.append(_shown(study, row, seen, answers, _rate(table, place[str(study.rows["video"].iat[row])])))
    intervals = _intervals(shares)
    return Looks(_text(study, on, shown_models), shown, _share_table(intervals, shares), intervals), missing


def draw(study: Study, on: str, count: int, seed: int = 0) -> list[int]:
    """Rows of the study drawn at random from a slice, readable by all, the actions in turn."""
    unread = np.any([np.isnan(study.stacked(recipe)).any(axis=(0, 2)) for recipe in study.recipes], axis=0)
    rows = np.flatnonzero(study.slices()[on] & ~unread)
    return in_turn(rows, study.rows["action"].to_numpy(), count, seed=seed)


def _models(study: Study, trust: Sequence[str] | None) -> tuple[list[tuple[Recipe, Method]], str]:
    """The shown recipes' first runs, trained; without weights the page does with the clips alone."""
    try:
        return [(recipe, _method(replace(recipe.tested[0].run, trust=trust))) for recipe in models(study)], ""
    except InputError as error:
        return [], f"Class activation maps are not shown: {error}"


def _method(run: Run) -> Method:
    """A trained network in its run's memory format. Maps are drawn in float32: they are pictures, not figures."""
    return run.tested_in(torch.device("cpu")).arrange(run.trained(Method))


@dataclass(frozen=True)
class _Answer:
    number: int
    probability: float
    activation: NDArray[np.float32]
    share: float


def _look_at(
    videos: Videos,
    row: int,
    people: HumanBoxes | HumanMasks | None,
    shown_models: Sequence[tuple[Recipe, Method]],
    study: Study,
) -> tuple[_Seen, dict[str, _Answer]]:
    """The middle clip of a video, and what each model makes of it."""
    settings = [clip_of(recipe.tested[0].run) for recipe in models(study)]
    clips = [_clip(videos, row, people, one.length, one.stride) for one in settings]
    seen = _seen(clips[0])
    answers = {}
    for (recipe, method), clip, one in zip(shown_models, clips, settings, strict=False):
        backbone = method.backbone
        frames = resize(torch.from_numpy(np.ascontiguousarray(clip.frames))[None], one.size)
        video = normalise(frames, torch.zeros(1, dtype=torch.bool), backbone.mean, backbone.std)
        probabilities, maps = explain(method, video)
        own = _seen(clip)
        activation = np.stack([cv2.resize(frame, (SHOWN, SHOWN)) for frame in maps[0].numpy()])
        share = float("nan") if own.person is None else share_on_person(activation, own.person)
        number = int(probabilities[0].argmax())
        answers[recipe.name] = _Answer(number, float(probabilities[0, number]), activation, share)
    return seen, answers


def _clip(videos: Videos, row: int, people: HumanBoxes | HumanMasks | None, length: int, stride: int) -> Clip:
    numbers = evenly_spaced(videos.length(row), length, stride=stride, count=1)[0]
    frames = videos.frames(row, numbers)
    height, width = frames.shape[1:3]
    video = str(videos.manifest.rows["video"].iat[row])
    regions = None
    if people is not None and video in people:
        regions = people.regions(video, [int(number) + videos.offset(row) for number in numbers], height, width)
    return centre_crop(height, width).clip(Clip(frames, regions))


def _seen(clip: Clip) -> _Seen:
    frames = np.stack([cv2.resize(frame, (SHOWN, SHOWN), interpolation=cv2.INTER_AREA) for frame in clip.frames])
    person = None
    if clip.humans is not None:
        small = [
            cv2.resize(one.astype(np.uint8), (SHOWN, SHOWN), interpolation=cv2.INTER_NEAREST) for one in clip.humans
        ]
        person = np.stack(small).astype(bool)
    return _Seen(frames.astype(np.uint8), person)


def _shown(study: Study, row: int, seen: _Seen, answers: dict[str, _Answer], rate: float) -> ShownClip:
    action, scene = str(study.rows["action"].iat[row]), study.rows["scene"].iat[row]
    where = f" in {scene}" if isinstance(scene, str) else ""
    area = "" if seen.person is None else f"the person is {percent(area_of_person(seen.person), 0)} of it"
    pictures = [picture("The clip", seen.frames, rate, f"clip: {action}{where}", share=area)]
    for name, answer in answers.items():
        said = study.actions[answer.number]
        lit = shade(seen.frames, answer.activation[: len(seen.frames)])
        drawn = lit if seen.person is None else outline(lit, seen.person)
        share = f"{percent(answer.share, 0)} on the person" if np.isfinite(answer.share) else ""
        pictures.append(
            picture(
                name,
                drawn,
                rate,
                f"{name}: where the evidence for {said} is",
                answer=f"{said}, {percent(answer.probability, 0)}",
                right=said == action,
                share=share,
            )
        )
    return ShownClip(action, scene if isinstance(scene, str) else "", pictures)


def _rate(table: Manifest, row: int) -> float:
    rates = table.rows["rate"].to_numpy(dtype=np.float64) if "rate" in table.rows else np.full(len(table), np.nan)
    return float(rates[row]) if rates[row] > 0 else RATE


def _text(study: Study, on: str, shown_models: Sequence[tuple[Recipe, Method]]) -> str:
    where = "the test videos" if on == "test" else f"the test videos {on}"
    text = f"Drawn at random from {where}, the actions in turn; nothing is picked by hand."
    if not shown_models:
        return text
    seeds = {recipe.name: recipe.seeds[0] for recipe, _ in shown_models}
    listed = ", ".join(f"{name} (seed {seed})" for name, seed in seeds.items())
    return (
        f"{text} Class activation maps of {listed}: bright where the evidence is for the model's own answer; "
        f"a white line runs round the person where that is known."
    )


def _intervals(shares: dict[str, list[float]]) -> dict[str, Interval]:
    finite = {name: [value for value in values if np.isfinite(value)] for name, values in shares.items()}
    return {name: mean_interval(values) for name, values in finite.items() if values}


def _share_table(intervals: dict[str, Interval], shares: dict[str, list[float]]) -> Table | None:
    if len(intervals) < 2:
        return None
    return Table(
        "How much of the evidence is on the person",
        ["Model", "Share on the person", "95 % interval"],
        list(_share_rows(intervals)),
        f"Means over {len(shares['area'])} clips. A map that is even everywhere scores the person's own area.",
    )


def _share_rows(intervals: dict[str, Interval]) -> Iterator[list[Cell]]:
    for name, interval in intervals.items():
        heading = "An even map" if name == "area" else name
        yield [Cell(heading), Cell(percent(interval.value)), Cell(between(interval))]
