"""Rows of human tables: boxes, detected in some frames and interpolated between; masks, in every frame."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sceneproof.data.human_tables import CORNERS, encode_mask
from sceneproof.data.tracks import between, clipped, tracks
from sceneproof.errors import InputError
from sceneproof.labelling.contracts import DecodedClip, PersonDetector, PersonSegmenter

BOXES = pa.schema(
    [
        ("video", pa.string()),
        ("frame", pa.int32()),
        *((name, pa.float32()) for name in (*CORNERS, "score")),
        ("track", pa.int32()),
    ]
)
MASKS = pa.schema([("video", pa.string()), ("frame", pa.int32()), ("png", pa.binary())])


class BoxLabelling:
    """Boxes of people in every frame of a clip: a Labelling.

    The detector looks at some frames. Its boxes are joined to tracks; a box between two of one track is interpolated.
    """

    kind = "boxes"
    schema = BOXES

    def __init__(
        self,
        detector: PersonDetector,
        *,
        every: int = 4,
        per_second: float | None = None,
        least_overlap: float = 0.3,
        gap: int = 1,
    ) -> None:
        """What looks, at which frames, and what joins its boxes.

        Args:
            detector: Finds the people.
            every: It looks at every `every`-th frame, and at the last.
            per_second: Instead, about how many frames a second it looks at, where the video's rate is known.
            least_overlap: IoU of boxes in frames looked at one after the other, for them to be one person.
            gap: How many frames looked at a person may be missing from and still be the same.

        Raises:
            InputError: a setting out of its range.
        """
        if every < 1 or gap < 0 or not 0 < least_overlap <= 1 or (per_second is not None and not per_second > 0):
            raise InputError(
                f"human boxes: every must be at least 1, per_second above 0, gap at least 0, and least_overlap above 0 "
                f"and up to 1; given: {every}, {per_second}, {gap}, {least_overlap:g}"
            )
        self._detector, self._every, self._per_second = detector, every, per_second
        self._least_overlap, self._gap = least_overlap, gap

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The detector's title, and the settings."""
        return {
            "detector": self._detector.title,
            "every": self._every,
            "per_second": self._per_second,
            "least_overlap": self._least_overlap,
            "gap": self._gap,
        }

    @property
    def short_side(self) -> int | None:
        """The detector's."""
        return self._detector.short_side

    def numbers(self, length: int, rate: float) -> NDArray[np.int64]:
        """Frames to look at: evenly spaced, the first and the last among them."""
        step = self._every
        if self._per_second is not None and math.isfinite(rate):
            step = max(1, round(rate / self._per_second))
        return np.unique(np.append(np.arange(0, length, step), length - 1))

    def __call__(self, videos: Sequence[DecodedClip]) -> pa.Table:
        """Rows of all boxes, by video, frame and track, in pixels of the source file."""
        parts = [BOXES.empty_table()]
        for looked, detections in self._found(videos):
            scale = np.array([looked.width / looked.frames.shape[2], looked.height / looked.frames.shape[1]] * 2 + [1])
            own = [clipped((boxes * scale).astype(np.float32), looked.height, looked.width) for boxes in detections]
            numbers = tracks(own, least_overlap=self._least_overlap, gap=self._gap)
            frames, boxes, track = between(looked.numbers, own, numbers)
            columns = [[looked.video] * len(frames), frames, *boxes.T, track]
            parts.append(pa.table([pa.array(column, kind) for column, kind in zip(columns, BOXES.types, strict=True)],
                                  schema=BOXES))  # fmt: skip
        return pa.concat_tables(parts)

    def _found(self, videos: Sequence[DecodedClip]) -> Iterator[tuple[DecodedClip, list[NDArray[np.float32]]]]:
        """Each video with its detections; videos of one frame size go through the detector together."""
        for _, group in itertools.groupby(videos, lambda looked: looked.frames.shape[1:]):
            alike = list(group)
            frames = np.concatenate([looked.frames for looked in alike])
            detections = self._detector(frames)
            if len(detections) != len(frames) or any(boxes.ndim != 2 or boxes.shape[1] != 5 for boxes in detections):
                shapes = ", ".join(str(boxes.shape) for boxes in detections[:3])
                raise InputError(
                    f"{self._detector.title}: answered {len(detections)} arrays ({shapes}, …) to {len(frames)} frames; "
                    f"each frame needs one of x1, y1, x2, y2, score: (K, 5)"
                )
            waiting = iter(detections)
            for looked in alike:
                own = list(itertools.islice(waiting, len(looked.frames)))
                if not all(np.isfinite(boxes).all() for boxes in own):
                    raise InputError(f"{looked.video}: {self._detector.title}: gives boxes that are not finite numbers")
                yield looked, own


class MaskLabelling:
    """Masks of people in every frame of a clip: a Labelling.

    Masks are not interpolated, so every frame is looked at.
    """

    kind = "masks"
    schema = MASKS

    def __init__(self, segmenter: PersonSegmenter) -> None:
        """With what finds the people's pixels."""
        self._segmenter = segmenter

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The segmenter's title."""
        return {"detector": self._segmenter.title}

    @property
    def short_side(self) -> int | None:
        """The segmenter's."""
        return self._segmenter.short_side

    def numbers(self, length: int, rate: float) -> NDArray[np.int64]:
        """All frames."""
        return np.arange(length)

    def __call__(self, videos: Sequence[DecodedClip]) -> pa.Table:
        """Rows of the masks, of the source file's size; a frame without people has none."""
        rows: list[tuple[str, int, bytes]] = []
        for looked in videos:
            try:
                masks = self._segmenter(looked.frames)
            except InputError as error:
                raise InputError(f"{looked.video}: {error}") from None
            for frame, mask in zip(looked.numbers.tolist(), masks, strict=True):
                if mask.any():
                    rows.append((looked.video, frame, encode_mask(_enlarged(mask, looked.height, looked.width))))
        columns = zip(*rows, strict=True) if rows else ([], [], [])
        return pa.table([pa.array(column, kind) for column, kind in zip(columns, MASKS.types, strict=True)],
                        schema=MASKS)  # fmt: skip


def _enlarged(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """A mask at another size, cut where its smoothed edge is half person."""
    if mask.shape == (height, width):
        return mask
    soft = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(soft > 0.5)
