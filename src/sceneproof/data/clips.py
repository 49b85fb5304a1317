"""Which frames make a clip: arithmetic on frame numbers, no video is touched here; and where a clip would be a still.

A clip is `length` frames, `stride` apart. A video too short for one is looped: its frames are repeated from the clip's
first on, as the released code of SDN does. Without a stride a clip spreads over the whole video: one frame of each of
`length` equal parts (temporal segments, Wang et al., ECCV 2016).
"""

import numpy as np
from numpy.typing import NDArray

from sceneproof.addresses import opened_file
from sceneproof.data.manifest import Manifest
from sceneproof.data.picture import HEAD, picture_format
from sceneproof.errors import AddressError, InputError
from sceneproof.wording import counted

Frames = NDArray[np.int64]

MOST_FRAMES = 2**14  # of a clip; eleven minutes at 25 frames a second
MOST_BYTES = 2**31  # of a clip's pixels, 8 bits a channel


def refuse_huge_clips(name: str, length: int, height: int, width: int) -> None:
    """Raises InputError for clips that no machine holds: a slip of the keyboard must not take all memory.

    Args:
        name: of the settings, for the message.
        length: frames.
        height: pixels.
        width: pixels.
    """
    pixels = length * height * width * 3
    if length > MOST_FRAMES or pixels > MOST_BYTES:
        raise InputError(
            f"{name}: a clip of {length} frames of {height} x {width} pixels takes {pixels / 1e9:.3g} GB; at most "
            f"{MOST_FRAMES} frames and {MOST_BYTES / 1e9:.3g} GB are taken"
        )


def random_clip(frames: int, length: int, *, stride: int | None = 1, rng: np.random.Generator) -> Frames:
    """Frame numbers (T,) of a clip that starts anywhere it fits; without a stride, anywhere in each part."""
    if stride is None:
        return _of_parts(frames, rng.random(length))
    start = int(rng.integers(0, max(frames - _span(length, stride), 0) + 1))
    return _clip(frames, length, stride, start)


def windows(frames: int, length: int, *, stride: int | None = 1) -> list[Frames]:
    """Every non-overlapping clip of a video, the last one looped where it runs out: the paper's test protocol."""
    if stride is None:
        return evenly_spaced(frames, length, stride=None, count=1)
    return [_clip(frames, length, stride, start) for start in range(0, frames, _span(length, stride))]


def evenly_spaced(frames: int, length: int, *, stride: int | None = 1, count: int) -> list[Frames]:
    """`count` clips whose starts are evenly spaced over the video; a single one is the middle.

    Without a stride, their frames are evenly spaced in each part: together they are `count` · `length` frames at equal
    distances.
    """
    if stride is None:
        return [_of_parts(frames, np.full(length, (number + 0.5) / count)) for number in range(count)]
    last = max(frames - _span(length, stride), 0)
    starts = [last / 2] if count == 1 else np.linspace(0, last, count)
    return [_clip(frames, length, stride, int(start)) for start in starts]


def _of_parts(frames: int, where: NDArray[np.float64]) -> Frames:
    """A frame of each of T equal parts of a video, at a share (T,) of the part, from 0 to below 1."""
    numbers = ((np.arange(len(where)) + where) * frames / len(where)).astype(np.int64)
    return np.minimum(numbers, frames - 1)


def _span(length: int, stride: int) -> int:
    return (length - 1) * stride + 1


def _clip(frames: int, length: int, stride: int, start: int) -> Frames:
    numbers = np.arange(start, min(start + _span(length, stride), frames), stride)
    return np.resize(numbers, length)


OPENED = 8  # files, where the manifest does not say how many frames there are


def repeated(manifest: Manifest, length: int) -> list[str]:
    """What to know of clips of `length` frames of these videos: a sentence where some would repeat a single frame."""
    share = _share(manifest) if length > 1 else 0.0
    if not share:
        return []
    count = counted(round(share * len(manifest)), "video")
    return [f"{count} of {len(manifest):,} are one frame each: a clip of {length} frames shows that one all the time"]


def refuse_repeated(manifest: Manifest, length: int, option: str) -> None:
    """Raises InputError where all videos are one frame and clips are longer.

    Args:
        manifest: the videos.
        length: frames of a clip.
        option: that says so.
    """
    if length > 1 and _share(manifest) == 1:
        raise InputError(
            f"{manifest.name}: all {counted(len(manifest), 'video')} are pictures, or have one frame: a clip of "
            f"{length} frames would show a still; give {option} 1"
        )


def _share(manifest: Manifest) -> float:
    """Which share of the videos has one frame; of those that can be read."""
    frames = manifest.numbers("frames")
    if not np.isnan(frames).all():
        return float((frames == 1).sum() / max((frames > 0).sum(), 1))
    rows = np.unique(np.linspace(0, len(manifest) - 1, OPENED).astype(int)).tolist()
    return 1.0 if all(_is_picture(manifest, row) for row in rows) else 0.0


def _is_picture(manifest: Manifest, row: int) -> bool:
    try:
        with opened_file(manifest.path(row)) as file:
            return picture_format(file.read(HEAD)) is not None
    except (OSError, AddressError):  # which is said, with the reason, when the video is read
        return False
