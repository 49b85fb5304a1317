"""One video rewritten for training: smaller, each few frames a key frame, and checked against what it was made from."""

import json
import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from sceneproof.addresses import located, marks
from sceneproof.data.container import opened
from sceneproof.data.picture import PictureFile
from sceneproof.data.times import FrameTimes
from sceneproof.data.video import VideoInfo, decode, decode_each, frame_range, probe
from sceneproof.encoding import Clock, Form, Writer
from sceneproof.errors import AddressError, MachineError, UnreachableError, VideoError
from sceneproof.files import whole
from sceneproof.flow_methods import MARK, FlowMethod, even
from sceneproof.machine import refuse_trouble
from sceneproof.optical_flow import flow_pictures
from sceneproof.seals import seal_video

KEY_FRAME_EVERY = 4
"""Frames: docs/prepare.md has the speed and the size of other distances."""
UNKNOWN_RATE = 25.0
"""Frames a second of what is written, where nothing tells the source's."""
LARGEST_SHIFT = 1e-3
"""Seconds by which a frame may be shown earlier or later than the source's: Matroska's own precision."""
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
        flow: how the optical flow is computed that is written in the frames' place; None: the frames are.
    """

    path: str
    target: str
    start: float
    end: float
    short_side: int
    form: Form
    key_frame_every: int = KEY_FRAME_EVERY
    most: int | None = None
    flow: FlowMethod | None = None


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What was written.

    Attributes:
        frames: how many.
        shown: how many the source's clip has: more, where only its first were asked for.
        first: the first one's number in the source.
        height: in pixels.
        width: likewise.
        times: when they are shown; None: unknown.
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
    times: FrameTimes | None
    source_height: int
    source_width: int
    bytes: int
    error: float


def rewrite(source: Source) -> Rewritten:
    """Writes a video's frames at their new size, whole or not at all; a finished file of the same making is left alone.

    Raises:
        VideoError: the source cannot be read, or what was written is not what it should be.
        MachineError: the source cannot be read for a reason that is not its own.
        OSError: it cannot be written.
    """
    target, making = Path(source.target), _making(source)
    if (finished := _finished(source, making)) is not None:
        return finished
    info = probe(source.path)
    shown, times = _shown(source, info)
    length = len(shown)
    if source.most is not None and length > source.most:
        shown = shown[: source.most]
        times = times.part(range(source.most)) if times is not None else None
    resized = partial(even, short_side=source.short_side)
    size = resized(info.height, info.width)
    clock = Clock.of(times or FrameTimes.even(len(shown), UNKNOWN_RATE))
    kept: dict[int, NDArray[np.uint8]] = {}
    with whole(target) as temporary:
        with av.open(str(temporary), "w", format="mp4", options=clock.options) as container:
            container.metadata["comment"] = json.dumps({"making": making, "frames": len(shown), "first": shown.start})
            writer = Writer(
                container, source.form, source.key_frame_every, *size, clock, whole_colours=source.flow is not None
            )
            frames = decode_each(source.path, shown, resized)
            for number, frame in enumerate(flow_pictures(frames, source.flow.moves()) if source.flow else frames):
                if number & (number - 1) == 0 or number == len(shown) - 1:  # 0, the powers of two, and the last
                    kept[number] = frame
                writer.add(number, frame)
            writer.close()
        rewritten = Rewritten(
            len(shown), length, shown.start, *size, times, info.height, info.width, temporary.stat().st_size,
            _difference(temporary, kept, len(shown), times),
        )  # fmt: skip
        seal_video(temporary)
    return rewritten


def _finished(source: Source, making: str) -> Rewritten | None:
    """What a target that is there already holds; None where it is not there, not whole, or of another making."""
    target = Path(source.target)
    if not target.is_file():
        return None
    try:
        with opened(target) as video:
            if isinstance(video, PictureFile):
                return None
            said = json.loads(video.container.metadata.get("comment", "null"))
        if not isinstance(said, dict) or said.get("making") != making:
            return None
        own, info = probe(target), probe(source.path)
        _, times = _shown(source, info)
    except (VideoError, json.JSONDecodeError):
        return None
    if own.frames != said.get("frames") or not _same_times(own.times, times):
        return None
    return Rewritten(
        own.frames, own.frames, said["first"], own.height, own.width, times, info.height, info.width,
        target.stat().st_size, math.nan,
    )  # fmt: skip


def _shown(source: Source, info: VideoInfo) -> tuple[range, FrameTimes | None]:
    """The frames to write, and when each is shown in the new file; None where nothing tells."""
    shown = frame_range(info, source.start, source.end)
    if info.times is None or (math.isnan(source.start) and math.isnan(source.end)):
        return shown, info.times
    return shown, info.times.part(shown, math.inf if math.isnan(source.end) else source.end)


def _same_times(own: FrameTimes | None, wanted: FrameTimes | None) -> bool:
    if wanted is None or own is None:
        return wanted is None
    numbers = np.arange(wanted.frames + 1)
    return len(numbers) == own.frames + 1 and bool(
        np.abs(own.seconds(numbers) - wanted.seconds(numbers)).max() <= LARGEST_SHIFT
    )


def _making(source: Source) -> str:
    """What a target was made from and how: the source's own bytes are told apart by their number and their time."""
    keys = f", a key frame every {source.key_frame_every}" if source.form == "h264" else ""
    try:
        original = marks(located(source.path))
    except FileNotFoundError:
        raise VideoError("no such file") from None
    except UnreachableError as error:
        raise MachineError(str(error)) from None
    except AddressError as error:
        raise VideoError(error.reason) from None
    except OSError as error:
        refuse_trouble(error, source.path)
        raise VideoError(str(error.strerror).lower()) from None
    return (
        f"{source.form}{keys}, short side {source.short_side}, {source.start}-{source.end} s, "
        f"at most {source.most} frames, of {original}{f', {MARK} {source.flow.by}' if source.flow else ''}"
    )


def _difference(path: Path, kept: dict[int, NDArray[np.uint8]], frames: int, times: FrameTimes | None) -> float:
    """Mean absolute difference of what was written and what should have been, of 255.

    Raises:
        VideoError: frames are missing, are shown at other times, or differ by more than coding explains.
    """
    written = probe(path)
    if written.frames != frames:
        raise VideoError(f"{written.frames} of {frames} frames arrived in the rewritten file")
    if not _same_times(written.times, times):
        raise VideoError("the rewritten frames are shown at other times than the source's")
    numbers = sorted(kept)
    errors = [
        float(np.abs(frame.astype(np.int16) - kept[number]).mean())
        for number, frame in zip(numbers, decode(path, numbers), strict=True)
    ]
    if max(errors) > LARGEST_ERROR:
        raise VideoError(f"the rewritten frames differ by up to {max(errors):.1f} of 255 from the source's")
    return sum(errors) / len(errors)
