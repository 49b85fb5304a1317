"""Digests of what tables hold, so that work that goes on later, or a result that is kept, can tell that they changed.

They are of the content: the same rows in another file, at another place or written anew have the same digests.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sceneproof.addresses import Address, located, opened_file, size
from sceneproof.data.flow import FlowFacts
from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.data.tables import hashes
from sceneproof.optical_flow import DIS
from sceneproof.seals import file_digest

Digests = Mapping[str, Any]
"""What was read: a table's name -> part -> a number or a digest; JSON values."""
CLIPS = ("video", "path", "action", "start", "end", "times")
"""The columns of a manifest that training on clips follows from."""
SEGMENTS = (*CLIPS, "group", "width", "height", "rate", "frames")
"""Those that training on untrimmed videos follows from."""


def manifest_digests(table: Manifest, splits: Sequence[str | None], columns: Sequence[str] = CLIPS) -> dict[str, Any]:
    """Of the rows of some splits (None: of none), a digest a column; a column that is missing is one without values."""
    digests: dict[str, Any] = {}
    for split in splits:
        if split is not None:
            rows = table.split(split).rows
            digests[f"rows of split {split}"] = len(rows)
            digests |= {f"{name} in split {split}": _column(rows, name) for name in columns}
    if flow := FlowFacts.of(table):  # a prepared collection and its flow have the same ids, paths and times
        digests["what its videos show"] = "flow" if flow.by == DIS else f"flow by {flow.by}"
    return digests


def scene_digests(table: SceneTable, videos: Sequence[str]) -> dict[str, Any]:
    """Of the labels of these videos."""
    vectors, known = table.rows_for(videos)
    return {
        "videos with a label": int(known.sum()),
        "names of the scenes": _digest("\n".join(table.names).encode()),
        "labels": _digest(vectors.tobytes() + known.tobytes()),
    }


def people_digests(rows: pd.DataFrame, videos: Sequence[str]) -> dict[str, Any]:
    """Of the rows of a table of people that are of these videos."""
    own = rows[rows["video"].isin(list(videos))]
    return {"rows": len(own)} | {str(name): _column(own, str(name)) for name in sorted(own.columns)}


def rows_digest(rows: pd.DataFrame, columns: Sequence[str]) -> str:
    """Of these columns of all rows, in their order."""
    return _digest("".join(_column(rows, name) for name in columns).encode())


def file_digests(**files: Address | None) -> dict[str, str]:
    """SHA-256 of files, here or at an address, by a name of one's own; of those that are given and are there.

    Of a folder of parts it is that of the plan which all of them follow from.
    """
    digests = {}
    for name, file in files.items():
        place = None if file is None else located(file)
        if isinstance(place, Path) and place.is_dir():
            place = place / "plan.json"
        if place is not None and size(place) is not None:
            with opened_file(place) as opened:
                digests[name] = file_digest(opened)
    return digests


def weights_digests(weights: Path | None) -> dict[str, str]:
    """SHA-256 of the weights that a training starts from: a file, or those of a run folder."""
    if weights is None:
        return {}
    return file_digests(weights=weights / "weights.safetensors" if Path(weights).is_dir() else weights)


def changed(before: Digests, now: Digests) -> str:
    """Says the first thing that differs, for a message; empty where nothing does."""
    for table in sorted({*before, *now}, key=lambda name: (name != "manifest", name)):
        then, present = before.get(table), now.get(table)
        if (then is None) != (present is None):
            return f"{table}: given now, not before" if then is None else f"{table}: given before, not now"
        if not isinstance(then, Mapping) or not isinstance(present, Mapping):
            if then != present:
                return f"{table}: another one"
            continue
        for part in (*present, *(name for name in then if name not in present)):
            if then.get(part) != present.get(part):
                numbers = isinstance(present.get(part), int) and isinstance(then.get(part), int)
                return f"{table}: {part}: {f'{then[part]} before, {present[part]} now' if numbers else 'changed'}"
    return ""


def _column(rows: pd.DataFrame, name: str) -> str:
    if name not in rows or not len(rows):
        values = pd.Series(np.full(len(rows), np.nan))
    elif pd.api.types.is_numeric_dtype(rows[name]):
        values = rows[name].astype(np.float64)
    else:
        values = rows[name]
    return _digest(hashes(values).tobytes() if len(values) else b"")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
