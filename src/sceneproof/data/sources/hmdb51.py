"""HMDB-51 (Kuehne, Jhuang, Garrote, Poggio and Serre, HMDB: A Large Video Database for Human Motion Recognition, 2011).

Files: CLASS/NAME.avi, from hmdb51_org.rar, which holds one more .rar a class. Lists: the folder
testTrainMulti_7030_splits of test_train_splits.rar, with CLASS_test_splitN.txt: lines "NAME.avi 1" (train), 2 (test)
or 0 (neither). J-HMDB's lists have the same form.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd

from sceneproof import locks
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources.listing import How, Listing, collect, write
from sceneproof.data.sources.lists import lines
from sceneproof.errors import InputError

SITE = "https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database"
LISTS = f"test_train_splits.rar of {SITE}"
OFFICIAL = {"train": 70, "test": 30}  # videos of each class


@locks.alone(locks.beside_out)
def index_hmdb51(
    videos: Path,
    lists: Path,
    out: Path,
    *,
    split: Literal[1, 2, 3] = 1,
    validation: float = 0.1,
    seed: int = 0,
    **options: Annotated[Any, How],
) -> Manifest:
    """Lists HMDB-51 in OUT/manifest.parquet, with an audit in OUT/audit.json.

    Test videos are the official ones; validation videos are held out from the official training videos, film by film:
    a video's name begins with the film it was cut from. Nothing is downloaded and nothing is copied: OUT/videos
    becomes a link to the videos.

    Args:
        videos: The folder with a sub-folder a class, as hmdb51_org.rar and the archives in it unpack; from
            https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database.
        lists: The folder testTrainMulti_7030_splits of test_train_splits.rar, from there.
        out: The folder to write.
        split: Which of the three official splits; published figures are means over all three.
        validation: Share of each action's training videos that is held out for validation.
        seed: Another seed holds out other films.
        options: How files are looked into: see `How`.

    Raises:
        InputError: the lists are missing (says where they come from) or malformed (names the line), or not one of
            their videos is there.
    """
    how = How(**options)
    rows = read_splits(Path(lists), split, LISTS)
    counts = Counter(zip(rows["action"], rows["split"], strict=True))
    odd = [f"{action} ({part}: {count})" for (action, part), count in counts.items() if count != OFFICIAL[part]]
    notes = [f"lists that do not hold 70 + 30 videos: {', '.join(odd)}"] if odd else []
    listing = Listing(f"HMDB-51, split {split}", rows, SITE, notes)
    collection = collect(listing, Path(videos), Path(out), how, validation=validation, seed=seed)
    return write(collection, how)[0]


def read_splits(folder: Path, split: int, address: str) -> pd.DataFrame:
    """The clips of CLASS_test_splitN.txt: columns video, names, split, action, group (the film).

    Args:
        folder: where the lists are.
        split: 1, 2 or 3.
        address: where they come from.

    Raises:
        InputError: no such lists, or a line that is not understood.
    """
    suffix = f"_test_split{split}.txt"
    rows = []
    for file in sorted(folder.glob(f"*{suffix}")):
        action = file.name.removesuffix(suffix)
        for number, line in lines(file, address):
            told = re.fullmatch(r"(.*[^\s;,])[\s;,]+([012])[\s;,]*", line)
            if told is None:
                raise InputError(
                    f"{file}: line {number}: {line!r} is not a file name and 1 (train), 2 (test) or 0 (neither)"
                )
            name, tag = told.groups()
            if tag != "0":
                stem = Path(name).stem
                part = "train" if tag == "1" else "test"
                rows.append((f"{action}/{stem}", (f"{action}/{stem}",), part, action, source_film(stem, action)))
    if not rows:
        raise InputError(f"{folder}: no split lists like wave{suffix}: they come from {address}")
    return pd.DataFrame(rows, columns=["video", "names", "split", "action", "group"])


def source_film(name: str, action: str) -> str:
    """The film that a clip was cut from: its name without the action, the tags and the running numbers.

    HMDB-51's names are FILM_ACTION_body_camera_people_view_quality_NUMBER; FILM itself often ends in a number of its
    own, one for each scene taken from it.
    """
    film = re.sub(rf"_{re.escape(action)}_[a-z]_[a-z]{{2}}_np\d+_[a-z]{{2}}_[a-z]{{3}}_\d+$", "", name)
    return re.sub(r"_+\d+$", "", film) or film
