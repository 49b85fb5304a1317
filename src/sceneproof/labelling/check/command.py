"""The command `sceneproof label check`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from sceneproof.addresses import Address
from sceneproof.data.human_tables import HumanBoxes, HumanMasks
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import check_plausible, sizes_of, tell
from sceneproof.errors import InputError
from sceneproof.files import whole, write_json
from sceneproof.labelling.check.clips import Clips
from sceneproof.labelling.check.figures import by_clip
from sceneproof.labelling.check.page import Check, Sheet, as_json, render
from sceneproof.labelling.check.people import People
from sceneproof.labelling.check.scenes import Scenes
from sceneproof.labelling.check.sheet import drawn, fewest_people, least_certain, show
from sceneproof.wording import counted


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
    clips = Clips.of(table.split(*splits) if splits else table)
    people = People.read(humans, clips, score=score) if humans is not None else None
    places = Scenes.read(scenes, clips) if scenes is not None else None
    rows = by_clip(clips, people, places)
    sheets = _sheets(rows, videos, worst, seed)
    chosen = [row for sheet in sheets for row in sheet.rows]
    shown = show(chosen, clips, people, places, time_limit=time_limit, quiet=quiet)
    doubts = [] if people is None else _doubts(people, clips, chosen)
    tell(doubts)
    made = [*(f"May be wrong: {doubt}." for doubt in doubts), *_made(clips, people, places, splits, seed)]
    check = Check(rows, people, places, sheets, shown, made)
    page = render(check, title=title)
    write_json(out.with_suffix(".json"), as_json(check))
    with whole(out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    if not quiet:
        print(f"{out}: {counted(len(clips), 'video')}, {len(shown)} of them shown")
    return out


def _doubts(people: People, clips: Clips, chosen: Sequence[int]) -> list[str]:
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


def _sheets(rows: pd.DataFrame, videos: int, worst: int, seed: int) -> list[Sheet]:
    text = "Drawn at random, the actions in turn; nothing is picked by hand."
    if "boxes" in rows and rows["boxes"].notna().any():
        text += " A box carries its score" + (", and after # the number of its track." if "tracks" in rows else ".")
    sheets = [Sheet("Videos", text, drawn(rows, videos, seed))]
    if "looked" in rows:
        found = fewest_people(rows, worst, seed)
        text = "The videos with a person in the smallest share of their frames, of those that fail the 70 % rule."
        sheets.append(Sheet("Fewest people", text if found else "Every video counted passes the 70 % rule.", found))
    if "entropy" in rows:
        text = "The videos whose scene labels have the highest entropy."
        sheets.append(Sheet("Least certain scenes", text, least_certain(rows, worst)))
    return sheets


def _made(
    clips: Clips, people: People | None, scenes: Scenes | None, splits: Sequence[str] | None, seed: int
) -> list[str]:
    of = f", splits {', '.join(splits)}" if splits else ""
    made = [f"{counted(len(clips), 'video')} of {clips.manifest.name}{of}; seed {seed}."]
    if people is not None:
        detector = people.table.metadata.get("detector") or "an unknown detector"
        least = f", of score {people.score:g} or more" if people.table.kind == "boxes" else ""
        made.append(f"People: {people.table.kind}{least}, from {people.table.path}, by {detector}.")
    if scenes is not None:
        labeller = scenes.table.metadata.get("labeller") or "an unknown labeller"
        made.append(f"Scenes: from {scenes.table.path}, by {labeller}.")
    return made
