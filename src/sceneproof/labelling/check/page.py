"""The page of a look at labels, and its figures as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

import sceneproof
from sceneproof.labelling.check import texts
from sceneproof.labelling.check.charts import charts
from sceneproof.labelling.check.figures import Figures, by_action, figures, top_scenes
from sceneproof.labelling.check.people import People
from sceneproof.labelling.check.scenes import Scenes
from sceneproof.labelling.check.sheet import Shown
from sceneproof.report.cells import Table, percent
from sceneproof.report.html import html


@dataclass(frozen=True)
class Sheet:
    """A section of clips: why these, and which rows of the manifest."""

    title: str
    text: str
    rows: list[int]

    @property
    def id(self) -> str:
        """Its place on the page."""
        return self.title.lower().replace(" ", "-")


@dataclass(frozen=True)
class Check:
    """All that was found.

    Attributes:
        rows: one a clip, as `figures.by_clip` makes them.
        people: what they were made of, or None.
        scenes: likewise.
        sheets: the clips to show; those of the first were drawn at random.
        shown: the clips of all sheets, by row.
        made: what the figures were made of, in sentences.
    """

    rows: pd.DataFrame
    people: People | None
    scenes: Scenes | None
    sheets: Sequence[Sheet]
    shown: Mapping[int, Shown]
    made: Sequence[str]

    @property
    def names(self) -> int:
        """How many scenes the labels name."""
        return len(self.scenes.names) if self.scenes is not None else 0

    @cached_property
    def figures(self) -> Figures:
        """Of all clips."""
        return figures(self.rows, self.names)

    @cached_property
    def by_action(self) -> dict[str, Figures]:
        """Of each action's clips."""
        return by_action(self.rows, self.names)

    @property
    def covered(self) -> tuple[float | None, int]:
        """The share of the picture that people cover, the mean over the clips drawn at random; and over how many."""
        found = [self.shown[row].covered for row in self.sheets[0].rows]
        known = [one for one in found if one is not None]
        return (float(np.mean(known)) if known else None), len(known)

    def without_labels(self) -> dict[str, tuple[list[str], dict[str, str]]]:
        """By kind of label: the ids of the videos without it, and the reasons by id, where they are told."""
        found = {}
        if self.people is not None:
            failed = self.rows["failed"].to_numpy(bool)
            found[self.people.table.kind] = self._named(failed, self.people.failures)
        if self.scenes is not None:
            found["a scene label"] = self._named(~self.scenes.there, self.scenes.failures)
        return found

    def _named(self, mask: Any, reasons: Mapping[int, str]) -> tuple[list[str], dict[str, str]]:
        videos = self.rows["video"].to_numpy(object)
        return videos[mask].tolist(), {str(videos[row]): reason for row, reason in reasons.items()}


def render(check: Check, *, title: str) -> str:
    """The page as HTML."""
    tables = [texts.without_labels(kind, *one) for kind, one in check.without_labels().items()]
    sheets = [
        {"id": one.id, "title": one.title, "text": one.text, "clips": [_card(check, row) for row in one.rows]}
        for one in check.sheets
    ]
    return html(
        "page.html.j2",
        package="sceneproof.labelling.check",
        own_css=Markup(files("sceneproof.labelling.check").joinpath("check.css").read_text()),
        title=title,
        headline=texts.headline(check.figures, check.names),
        notes=[],
        sections=[
            "figures",
            *(one.id for one in check.sheets),
            "actions",
            *(["scenes"] if check.scenes is not None else []),
            "without-labels",
            "made",
        ],
        drawings=charts(check.rows, check.names),
        overall=texts.overall(check.figures, check.names, *check.covered),
        scenes=texts.top_scenes(top_scenes(check.rows, check.scenes)) if check.scenes is not None else None,
        actions=texts.actions(check.by_action),
        sheets=sheets,
        missing=[table for table in tables if isinstance(table, Table)],
        made=list(check.made),
        percent=percent,
    )


def _card(check: Check, row: int) -> dict[str, Any]:
    """A clip as the template shows it."""
    shown, facts = check.shown[row], check.rows.loc[row].to_dict()
    said = []
    if check.people is not None and facts["failed"]:
        said.append(f"no {check.people.table.kind}: {check.people.failures[row]}")
    elif check.people is not None and facts["looked"]:
        verdict = "passes" if facts["passes"] else "fails"
        said.append(f"a person in {percent(facts['share'], 0)} of {facts['length']} frames: {verdict} the 70 % rule")
    if shown.covered is not None:
        said.append(f"people cover {percent(shown.covered, 0)} of the picture")
    if check.scenes is not None and not shown.scenes:
        said.append(f"no scene label: {check.scenes.failures.get(row, 'not told')}")
    return {**asdict(shown), "facts": "; ".join(said)}


def as_json(check: Check) -> dict[str, Any]:
    """The figures of the page, shares from 0 to 1, entropies in nats; null where a figure is not known."""
    covered, sampled = check.covered
    return {
        "sceneproof": sceneproof.__version__,
        "made": list(check.made),
        "people_detector": check.people.table.metadata.get("detector") if check.people is not None else None,
        "scene_labeller": check.scenes.table.metadata.get("labeller") if check.scenes is not None else None,
        "scenes": check.names,
        "all": check.figures,
        "picture_covered_by_people": {"mean": covered, "videos_measured": sampled},
        "by_action": check.by_action,
        "top_scenes": top_scenes(check.rows, check.scenes) if check.scenes is not None else [],
        "without_labels": {
            kind: [{"video": video, "reason": reasons.get(video)} for video in videos]
            for kind, (videos, reasons) in check.without_labels().items()
        },
        "shown": {
            sheet.title: [{"video": check.shown[row].video, "problem": check.shown[row].problem} for row in sheet.rows]
            for sheet in check.sheets
        },
    }
