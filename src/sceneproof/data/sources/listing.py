"""From what a data set's lists say to a manifest of what is there: the way that all listed sources share.

Clips are held out action by action, groups kept whole, the same on every machine.
"""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from sceneproof.data.manifest import Manifest
from sceneproof.data.sources.audit import DatasetAudit, examine
from sceneproof.data.sources.lists import once
from sceneproof.data.sources.survey import Files, link, survey, without_stamps
from sceneproof.errors import InputError
from sceneproof.wording import counted


@dataclass(frozen=True)
class DatasetListing:
    """What a data set's lists say.

    Attributes:
        source: the data set, with its version and split: "UCF-101, split 1".
        rows: columns video (the id), names (a tuple: the file's possible names, without suffix), split, action, group
            (clips that were cut from one video), and any that the manifest is to have besides.
        address: where the videos come from.
        notes: what the reader of the lists wants to be known.
        pictures: whether the files are pictures, and not videos.
    """

    source: str
    rows: pd.DataFrame
    address: str
    notes: list[str] = field(default_factory=list)
    pictures: bool = False


@dataclass(frozen=True)
class How:
    """How videos are looked into.

    Args:
        probe: Look into every file: size, rate, frames, and what cannot be read. false is quick, and tells none.
        workers: Processes that look into files; by default one a core.
        quiet: No progress and no summary.
    """

    probe: bool = True
    workers: int | None = None
    quiet: bool = False


@dataclass(frozen=True)
class Collection:
    """Listed videos that are there, looked into, and not yet written.

    Attributes:
        listing: what the lists said.
        manifest: one row for each listed row whose file is there.
        missing: ids of those that are not there, by action.
        twice: ids that the lists hold more than once.
        problems: reasons by path, below the folder of videos, of those that cannot be read.
    """

    listing: DatasetListing
    manifest: Manifest
    missing: dict[str, list[str]]
    twice: list[str]
    problems: dict[str, str]


def collect(
    listing: DatasetListing, videos: Path, out: Path, how: How, *, validation: float = 0, seed: int = 0
) -> Collection:
    """Finds the listed videos, holds out validation clips and looks into each file.

    Args:
        listing: what the lists say.
        videos: the folder of videos; sub-folders and containers do not matter, names do.
        out: the folder of the manifest; OUT/videos becomes a link to `videos`.
        how: how videos are looked into.
        validation: share of each action's training clips that becomes the split "validation", whole groups only.
        seed: of what is held out.

    Raises:
        InputError: no such folder, a share that leaves nothing to train on, or not one listed video is there.
    """
    if not 0 <= validation < 1:
        raise InputError(f"validation {validation:g} is a share that leaves nothing to train on")
    listed = listing.rows.assign(action=[unicodedata.normalize("NFC", name) for name in listing.rows["action"]])
    rows, twice = once(listed)
    files = Files(videos, pictures=listing.pictures)
    paths = pd.Series([files.find(names) for names in rows["names"]], dtype=object)
    present = paths.notna().to_numpy(dtype=np.bool_)
    if not present.any():
        first, kind = next(iter(rows["names"]))[0], "picture" if listing.pictures else "video"
        raise InputError(
            f"{videos}: no {kind} of the lists is here ({counted(len(rows), kind)}, such as {first}): they come from "
            f"{listing.address}"
        )
    lost = rows[~present]
    missing = {str(action): list(part) for action, part in lost.groupby("action")["video"]}
    rows = rows.drop(columns="names").assign(path=paths)[present].reset_index(drop=True)
    if validation:
        training = rows[rows["split"] == "train"]
        held = hold_out(training["action"].tolist(), training["group"].tolist(), validation, seed=seed)
        rows.loc[training.index[held], "split"] = "validation"
    problems: dict[str, str] = {}
    if how.probe:
        facts, problems = survey(
            videos, rows["path"].tolist(), pictures=listing.pictures, workers=how.workers, quiet=how.quiet
        )
        rows = pd.concat([rows, facts], axis=1)
    rows.insert(1, "path", link(videos, out) + rows.pop("path"))
    manifest = Manifest(rows, out, str(out / "manifest.parquet"))
    return Collection(listing, manifest, missing, twice, problems)


def write(
    collection: Collection, how: How, notes: Sequence[str] = (), *, besides: str = ""
) -> tuple[Manifest, DatasetAudit]:
    """Writes manifest.parquet and audit.json, and prints the audit.

    Args:
        collection: what `collect` found.
        how: how videos are looked into.
        notes: what else to know.
        besides: names of what was written besides, for the last line.
    """
    manifest, listing = collection.manifest, collection.listing
    quick = (
        [] if how.probe else ["the files were not opened: --probe true counts frames, and finds broken and equal files"]
    )
    audit = examine(
        manifest,
        listing.source,
        listed=len(manifest) + sum(map(len, collection.missing.values())),
        missing=collection.missing,
        listed_twice=collection.twice,
        unreadable=collection.problems,
        notes=[*listing.notes, *notes, *without_stamps(manifest.rows), *manifest.check(), *quick],
        compare=how.probe,
        workers=how.workers,
        quiet=how.quiet,
    )
    manifest.write(Path(manifest.name), source=listing.source)
    audit.write(manifest.root / "audit.json")
    if not how.quiet:
        print(audit.text())
        print(f"wrote {manifest.name}, audit.json{besides}")
    return manifest, audit


def hold_out(actions: Sequence[str], groups: Sequence[str], share: float, *, seed: int) -> list[bool]:
    """Which clips are held out: about `share` of each action, whole groups only.

    Groups are gone through in an order drawn from the seed and their names alone, so that adding clips moves few
    others. An action with at least two groups gets at least one clip held out where a group can be spared, and never
    all of them.

    Args:
        actions: each clip's action.
        groups: each clip's group, such as the film it was cut from; a group may span actions.
        share: 0 to 1.
        seed: of the order.
    """
    members: dict[str, Counter[str]] = {}
    for action, group in zip(actions, groups, strict=True):
        members.setdefault(group, Counter())[action] += 1
    total, held = Counter(actions), Counter[str]()
    several = {action for action in total if sum(action in inside for inside in members.values()) > 1}
    target = {action: max(1, round(share * total[action])) if share and action in several else 0 for action in total}
    order = sorted(members, key=lambda group: hashlib.sha256(f"{seed}/{group}".encode()).digest())
    chosen = set()
    for group in order:
        if all(held[action] + count <= target[action] for action, count in members[group].items()):
            chosen.add(group)
            held.update(members[group])
    for action in sorted(several):  # groups too large for the target: the smallest that leaves clips to train on
        if target[action] and not held[action]:
            spare = [
                group
                for group in order
                if action in members[group] and all(held[a] + n < total[a] for a, n in members[group].items())
            ]
            if spare:
                group = min(spare, key=lambda group: members[group].total())
                chosen.add(group)
                held.update(members[group])
    return [group in chosen for group in groups]
