"""What a labelling command does with a video: the contract between the pipeline and the models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # processes that decode start quicker without it
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Looked:
    """Some frames of one clip of a manifest, decoded.

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

    def __call__(self, videos: Sequence[Looked]) -> "pa.Table":
        """The rows of these videos, in their order; a video may have none, or many."""
