"""Reading video files, and pictures as videos of one frame: which frames there are, and exactly those asked for.

Frames are numbered in display order from 0, as a decode of the whole file gives them. Where the container's own table
of frames can be trusted, decoding starts at a key frame; the frames are the same either way. Nothing is guessed: a
file that does not give the frames asked for raises `VideoError`. When a frame is shown: `times`.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from sceneproof.addresses import Address, Place
from sceneproof.data.container import MAX_FRAMES, IrregularError, Video, opened
from sceneproof.data.orientation import Orientation
from sceneproof.data.picture import MAX_PIXELS, RATE, PictureFile
from sceneproof.data.times import SLACK, FrameTimes
from sceneproof.errors import VideoError

__all__ = [
    "MAX_BYTES",
    "MAX_FRAMES",
    "MAX_PIXELS",
    "VideoError",
    "VideoInfo",
    "decode",
    "decode_each",
    "frame_range",
    "probe",
    "shrunk",
]

MAX_BYTES = 2**31  # RGB of one call to decode
LONGEST = 4  # short sides that the long side of a shrunk frame may have
CHUNK = 64  # frames that `decode_each` jumps to together
STALE = 1.0  # seconds by which a file's length may differ from what is known of its frames

Resized = Callable[[int, int], tuple[int, int]]
"""Height and width that frames of a height and width are given."""
Decode = Callable[[Address | Place, range, Resized], Iterator[NDArray[np.uint8]]]
"""What gives frames of a video one by one, as `decode_each` does."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video file holds.

    Attributes:
        frames: how many frames decode.
        width: of the picture as displayed (after the file's own display matrix), in pixels.
        height: likewise.
        rate: frames a second, on average; NaN where the file does not say.
        times: when they are shown; None where that is not known: evenly spaced from second 0 on.
        picture: whether it is a picture: one frame, said to be shown for a second.
    """

    frames: int
    width: int
    height: int
    rate: float
    times: FrameTimes | None = field(default=None, compare=False)
    picture: bool = False

    @property
    def clock(self) -> FrameTimes:
        """When the frames are shown.

        Raises:
            VideoError: neither time stamps nor a rate are known.
        """
        if self.times is not None:
            return self.times
        if not self.rate > 0:
            raise VideoError("the file does not say its frame rate, so seconds cannot be turned into frames")
        return FrameTimes.even(self.frames, self.rate)


def probe(path: Address | Place, known: VideoInfo | None = None) -> VideoInfo:
    """What a file holds: by its header where that can be trusted, else counted by decoding.

    The first frame is always decoded.

    Args:
        path: the video file.
        known: what was found before, believed where only decoding would tell, if the file is as long as it says.

    Raises:
        VideoError: no frame can be read, the file is cut off, it passes a limit (`MAX_PIXELS`, `MAX_FRAMES`), or it is
            not the one that is known.
    """
    with opened(path) as video:
        frames = video.frames()
        first = next(frames, None)
        if first is None:
            raise VideoError("no frames")
        height, width = Orientation.of(first).size(first.height, first.width)
        if isinstance(video, PictureFile):
            return VideoInfo(1, width, height, RATE, FrameTimes.even(1, RATE), picture=True)
        if known is not None and known.times is not None and video.table is None:
            _refuse_another(video, known.times)
            return VideoInfo(known.frames, width, height, known.rate, known.times)
        times = _times(video, first, frames)
        return VideoInfo(times.frames, width, height, times.rate, times if times.rate > 0 else None)


def _times(video: Video, first: VideoFrame, rest: Iterator[VideoFrame]) -> FrameTimes:
    """When the frames are shown; the rest of them is decoded where the container's table does not tell."""
    stream, start = video.stream, video.container.start_time
    rates = [float(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate]
    origin = None if start is None else Fraction(start, 1_000_000)
    base = Fraction(stream.time_base or 1)
    if video.table is not None:
        return FrameTimes.of_stamps(video.table.stamps, video.table.last, base, origin, rates)
    stamps, last = [first.pts], first
    for last in rest:
        _refuse_another_size(len(stamps), (first.height, first.width), last)
        stamps.append(last.pts)
    return FrameTimes.of_stamps(stamps, last.duration or 0, base, origin, rates)


def _refuse_another_size(number: int, size: tuple[int, int], frame: VideoFrame) -> None:
    """Raises VideoError where a frame is not of the size (height, width) of those before it."""
    if size != (frame.height, frame.width):
        before, now = f"{size[1]}x{size[0]}", f"{frame.width}x{frame.height}"
        raise VideoError(f"the frame size changes from {before} to {now} at frame {number}")


def _refuse_another(video: Video, known: FrameTimes) -> None:
    """Raises VideoError where a file is not as long as its frames were found to be shown."""
    length = video.container.duration
    if length is not None and abs(length / 1_000_000 - known.end) > max(STALE, 0.02 * known.end):
        audio = bool(video.container.streams.audio)
        if not audio or known.end > length / 1_000_000:  # sound may go on for longer
            raise VideoError(
                f"the file is {length / 1_000_000:g} s long, the manifest says {known.end:g} s: index it again"
            )


def decode(
    path: Address | Place, frames: Sequence[int] | NDArray[np.int64] | None = None, *, short_side: int | None = None
) -> NDArray[np.uint8]:
    """Decodes frames to RGB, upright.

    Uses one thread and lets go of the interpreter lock, so that many loaders can work side by side.

    Args:
        path: the video file.
        frames: T frame numbers in display order from 0, in any order, repeats allowed; None for all.
        short_side: shrink larger frames to this short side, in pixels, while their colours are converted; None: do not.

    Returns:
        uint8 (T, H, W, 3).

    Raises:
        VideoError: a frame asked for is not there or damaged, the file is cut off or is no video, the frame size
            changes midway, or a limit is passed (`MAX_PIXELS`, `MAX_BYTES`, `MAX_FRAMES`).
        ValueError: no frame number, or a negative one.
    """
    resized = partial(shrunk, short_side=short_side)
    if frames is None:
        with opened(path) as video:
            return _all(video, resized)
    wanted, places = np.unique(np.asarray(frames, np.int64), return_inverse=True)
    if not len(wanted) or wanted[0] < 0:
        raise ValueError(f"{path}: frame numbers start at 0; asked for {list(frames)}")
    with opened(path) as video:
        pictures = _chosen(video, wanted, resized)
    if len(places) * pictures[0].nbytes > MAX_BYTES:
        raise VideoError(
            f"{len(places)} frames of {pictures.shape[2]}x{pictures.shape[1]} are over the limit of one call"
        )
    return pictures if np.array_equal(places, np.arange(len(pictures))) else pictures[places]


def decode_each(path: Address | Place, frames: range, resized: Resized) -> Iterator[NDArray[np.uint8]]:
    """Decodes consecutive frames one by one, so that a video of any length fits into memory.

    Args:
        path: the video file.
        frames: their numbers, from 0, one after another.
        resized: height and width to give a frame, by those it has in the file; not minding which side is up.

    Yields:
        uint8 (H, W, 3), RGB, upright.

    Raises:
        VideoError: as `decode`.
    """
    with opened(path) as video:
        if isinstance(video, Video) and video.table is not None and frames.start > 0:  # worth a jump
            for start in range(frames.start, frames.stop, CHUNK):
                yield from _chosen(video, np.arange(start, min(start + CHUNK, frames.stop)), resized)
            return
        pictures, number = _Pictures(resized), -1
        for number, frame in enumerate(video.frames()):
            if number in frames:
                yield pictures.upright(pictures.picture(number, frame)[None])[0]
            if number == frames.stop - 1:
                return
        raise VideoError(f"has {number + 1} frames, asked for frame {frames.stop - 1}")


def frame_range(info: VideoInfo, start: float = math.nan, end: float = math.nan) -> range:
    """The frames shown in a segment of a video: those that begin in [start, end), and at least one.

    A still that was there before and is shown for half a second of the segment or longer counts, too.

    Args:
        info: what `probe` said; without time stamps, frames are taken to be evenly spaced.
        start: seconds from where a player starts the file (`times`); NaN for the video's start.
        end: seconds; NaN for the video's end. What lies behind the video's end is left out.

    Raises:
        VideoError: the segment is empty, begins before second 0 or after the video's end, ends before its first frame
            is shown, or the rate is unknown.
    """
    if math.isnan(start) and math.isnan(end):
        return range(info.frames)
    times = info.clock
    if start < 0 or end <= max(start, 0.0):
        raise VideoError(f"the segment from {start:g} s to {end:g} s is empty or begins before the video")
    if start >= times.end - SLACK:
        raise VideoError(f"the segment begins at {start:g} s, but the video ends at {times.end:g} s")
    if end <= times.first - SLACK:
        raise VideoError(f"the segment ends at {end:g} s, but the video's first frame is shown at {times.first:g} s")
    return times.within(times.first if math.isnan(start) else start, times.end + 1 if math.isnan(end) else end)


def _all(video: Video | PictureFile, resized: Resized) -> NDArray[np.uint8]:
    table = video.table if isinstance(video, Video) else None
    pictures = _Pictures(resized, 0 if table is None else len(table))
    for number, frame in enumerate(video.frames()):
        pictures.add(number, frame)
    if table is not None and len(pictures) != len(table):
        raise VideoError(f"damaged: {len(pictures)} of {len(table)} frames decode")
    if not len(pictures):
        raise VideoError("no frames")
    return pictures.stack()


def _chosen(video: Video | PictureFile, wanted: NDArray[np.int64], resized: Resized) -> NDArray[np.uint8]:
    pictures = _Pictures(resized, len(wanted))
    table = video.table if isinstance(video, Video) else None
    if isinstance(video, Video) and table is not None and wanted[-1] < len(table) and len(table.keys) > 1:
        try:
            for run in table.runs(wanted):
                pictures.pick(table.numbered(video, int(run[0])), run)
            if len(pictures) == len(wanted):
                return pictures.stack()
        except IrregularError:
            pass
        video.seek(int(table.stamps[0]))
        pictures = _Pictures(resized, len(wanted))
    seen = pictures.pick(enumerate(video.frames()), wanted)
    if len(pictures) < len(wanted):
        raise VideoError(f"has {seen} frames, asked for frame {wanted[len(pictures)]}")
    return pictures.stack()


class _Pictures:
    """RGB pictures of one file, converted and resized one after another."""

    def __init__(self, resized: Resized, count: int = 0) -> None:
        """Sets the conversion up; `count`: how many pictures are to be added, where that is known."""
        self._convert = VideoReformatter()  # one for all frames: setting one up takes longer than a small picture
        self._resized = resized
        self._pictures: list[NDArray[np.uint8]] = []
        self._stack, self._count, self._added = np.empty((0, 0, 0, 3), np.uint8), count, 0
        self._orientation = Orientation()
        self._source = self._size = (0, 0)

    def __len__(self) -> int:
        return self._added

    def pick(self, frames: Iterable[tuple[int, VideoFrame]], wanted: NDArray[np.int64]) -> int:
        """Adds the frames of these sorted numbers, and stops after the last; returns how many frames went by."""
        rest, seen = wanted.tolist()[::-1], 0
        for number, frame in frames:
            seen += 1
            if number == rest[-1]:
                self.add(number, frame)
                rest.pop()
                if not rest:
                    break
        return seen

    def add(self, number: int, frame: VideoFrame) -> None:
        """Adds one frame."""
        picture = self.picture(number, frame)
        if max(self._count, self._added + 1) * picture.nbytes > MAX_BYTES:
            most, (height, width) = MAX_BYTES // picture.nbytes, self._size
            raise VideoError(f"{most} frames of {width}x{height} are the limit of one call; ask for fewer")
        if self._added < self._count:  # into the answer itself: a list of pictures and their stack take twice as much
            if not self._added:
                self._stack = np.empty((self._count, *picture.shape), np.uint8)
            self._stack[self._added] = picture
        else:
            self._pictures.append(picture)
        self._added += 1

    def picture(self, number: int, frame: VideoFrame) -> NDArray[np.uint8]:
        """One frame, uint8 (H, W, 3), not yet turned upright."""
        if frame.is_corrupt:
            raise VideoError(f"frame {number} is damaged")
        if self._source == (0, 0):
            self._orientation = Orientation.of(frame)
            self._source = frame.height, frame.width
            self._size = self._resized(*self._source)
        _refuse_another_size(number, self._source, frame)
        height, width = self._size
        # one thread: swscale would start one for each core by itself; averaging areas, for frames are shrunk mostly
        picture = self._convert.reformat(
            frame, width=width, height=height, format="rgb24", interpolation="AREA", threads=1
        ).to_ndarray()
        return picture.astype(np.uint8, copy=False)

    def upright(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Frames (T, H, W, 3), turned and mirrored as the file says."""
        return self._orientation.upright(frames)

    def stack(self) -> NDArray[np.uint8]:
        """uint8 (T, H, W, 3), upright."""
        known = self._stack[: self._added]
        if self._pictures:
            known = np.concatenate([known, np.stack(self._pictures)]) if len(known) else np.stack(self._pictures)
        return self.upright(known)


def shrunk(height: int, width: int, short_side: int | None) -> tuple[int, int]:
    """Height and width with this short side, in the same proportion; as they are where that would enlarge them.

    The long side is at most `LONGEST` short sides: a frame of 320x8000 may not take the memory of a hundred squares.
    """
    if short_side is None:
        return height, width
    factor = min(short_side / min(height, width), LONGEST * short_side / max(height, width), 1.0)
    return (height, width) if factor == 1 else (max(round(height * factor), 1), max(round(width * factor), 1))
