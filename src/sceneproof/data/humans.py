"""Where the people are, by a table of boxes or of mask shapes, and what their pixels become."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sceneproof.data.human_tables import HumanBoxes, HumanMasks
from sceneproof.data.manifest import Manifest
from sceneproof.errors import InputError

__all__ = ["COVERAGE", "HumanBoxes", "HumanMasks", "Humans", "check_humans", "has_twin", "mean_colour", "read_humans"]

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

    def share(self, video: str, total_frames: int) -> float:
        """Share of the video's frames that show at least one person, 0 to 1.

        Raises:
            InputError: the table has a person in a frame that the video does not have.
        """


def read_humans(path: str | Path, *, score_threshold: float = 0.3) -> HumanBoxes | HumanMasks:
    """Reads a table of boxes or of masks, whichever it is; `score_threshold` is for boxes.

    Raises:
        InputError: as `HumanBoxes.read` and `HumanMasks.read`.
    """
    try:
        columns = pq.read_schema(path).names
    except (pa.ArrowInvalid, OSError):
        columns = []  # the reader below says what is wrong
    return HumanMasks.read(path) if "png" in columns else HumanBoxes.read(path, score_threshold=score_threshold)


def has_twin(humans: Humans, video: str, total_frames: int) -> bool:
    """Whether a video has a human-masked twin: a person in at least 70 % of its frames (`COVERAGE`)."""
    return video in humans and humans.share(video, total_frames) >= COVERAGE


def check_humans(humans: HumanBoxes | HumanMasks, manifest: Manifest) -> None:
    """Refuses the table of another data set, or of other copies of its videos, before anything long starts.

    Raises:
        InputError: none of the manifest's videos is in the table; or, where the manifest has frame counts and sizes,
            a person in a frame, or far outside the picture, that a video does not have. Names the video.
    """
    videos = manifest.rows["video"].tolist()
    known = [(row, video) for row, video in enumerate(videos) if video in humans]
    if not known:
        raise InputError(
            f"{humans.source}: none of the {len(videos)} videos of {manifest.name} is in this table (it holds "
            f"{', '.join(humans.videos[:2])}, …; the manifest {', '.join(videos[:2])}, …): is it the table of another "
            f"data set?"
        )
    if not {"frames", "width", "height"} <= set(manifest.rows.columns):
        return
    sizes = manifest.rows[["frames", "width", "height"]].to_numpy(np.float64)
    for row, video in known:
        frames, width, height = sizes[row]
        if frames > 0:  # unreadable videos have none
            humans.share(video, int(frames))
            humans.check_size(video, int(width), int(height))


def mean_colour(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each frame's mean colour, uint8 (T, 3), of frames (T, H, W, 3): what people are painted with.

    Rounded to the nearest whole number, halves up (Choi et al. 2019, section 3.3: the average pixel).
    """
    means = np.array([cv2.mean(frame)[:3] for frame in frames]).reshape(len(frames), 3)
    return np.floor(means + 0.5).astype(np.uint8)
