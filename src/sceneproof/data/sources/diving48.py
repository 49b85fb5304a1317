"""Diving48 (Li, Li and Vasconcelos, RESOUND: Towards Action Recognition without Representation Bias, ECCV 2018).

Two versions with different labels: V1 (Diving48_train.json, Diving48_test.json: 15,943 + 2,096 clips), which the SDN
paper used, and V2 (Diving48_V2_train.json, Diving48_V2_test.json: 15,027 + 1,970), which corrected labels and dropped
clips. Lists are JSON: [{"vid_name": "_8Vy3dlHg2w_00000", "label": 0, "start_frame": 0, "end_frame": 48}, …]; vid_name
is the YouTube id and a running number; files are rgb/VID_NAME.mp4, cut already. Diving48_vocab.json serves both: 48
lists of four words.

The versions are told apart by the files' names and by how many clips they hold; where single labels differ has not been
looked at.
"""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd

from sceneproof import locks
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources.listing import How, Listing, collect, write
from sceneproof.errors import InputError
from sceneproof.files import MOST_LISTED, read_json

SITE = "http://www.svcl.ucsd.edu/projects/resound/dataset.html"
LISTS = {
    "V1": {"train": "Diving48_train.json", "test": "Diving48_test.json"},
    "V2": {"train": "Diving48_V2_train.json", "test": "Diving48_V2_test.json"},
}
OFFICIAL = {"V1": {"train": 15_943, "test": 2_096}, "V2": {"train": 15_027, "test": 1_970}}


@locks.alone(locks.beside_out)
def index_diving48(
    videos: Path,
    lists: Path,
    out: Path,
    *,
    version: Literal["V1", "V2"],
    validation: float = 0.1,
    seed: int = 0,
    **options: Annotated[Any, How],
) -> Manifest:
    """Lists Diving48 in OUT/manifest.parquet, with an audit in OUT/audit.json.

    The version is named in the audit, in the manifest's metadata and in front of every action ("V1 Back 15som 05Twis
    FREE"), so a model of one version cannot be evaluated on the other by mistake. Test clips are the official ones;
    validation clips are held out from the official training clips, source video by source video. Nothing is downloaded
    and nothing is copied: OUT/videos becomes a link to the videos.

    Args:
        videos: The folder rgb of Diving48_rgb.tar.gz, from http://www.svcl.ucsd.edu/projects/resound/dataset.html.
        lists: The folder with Diving48_vocab.json and the two lists of the version, from there.
        out: The folder to write.
        version: V1, as in the SDN paper, or V2, with other labels, as most do since 2020.
        validation: Share of each action's training clips that is held out for validation.
        seed: Another seed holds out other source videos.
        options: How files are looked into: see `How`.

    Raises:
        InputError: a list is missing (says where it comes from), malformed (names the entry) or of the other version,
            or not one of its videos is there.
    """
    how = How(**options)
    listing = read_lists(Path(lists), version)
    collection = collect(listing, Path(videos), Path(out), how, validation=validation, seed=seed)
    return write(collection, how)[0]


def read_lists(folder: Path, version: str) -> Listing:
    """The clips of one version.

    Raises:
        InputError: a list is missing, malformed or of the other version.
    """
    actions = _vocabulary(folder / "Diving48_vocab.json", version)
    rows, counts, late = [], {}, 0
    for part, name in LISTS[version].items():
        entries = _json(folder / name)
        counts[part] = len(entries)
        _refuse_other_version(folder / name, version, len(entries))
        for place, entry in enumerate(entries):
            video, label = _entry(entry, len(actions), f"{folder / name}: entry {place}")
            late += bool(entry.get("start_frame", 0))
            rows.append((video, (video,), part, actions[label], re.sub(r"_\d+$", "", video)))
    notes = []
    if counts != OFFICIAL[version]:
        official = " + ".join(map(str, OFFICIAL[version].values()))
        notes.append(f"the lists hold {counts['train']} + {counts['test']} clips; the official ones {official}")
    if late:
        notes.append(f"entries that begin after their file's first frame: {late}; the whole file is used")
    frame = pd.DataFrame(rows, columns=["video", "names", "split", "action", "group"])
    return Listing(f"Diving48 {version}", frame, SITE, notes)


def _refuse_other_version(file: Path, version: str, entries: int) -> None:
    other = "V2" if version == "V1" else "V1"
    if entries in OFFICIAL[other].values():
        raise InputError(
            f"{file}: {entries} entries, as many as a list of {other} has, where {version} is asked for: their labels "
            f"differ and must not be mixed; take both lists of one version from {SITE}"
        )


def _vocabulary(file: Path, version: str) -> list[str]:
    """Action names by label, the version first."""
    words = _json(file)
    for place, parts in enumerate(words):
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise InputError(f"{file}: entry {place}: {json.dumps(parts)[:80]} is not a list of words")
    return [f"{version} {' '.join(parts)}" for parts in words]


def _entry(entry: Any, labels: int, where: str) -> tuple[str, int]:
    video, label = (entry.get("vid_name"), entry.get("label")) if isinstance(entry, dict) else (None, None)
    if not isinstance(video, str) or not re.fullmatch(r"[\w-]+", video):
        raise InputError(f"{where}: {json.dumps(entry)[:80]} has no vid_name like _8Vy3dlHg2w_00000")
    if type(label) is not int or not 0 <= label < labels:
        raise InputError(f"{where}: {json.dumps(entry)[:80]} has no label from 0 to {labels - 1}")
    return video, label


def _json(file: Path) -> list[Any]:
    if not file.is_file():
        raise InputError(f"{file}: no such list: it comes from {SITE}")
    entries = read_json(file, most=MOST_LISTED)
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{file}: not a list of entries: take it from {SITE}")
    return entries
