"""Kinetics-400, -600 and -700 (Kay et al. 2017; Carreira et al. 2018, 2019), and what shares their lists.

Lists are CSV: label,youtube_id,time_start,time_end,split (and is_cc in some). The test list of some mirrors has no
labels. The common downloaders (ActivityNet's crawler, CVDF's archives) name the files ID_000012_000022.mp4, with start
and end in seconds, in a folder a label or a split; others ID_12_22.mp4, or ID.mp4, which may be the clip or the whole
video.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd

from sceneproof import locks
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources.listing import Collection, How, Listing, collect, write
from sceneproof.data.sources.lists import header, number, table
from sceneproof.errors import InputError

SITE = "https://github.com/cvdfoundation/kinetics-dataset"
COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")
SPLITS = {"train": "train", "val": "validation", "validate": "validation", "validation": "validation", "test": "test"}
SLACK = 1.0  # seconds by which a cut clip may be longer than its list says: cuts fall on key frames


@locks.alone(locks.beside_out)
def index_kinetics(
    videos: Path,
    lists: Path,
    out: Path,
    *,
    classes: Literal[400, 600, 700] = 400,
    **options: Annotated[Any, How],
) -> Manifest:
    """Lists Kinetics-400, -600 or -700 in OUT/manifest.parquet, with an audit in OUT/audit.json.

    The official splits are taken as they are: train, validation and test. Kinetics rots: what is listed and missing is
    named, class by class. Nothing is downloaded and nothing is copied: OUT/videos becomes a link to the videos.

    Args:
        videos: The folder of clips, named ID_000012_000022.mp4, ID_12_22.mp4 or ID.mp4, in any sub-folders. A file
            named by its id alone that is longer than the clip is taken for the whole video, and only the listed
            seconds are used.
        lists: A folder with the lists as CSV (train.csv, val.csv, test.csv, or kinetics-400_train.csv and so on), or
            one such file; from https://github.com/cvdfoundation/kinetics-dataset.
        out: The folder to write.
        classes: Which Kinetics: the versions share videos across their splits and must not be mixed. Lists that name
            another version are left alone.
        options: How files are looked into: see `How`.

    Raises:
        InputError: no lists (says where they come from), a malformed row (names the line), lists of more classes than
            there should be, or not one video is there.
    """
    how = How(**options)
    rows, notes = read_lists(Path(lists), classes)
    collection = collect(Listing(f"Kinetics-{classes}", rows, SITE, notes), Path(videos), Path(out), how)
    collection, more = with_segments(collection)
    return write(collection, how, more)[0]


def read_lists(lists: Path, classes: int) -> tuple[pd.DataFrame, list[str]]:
    """The labelled clips of all lists of this version, and notes.

    Returns:
        Columns video (ID_000012_000022), names, split, action, group (the YouTube id), start, end.

    Raises:
        InputError: no lists, a malformed row, or more classes than there should be.
    """
    files, notes = _files(lists, classes), []
    parts = []
    for file in files:
        if "label" in header(file):
            parts.append(read_clips(file, SITE))
        else:
            notes.append(f"{file.name} has no labels: left out")
    if not parts:
        raise InputError(f"{lists}: no labelled list ({','.join(COLUMNS)}): they come from {SITE}")
    rows = pd.concat(parts, ignore_index=True)
    labels = rows["action"].nunique()
    if labels > classes:
        raise InputError(f"{lists}: the lists hold {labels} classes, Kinetics-{classes} has {classes}: versions mixed?")
    return rows, notes + ([f"the lists hold {labels} of {classes} classes"] if labels < classes else [])


def read_clips(file: Path, address: str, *, split: str | None = None) -> pd.DataFrame:
    """The clips of one list, as `read_lists` returns them.

    Args:
        file: the list.
        address: where it comes from.
        split: of all clips, whatever the list says; by default what it says.

    Raises:
        InputError: a missing column or a malformed row; names the line.
    """
    rows = []
    for line, row in table(file, COLUMNS if split is None else COLUMNS[:-1], address):
        where = f"{file}: line {line}"
        start, end = (number(row[name], f"{where}: {name}") for name in ("time_start", "time_end"))
        part = split if split is not None else SPLITS.get(row["split"])
        if part is None:
            raise InputError(f"{where}: unknown split {row['split']!r}; known: {', '.join(SPLITS)}")
        if not re.fullmatch(r"[\w-]+", row["youtube_id"]) or end <= start:
            raise InputError(f"{where}: {row['youtube_id']!r} from {start:g} s to {end:g} s is no clip of a video")
        padded = f"{row['youtube_id']}_{int(start):06d}_{int(end):06d}"
        names = (padded, f"{row['youtube_id']}_{int(start)}_{int(end)}", row["youtube_id"])
        rows.append((padded, names, part, row["label"], row["youtube_id"], start, end))
    return pd.DataFrame(rows, columns=["video", "names", "split", "action", "group", "start", "end"])


def with_segments(collection: Collection) -> tuple[Collection, list[str]]:
    """Keeps start and end where a file holds the whole video, and drops them where it is the clip already.

    Only the length tells these apart, for files named by the id alone.
    """
    rows = collection.manifest.rows
    bare = np.array([Path(path).stem for path in rows["path"]]) == rows["group"].to_numpy()
    notes = []
    if "duration" in rows:
        whole = bare & (rows["duration"] > rows["end"] - rows["start"] + SLACK).to_numpy()
        if whole.any():
            notes = [f"whole videos, of which the listed seconds are used: {whole.sum()}"]
    else:
        whole = np.zeros(len(rows), np.bool_)
        if bare.any():
            notes = [f"named by the id alone, and taken for clips already cut: {bare.sum()}"]
    columns = rows.drop(columns=["start", "end"])
    if whole.any():
        columns = columns.assign(start=rows["start"].where(whole), end=rows["end"].where(whole))
    manifest = Manifest(columns, collection.manifest.root, collection.manifest.name)
    return Collection(collection.listing, manifest, collection.missing, collection.twice, collection.problems), notes


def _files(lists: Path, classes: int) -> list[Path]:
    """The lists of this version: a file, or those of a folder whose names do not tell another version."""
    if lists.is_file():
        return [lists]
    others = "|".join(str(other) for other in (400, 600, 700) if other != classes)
    files = [file for file in sorted(lists.glob("*.csv")) if not re.search(rf"(?<!\d)({others})(?!\d)", file.name)]
    files = [file for file in files if "youtube_id" in header(file)]
    if not files:
        raise InputError(f"{lists}: no list of Kinetics-{classes} ({','.join(COLUMNS)}): they come from {SITE}")
    return files
