"""One video rewritten for training: smaller, each few frames a key frame, and checked against what it was made from."""

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sceneproof.addresses import located, marks
from sceneproof.data.container import VideoError, opened
from sceneproof.data.video import decode, decode_each, frame_range, probe, shrunk
from sceneproof.errors import AddressError
from sceneproof.files import whole
from sceneproof.processes import Ask

Form = Literal["h264", "jpeg"]
KEY_FRAME_EVERY = 4
"""Frames: docs/prepare.md has the speed and the size of other distances."""
LARGEST_ERROR = 16.0
"""Of 255, mean absolute, in any frame that is compared: above it a file is not what it was made from."""


@dataclass(frozen=True, slots=True)
class Source:
    """What to rewrite, and how.

    Attributes:
        path: of the video.
        target: of the file to write (.mp4).
        start: of the segment to keep, in seconds; NaN: the file's start.
        end: likewise.
        short_side: of the frames written, in pixels; smaller ones are not enlarged.
        form: H.264 with a key frame every few frames, or JPEG pictures (MJPEG).
        key_frame_every: so many frames of H.264.
        most: frames to write at the most; None: all. For an estimate.
    """

    path: str
    target: str
    start: float
    end: float
    short_side: int
    form: Form
    key_frame_every: int = KEY_FRAME_EVERY
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What was written.

    Attributes:
        frames: how many.
        shown: how many the source's clip has: more, where only its first were asked for.
        first: the first one's number in the source.
        height: in pixels.
        width: likewise.
        rate: frames a second; NaN: unknown.
        source_height: of the source, upright.
        source_width: likewise.
        bytes: of the file.
        error: mean absolute difference of the frames compared, of 255.
    """

    frames: int
    shown: int
    first: int
    height: int
    width: int
    rate: float
    source_height: int
    source_width: int
    bytes: int
    error: float


def rewrite(source: Source, ask: Ask | None = None) -> Rewritten:
    """Writes a video's frames at their new size, whole or not at all; a finished file of the same making is left alone.

    Raises:
        VideoError: the source cannot be read, or what was written is not what it should be.
    """
    target, making = Path(source.target), _making(source)
    if (there := _finished(source, making)) is not None:
        return there
    info = probe(source.path)
    shown = frame_range(info, source.start, source.end)
    length = len(shown)
    shown = shown[: source.most] if source.most is not None else shown
    resized = partial(_even, short_side=source.short_side)
    size = resized(info.height, info.width)
    rate = Fraction(info.rate).limit_denominator(1001) if math.isfinite(info.rate) else Fraction(25)
    kept: dict[int, NDArray[np.uint8]] = {}
    with whole(target) as temporary:
        with av.open(str(temporary), "w", format="mp4", options={"movflags": "faststart"}) as container:
            container.metadata["comment"] = json.dumps({"making": making, "frames": len(shown), "first": shown.start})
            writer = _Writer(container, source, *size, rate)
            for number, frame in enumerate(decode_each(source.path, shown, resized)):
                if number & (number - 1) == 0 or number == len(shown) - 1:  # 0, the powers of two, and the last
                    kept[number] = frame
                writer.add(number, frame)
            writer.close()
        made = Rewritten(
            len(shown), length, shown.start, *size, info.rate, info.height, info.width, temporary.stat().st_size,
            _difference(temporary, kept, len(shown)),
        )  # fmt: skip
    return made


def _finished(source: Source, making: str) -> Rewritten | None:
    """What a target that is there already holds; None where it is not there, not whole, or of another making."""
    target = Path(source.target)
    if not target.is_file():
        return None
    try:
        with opened(target) as video:
            said = json.loads(video.container.metadata.get("comment", "null"))
        if not isinstance(said, dict) or said.get("making") != making:
            return None
        there, info = probe(target), probe(source.path)
    except (VideoError, json.JSONDecodeError):
        return None
    if there.frames != said.get("frames"):
        return None
    return Rewritten(
        there.frames, there.frames, said["first"], there.height, there.width, info.rate, info.height, info.width,
        target.stat().st_size, math.nan,
    )  # fmt: skip


def _making(source: Source) -> str:
    """What a target was made from and how: the source's own bytes are told apart by their number and their time."""
    keys = f", a key frame every {source.key_frame_every}" if source.form == "h264" else ""
    try:
        original = marks(located(source.path))
    except FileNotFoundError:
        raise VideoError("no such file") from None
    except AddressError as error:
        raise VideoError(error.reason) from None
    return (
        f"{source.form}{keys}, short side {source.short_side}, {source.start}-{source.end} s, "
        f"at most {source.most} frames, of {original}"
    )


def _difference(path: Path, kept: dict[int, NDArray[np.uint8]], frames: int) -> float:
    """Mean absolute difference of what was written and what should have been, of 255.

    Raises:
        VideoError: frames are missing, or differ by more than coding explains.
    """
    there = probe(path).frames
    if there != frames:
        raise VideoError(f"{there} of {frames} frames arrived in the rewritten file")
    numbers = sorted(kept)
    errors = [
        float(np.abs(frame.astype(np.int16) - kept[number]).mean())
        for number, frame in zip(numbers, decode(path, numbers), strict=True)
    ]
    if max(errors) > LARGEST_ERROR:
        raise VideoError(f"the rewritten frames differ by up to {max(errors):.1f} of 255 from the source's")
    return sum(errors) / len(errors)


def _even(height: int, width: int, short_side: int) -> tuple[int, int]:
    """Shrunk to a short side, to even numbers, which colours at half the resolution need."""
    height, width = shrunk(height, width, short_side)
    return max(round(height / 2) * 2, 2), max(round(width / 2) * 2, 2)


class _Writer:
    """Frames into a file of one of the forms."""

    def __init__(self, container: OutputContainer, source: Source, height: int, width: int, rate: Fraction) -> None:
        self._container, self._form, self._rate = container, source.form, rate
        stream = container.add_stream("libx264" if source.form == "h264" else "mjpeg", rate=rate)
        assert isinstance(stream, VideoStream)
        self._stream = stream
        stream.height, stream.width = height, width
        stream.pix_fmt = "yuv420p" if source.form == "h264" else "yuvj420p"
        stream.codec_context.time_base = 1 / rate
        stream.codec_context.thread_count = 1
        if source.form == "h264":
            stream.codec_context.gop_size = source.key_frame_every
            # no frames that lean on later ones, no filter between blocks: decoding is what is paid for again and again;
            # mbtree gives other bytes for the same frames, depending on what was encoded before
            stream.codec_context.options = {
                "preset": "medium", "crf": "20", "bf": "0", "sc_threshold": "0", "tune": "fastdecode",
                "mbtree": "0",
            }  # fmt: skip

    def add(self, number: int, frame: NDArray[np.uint8]) -> None:
        """Adds a frame, uint8 (H, W, 3), RGB."""
        if self._form == "h264":
            picture = VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = number, 1 / self._rate
            self._container.mux(self._stream.encode(picture))
            return
        _, jpeg = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
        packet = av.Packet(jpeg.tobytes())
        packet.stream, packet.time_base, packet.is_keyframe = self._stream, 1 / self._rate, True
        packet.pts = packet.dts = number
        packet.duration = 1
        self._container.mux(packet)

    def close(self) -> None:
        """Writes what the encoder still holds."""
        if self._form == "h264":
            self._container.mux(self._stream.encode())
