"""Mimetics (Weinzaepfel and Rogez, Mimetics: Towards Understanding Human Actions Out of Context, IJCV 2021).

713 clips of 50 Kinetics-400 actions, mimed out of context: for testing only. The list mimetics_v1.0.csv could not be
looked at itself; public code that reads it takes six columns from it, with the names and meanings of Kinetics' (label,
youtube_id, time_start, time_end and two more), and finds the files as LABEL/ID_000012_000022.mp4 or ID_12_22.mp4. The
sixth, and what the split is called, are not relied on.
"""

from pathlib import Path
from typing import Annotated, Any

import pandas as pd

from sceneproof import locks
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources import kinetics
from sceneproof.data.sources.listing import How, Listing, collect, write

SITE = "https://europe.naverlabs.com/research/computer-vision/mimetics"
CLIPS, CLASSES = 713, 50


@locks.alone(locks.beside_out)
def index_mimetics(
    videos: Path,
    lists: Path,
    out: Path,
    **options: Annotated[Any, How],
) -> Manifest:
    """Lists Mimetics in OUT/manifest.parquet, with an audit in OUT/audit.json.

    All clips are of the split "test", and out of context. Actions are named as in Kinetics-400, so a model trained
    there can be evaluated. Nothing is downloaded and nothing is copied: OUT/videos becomes a link to the videos.

    Args:
        videos: The folder of clips, named as `sceneproof index kinetics` wants them.
        lists: mimetics_v1.0.csv, or the folder with it; from
            https://europe.naverlabs.com/research/computer-vision/mimetics.
        out: The folder to write.
        options: How files are looked into: see `How`.

    Raises:
        InputError: no list (says where it comes from), a malformed row (names the line), or not one clip is there.
    """
    how = How(**options)
    file = Path(lists) / "mimetics_v1.0.csv" if Path(lists).is_dir() else Path(lists)
    rows = kinetics.read_clips(file, SITE, split="test").assign(context="out")
    collection = collect(Listing("Mimetics", rows, SITE, _notes(rows)), Path(videos), Path(out), how)
    collection, more = kinetics.with_segments(collection)
    return write(collection, how, more)[0]


def _notes(rows: pd.DataFrame) -> list[str]:
    clips, classes = len(rows), rows["action"].nunique()
    if (clips, classes) == (CLIPS, CLASSES):
        return []
    return [f"the list holds {clips} clips of {classes} actions; the paper counts {CLIPS} of {CLASSES}"]
