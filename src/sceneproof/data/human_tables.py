"""Tables of person boxes and of person masks."""

import struct
from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.addresses import Address, Place
from sceneproof.data.human_rows import (
    CORNERS,
    check_frames,
    check_last,
    check_overlap,
    check_videos,
    corners_and_scores,
    facts_of,
    mask_size,
)
from sceneproof.data.tables import read_table, write_table
from sceneproof.errors import InputError

__all__ = ["CORNERS", "HumanBoxes", "HumanMasks", "encode_mask"]

EMPTY_BYTES, EMPTY_SHRUNK = 200, 250
"""A picture of one level shrinks to a byte for so many pixels or less, and a head: deflate reaches 1032 to 1."""
NO_BOXES = (np.zeros(0, np.int64), np.zeros((0, 4), np.float32))


class HumanBoxes:
    """Person boxes in pixels of the source video.

    Args:
        rows: columns video, frame (from 0), x1, y1, x2, y2 (x2 and y2 exclusive), score; optional: track (int).
        score_threshold: boxes below it are left out. The paper's is 0.3 (Choi et al. 2019, section 4.2).
        detector: what made them.
        source: what to call the table in messages.
    """

    def __init__(
        self, rows: pd.DataFrame, *, score_threshold: float = 0.3, detector: str = "", source: str = "boxes"
    ) -> None:
        check_videos(rows, source)
        check_frames(rows, source)
        values = corners_and_scores(rows, source)
        self.rows, self.detector, self.source, self.score_threshold = rows, detector, source, score_threshold
        # boxes without area cover no pixel: they show no person
        kept = np.flatnonzero(
            (values[:, 4] >= score_threshold) & (values[:, 2] > values[:, 0]) & (values[:, 3] > values[:, 1])
        )
        frames = rows["frame"].to_numpy(np.int64)
        self._of = {
            video: (frames[places], values[places, :4]) for video, places in _by_video(rows["video"].to_numpy(), kept)
        }

    @classmethod
    def read(cls, path: Address | Place, *, score_threshold: float = 0.3) -> "HumanBoxes":
        """Reads and checks a table of boxes.

        Raises:
            InputError: missing file or column, a table of another kind, a row that is no box; names the row.
        """
        rows, metadata = read_table(path, "boxes", ("video", "frame", *CORNERS, "score"))
        detector = str(metadata.get("detector", ""))
        return cls(rows, score_threshold=score_threshold, detector=detector, source=str(path))

    @classmethod
    def nobody(cls) -> "HumanBoxes":
        """A table without any person."""
        empty = {"video": pd.Series(dtype=str), "frame": pd.Series(dtype=np.int64)}
        return cls(pd.DataFrame({**empty, **{name: pd.Series(dtype=np.float32) for name in (*CORNERS, "score")}}))

    def write(self, path: Address | Place) -> None:
        """Writes all boxes, whatever their score, whole or not at all."""
        kinds = {"frame": "int32", **dict.fromkeys((*CORNERS, "score"), "float32")}
        if "track" in self.rows:
            track = self.rows["track"]
            kinds["track"] = "int32" if (track.abs() < 2**31).all() else "float64"  # missing, or a large number
        write_table(path, self.rows[["video", *kinds]].astype(kinds), "boxes", detector=self.detector)

    def __contains__(self, video: str) -> bool:
        return video in self._of

    @property
    def videos(self) -> Sequence[str]:
        """Ids of the videos with at least one box, in the table's order."""
        return list(self._of)

    def regions(self, video: str, frames: Sequence[int], height: int, width: int) -> NDArray[np.bool_]:
        """Pixels of people: bool (T, H, W). A pixel belongs to a box when the box covers its centre."""
        regions = np.zeros((len(frames), height, width), np.bool_)
        numbers, boxes = self._of.get(video, NO_BOXES)
        # pixel i has its centre at i + 1/2: it is inside when x1 <= i + 1/2 < x2
        pixels = np.ceil(boxes - 0.5).clip(0, (width, height, width, height)).astype(np.int64)
        for place, frame in enumerate(frames):
            for left, top, right, bottom in pixels[numbers == frame]:
                regions[place, top:bottom, left:right] = True
        return regions

    def share(self, video: str, total_frames: int, *, first: int = 0) -> float:
        """Share of `total_frames` frames from frame `first` on with at least one box, 0 to 1."""
        numbers, _ = self._of.get(video, NO_BOXES)
        return _share(numbers, total_frames, first)

    def check_overlap(self, videos: Sequence[str]) -> None:
        """Raises InputError when not one of these videos is in the table: it is of another data set."""
        highest = self.rows["score"].max() if len(self.rows) else np.nan
        if highest < self.score_threshold:
            raise InputError(
                f"{self.source}: not one box has a score of {self.score_threshold:g} or more, below which boxes are "
                f"left out; the highest is {highest:g}"
            )
        check_overlap(self._of, videos, self.source)

    def check_fit(self, sizes: pd.DataFrame) -> None:
        """Refuses boxes that lie in a frame, or outside the picture, that their video does not have.

        Args:
            sizes: width, height and frames by video, NaN where not known.

        Raises:
            InputError: names the first such box, and how many there are.
        """
        shown = self.rows[(self.rows["score"] >= self.score_threshold).to_numpy()]
        check_last(shown, sizes, self.source)
        boxes = shown[list(CORNERS)].to_numpy(np.float64)
        pictures = facts_of(shown, sizes, ["width", "height"])
        out = np.asarray(((boxes[:, :2] >= pictures) | (boxes[:, 2:] <= 0) & np.isfinite(pictures)).any(axis=1))
        if out.any():
            row = int(np.flatnonzero(out)[0])
            width, height = pictures[row].astype(int).tolist()
            raise InputError(
                f"{self.source}: the box {', '.join(f'{value:g}' for value in boxes[row])} in frame "
                f"{shown['frame'].iat[row]} of {shown['video'].iat[row]!r} lies outside its {width}x{height} pixels "
                f"({out.sum()} of {len(out)} boxes do): boxes are in pixels of this very file"
            )


class HumanMasks:
    """Person masks, one picture a frame, kept compressed until they are asked for.

    Args:
        rows: columns video, frame (from 0), png (bytes of a PNG of the source's size, person not 0; of colours the one
            that is not black).
        detector: what made them.
        source: what to call the table in messages.
    """

    def __init__(self, rows: pd.DataFrame, *, detector: str = "", source: str = "masks") -> None:
        check_videos(rows, source)
        check_frames(rows, source)
        twice = rows.duplicated(["video", "frame"])
        if twice.any():
            row = int(np.flatnonzero(twice)[0])
            raise InputError(
                f"{source}: row {row}: a second mask for frame {rows['frame'].iat[row]} of {rows['video'].iat[row]!r}; "
                f"a frame has one mask, of all people"
            )
        self.rows, self.detector, self.source = rows, detector, source
        frames, pictures = rows["frame"].to_numpy(np.int64), rows["png"].to_numpy()
        self._of: dict[str, Mapping[int, bytes]] = {
            video: dict(zip(frames[places].tolist(), pictures[places], strict=True))
            for video, places in _by_video(rows["video"].to_numpy(), np.arange(len(rows)))
        }

    @classmethod
    def read(cls, path: Address | Place) -> "HumanMasks":
        """Reads and checks a table of masks; pictures are decoded when they are used.

        Raises:
            InputError: missing file or column, a table of another kind, two masks for one frame.
        """
        rows, metadata = read_table(path, "masks", ("video", "frame", "png"))
        return cls(rows, detector=str(metadata.get("detector", "")), source=str(path))

    def write(self, path: Address | Place) -> None:
        """Writes the masks, whole or not at all."""
        write_table(
            path, self.rows[["video", "frame", "png"]].astype({"frame": "int32"}), "masks", detector=self.detector
        )

    def __contains__(self, video: str) -> bool:
        return video in self._of

    @property
    def videos(self) -> Sequence[str]:
        """Ids of the videos with at least one mask, in the table's order."""
        return list(self._of)

    def regions(self, video: str, frames: Sequence[int], height: int, width: int) -> NDArray[np.bool_]:
        """Pixels of people: bool (T, H, W).

        Raises:
            InputError: a mask that is no picture or not of this size; names the video and the frame.
        """
        regions = np.zeros((len(frames), height, width), np.bool_)
        pictures = self._of.get(video, {})
        for place, frame in enumerate(frames):
            if frame in pictures:
                regions[place] = self._picture(video, frame, pictures[frame], (height, width))
        return regions

    def share(self, video: str, total_frames: int, *, first: int = 0) -> float:
        """Share of `total_frames` frames from frame `first` on with a person, 0 to 1. An empty mask shows none."""
        frames = range(first, first + total_frames)
        shown = [
            frame
            for frame, png in self._of.get(video, {}).items()
            if frame in frames and not self._empty(video, frame, png)
        ]
        return _share(np.array(shown, np.int64), total_frames, first)

    def _empty(self, video: str, frame: int, png: bytes) -> bool:
        """Whether a mask shows nobody. A large file is no mask without a pixel: only small ones are decoded."""
        width, height = mask_size(png)
        if len(png) > EMPTY_BYTES + width * height // EMPTY_SHRUNK:
            return False
        return not self._picture(video, frame, png, (height, width)).any()

    def check_overlap(self, videos: Sequence[str]) -> None:
        """Raises InputError when not one of these videos is in the table: it is of another data set."""
        check_overlap(self._of, videos, self.source)

    def check_fit(self, sizes: pd.DataFrame) -> None:
        """Refuses masks of frames that their video does not have.

        Args:
            sizes: frames by video, NaN where not known.

        Raises:
            InputError: names the first such mask, and how many there are.
        """
        check_last(self.rows, sizes, self.source)

    def _picture(self, video: str, frame: int, png: bytes, size: tuple[int, int]) -> NDArray[np.bool_]:
        says = png_size(png)
        if says is not None and says != size:
            raise InputError(
                f"{self.source}: the mask of frame {frame} of {video!r} is {says[1]}x{says[0]}, but the video is "
                f"{size[1]}x{size[0]}: make the masks from this very file"
            )
        mask = decoded_mask(png) if says else None
        if mask is None:
            raise InputError(f"{self.source}: the mask of frame {frame} of {video!r} is no PNG picture")
        return mask


def png_size(png: bytes) -> tuple[int, int] | None:
    """Height and width that a PNG picture says it has, before it is decoded; None where it is none.

    125 kB can claim 32,000 x 32,000 pixels, so whoever decodes one first compares its size with what it must be.
    """
    if png[:8] != b"\x89PNG\r\n\x1a\n" or png[12:16] != b"IHDR" or len(png) < 24:
        return None
    width, height = struct.unpack(">II", png[16:24])
    return height, width


def decoded_mask(png: bytes) -> NDArray[np.bool_] | None:
    """The pixels of a PNG picture that are not 0, bool (H, W); None where it cannot be decoded.

    Of pictures of 16 bits and of colours all counts: numbers of people are often kept so, and they are small. As greys
    of 8 bits they would be 0.
    """
    grey = png[25:26] == b"\0"  # the type of its colours
    how = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), how | cv2.IMREAD_ANYDEPTH)
    if picture is None:
        return None
    return np.asarray(picture > 0 if grey else (picture > 0).any(axis=2))


def encode_mask(mask: NDArray[np.bool_]) -> bytes:
    """One mask, bool (H, W), as a 1-bit PNG: person 255."""
    done, png = cv2.imencode(".png", mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])
    assert done  # an array in memory always encodes
    return png.tobytes()


def _by_video(videos: NDArray[np.object_], kept: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Row numbers of each video, grouped once."""
    for video, places in pd.Series(kept).groupby(videos[kept], sort=False):
        yield str(video), places.to_numpy(np.int64)


def _share(numbers: NDArray[np.int64], total_frames: int, first: int) -> float:
    inside = np.unique(numbers[(numbers >= first) & (numbers < first + total_frames)])
    return len(inside) / max(total_frames, 1)
