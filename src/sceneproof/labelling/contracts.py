"""What a labelling command works with: a clip's frames, what is asked of them, and the models that answer.

Yours is a subclass of one of the bases, named by its import path; it needs no registration.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # processes that decode start quicker without it
    import pyarrow as pa

NO_NUMBERS = np.full((1, 5), np.nan, np.float32)
"""What a detector says of a frame for which its network gives something that is no finite number: the labelling ends.

Held against a least score, such an answer would be nobody.
"""


@dataclass(frozen=True, slots=True)
class DecodedClip:
    """Some frames of one clip of a manifest.

    Attributes:
        video: the clip's id.
        numbers: int64 (N,), which frames of the file these are, from 0.
        first: the clip's first frame in its file.
        length: how many frames the clip has.
        height: of a frame of the file, upright, in pixels.
        width: likewise.
        frames: uint8 (N, H, W, 3), RGB; smaller than the file's where the labelling asked for that.
    """

    video: str
    numbers: NDArray[np.int64]
    first: int
    length: int
    height: int
    width: int
    frames: NDArray[np.uint8]


class SceneLabeller(ABC):
    """Anything that says how likely each scene is in a picture.

    Attributes:
        names: S scene names, in the order of the posteriors.
        title: what makes the labels, and with which settings, as the table will tell: all that its answers depend on.
        short_side: frames may come shrunk to this short side, in pixels; None: it wants them as they are.
    """

    names: Sequence[str]
    title: str
    short_side: int | None = None

    @abstractmethod
    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Posteriors (N, S), each row at least 0 and summing to 1, of frames uint8 (N, H, W, 3), RGB."""


class PersonDetector(ABC):
    """Anything that finds people as boxes.

    Attributes:
        title: what finds them, and with which settings, as the table will tell: all that its answers depend on.
        short_side: frames may come shrunk to this short side, in pixels; None: it wants them as they are.
    """

    title: str
    short_side: int | None = None

    @abstractmethod
    def __call__(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """People in frames uint8 (N, H, W, 3), RGB.

        Returns:
            N arrays float32 (K, 5): x1, y1, x2, y2 in pixels of these frames, x2 and y2 exclusive, and the score.
        """


class PersonSegmenter(ABC):
    """Anything that finds people's pixels.

    Attributes:
        title: as a PersonDetector's.
        short_side: likewise.
    """

    title: str
    short_side: int | None = None

    @abstractmethod
    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Pixels of all people together, bool (N, H, W), in all frames of one clip, uint8 (N, H, W, 3), RGB."""


class Labelling(Protocol):
    """Which frames a label needs, and the rows that a model makes of them.

    Attributes:
        kind: of the table: "scenes", "boxes" or "masks".
        schema: of its rows; the first column is `video`.
        metadata: JSON values for the table's schema. All that the labels depend on is in it, so labels that
            were begun with other metadata are not gone on with.
        short_side: frames are shrunk to this short side while they are decoded, never enlarged; None: as they are.
    """

    @property
    def kind(self) -> str:
        """Of the table."""

    @property
    def schema(self) -> "pa.Schema":
        """Of the table's rows."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """JSON values for the table's schema."""

    @property
    def short_side(self) -> int | None:
        """Of the frames that the model needs, in pixels."""

    def numbers(self, length: int, rate: float) -> NDArray[np.int64]:
        """Frames to look at in a clip of `length` frames at `rate` a second (NaN: unknown), counted from its start."""

    def __call__(self, clips: Sequence[DecodedClip], /) -> "pa.Table":
        """The rows of these clips, in their order; a clip may have none, or many."""
