"""Parts of a manifest: published subsets (lists of ids, as UTD's object-debiased splits have them) and random ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.manifest import Manifest
from sceneproof.errors import InputError
from sceneproof.files import read_json


def read_subsets(file: Path) -> dict[str, list[str]]:
    """Names of subsets with the ids of their videos, from JSON such as UTD's splits_ucf_testlist01.json.

    Source: Shvetsova et al., "Unbiasing through Textual Descriptions", CVPR 2025 (utd-project.github.io): "full",
    "debiased" (what objects alone solve is left out) and "debiased-balanced" (which keeps the classes' shares).

    Raises:
        InputError: no such file, or another thing than lists of ids by name.
    """
    said: dict[str, list[str]] = read_json(file, dict)
    for name, ids in said.items():
        if not isinstance(ids, list) or not ids or not all(isinstance(video, str) for video in ids):
            raise InputError(f"{file}: {name!r} is no list of ids: expected lists by name, such as 'debiased-balanced'")
    if not said:
        raise InputError(f"{file}: names no subset")
    return said


def members(
    manifest: Manifest, subsets: Mapping[str, Sequence[str]], file: Path
) -> tuple[dict[str, NDArray[np.bool_]], dict[str, list[str]]]:
    """Which rows of a manifest each subset holds, bool (N,) by its name, and which of its ids are of no row.

    An id is a row's `video`, or the name of its file without folders and ending, or its `group` (of Kinetics the id of
    the video that a clip was cut from): the first of these that finds most.

    Raises:
        InputError: no id is one of a video, or two videos have one name.
    """
    rows = manifest.rows
    columns = [rows["video"].astype(str), rows["path"].map(lambda path: PurePosixPath(str(path)).stem)]
    columns += [rows["group"].astype(str)] if "group" in rows else []
    wanted = {_bare(video) for ids in subsets.values() for video in ids}
    names = [known.map(_bare) for known in columns]
    found = [len(wanted & set(bare)) for bare in names]
    if not any(found):
        example = next(iter(wanted))
        raise InputError(
            f"{file}: no video of {manifest.name} is in it (it names {example!r}, …): is it of another data set?"
        )
    place = found.index(max(found))
    bare, grouped = names[place], "group" in rows and place == len(names) - 1
    twice = bare[bare.isin(wanted) & bare.duplicated()]
    if len(twice) and not grouped:
        raise InputError(f"{manifest.name}: two videos are called {twice.iloc[0]!r}, which {file} names")
    known = set(bare)
    inside = {name: bare.isin({_bare(video) for video in ids}).to_numpy() for name, ids in subsets.items()}
    return inside, {name: [video for video in ids if _bare(video) not in known] for name, ids in subsets.items()}


def _bare(video: str) -> str:
    """An id without folders and a video's ending."""
    name = PurePosixPath(video).name
    return name.rpartition(".")[0] if name.lower().endswith((".avi", ".mp4", ".mkv", ".webm")) else name


def in_turn(rows: NDArray[np.int64], groups: NDArray[Any], count: int, *, seed: int = 0) -> list[int]:
    """At most `count` of some rows drawn at random, the groups in turn, so that each has about as many.

    Args:
        rows: row numbers to draw from.
        groups: each row's group, such as its action; by row number.
        count: how many.
        seed: the same one draws the same rows.
    """
    mixed = np.random.default_rng(seed).permutation(rows)
    turn = pd.Series(groups[mixed]).groupby(groups[mixed]).cumcount().to_numpy()
    return [int(row) for row in mixed[np.argsort(turn, kind="stable")][:count]]
