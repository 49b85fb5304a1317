"""A few test videos: what there was in them, and what each localizer or detector found."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from sceneproof.addresses import Place
from sceneproof.data.dataset import Videos
from sceneproof.data.human_tables import CORNERS
from sceneproof.data.manifest import Manifest
from sceneproof.data.segments import untrimmed
from sceneproof.data.subsets import in_turn
from sceneproof.data.video import VideoError, decode, probe
from sceneproof.metrics.temporal_matching import left_at
from sceneproof.metrics.tubes import tube_iou
from sceneproof.pages.kit import Card, Chart, Clips, Line, Picture, percent
from sceneproof.pages.pictures import WHITE, Box, Pixels, draw_boxes, sized, still
from sceneproof.pages.study import Shown, Sources
from sceneproof.pages.timeline import TimeLine, timeline_svg
from sceneproof.studies import localization
from sceneproof.studies.detection import Detected, DetectionStudy
from sceneproof.studies.localization import LOOKED_AT, LocalizationStudy, segments_of
from sceneproof.tasks.detection.scoring import found_tubes, true_tubes
from sceneproof.tasks.localization.scoring import detections

FRAMES, SHORT_SIDE = 8, 96
"""Of an untrimmed video above its time lines."""
SUREST = 20
"""Detections in a drawing: localizers give hundreds, most of them with scores near 0."""
ROWS = 6  # actions in a drawing: the true ones, then the surest
STILLS, SIDE, GAP = 4, 160, 4
"""Of a strip of tubes."""
OVERLAP = 0.5
"""The spatio-temporal intersection over union from which on a tube of the right action is right."""
RIGHT, WRONG = (0, 158, 115), (213, 94, 0)  # Okabe and Ito's: told apart by the colour-blind; words say it too


def shown_videos(study: LocalizationStudy, sources: Sources, *, videos: int = 4) -> Shown:
    """Time lines of videos drawn at random from the slice that matters most, the scenes in turn.

    Frames are above them where there is a manifest.

    Raises:
        InputError: the manifest does not hold the tested videos.
    """
    part = study.slices[study.last]
    part = segments_of(part[(part["problem"] == "") & np.isfinite(part["duration"])])
    table = part.drop_duplicates("video")
    scenes = table["scene"].fillna("").to_numpy(dtype=object)
    chosen = in_turn(np.arange(len(table)), scenes, videos)
    paths: Mapping[str, Place] = {}
    if sources.manifest is not None:
        paths = {video.name: video.path for video in untrimmed(Manifest.read(sources.manifest, sources.root))}
        sources.refuse_strangers([str(table["video"].iat[row]) for row in chosen], paths)
    cards = []
    for place, row in enumerate(chosen):
        name, length = str(table["video"].iat[row]), float(table["duration"].to_numpy(np.float64)[row])
        lines = [
            Chart(_line(study, recipe, part[part["video"] == name], length, f"line-{place}-{number}"), "", recipe.name)
            for number, recipe in enumerate(study.models())
        ]
        stills = _stills(paths[name]) if name in paths else []
        cards.append(Card(name, [f"in {scenes[row]}"] if scenes[row] else [], stills, charts=lines))
    text = (
        f"Videos{study.on}, drawn at random. Above each action’s line what is true, below it what was found, the "
        f"{SUREST} surest alone: the surer, the darker. Each localizer’s first seed."
    )
    missing = "Frames are not shown: give the manifest (--manifest)." if sources.manifest is None else ""
    return Shown(text, Clips(cards, across=FRAMES, wide=True), missing=missing) if cards else Shown(missing=missing)


def _line(
    study: LocalizationStudy, recipe: localization.Recipe, true: pd.DataFrame, length: float, name: str
) -> Markup:
    """The time line of what the recipe's first run found."""
    run, video = recipe.tested[0], str(true["video"].iat[0])
    detected = run.detections[run.detections["video"] == video].reset_index(drop=True)
    if run.nms_by_threshold and len(detected):
        found = detections(detected, [video], study.actions)
        left = found.take(left_at(found, len(study.actions), LOOKED_AT))
        times = pd.DataFrame(left.times, columns=["start", "end"])
        detected = times.assign(action=[study.actions[number] for number in left.action], score=left.score)
    detected = detected.sort_values("score", ascending=False, kind="stable").head(SUREST)
    text = f"Time line of {video}: what there was, and what {recipe.name} found"
    return timeline_svg(TimeLine(length, detected, true, ROWS), name, text)


def _stills(path: Place) -> list[Picture]:
    """What is shown at evenly spaced times; none where the video cannot be read any more: no figure needs them."""
    try:
        info = probe(path)
        shown = np.asarray((np.arange(FRAMES) + 0.5) * (info.clock.end / FRAMES), np.float64)
        frames = decode(path, info.clock.shown_at(shown), short_side=SHORT_SIDE)
    except VideoError:
        return []
    return [still(f"at {seconds:.0f} s", frame) for frame, seconds in zip(frames, shown, strict=True)]


def shown_clips(study: DetectionStudy, sources: Sources, *, videos: int = 4) -> Shown:
    """Clips drawn at random from the slice that matters most, the actions in turn; none without a manifest.

    Raises:
        InputError: the manifest does not hold the tested videos.
    """
    if sources.manifest is None:
        return Shown(missing="Clips are not shown: give the manifest (--manifest).")
    part = study.slices[study.last]
    part = part[(part["problem"] == "") & part["action"].isin(study.actions)]
    table = part.drop_duplicates("video").reset_index(drop=True)
    listed = Manifest.read(sources.manifest, sources.root)
    places = {str(video): row for row, video in enumerate(listed.rows["video"])}
    chosen = in_turn(np.arange(len(table)), table["action"].to_numpy(dtype=object), videos)
    sources.refuse_strangers([str(table["video"].iat[row]) for row in chosen], places)
    reader, cards = Videos(listed), []
    for row in chosen:
        name, scene = str(table["video"].iat[row]), str(table["scene"].iat[row] or "")
        true = part[part["video"] == name]
        try:
            frames, numbers = _frames(reader, places[name], true)
        except (KeyError, VideoError):
            continue  # the figures do not need them
        strips = [
            _strip(recipe.name, recipe.tested[0], true, frames, numbers, study.actions) for recipe in study.models()
        ]
        cards.append(Card(str(table["action"].iat[row]), [*([f"in {scene}"] if scene else []), name], strips))
    text = (
        f"Clips{study.on}, drawn at random, the actions in turn. White: where the person is. In colour: each "
        "detector’s best tube (its first seed), right where it names the action and overlaps the true tube by half or "
        "more."
    )
    return Shown(text, Clips(cards, across="21rem", wide=True)) if cards else Shown()


def _frames(reader: Videos, row: int, true: pd.DataFrame) -> tuple[Pixels, NDArray[np.int64]]:
    """Frames, evenly spaced over those that show somebody, and their numbers in the file."""
    first, last = int(true["frame"].min()), int(true["frame"].max())
    numbers = np.linspace(first, last, STILLS).round().astype(np.int64)
    return reader.frames(row, numbers - reader.offset(row)), numbers


def _strip(
    name: str, run: Detected, true: pd.DataFrame, frames: Pixels, numbers: NDArray[np.int64], actions: Sequence[str]
) -> Picture:
    """Frames side by side, the true boxes in white, the model's best tube in a colour that says whether it is right."""
    video = str(true["video"].iat[0])
    best = run.tubes[run.tubes["video"] == video]
    if len(best):
        best = best[best["tube"] == best.sort_values("score", ascending=False, kind="stable")["tube"].iat[0]]
    right = bool(len(best)) and _right(best, true, actions)
    answer = f"{best['action'].iat[0]}, {percent(float(best['score'].to_numpy()[0]))}" if len(best) else "no tube"
    factor = SIDE / max(frames.shape[1:3])
    size = round(frames.shape[2] * factor), round(frames.shape[1] * factor)
    small = sized(frames, *size, way=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR).copy()
    for picture, number in zip(small, numbers.tolist(), strict=True):
        layers = ((best, RIGHT if right else WRONG), (true, WHITE))  # the first lies on top
        boxes = [
            Box(corners * factor, colour=colour)
            for rows, colour in layers
            for corners in rows[rows["frame"] == number][list(CORNERS)].to_numpy(np.float64)
        ]
        draw_boxes(picture, boxes)
    gap = np.full((small.shape[1], GAP, 3), WHITE, np.uint8)
    strip = np.concatenate([part for picture in small for part in (gap, picture)][1:], axis=1)
    alt = f"{len(frames)} frames of {video}: the true box in white, the best tube of {name}: {answer}"
    return still(alt, strip, [Line(strong=name), Line(answer if right else f"{answer} (wrong)", right=right)])


def _right(best: pd.DataFrame, true: pd.DataFrame, actions: Sequence[str]) -> bool:
    """Whether a tube is of the action of a true one that it overlaps enough."""
    videos = {str(true["video"].iat[0]): 0}
    tubes, truth = found_tubes(best, videos, actions), true_tubes(true, videos, actions)
    same = np.flatnonzero(truth.action == tubes.action[0])
    overlap = tube_iou(tubes.tubes, np.zeros(len(same), np.int64), truth.tubes, same)
    return bool((overlap >= OVERLAP).any())
