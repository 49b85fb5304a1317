"""The page of `sceneproof label check`, to look at labels with, and its figures as JSON."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import sceneproof
from sceneproof import locks
from sceneproof.addresses import Address
from sceneproof.data.human_tables import HumanBoxes, HumanMasks
from sceneproof.data.humans import COVERAGE
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import check_plausible, sizes_of, tell
from sceneproof.errors import InputError
from sceneproof.labelling.check.figures import Figures, by_action, by_clip, figures, top_scenes
from sceneproof.labelling.check.people import PeopleFigures
from sceneproof.labelling.check.scenes import Scenes
from sceneproof.labelling.check.tables import LabelledClips
from sceneproof.pages import charts
from sceneproof.pages import label_words as words
from sceneproof.pages.kit import MADE_BY, Card, Chart, Charts, Clips, Note, Page, Section, percent
from sceneproof.pages.label_clips import ClipSection, ShownClip, sheets_of, show
from sceneproof.wording import counted


@locks.alone(locks.beside_out)
def label_check(
    manifest: Address,
    out: Path,
    *,
    scenes: Address | None = None,
    humans: Address | None = None,
    videos: int = 24,
    worst: int = 6,
    seed: int = 0,
    splits: Sequence[str] | None = None,
    root: Address | None = None,
    score: float = 0.3,
    title: str = "What the labels say",
    time_limit: float = 60.0,
    quiet: bool = False,
) -> Path:
    """Writes one self-contained HTML page to look at labels with: figures, and videos with their labels drawn in.

    The figures are of all videos; they are also written as JSON, named after the page, beside it. Labels are read a
    piece at a time, so their tables may be larger than the memory. A video that cannot be read is shown as such.

    Args:
        manifest: The manifest (.parquet) that names the videos. It, tables and root may be addresses (s3://, …).
        out: The page to write (.html).
        scenes: Table of scene labels.
        humans: Table of person boxes or masks.
        videos: How many videos to show, drawn at random, evenly over the actions.
        worst: How many more to show of those with the fewest people, and of those with the least certain scenes.
        seed: The same one draws the same videos.
        splits: Only videos of these splits; by default of all.
        root: The folder or address that the manifest's paths start from; by default the manifest's own.
        score: Boxes below it are left out.
        title: The page's title.
        time_limit: Seconds that decoding a video may take.
        quiet: Show no progress.

    Raises:
        InputError: neither scenes nor humans, a table of another data set, an unknown split, or other bad input.
    """
    if scenes is None and humans is None:
        raise InputError("nothing to look at: give --scenes TABLE, --humans TABLE, or both")
    if videos < 0 or worst < 0 or not time_limit > 0:
        raise InputError(
            f"videos and worst must be at least 0 and time_limit above 0; given: {videos}, {worst}, {time_limit:g}"
        )
    if out.suffix == ".json":
        raise InputError(f"{out}: the page cannot be a .json file, for its figures go there: name it .html")
    table = Manifest.read(manifest, root)
    clips = LabelledClips.of(table.split(*splits) if splits else table)
    people = PeopleFigures.read(humans, clips, score=score) if humans is not None else None
    places = Scenes.read(scenes, clips) if scenes is not None else None
    rows = by_clip(clips, people, places)
    sheets = sheets_of(rows, videos, worst, seed)
    chosen = [row for sheet in sheets for row in sheet.rows]
    shown = show(chosen, clips, people, places, time_limit=time_limit, quiet=quiet)
    doubts = [] if people is None else _doubts(people, clips, chosen)
    tell(doubts)
    origins = [*(f"May be wrong: {doubt}." for doubt in doubts), *_origins(clips, people, places, splits, seed)]
    check = Check(rows, people, places, sheets, shown, origins)
    Page(title, words.headline(check.figures, check.names), sections(check)).write(out, as_json(check))
    if not quiet:
        print(f"{out}: {counted(len(clips), 'video')}, {len(shown)} of them shown")
    return out


@dataclass(frozen=True)
class Check:
    """All that was found.

    Attributes:
        rows: one a clip, as `figures.by_clip` makes them.
        people: what they were made of, or None.
        scenes: likewise.
        sheets: the clips to show; those of the first were drawn at random.
        shown: the clips of all sheets, by row.
        origins: what the figures were made of, in sentences.
    """

    rows: pd.DataFrame
    people: PeopleFigures | None
    scenes: Scenes | None
    sheets: Sequence[ClipSection]
    shown: Mapping[int, ShownClip]
    origins: Sequence[str]

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
        shares = [self.shown[row].covered for row in self.sheets[0].rows]
        known = [share for share in shares if share is not None]
        return (float(np.mean(known)) if known else None), len(known)

    def without_labels(self) -> dict[str, tuple[list[str], dict[str, str]]]:
        """By kind of label: the ids of the videos without it, and the reasons by id, where they are told."""
        kinds, videos = list[tuple[str, NDArray[np.bool_], Mapping[int, str]]](), self.rows["video"].to_numpy(object)
        if self.people is not None:
            kinds.append((self.people.table.kind, self.rows["failed"].to_numpy(bool), self.people.failures))
        if self.scenes is not None:
            kinds.append(("a scene label", ~self.scenes.labelled, self.scenes.failures))
        return {
            kind: (videos[mask].tolist(), {str(videos[row]): reason for row, reason in reasons.items()})
            for kind, mask, reasons in kinds
        }


def sections(check: Check) -> list[Section]:
    """The page's sections."""
    missing = [words.without_labels(kind, *own) for kind, own in check.without_labels().items()]
    drawings = label_charts(check.rows, check.names)
    scenes = [] if check.scenes is None else [words.top_scenes(top_scenes(check.rows, check.scenes))]
    return [
        Section(
            "figures", "Figures", Charts(drawings) if drawings else None,
            words.overall(check.figures, check.names, *check.covered),
        ),
        *(
            Section(
                sheet.title.lower().replace(" ", "-"), sheet.title, sheet.text,
                Clips([_card(check, row) for row in sheet.rows]) if sheet.rows else None,
            )
            for sheet in check.sheets
        ),
        Section("actions", "By action", words.actions(check.by_action)),
        *(Section("scenes", "Scenes", table) for table in scenes),
        Section("without-labels", "Videos without labels", *(missing if any(missing) else ["None."])),
        Section(
            "made", "How this page was made", *map(Note, check.origins), Note(MADE_BY)
        ),
    ]  # fmt: skip


def label_charts(rows: pd.DataFrame, scenes: int) -> list[Chart]:
    """Histograms over videos, of rows of `by_clip`; `scenes` is how many the labels name."""
    histograms: list[tuple[str, pd.Series[float], str, str, float | None]] = []
    if "share" in rows and rows["share"].notna().any():
        text = "Share of each video's frames that show a person. Left of the line a video fails the 70 % rule."
        histograms.append(("people", rows["share"], "share of frames with a person, %", text, COVERAGE))
    if "entropy" in rows and rows["entropy"].notna().any() and scenes > 1:
        text = f"Entropy of each video's scene label: 0 % is certain, 100 % is all {scenes} scenes alike."
        histograms.append(("entropy", rows["entropy"] / math.log(scenes), f"entropy, % of ln {scenes}", text, None))
    return [
        Chart(
            charts.histogram(shares.dropna().to_numpy(), label=label, side="videos", name=name, text=text, line=line),
            text,
        )
        for name, shares, label, text, line in histograms
    ]


def _card(check: Check, row: int) -> Card:
    """A clip with what its labels say."""
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
    return Card(
        shown.action, [shown.video], shown.stills, shown.problem, "; ".join(said), shown.scenes, "Likeliest scenes"
    )


def as_json(check: Check) -> dict[str, Any]:
    """The figures of the page, shares from 0 to 1, entropies in nats; null where a figure is not known."""
    covered, sampled = check.covered
    return {
        "sceneproof": sceneproof.__version__,
        "made": list(check.origins),
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


def _doubts(people: PeopleFigures, clips: LabelledClips, chosen: Sequence[int]) -> list[str]:
    """What is wrong, or may be, with the people of the clips that are shown: this page is there to see it."""
    rows, source = people.rows(clips, chosen), str(people.table.path)
    rows = rows.astype({"frame": np.int64})
    sizes = sizes_of(clips.manifest, rows["video"].unique().tolist())
    try:
        if people.table.kind == "masks":
            return check_plausible(HumanMasks(rows, source=source), sizes)
        return check_plausible(HumanBoxes(rows, score_threshold=people.score, source=source), sizes)
    except InputError as error:
        return [str(error)]


def _origins(
    clips: LabelledClips, people: PeopleFigures | None, scenes: Scenes | None, splits: Sequence[str] | None, seed: int
) -> list[str]:
    of = f", splits {', '.join(splits)}" if splits else ""
    origins = [f"{counted(len(clips), 'video')} of {clips.manifest.name}{of}; seed {seed}."]
    if people is not None:
        detector = people.table.metadata.get("detector") or "an unknown detector"
        least = f", of score {people.score:g} or more" if people.table.kind == "boxes" else ""
        origins.append(f"People: {people.table.kind}{least}, from {people.table.path}, by {detector}.")
    if scenes is not None:
        labeller = scenes.table.metadata.get("labeller") or "an unknown labeller"
        origins.append(f"Scenes: from {scenes.table.path}, by {labeller}.")
    return origins
