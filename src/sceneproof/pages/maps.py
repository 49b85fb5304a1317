"""Where the models look: the same clips for all, and the evidence that each model takes from them. Loads torch."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from sceneproof.audit.models.cam import area_of_person, share_on_person
from sceneproof.audit.models.run_model import RunModel
from sceneproof.data.clips import Frames, evenly_spaced
from sceneproof.data.dataset import Videos
from sceneproof.data.humans import HumanBoxes, HumanMasks, check_humans, read_humans
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import tell
from sceneproof.data.subsets import in_turn
from sceneproof.data.transforms import centre_crop
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError
from sceneproof.metrics.bootstrap import Interval, mean_interval
from sceneproof.pages.kit import Card, Cell, Clips, Line, Picture, Table, between, percent
from sceneproof.pages.pictures import moving, outline, rate_of, shade, sized
from sceneproof.pages.study import Shown, Sources
from sceneproof.progress import track
from sceneproof.studies.classification import ClassificationStudy, Recipe
from sceneproof.tasks.classification import clip_of
from sceneproof.types import Clip

SIDE = 144
"""Pixels: the side of a picture on the page."""
AREA = "area"


def mapped_clips(study: ClassificationStudy, sources: Sources, *, clips: int = 8, mapped: int = 64) -> Shown:
    """Draws clips at random and maps each model's evidence on them.

    Args:
        study: the runs.
        sources: of the clips.
        clips: how many to show.
        mapped: how many to measure the share of activation on the person over.

    Raises:
        InputError: the manifest does not hold the tested videos, or other bad input.
    """
    manifest, humans = sources.manifest, sources.humans
    if manifest is None:
        return Shown(missing="Not shown: give the manifest (--manifest) to see clips and class activation maps.")
    table = Manifest.read(manifest, sources.root)
    people = read_humans(humans) if humans is not None else None
    if people is not None:
        tell(check_humans(people, table))
    place = {str(video): row for row, video in enumerate(table.rows["video"])}
    drawn = {row: str(study.truth["video"].iat[row]) for row in draw(study, max(clips, mapped))}
    sources.refuse_strangers([*drawn.values()], place)
    known = [row for row, video in drawn.items() if video in place]
    models, missing = _models(study, sources.trust)
    videos, cards, shares = Videos(table), list[Card](), {name: list[float]() for name in (AREA, *models)}
    for row in track(known, "drawing clips", len(known), quiet=sources.quiet):
        where = place[str(study.truth["video"].iat[row])]
        try:
            pictures, own = _pictures(study, row, videos, where, people, models)
        except VideoError:
            continue  # moved or broken since the test: the pictures are a sample, the figures do not need them
        for name, share in own.items():
            shares[name].append(share)
        if len(cards) < clips:
            scene = study.truth["scene"].iat[row]
            asides = [f"in {scene}"] if isinstance(scene, str) else []
            cards.append(Card(str(study.truth["action"].iat[row]), asides, pictures))
    finite = {name: [value for value in values if np.isfinite(value)] for name, values in shares.items()}
    intervals = {name: mean_interval(values) for name, values in finite.items() if values}
    shown = Clips(cards, across=1 + len(models), hold=True)
    return Shown(_text(study, models), shown, _share_table(intervals, len(shares[AREA])), intervals, missing)


def draw(study: ClassificationStudy, count: int, seed: int = 0) -> list[int]:
    """Rows of the study drawn at random from the slice that matters most, readable by all, the actions in turn."""
    unread = np.any([np.isnan(study.stacked(recipe)).any(axis=(0, 2)) for recipe in study.recipes], axis=0)
    rows = study.slices[study.last].index.to_numpy()
    rows = rows[~unread[rows]]
    return in_turn(rows, study.truth["action"].to_numpy(), count, seed=seed)


def _models(study: ClassificationStudy, trust: Sequence[str] | None) -> tuple[dict[str, tuple[Recipe, RunModel]], str]:
    """The shown recipes' first runs that have maps, and why others have none; the page does with the clips alone."""
    device = torch.device("cpu")
    try:
        models = {
            recipe.name: (recipe, RunModel(recipe.tested[0].run.path, device=device, trust=trust))
            for recipe in study.models()
        }
    except InputError as error:  # without weights
        return {}, f"Class activation maps are not shown: {error}"
    why = {name: model.maps_missing for name, (_, model) in models.items() if model.maps_missing}
    told = "".join(f"No class activation maps of {name}: {reason}. " for name, reason in why.items())
    return {name: model for name, model in models.items() if name not in why}, told.strip()


def _pictures(
    study: ClassificationStudy,
    row: int,
    videos: Videos,
    where: int,
    people: HumanBoxes | HumanMasks | None,
    models: dict[str, tuple[Recipe, RunModel]],
) -> tuple[list[Picture], dict[str, float]]:
    """The middle clip of a video as the first model is shown it, with each model's evidence; and shares on the person.

    Raises:
        VideoError: it cannot be read.
    """
    action, scene = str(study.truth["action"].iat[row]), study.truth["scene"].iat[row]
    rate = rate_of(videos.manifest.rows, where)
    clip = clip_of(study.models()[0].tested[0].run)
    numbers = evenly_spaced(videos.length(where), clip.length, stride=clip.stride, count=1)[0]
    first = _small(_clip(videos, where, people, numbers))
    known = first.humans is not None and first.humans.any()
    shares = {AREA: area_of_person(first.humans)} if first.humans is not None and known else {}
    alt = f"clip: {action}{f' in {scene}' if isinstance(scene, str) else ''}"
    area = [Line(f"the person is {percent(shares[AREA], 0)} of it")] if shares else []
    pictures = [moving(alt, first.frames, rate, [Line(strong="The clip"), *area])]
    for name, (_, model) in models.items():
        own = _clip(videos, where, people, model.sampling.clips(videos.length(where), 1)[0])
        scores = model.answer(own.frames[None]).scores[0]
        named, said = int(scores.argmax()), study.actions[int(scores.argmax())]
        maps = model.maps(own.frames[None], np.array([named]))
        activation = np.stack([cv2.resize(frame, (SIDE, SIDE)) for frame in maps.activation[0]])
        lit = shade(first.frames, activation[: len(first.frames)])
        drawn = lit if first.humans is None else outline(lit, first.humans)
        lines = [Line(strong=name), Line(f"{said}, {percent(float(scores[named]), 0)}", right=said == action)]
        person = _small(own).humans
        if shares and person is not None:
            shares[name] = share_on_person(activation, person)
            lines += [Line(f"{percent(shares[name], 0)} on the person")] if np.isfinite(shares[name]) else []
        pictures.append(moving(f"{name}: where the evidence for {said} is", drawn, rate, lines))
    return pictures, shares


def _clip(videos: Videos, row: int, people: HumanBoxes | HumanMasks | None, numbers: Frames) -> Clip:
    """The square in the middle of some frames, which models see, and where in it people are."""
    frames = videos.frames(row, numbers)
    height, width = frames.shape[1:3]
    video = str(videos.manifest.rows["video"].iat[row])
    regions = None
    if people is not None and video in people:
        regions = people.regions(video, [int(number) + videos.offset(row) for number in numbers], height, width)
    return centre_crop(height, width).clip(Clip(frames, regions))


def _small(clip: Clip) -> Clip:
    """A clip of the page's size."""
    frames = sized(clip.frames, SIDE, SIDE)
    if clip.humans is None:
        return Clip(frames)
    person = sized(clip.humans[..., None].astype(np.uint8), SIDE, SIDE, way=cv2.INTER_NEAREST)
    return Clip(frames, person.reshape(person.shape[:3]) > 0)


def _text(study: ClassificationStudy, models: dict[str, tuple[Recipe, RunModel]]) -> str:
    on = "the test videos" if study.last == "test" else f"the test videos {study.last}"
    text = f"Drawn at random from {on}, the actions in turn; nothing is picked by hand."
    if not models:
        return text
    listed = ", ".join(f"{name} (seed {recipe.seeds[0]})" for name, (recipe, _) in models.items())
    return (
        f"{text} Class activation maps of {listed}: bright where the evidence is for the model's own answer; "
        f"a white line runs round the person where that is known."
    )


def _share_table(intervals: dict[str, Interval], clips: int) -> Table | None:
    rows = [
        [Cell("An even map" if name == AREA else name), Cell(percent(interval.value)), Cell(between(interval))]
        for name, interval in intervals.items()
    ]
    header = ["Model", "Share on the person", "95 % interval"]
    note = f"Means over {clips} clips. A map that is even everywhere scores the person's own area."
    return Table("How much of the evidence is on the person", header, rows, note) if len(rows) > 1 else None
