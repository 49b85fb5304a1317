"""THUMOS-14, temporal detection (Idrees et al., The THUMOS challenge on action recognition, CVIU 2017).

Annotations: CLASS_val.txt (of TH14_Temporal_annotations_validation.zip) and CLASS_test.txt (of
TH14_Temporal_annotations_test.zip), with lines "video_test_0000051  51.7 55.8", in seconds, for 20 classes; and
Ambiguous_val.txt and Ambiguous_test.txt, of what is hard to call action or none, and is taken out of evaluations (says
the README that comes with them). Files: video_validation_0000051.mp4, video_test_0000051.mp4. By custom one trains on
the validation videos (200) and tests on the 213 test videos with annotations.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd

from sceneproof import locks
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources.listing import Collection, How, Listing, collect, write
from sceneproof.data.sources.lists import lines, number
from sceneproof.errors import InputError

SITE = "http://crcv.ucf.edu/THUMOS14"
PARTS = {"val": "train", "test": "test"}
# fmt: off
CLASSES = (
    "BaseballPitch", "BasketballDunk", "Billiards", "CleanAndJerk", "CliffDiving", "CricketBowling", "CricketShot",
    "Diving", "FrisbeeCatch", "GolfSwing", "HammerThrow", "HighJump", "JavelinThrow", "LongJump", "PoleVault",
    "Shotput", "SoccerPenalty", "TennisSwing", "ThrowDiscus", "VolleyballSpiking",
)
# fmt: on
AMBIGUOUS = "Ambiguous"
OFTEN_LEFT_OUT = ("video_test_0000270", "video_test_0001292", "video_test_0001496")


@locks.alone(locks.beside_out)
def index_thumos14(
    videos: Path,
    lists: Path,
    out: Path,
    *,
    left_out: Sequence[str] = (),
    validation: float = 0.1,
    seed: int = 0,
    **options: Annotated[Any, How],
) -> Manifest:
    """Lists THUMOS-14's segments in OUT/manifest.parquet, the ambiguous ones in OUT/ambiguous.parquet, with an audit.

    One row a segment: video, start and end in seconds, action. The split "train" is THUMOS' validation set, by custom;
    validation videos are held out from it, whole videos only. Nothing is downloaded and nothing is copied: OUT/videos
    becomes a link to the videos.

    Args:
        videos: The folder with video_validation_*.mp4 and video_test_*.mp4, in any sub-folders, from
            http://crcv.ucf.edu/THUMOS14.
        lists: The folder with BaseballPitch_val.txt, BaseballPitch_test.txt and so on, in any sub-folders, from there.
        out: The folder to write.
        left_out: Names of videos to leave out. Many report on 210 test videos, without video_test_0000270,
            video_test_0001292 and video_test_0001496; the manifest and the audit say which were left out.
        validation: Share of each action's training segments that is held out for validation.
        seed: Another seed holds out other videos.
        options: How files are looked into: see `How`.

    Raises:
        InputError: no annotations (says where they come from), a malformed line (names it), a video to leave out that
            has none, or not one video is there.
    """
    how = How(**options)
    listing = without(read_lists(Path(lists)), left_out)
    collection = collect(listing, Path(videos), Path(out), how, validation=validation, seed=seed)
    notes = _past_the_end(collection.manifest.rows)
    collection, ambiguous = _apart(collection)
    besides = ""
    if len(ambiguous):
        ambiguous.write(Path(ambiguous.name), source=f"{listing.source}, ambiguous segments")
        besides = ", ambiguous.parquet"
        notes.append(f"ambiguous segments, which are no action and kept apart: {len(ambiguous)}")
    return write(collection, how, notes, besides=besides)[0]


def read_lists(folder: Path) -> Listing:
    """The segments of both sets, Ambiguous among them.

    Raises:
        InputError: no annotations, or a malformed line.
    """
    rows: list[tuple[object, ...]] = []
    notes = []
    for part, split in PARTS.items():
        files = {file.name.removesuffix(f"_{part}.txt"): file for file in sorted(folder.rglob(f"*_{part}.txt"))}
        absent = [name for name in (*CLASSES, AMBIGUOUS) if name not in files]
        if absent:
            notes.append(f"no list CLASS_{part}.txt of: {', '.join(absent)}; they come from {SITE}")
        for action in (*CLASSES, AMBIGUOUS):
            if action in files:
                rows += _segments(files[action], action, split)
    if not rows:
        raise InputError(
            f"{folder}: no annotations like Billiards_val.txt or Billiards_test.txt: they come from {SITE}"
        )
    frame = pd.DataFrame(rows, columns=["video", "names", "split", "action", "group", "start", "end"])
    return Listing(f"THUMOS-14, {_tested(frame)} test videos", frame, SITE, notes)


def without(listing: Listing, left_out: Sequence[str]) -> Listing:
    """The listing without some videos, which its source then names, and with what the count of test videos hangs on.

    Raises:
        InputError: a video without annotations.
    """
    rows, videos = listing.rows, set(listing.rows["group"])
    for video in left_out:
        if video not in videos:
            raise InputError(f"--left-out {video}: no annotations of such a video: names are like {OFTEN_LEFT_OUT[0]}")
    rows = rows[~rows["group"].isin(left_out)].reset_index(drop=True)
    source = f"THUMOS-14, {_tested(rows)} test videos"
    if left_out:
        return replace(listing, source=f"{source}, without {', '.join(sorted(set(left_out)))}", rows=rows)
    listed = [video for video in OFTEN_LEFT_OUT if video in videos]
    note = (
        f"test videos with an action: {_tested(rows, named=True)}; many leave out {', '.join(listed)} (--left-out): "
        "compare figures of the same videos only"
    )
    return replace(listing, source=source, notes=[*listing.notes, note] if listed else listing.notes)


def _segments(file: Path, action: str, split: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for line, text in lines(file, SITE):
        words = text.split()
        if len(words) != 3:
            raise InputError(f"{file}: line {line}: {text!r} is not a video, a start and an end")
        start, end = (number(word, f"{file}: line {line}") for word in words[1:])
        if end <= start:
            raise InputError(f"{file}: line {line}: the segment from {start:g} s to {end:g} s is empty")
        segment = f"{words[0]}/{action}/{start:g}-{end:g}"
        rows.append((segment, (words[0],), split, action, words[0], start, end))
    return rows


def _tested(rows: pd.DataFrame, *, named: bool = False) -> int:
    """How many test videos have annotations; `named`: of an action, not ambiguous ones alone."""
    test = rows[rows["split"] == "test"]
    return int(test["group"][(test["action"] != AMBIGUOUS) | (not named)].nunique())


def _past_the_end(rows: pd.DataFrame) -> list[str]:
    if "duration" not in rows:
        return []
    late = rows["end"] > rows["duration"].fillna(np.inf) + 0.5
    return [f"segments that end after their video: {late.sum()}"] if late.any() else []


def _apart(collection: Collection) -> tuple[Collection, Manifest]:
    """The collection without its ambiguous segments, and these."""
    manifest = collection.manifest
    apart = manifest.rows["action"] == AMBIGUOUS
    actions = Manifest(manifest.rows[~apart].reset_index(drop=True), manifest.root, manifest.name)
    missing = {action: segments for action, segments in collection.missing.items() if action != AMBIGUOUS}
    ambiguous = Manifest(
        manifest.rows[apart].reset_index(drop=True), manifest.root, str(manifest.root / "ambiguous.parquet")
    )
    return Collection(collection.listing, actions, missing, collection.twice, collection.problems), ambiguous
