"""Clips of J-HMDB with their masks, where they are at hand."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sceneproof.data.video import decode


def clips(
    shared: Path, actions: Sequence[str], *, each: int
) -> Iterator[tuple[str, NDArray[np.uint8], NDArray[np.bool_]]]:
    """Some clips of each action: name, frames (T, 120, 160, 3) and masks (T, 120, 160)."""
    for action in actions:
        with np.load(shared / "jhmdb_masks" / f"{action}.npz") as masks:
            for name in sorted(masks.files)[:each]:
                people = np.unpackbits(masks[name], axis=-1).astype(np.bool_)
                frames = decode(shared / "jhmdb" / action / f"{name}.mp4")
                yield f"{action}/{name}", frames[: len(people)], people[: len(frames)]
