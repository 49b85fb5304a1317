"""Opening video files with libav: limits, reasons, and the container's own table of frames where it can be trusted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sceneproof.addresses import SMALL, Address, Place, located, opened_file
from sceneproof.data.picture import HEAD, PictureFile, check_pixels, picture_format
from sceneproof.errors import AddressError, DamagedError, MachineError, UnreachableError, VideoError
from sceneproof.machine import refuse_trouble
from sceneproof.seals import video_is_damaged
from sceneproof.wording import counted

SHORT = 128  # bytes of a packet that may say no more than that the frame before goes on
MAX_FRAMES = 2**20  # of one file; 9 hours at 30 frames a second

PICTURES = Disposition.timed_thumbnails | Disposition.still_image

OPTIONS = {
    # a file may name others (play lists, concatenations): nothing but the file itself is ever opened
    "protocol_whitelist": "file",
    "format_whitelist": "mov,avi,matroska,mpegts,mpeg,mpegvideo,m4v,h264,hevc,flv,asf,ogg,gif,ivf,mxf,nut,dv,rm,obu",
}
ALONE = {"protocol_whitelist": "none"}
"""For what comes from an address: it names files of another machine, if any, and none of this one is its to open."""


class IrregularError(Exception):
    """A file's frames are not where its table says: decode from the start."""


@dataclass(frozen=True, slots=True)
class FrameTable:
    """Where the frames of a regular file are.

    Attributes:
        stamps: int64 (N), presentation time stamps in display order, in the stream's ticks.
        keys: int64 (K), the key frames' numbers, from 0.
        last: how long the last frame is shown, in ticks; 0: as long as the others.
    """

    stamps: NDArray[np.int64]
    keys: NDArray[np.int64]
    last: int = 0

    def __len__(self) -> int:
        return len(self.stamps)

    def runs(self, wanted: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Splits sorted frame numbers where jumping to a key frame is shorter than decoding on."""
        key = np.searchsorted(self.keys, wanted, side="right")
        far = (np.diff(key) > 0) & (np.diff(wanted) > 1)
        return np.split(wanted, np.flatnonzero(far) + 1)

    def numbered(self, video: "Video", first: int) -> Iterator[tuple[int, VideoFrame]]:
        """Frames with their numbers, from the key frame at or before frame `first`.

        Raises:
            IrregularError: the stamps met are not those of the table, or no key frame is before it.
        """
        # the last key frame before it in the file can be shown after it (open groups): then the one before that
        for key in self.keys[self.keys <= first][:-3:-1]:
            video.seek(int(self.stamps[key]))
            frames = video.frames()
            # what is shown before the key frame may lean on frames that were jumped over
            start = next((frame for frame in frames if frame.key_frame), None)
            number = len(self) if start is None or start.pts is None else int(np.searchsorted(self.stamps, start.pts))
            if start is not None and number <= first:
                break
        else:
            raise IrregularError
        for frame in chain([start], frames):
            if number >= len(self) or frame.pts != self.stamps[number]:
                raise IrregularError
            yield number, frame
            number += 1


@dataclass(frozen=True, slots=True)
class Video:
    """An open video stream.

    Attributes:
        container: libav's container.
        stream: the video stream that a player shows (`shown_stream`).
        table: its frames, or None where only decoding tells.
    """

    container: InputContainer
    stream: VideoStream
    table: FrameTable | None

    def seek(self, stamp: int) -> None:
        """Goes to the key frame at or before a time stamp."""
        self.container.seek(stamp, stream=self.stream)

    def frames(self) -> Iterator[VideoFrame]:
        """Frames in display order from here on.

        Raises:
            VideoError: libav's error as a reason, or more than `MAX_FRAMES` frames.
        """
        count = 0
        try:
            for frame in self.container.decode(self.stream):
                if count >= MAX_FRAMES:
                    raise VideoError(f"more than {MAX_FRAMES} frames")
                check_pixels(frame.width, frame.height)
                yield frame
                count += 1
        except AddressError:
            raise
        except (av.FFmpegError, ValueError) as error:
            _refuse_trouble(error, self.container.name)
            raise VideoError(
                f"damaged or cut off: decoding stops after {counted(count, 'frame')} ({_text(error)})"
            ) from None


@contextmanager
def opened(path: Address | Place) -> Iterator[Video | PictureFile]:
    """Opens a video file, or a picture, which is a video of one frame; here or at an address.

    Raises:
        VideoError: it is missing, empty, no video, cut off, damaged since it was sealed, passes the limit of pixels, or
            its address cannot be reached.
        MachineError: it cannot be read for a reason that is not the file's.
    """
    try:
        place = located(path)
        if isinstance(place, Path) and not place.is_file():
            raise VideoError("no such file")
        with opened_file(place) as file:
            if _is_damaged(place, file):
                raise VideoError(DamagedError.reason)
            yield from _opened(place, file)
    except UnreachableError as error:  # also while frames are read
        raise MachineError(str(error)) from None
    except AddressError as error:
        raise VideoError(error.reason) from None
    except OSError as error:  # a path of this machine that may not be read
        _refuse_trouble(error, str(path))
        raise VideoError(_text(error)) from None


def _is_damaged(place: Place, file: BinaryIO) -> bool:
    """Whether a file is not as it was sealed; large ones of other machines are not fetched whole to tell."""
    if isinstance(place, Path):
        return video_is_damaged(file, place)
    return file.seek(0, SEEK_END) <= SMALL and video_is_damaged(file)


def _opened(place: Place, file: BinaryIO) -> Iterator[Video | PictureFile]:
    size = file.seek(0, SEEK_END)
    if not size:
        raise VideoError("the file is empty")
    file.seek(0)
    head = file.read(4096)
    file.seek(0)
    if _promised_bytes(head) > size:
        raise VideoError("cut off: the file is shorter than its header says")
    if (kind := picture_format(head[:HEAD])) is not None:
        yield PictureFile.of(kind, file, size)
        return
    try:
        # libav opens files of this machine itself, which is quicker; by an absolute path, for it reads "name:" at the
        # start as a protocol. Old cameras' tags are not UTF-8
        if isinstance(place, Path):
            container = av.open(str(place.absolute()), options=OPTIONS, metadata_errors="replace")
        else:
            container = av.open(file, "r", options={**OPTIONS, **ALONE}, metadata_errors="replace")
    except AddressError:
        raise
    except (av.FFmpegError, ValueError) as error:
        _refuse_trouble(error, str(place))
        raise VideoError(f"not a video, or cut off ({_text(error)})") from None
    with container:
        stream = shown_stream(container)
        check_pixels(stream.width, stream.height)
        stream.codec_context.thread_count = 1
        yield Video(container, stream, _frame_table(container, stream, file, size))


def shown_stream(container: InputContainer) -> VideoStream:
    """The video stream that ffmpeg and players show.

    That is no cover; no preview, still or single picture where there is another one; the one marked as default; the
    largest; the first.

    Raises:
        VideoError: there is none, or none in a known codec.
    """
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        raise VideoError("no video stream")
    known = [stream for stream in streams if stream.codec_context is not None]
    if not known:
        raise VideoError("its video is in an unknown codec")

    def rank(stream: VideoStream) -> tuple[bool, bool, bool, int]:
        moving, default = not stream.disposition & PICTURES, bool(stream.disposition & Disposition.default)
        return moving, stream.frames != 1, default, stream.width * stream.height

    return max(known, key=rank)  # the first of equals


def _refuse_trouble(error: Exception, path: str) -> None:
    if isinstance(error, OSError):  # as are those of libav that came from the system
        refuse_trouble(error, path)


def _text(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()


def _frame_table(container: InputContainer, stream: VideoStream, file: BinaryIO, size: int) -> FrameTable | None:
    kind = container.format.name
    if not (kind.startswith("mov") or kind == "avi"):
        return None  # Matroska indexes key frames only, streams nothing at all
    entries = list(stream.index_entries)
    if not entries:
        return None
    if max(entry.pos + entry.size for entry in entries) > size:
        missing = sum(entry.pos + entry.size > size for entry in entries)
        raise VideoError(f"cut off: {missing} of {len(entries)} frames are missing")
    stamps = np.array([entry.timestamp for entry in entries], np.int64)
    codec = stream.codec_context.name
    # packets of no bytes are frames that were dropped
    whole = all(entry.size and not entry.is_discard for entry in entries) and entries[0].is_keyframe
    if codec == "mpeg4" and any(_not_coded(file, entry.pos, entry.size) for entry in entries if entry.size <= SHORT):
        whole = False
    if kind == "avi" and codec in ("vp8", "vp9"):
        whole = False  # packets of these can be references that are never shown
    steps = np.diff(stamps)
    if kind == "avi":
        # time stamps are in decode order: that of display only without B-frames. A gap is a frame shown for longer
        regular = not stream.codec_context.has_b_frames and bool((steps > 0).all())
    else:
        # decode times: when they are evenly spaced and no frame is left out, so are the display times; without B-frames
        # they are the same
        even = len(set(steps.tolist())) < 2 or (not stream.codec_context.has_b_frames and bool((steps > 0).all()))
        regular = stream.start_time is not None and stream.frames == len(entries) and even
        stamps = stamps - stamps[0] + (stream.start_time or 0)
    if not (whole and regular):
        return None
    # a track is as long as its frames together: what the others leave is the last one's
    last = 0 if kind == "avi" else (stream.duration or 0) - int(stamps[-1] - stamps[0])
    return FrameTable(stamps, np.flatnonzero([entry.is_keyframe for entry in entries]), max(last, 0))


def _not_coded(file: BinaryIO, position: int, size: int) -> bool:
    """Whether an MPEG-4 packet holds no picture (ISO 14496-2, 6.2.5: vop_coded is 0): its header ends after 4 bytes.

    A coded one goes on with at least 12 bits and one a block of 16x16 pixels. Padding is zeros, and no header ends so.
    """
    file.seek(position)
    data = file.read(8 + size)  # AVI's table tells where a packet's own header of 8 bytes is
    data = data[8:] if data[2:4] in (b"dc", b"db") else data[:size]
    start = data.rfind(b"\x00\x00\x01\xb6")
    return start >= 0 and len(data[start + 4 :].rstrip(b"\x00")) <= 4


def _promised_bytes(head: bytes) -> int:
    """How long a file says it is (AVI, Matroska); 0 where it does not."""
    if head[:4] == b"RIFF":
        return 8 + int.from_bytes(head[4:8], "little") if head[4:8] != b"\xff" * 4 else 0
    at = head.find(b"\x18\x53\x80\x67") + 4  # Matroska's Segment; its length is a number of 1 to 8 bytes
    if head[:4] != b"\x1a\x45\xdf\xa3" or at < 4 or at >= len(head):
        return 0
    width = 9 - head[at].bit_length()
    length = int.from_bytes(head[at : at + width], "big") & ((1 << 7 * width) - 1)
    return at + width + length if length != (1 << 7 * width) - 1 else 0
