"""UCF-101 (Soomro, Zamir and Shah, UCF101: A Dataset of 101 Human Actions Classes, CRCV-TR-12-01, 2012).

Files: CLASS/v_CLASS_gNN_cNN.avi; gNN is the group: clips of one group were cut from one video. Lists, as
UCF101TrainTestSplits-RecognitionTask.zip has them: classInd.txt ("1 ApplyEyeMakeup"), trainlist0N.txt
("ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1") and testlist0N.txt (the same without the number). The folder
HandstandPushups holds files named v_HandStandPushups: the lists say so too.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import pandas as pd

from sceneproof import locks
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources.listing import How, Listing, collect, write
from sceneproof.data.sources.lists import lines
from sceneproof.errors import InputError

SITE = "https://www.crcv.ucf.edu/data/UCF101.php"
LISTS = f"UCF101TrainTestSplits-RecognitionTask.zip of {SITE}"
OFFICIAL = {1: (9537, 3783), 2: (9586, 3734), 3: (9624, 3696)}  # training and test videos


@locks.alone(locks.beside_out)
def index_ucf101(
    videos: Path,
    lists: Path,
    out: Path,
    *,
    split: Literal[1, 2, 3] = 1,
    validation: float = 0.1,
    seed: int = 0,
    **options: Annotated[Any, How],
) -> Manifest:
    """Lists UCF-101 in OUT/manifest.parquet, with an audit in OUT/audit.json.

    Test videos are the official ones; validation videos are held out from the official training videos, group by
    group. Nothing is downloaded and nothing is copied: OUT/videos becomes a link to the videos.

    Args:
        videos: The folder UCF-101 of UCF101.rar, from https://www.crcv.ucf.edu/data/UCF101.php.
        lists: The folder ucfTrainTestlist of UCF101TrainTestSplits-RecognitionTask.zip, from there.
        out: The folder to write.
        split: Which of the three official splits; published figures are means over all three.
        validation: Share of each action's training videos that is held out for validation.
        seed: Another seed holds out other groups.
        options: How files are looked into: see `How`.

    Raises:
        InputError: a list is missing (says where it comes from) or malformed (names the line), or not one of its
            videos is there.
    """
    how = How(**options)
    listing = read_lists(Path(lists), split)
    collection = collect(listing, Path(videos), Path(out), how, validation=validation, seed=seed)
    return write(collection, how)[0]


def read_lists(folder: Path, split: int) -> Listing:
    """The videos of one official split.

    Raises:
        InputError: a list is missing or malformed.
    """
    known = _classes(folder / "classInd.txt")
    rows = []
    for part in ("train", "test"):
        file = folder / f"{part}list{split:02d}.txt"
        for number, line in lines(file, LISTS):
            path = PurePosixPath(line.split()[0])
            named = re.fullmatch(r"v_\w+_(g\d+)_c\d+", path.stem)
            action = path.parent.name
            if named is None or action not in known:
                raise InputError(
                    f"{file}: line {number}: {line!r} is no video of a class of classInd.txt "
                    f"(expected CLASS/v_CLASS_g01_c01.avi)"
                )
            name = f"{action}/{path.stem}"
            rows.append((name, (name,), part, action, f"{action}_{named[1]}"))
    counts = tuple(sum(row[2] == part for row in rows) for part in ("train", "test"))
    notes = [f"the lists hold {counts[0]} + {counts[1]} videos; the official ones {OFFICIAL[split]}"]
    frame = pd.DataFrame(rows, columns=["video", "names", "split", "action", "group"])
    return Listing(f"UCF-101, split {split}", frame, SITE, notes if counts != OFFICIAL[split] else [])


def _classes(file: Path) -> set[str]:
    """Class names of classInd.txt."""
    names = set()
    for number, line in lines(file, LISTS):
        words = line.split()
        if len(words) != 2 or not words[0].isdigit():
            raise InputError(f"{file}: line {number}: {line!r} is not a number and a class")
        names.add(words[1])
    return names
