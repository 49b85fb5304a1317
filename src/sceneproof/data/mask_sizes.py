"""The sizes of masks, by their files' heads alone; and some of them decoded."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.human_rows import mask_size
from sceneproof.data.human_tables import HumanMasks
from sceneproof.errors import InputError

SAMPLED = 64
"""Masks that are decoded to see how much of the picture they cover."""


def check_masks(people: HumanMasks, sizes: pd.DataFrame) -> None:
    """Refuses masks that are no PNG pictures or have another size than their video; by their heads, without decoding.

    Args:
        people: the masks.
        sizes: width and height by video, NaN where not known; masks of other videos play no part.

    Raises:
        InputError: names the first of them, and how many there are.
    """
    place = sizes.index.get_indexer(pd.Index(people.rows["video"]))
    rows = np.flatnonzero(place >= 0)
    pictures = people.rows["png"].to_numpy()[rows]
    own = np.array([mask_size(png) if isinstance(png, bytes) else (0, 0) for png in pictures]).reshape(-1, 2)
    broken = (own == 0).any(axis=1)
    if broken.any():
        video, frame = _named(people, int(rows[np.flatnonzero(broken)[0]]))
        raise InputError(
            f"{people.source}: the mask of frame {frame} of {video!r} is no PNG picture "
            f"({int(broken.sum())} of {len(rows)} masks are none)"
        )
    wanted = sizes[["width", "height"]].to_numpy(np.float64)[place[rows]]
    other = (wanted > 0).all(axis=1) & (own != wanted).any(axis=1)
    if other.any():
        first = int(np.flatnonzero(other)[0])
        video, frame = _named(people, int(rows[first]))
        width, height = wanted[first].astype(int).tolist()
        raise InputError(
            f"{people.source}: the mask of frame {frame} of {video!r} is {own[first][0]}x{own[first][1]}, but the "
            f"video is {width}x{height} ({int(other.sum())} of {len(rows)} masks differ): make the masks from this "
            f"very file"
        )


def sampled_masks(people: HumanMasks, sizes: pd.DataFrame) -> list[NDArray[np.bool_]]:
    """Some masks of videos whose size is known, evenly over the table: at most `SAMPLED`, bool (H, W) each."""
    known = np.append((sizes[["width", "height"]].to_numpy(np.float64) > 0).all(axis=1), False)
    rows = np.flatnonzero(known[sizes.index.get_indexer(pd.Index(people.rows["video"]))])
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, SAMPLED).astype(int))] if len(rows) else rows
    place = sizes.index.get_indexer(pd.Index(people.rows["video"]))
    facts = sizes[["width", "height"]].to_numpy(np.float64)
    masks = []
    for row in chosen.tolist():
        video, frame = _named(people, row)
        width, height = facts[place[row]].astype(int).tolist()
        masks.append(people.regions(video, [frame], height, width)[0])
    return masks


def _named(people: HumanMasks, row: int) -> tuple[str, int]:
    return str(people.rows["video"].iat[row]), int(people.rows["frame"].to_numpy()[row])
