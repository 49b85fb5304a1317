"""Where the people are, by a table of boxes or of mask shapes, and what their pixels become."""

import sys
from collections.abc import Iterable, Sequence
from typing import Protocol

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from sceneproof.addresses import Address, Place
from sceneproof.data.human_tables import CORNERS, HumanBoxes, HumanMasks, encode_mask
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import check_plausible, sizes_of
from sceneproof.data.tables import read_schema
from sceneproof.errors import AddressError

__all__ = [
    "COVERAGE",
    "HumanBoxes",
    "HumanMasks",
    "Humans",
    "check_humans",
    "encode_mask",
    "from_masks",
    "has_twin",
    "mean_colour",
    "read_humans",
]

COVERAGE = 0.7
"""The least share of frames with a person for a video to have a masked twin (released code of Choi et al. 2019)."""


class Humans(Protocol):
    """Where the people are in the videos of a data set."""

    def __contains__(self, video: str) -> bool:
        """Whether the table knows a person in this video."""

    @property
    def videos(self) -> Sequence[str]:
        """Ids of the videos with at least one person, in the table's order."""

    def regions(self, video: str, frames: Sequence[int], height: int, width: int) -> NDArray[np.bool_]:
        """People in these frames of a video of this size: bool (T, H, W), False where none is known.

        Raises:
            InputError: the table was made for another frame size.
        """

    def share(self, video: str, total_frames: int, *, first: int = 0) -> float:
        """Share of `total_frames` frames from frame `first` on that show at least one person, 0 to 1."""

    def check_overlap(self, videos: Sequence[str]) -> None:
        """Refuses the table of another data set.

        Raises:
            InputError: not one of these videos is in the table.
        """


def read_humans(path: Address | Place, *, score_threshold: float = 0.3) -> HumanBoxes | HumanMasks:
    """Reads a table of boxes or of masks, whichever it is; `score_threshold` is for boxes.

    Raises:
        InputError: as `HumanBoxes.read` and `HumanMasks.read`.
    """
    try:
        columns = read_schema(path).names
    except (pa.ArrowInvalid, OSError, AddressError):
        columns = []  # the reader below says what is wrong
    return HumanMasks.read(path) if "png" in columns else HumanBoxes.read(path, score_threshold=score_threshold)


def from_masks(
    masks: Iterable[tuple[str, NDArray[np.bool_]]], detector: str, *, source: str = "masks"
) -> tuple[HumanMasks, HumanBoxes]:
    """Tables of whole masks, and of the boxes around them, one a frame with score 1.

    Args:
        masks: video ids with their masks, bool (T, H, W); frames without a person get no row.
        detector: what made them.
        source: what to call the tables in messages.
    """
    pictures: list[tuple[str, int, bytes]] = []
    boxes: list[tuple[str, int, int, int, int, int, float]] = []
    for video, shapes in masks:
        for frame, shape in enumerate(shapes):
            x, y, width, height = cv2.boundingRect(shape.astype(np.uint8))
            if width:
                pictures.append((video, frame, encode_mask(shape)))
                boxes.append((video, frame, x, y, x + width, y + height, 1.0))
    return (
        HumanMasks(pd.DataFrame(pictures, columns=["video", "frame", "png"]), detector=detector, source=source),
        HumanBoxes(
            pd.DataFrame(boxes, columns=["video", "frame", *CORNERS, "score"]),
            detector=f"around the masks of {detector}",
            source=source,
        ),
    )


def has_twin(humans: Humans, video: str, total_frames: int, *, first: int = 0) -> bool:
    """Whether a video has a human-masked twin: a person in at least 70 % of its frames (`COVERAGE`)."""
    return video in humans and humans.share(video, total_frames, first=first) >= COVERAGE


def check_humans(humans: HumanBoxes | HumanMasks, manifest: Manifest) -> list[str]:
    """Refuses a table of people that cannot be of a manifest's videos, before anything long starts.

    Args:
        humans: boxes or masks.
        manifest: of the videos that they are used with. Where it does not know how large they are, some are looked
            into.

    Returns:
        What may be wrong with the table, a sentence each: for `plausibility.tell`, or a page.

    Raises:
        InputError: none of the videos is in the table; boxes in other units or of another size of the videos, frames
            counted otherwise, areas that no person has; or a person in a frame, or outside the picture, that a video
            does not have. Says what it looks like, and what to do.
    """
    humans.check_overlap(manifest.rows["video"].tolist())
    sizes = sizes_of(manifest, humans.videos)
    warnings = check_plausible(humans, sizes)
    humans.check_fit(sizes)
    return warnings


def people_of_split(humans: HumanBoxes | HumanMasks, manifest: Manifest, split: str) -> HumanBoxes | HumanMasks | None:
    """A table of people for a split; None, and a line that says so, where it knows nobody of that split but of others.

    A table that knows nobody in the whole manifest is left for `check_humans` to refuse.
    """
    rows = manifest.rows
    known = rows["video"].isin(set(humans.videos))
    if not known.any() or known[rows["split"] == split].any():
        return humans
    print(f"{manifest.name}: nobody is known of the videos of the split {split!r}", file=sys.stderr)
    return None


def mean_colour(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each frame's mean colour, uint8 (T, 3), of frames (T, H, W, 3): what people are painted with.

    Rounded to the nearest whole number, halves up (Choi et al. 2019, section 3.3: the average pixel).
    """
    means = np.array([cv2.mean(frame)[:3] for frame in frames]).reshape(len(frames), 3)
    return np.floor(means + 0.5).astype(np.uint8)
