"""Clips of a page of labels: which are chosen, and what the labels say of them, drawn in."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from sceneproof.data.human_tables import HumanBoxes, HumanMasks
from sceneproof.data.subsets import in_turn
from sceneproof.errors import InputError
from sceneproof.jobs.processes import Problem
from sceneproof.labelling.check.people import PeopleFigures
from sceneproof.labelling.check.scenes import Scenes
from sceneproof.labelling.check.tables import LabelledClips
from sceneproof.labelling.contracts import DecodedClip
from sceneproof.labelling.decoding import ClipTask, decoded
from sceneproof.labelling.scenes import evenly_spaced_frames
from sceneproof.pages.kit import Line, Picture
from sceneproof.pages.pictures import SIDE, Pixels, brought, still, with_boxes, with_people
from sceneproof.progress import track

STILLS = 3
MEASURED = 64
"""Frames of a clip, at most, that the covered share of the picture is measured on."""


@dataclass(frozen=True)
class ShownClip:
    """A clip on the sheet.

    Attributes:
        row: of the manifest.
        problem: why there are no pictures, or "".
        stills: some of its frames.
        covered: the share of the picture that people cover, the mean over frames that show any; None: unknown.
        scenes: the likeliest scenes and their probabilities.
    """

    row: int
    video: str
    action: str
    problem: str = ""
    stills: list[Picture] = field(default_factory=list)
    covered: float | None = None
    scenes: list[tuple[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class ClipSection:
    """A section of clips: why these, and which rows of the manifest."""

    title: str
    text: str
    rows: list[int]


def sheets_of(rows: pd.DataFrame, videos: int, worst: int, seed: int) -> list[ClipSection]:
    """Clips drawn at random, those with the fewest people, and those with the least certain scenes."""
    text = "Drawn at random, the actions in turn; nothing is picked by hand."
    if "boxes" in rows and rows["boxes"].notna().any():
        text += " A box carries its score" + (", and after # the number of its track." if "tracks" in rows else ".")
    sheets = [ClipSection("Videos", text, drawn(rows, videos, seed))]
    if "looked" in rows:
        fewest = fewest_people(rows, worst, seed)
        text = "The videos with a person in the smallest share of their frames, of those that fail the 70 % rule."
        sheets.append(
            ClipSection("Fewest people", text if fewest else "Every video counted passes the 70 % rule.", fewest)
        )
    if "entropy" in rows:
        text = "The videos whose scene labels have the highest entropy."
        sheets.append(ClipSection("Least certain scenes", text, least_certain(rows, worst)))
    return sheets


def drawn(rows: pd.DataFrame, count: int, seed: int) -> list[int]:
    """Clips drawn at random, the actions in turn."""
    return in_turn(np.arange(len(rows)), rows["action"].to_numpy(object), count, seed=seed)


def fewest_people(rows: pd.DataFrame, count: int, seed: int) -> list[int]:
    """Clips that fail the 70 % rule, those with the smallest share of frames with a person first."""
    failing = rows[rows["looked"] & ~rows["passes"]]
    mixed = failing.sample(frac=1, random_state=seed)  # of equal ones, any
    return [int(row) for row in mixed["share"].sort_values(kind="stable").index[:count]]


def least_certain(rows: pd.DataFrame, count: int) -> list[int]:
    """Clips whose scene labels have the highest entropy."""
    return [int(row) for row in rows["entropy"].dropna().sort_values(kind="stable", ascending=False).index[:count]]


def show(
    chosen: Sequence[int],
    clips: LabelledClips,
    people: PeopleFigures | None,
    scenes: Scenes | None,
    *,
    time_limit: float = 60.0,
    quiet: bool = False,
) -> dict[int, ShownClip]:
    """Decodes some clips and draws their labels in: what is shown, by row. A clip that cannot be read says why.

    Args:
        chosen: rows of the manifest; repeats are shown once.
        clips: all clips.
        people: boxes or masks to draw.
        scenes: scene labels to tell.
        time_limit: seconds that decoding a clip may take.
        quiet: show no progress.
    """
    unique = list(dict.fromkeys(chosen))
    rows = {} if people is None else _by_video(people.rows(clips, unique))
    answers = decoded(
        iter(_tasks(clips, unique)),
        lambda length, rate: evenly_spaced_frames(length, STILLS),
        short_side=SIDE,
        workers=max(1, min(os.cpu_count() or 1, 4, len(unique))),
        time_limit=time_limit,
    )
    return {
        task.row: _shown(task, answer, clips, people, rows.get(task.video), scenes)
        for task, answer in track(answers, "drawing videos", len(unique), quiet=quiet)
    }


def _by_video(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {str(video): own for video, own in rows.groupby("video", sort=False)}


def _tasks(clips: LabelledClips, chosen: Sequence[int]) -> list[ClipTask]:
    rows = clips.manifest.rows.iloc[list(chosen)]
    ends = [rows[name].tolist() if name in rows else [float("nan")] * len(rows) for name in ("start", "end")]
    paths = [str(clips.manifest.path(row)) for row in chosen]
    return [ClipTask(*fields) for fields in zip(chosen, clips.names(chosen), paths, *ends, strict=True)]


def _with_people(
    people: PeopleFigures, rows: pd.DataFrame | None, clip: DecodedClip
) -> tuple[list[Picture], float | None]:
    """A clip's frames with its people drawn in, and the share of the picture that they cover, None: unknown.

    Raises:
        InputError: the rows of the table do not fit the video.
    """
    if rows is None:
        return _stills(clip, lambda frame, number: (brought(frame), "nobody")), None
    source, size = str(people.table.path), (clip.height, clip.width)
    humans: HumanBoxes | HumanMasks
    if people.table.kind == "boxes":
        likely = rows[rows["score"] >= people.score]
        humans = HumanBoxes(rows, score_threshold=people.score, source=source)
        stills = _stills(clip, lambda frame, number: with_boxes(frame, likely[likely["frame"] == number], size))
    else:
        humans = masks = HumanMasks(rows, source=source)
        stills = _stills(clip, lambda frame, number: with_people(frame, masks.regions(clip.video, [number], *size)[0]))
    measured = clip.first + evenly_spaced_frames(clip.length, MEASURED)
    shares = np.array([humans.regions(clip.video, [number], *size).mean() for number in measured.tolist()])
    return stills, float(shares[shares > 0].mean()) if shares.any() else None


def _stills(clip: DecodedClip, draw: Callable[[Pixels, int], tuple[Pixels, str]]) -> list[Picture]:
    """A clip's frames as `draw` makes them of a frame and its number in the file, with who is in it."""
    stills = []
    for frame, number in zip(clip.frames, clip.numbers.tolist(), strict=True):
        picture, people = draw(frame, number)
        stills.append(frame_still(clip.video, number, picture, people))
    return stills


def frame_still(video: str, number: int, picture: Pixels, people: str) -> Picture:
    """A frame of a video's file as a picture that says which it is, and who is in it."""
    lines = [Line(f"frame {number}"), *([Line(people)] if people else [])]
    return still(f"frame {number} of {video}{f': {people}' if people else ''}", picture, lines)


def _shown(
    task: ClipTask,
    answer: DecodedClip | Problem,
    clips: LabelledClips,
    people: PeopleFigures | None,
    rows: pd.DataFrame | None,
    scenes: Scenes | None,
) -> ShownClip:
    said = []
    if scenes is not None and scenes.labelled[task.row]:
        top, probabilities = scenes.top[task.row].tolist(), scenes.probabilities[task.row].tolist()
        said = [(scenes.names[name], probability) for name, probability in zip(top, probabilities, strict=True)]
    shown = ShownClip(task.row, task.video, str(clips.actions[task.row]), scenes=said)
    if isinstance(answer, Problem):
        return replace(shown, problem=answer.reason)
    if people is None:
        return replace(shown, stills=_stills(answer, lambda frame, _: (brought(frame), "")))
    try:
        stills, covered = _with_people(people, rows, answer)
    except InputError as error:  # a label that does not fit its video: what this page is there to show
        return replace(shown, problem=str(error))
    return replace(shown, stills=stills, covered=covered)
