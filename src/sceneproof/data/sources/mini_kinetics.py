"""Mini-Kinetics-200 (Xie, Sun, Huang, Tu and Murphy, Rethinking Spatiotemporal Feature Learning, 2018).

Lists: train_ytid_list.txt (80,000) and val_ytid_list.txt (5,000), one YouTube id a line, no labels: these, and start
and end, are Kinetics-400's. (All 5,000 are in its list of 19,906 validation clips, 25 of each of 200 classes.)
"""

from pathlib import Path
from typing import Annotated, Any

import pandas as pd

from sceneproof import locks
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources import kinetics
from sceneproof.data.sources.listing import How, Listing, collect, write
from sceneproof.data.sources.lists import lines
from sceneproof.errors import InputError

SITE = "https://github.com/s9xie/Mini-Kinetics-200"
OFFICIAL = {"train": 80_000, "validation": 5_000}
CLASSES = 200


@locks.alone(locks.beside_out)
def index_mini_kinetics(
    videos: Path,
    lists: Path,
    out: Path,
    *,
    kinetics_lists: Path | None = None,
    **options: Annotated[Any, How],
) -> Manifest:
    """Lists Mini-Kinetics-200 in OUT/manifest.parquet, with an audit in OUT/audit.json.

    Its lists hold YouTube ids alone: labels and times are looked up in Kinetics-400's lists. Nothing is downloaded and
    nothing is copied: OUT/videos becomes a link to the videos.

    Args:
        videos: The folder of Kinetics-400's clips, as `sceneproof index kinetics` wants it.
        lists: The folder with train_ytid_list.txt and val_ytid_list.txt, from
            https://github.com/s9xie/Mini-Kinetics-200.
        out: The folder to write.
        kinetics_lists: Kinetics-400's lists for training and validation (CSV); by default they are in LISTS, too.
        options: How files are looked into: see `How`.

    Raises:
        InputError: a list is missing (says where it comes from) or malformed (names the line), none of its ids is in
            Kinetics-400's lists, or not one video is there.
    """
    how = How(**options)
    lists = Path(lists)
    rows, notes = _read(lists, Path(kinetics_lists) if kinetics_lists is not None else lists)
    collection = collect(Listing("Mini-Kinetics-200", rows, kinetics.SITE, notes), Path(videos), Path(out), how)
    collection, more = kinetics.with_segments(collection)
    return write(collection, how, more)[0]


def _read(lists: Path, kinetics_lists: Path) -> tuple[pd.DataFrame, list[str]]:
    """The listed ids with their rows of Kinetics-400, and notes."""
    ids = {}
    for part, name in (("train", "train_ytid_list.txt"), ("validation", "val_ytid_list.txt")):
        ids[part] = [(number, line.strip("\"';, \t")) for number, line in lines(lists / name, SITE)]
        for number, line in ids[part]:
            if len(line) != 11 or len(line.split()) != 1:
                raise InputError(f"{lists / name}: line {number}: {line!r} is no YouTube id")
    known, notes = kinetics.read_lists(kinetics_lists, 400)
    wanted = pd.DataFrame([(line, part) for part, all_lines in ids.items() for _, line in all_lines])
    wanted.columns = pd.Index(["group", "part"])
    rows = wanted.merge(known.drop_duplicates("group"), on="group", how="left")
    unknown = rows["video"].isna()
    if unknown.all():
        raise InputError(f"{kinetics_lists}: none of the {len(rows)} ids of {lists} is in these lists of Kinetics-400")
    if unknown.any():
        notes.append(
            f"ids without a row in Kinetics-400's lists, so without a label: {unknown.sum()}, such as "
            f"{rows['group'][unknown].iat[0]}"
        )
    rows = rows[~unknown].reset_index(drop=True)
    moved = rows["part"] != rows["split"]
    if moved.any():
        notes.append(f"ids that stand on another side in Kinetics-400's lists: {moved.sum()}")
    counts = {part: len(all_lines) for part, all_lines in ids.items()}
    if counts != OFFICIAL:
        notes.append(f"the lists hold {counts['train']} + {counts['validation']} ids; the official ones 80000 + 5000")
    elif rows["action"].nunique() != CLASSES:
        notes.append(f"{rows['action'].nunique()} classes, where Mini-Kinetics-200 has {CLASSES}")
    return rows.assign(split=rows["part"]).drop(columns="part"), notes
