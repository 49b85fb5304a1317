"""A page with some clips of a new manifest, so that one sees whether the table was read as it was meant."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sceneproof.data.human_tables import HumanBoxes
from sceneproof.files import whole
from sceneproof.jobs.processes import Problem, in_processes
from sceneproof.labelling.check.drawing import Still, draw_boxes, still
from sceneproof.report.cells import clock
from sceneproof.report.html import html
from sceneproof.report.sample import in_turn
from sceneproof.tabular.looking import Clip, first_middle_last
from sceneproof.wording import counted

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
    clips = [_clip(rows.iloc[row], root, people) for row in chosen]
    answers = in_processes(first_middle_last, iter(clips), workers=1, time_limit=TIME_LIMIT) if clips else ()
    cards = [_card(rows.iloc[row], answer, people) for row, (_, answer) in zip(chosen, answers, strict=True)]
    page = html(
        "preview.html.j2",
        package="sceneproof.tabular",
        title=title,
        headline=[
            f"{counted(len(cards), 'clip')}, the actions in turn, drawn at random: are these the actions, the moments "
            f"and the people that the table means?",
            "Each row shows the first frame of the clip or segment, a middle one and the last.",
        ],
        notes=[],
        sections=["clips", "how-it-was-read"],
        cards=cards,
        said=list(said),
    )
    with whole(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return [str(rows["video"].iat[row]) for row in chosen]


def _clip(row: "pd.Series[Any]", root: Path, people: HumanBoxes | None) -> Clip:
    liked: list[int] = []
    if people is not None:
        liked = people.rows["frame"][people.rows["video"] == row["video"]].head(LIKED).tolist()
    return Clip(str(root / row["path"]), _time(row, "start"), _time(row, "end"), tuple(liked))


def _card(row: "pd.Series[Any]", answer: object, people: HumanBoxes | None) -> dict[str, Any]:
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
    stills: list[Still] = []
    if not isinstance(answer, Problem):
        assert isinstance(answer, list)
        for number, picture in answer:
            boxes = _boxes(people, str(row["video"]), number)
            size = (int(row["height"]), int(row["width"]))
            stills.append(still(picture, number, "") if boxes is None else draw_boxes(picture, number, boxes, size))
    return {
        "video": row["video"],
        "action": row["action"],
        "facts": "; ".join(facts),
        "problem": problem,
        "stills": stills,
    }


def _boxes(people: HumanBoxes | None, video: str, frame: int) -> pd.DataFrame | None:
    if people is None:
        return None
    return people.rows[(people.rows["video"] == video) & (people.rows["frame"] == frame)]


def _time(row: "pd.Series[Any]", name: str) -> float:
    return float(row[name]) if name in row else math.nan
