"""The page with some clips of a new manifest, so that one sees whether the table was read as it was meant."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sceneproof.data.human_tables import HumanBoxes
from sceneproof.data.subsets import in_turn
from sceneproof.jobs.processes import Problem, in_processes
from sceneproof.pages.kit import MADE_BY, Card, Clips, Listing, Note, Page, Picture, Section
from sceneproof.pages.label_clips import frame_still
from sceneproof.pages.pictures import Pixels, brought, with_boxes
from sceneproof.tabular.frames import ClipPlace, first_middle_last
from sceneproof.wording import clock, counted

SHOWN = 5
LIKED = 1000
TIME_LIMIT = 60.0  # seconds that a clip may take to be decoded


def write_preview(
    path: Path, rows: pd.DataFrame, root: Path, people: HumanBoxes | None, said: Sequence[str], *, title: str
) -> list[str]:
    """Writes the page, and returns the videos that it shows.

    Args:
        path: of the page.
        rows: of the manifest, with paths below `root`.
        root: the folder of videos.
        people: their boxes.
        said: how the table was read.
        title: of the page.
    """
    readable = np.flatnonzero(rows["frames"].to_numpy() > 0)
    known = list(people.videos) if people is not None else []
    with_people = readable[rows["video"].iloc[readable].isin(known).to_numpy()]
    chosen = in_turn(with_people if len(with_people) else readable, rows["action"].to_numpy(object), SHOWN)
    places = [_place(rows.iloc[row], root, people) for row in chosen]
    answers = in_processes(first_middle_last, iter(places), workers=1, time_limit=TIME_LIMIT) if places else ()
    cards = [_card(rows.iloc[row], answer, people) for row, (_, answer) in zip(chosen, answers, strict=True)]
    headline = [
        f"{counted(len(cards), 'clip')}, the actions in turn, drawn at random: are these the actions, the moments and "
        f"the people that the table means?",
        "Each row shows the first frame of the clip or segment, a middle one and the last.",
    ]
    sections = [
        Section("clips", "Clips", Clips(cards, wide=True) if cards else "Not one clip can be read."),
        Section(
            "how-it-was-read",
            "How it was read",
            Listing(list(said)),
            Note(MADE_BY),
        ),
    ]
    Page(title, headline, sections).write(path)
    return [str(rows["video"].iat[row]) for row in chosen]


def _place(row: "pd.Series[Any]", root: Path, people: HumanBoxes | None) -> ClipPlace:
    liked: list[int] = []
    if people is not None:
        liked = people.rows["frame"][people.rows["video"] == row["video"]].head(LIKED).tolist()
    return ClipPlace(str(root / row["path"]), _time(row, "start"), _time(row, "end"), tuple(liked))


def _card(row: "pd.Series[Any]", answer: list[tuple[int, Pixels]] | Problem, people: HumanBoxes | None) -> Card:
    start, end = _time(row, "start"), _time(row, "end")
    facts = [
        f"split {row['split']}",
        f"{row['width']}x{row['height']}, {row['frames']} frames at {row['rate']:.3g} a second",
    ]
    if not (math.isnan(start) and math.isnan(end)):
        told = ("the start" if math.isnan(start) else clock(start), "the end" if math.isnan(end) else clock(end))
        facts.insert(1, f"from {told[0]} to {told[1]}")
    facts += [f"{name} {row[name]}" for name in ("scene", "context") if isinstance(row.get(name), str)]
    problem = answer.reason if isinstance(answer, Problem) else ""
    stills = [] if isinstance(answer, Problem) else [_still(row, people, *frame) for frame in answer]
    return Card(str(row["action"]), [str(row["video"])], stills, problem, "; ".join(facts))


def _still(row: "pd.Series[Any]", people: HumanBoxes | None, number: int, frame: Pixels) -> Picture:
    video, picture, who = str(row["video"]), brought(frame), ""
    if people is not None:
        boxes = people.rows[(people.rows["video"] == video) & (people.rows["frame"] == number)]
        picture, who = with_boxes(frame, boxes, (int(row["height"]), int(row["width"])))
    return frame_still(video, number, picture, who)


def _time(row: "pd.Series[Any]", name: str) -> float:
    return float(row[name]) if name in row else math.nan
