"""From a localizer and untrimmed videos, decoded once as overlapping buffers, to segments in seconds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sceneproof.addresses import Address, Place
from sceneproof.data import transforms
from sceneproof.data.transforms import normalise
from sceneproof.data.video import Decode, VideoError, decode_each, shrunk
from sceneproof.errors import InputError
from sceneproof.machine import refuse_if_gone
from sceneproof.progress import Advance, progress
from sceneproof.tasks.localization.buffers import BufferSettings, Timeline, starts_of_testing
from sceneproof.tasks.localization.footage import UntrimmedVideos
from sceneproof.tasks.localization.keeping import keeping
from sceneproof.tasks.localization.localizer import Localizer
from sceneproof.types import Clip, Segments


@dataclass(frozen=True, slots=True)
class Cut:
    """A buffer of testing.

    Attributes:
        start: its first frame.
        frames: uint8 (T, size, size, 3); behind the end of the video the last frame repeats.
        real: how many of the T frames are of the video.
    """

    start: int
    frames: NDArray[np.uint8]
    real: int


def stream(
    path: Address | Place, timeline: Timeline, settings: BufferSettings, decode: Decode = decode_each
) -> Iterator[Cut]:
    """A video's buffers of testing, one after another, decoded once, however long it is.

    Frames of the file are taken by when they are shown: some several times, some not at all.

    Args:
        path: the video file.
        timeline: its frames at the buffers' rate.
        settings: how it is cut into buffers.
        decode: what gives its frames; or the pictures of their optical flow.

    Raises:
        VideoError: the video cannot be read, or not to its end.
    """
    size, length = settings.size, settings.length
    starts = starts_of_testing(len(timeline), length, settings.test_step)
    wanted = timeline.frames(np.arange(len(timeline)))
    pictures = decode(path, range(int(wanted[-1]) + 1), lambda height, width: shrunk(height, width, size))
    kept = np.zeros((length, size, size, 3), np.uint8)
    done = 0  # frames of the time line that have been put into `kept`, at their number modulo its length
    for number, picture in enumerate(pictures):
        if done < len(wanted) and wanted[done] == number:
            small = _square(picture, size)
            while done < len(wanted) and wanted[done] == number:
                kept[done % length] = small
                done += 1
                while starts and done == min(starts[0] + length, len(timeline)):
                    start, real = starts.pop(0), min(length, len(timeline))
                    which = np.minimum(np.arange(start, start + length), start + real - 1) % length
                    yield Cut(start, kept[which], real)


def _square(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The middle square of a picture (H, W, 3), at (size, size, 3)."""
    crop = transforms.centre_crop(*picture.shape[:2])
    clip = crop.clip(Clip(picture[None]))
    return np.asarray(transforms.square(clip.frames, size)[0])


COLUMNS = ("video", "split", "action", "start", "end", "score")
"""Of a table of detections: times in seconds, scores from 0 to 1."""


@dataclass(frozen=True)
class LocalizedSegments:
    """What a localizer finds in some videos.

    Attributes:
        detections: one row a segment, with the columns `COLUMNS`.
        problems: why a video could not be read, or not to its end, by its name; what was found before is left out.
    """

    detections: pd.DataFrame
    problems: dict[str, str]


@torch.no_grad()
def localize_video(
    network: Localizer,
    path: Address | Place,
    timeline: Timeline,
    settings: BufferSettings,
    device: torch.device,
    *,
    at_once: int = 1,
    autocast: torch.dtype | None = None,
    advance: Advance | None = None,
    decode: Decode = decode_each,
) -> Segments:
    """All segments of one video, in seconds, best first; memory does not grow with its length, but for what is found.

    Args:
        network: on `device`, in evaluation mode.
        path: the video file.
        timeline: its frames at the buffers' rate.
        settings: how it is cut into buffers.
        device: where to compute.
        at_once: buffers in a batch.
        autocast: compute in this precision.
        advance: told of each buffer that is done.
        decode: what gives its frames.

    Raises:
        VideoError: the video cannot be read to its end.
    """
    parts = []
    for cuts in _several(stream(path, timeline, settings, decode), at_once):
        pictures = torch.from_numpy(np.stack([cut.frames for cut in cuts])).to(device)
        flip = torch.zeros(len(cuts), dtype=torch.bool)
        video = normalise(pictures.permute(0, 1, 4, 2, 3), flip, network.backbone.mean, network.backbone.std)
        real = torch.tensor([cut.real for cut in cuts], device=device)
        with torch.autocast(device.type, autocast or torch.bfloat16, enabled=autocast is not None):
            detected = network.detect(video, real)
        parts += [
            Segments((segments.times + cut.start) / timeline.rate, segments.action, segments.score)
            for segments, cut in zip(detected, cuts, strict=True)
        ]
        if advance is not None:
            advance(len(cuts))
    return network.suppress(_joined(parts))


def localize_all(
    network: Localizer,
    footage: UntrimmedVideos,
    settings: BufferSettings,
    device: torch.device,
    actions: Sequence[str],
    *,
    which: Iterable[int] | None = None,
    at_once: int = 1,
    autocast: torch.dtype | None = None,
    kept: Path | None = None,
    quiet: bool = False,
    what: str = "localizing",
) -> LocalizedSegments:
    """Segments of many videos.

    Args:
        network: on `device`, in evaluation mode.
        footage: the videos.
        settings: how they are cut into buffers.
        device: where to compute.
        actions: the network's class names.
        which: numbers of the videos to look at; all by default.
        at_once: buffers in a batch.
        autocast: compute in this precision.
        kept: folder of what the backbone's lower stages make of buffers; see `keeping`.
        quiet: show no progress.
        what: the progress bar's title.
    """
    numbers = list(range(len(footage.videos)) if which is None else which)
    tables: list[pd.DataFrame] = []
    problems = {}
    with keeping(network.backbone, kept), progress(what, len(numbers), quiet=quiet) as advance:
        for number in numbers:
            video, timeline = footage.videos[number], footage.timelines[number]
            if timeline is None:
                problems[video.name] = footage.problems[video.name]
            else:
                try:
                    segments = localize_video(
                        network, video.path, timeline, settings, device, at_once=at_once, autocast=autocast
                    )
                    tables.append(as_table(segments, video.name, video.split, actions))
                except InputError as error:
                    raise InputError(f"{video.name}: {error}") from None
                except VideoError as error:
                    refuse_if_gone(footage.frames.manifest.root, video.path)
                    problems[video.name] = str(error) or "unreadable"
            advance()
    empty = as_table(Segments(np.zeros((0, 2)), np.zeros(0, np.int64), np.zeros(0)), "", "", actions)
    return LocalizedSegments(pd.concat([empty, *tables], ignore_index=True), problems)


def as_table(segments: Segments, video: str, split: str, actions: Sequence[str]) -> pd.DataFrame:
    """Segments of one video as a table of detections."""
    names = np.array(actions, dtype=object)[segments.action]
    columns = (video, split, names, segments.times[:, 0], segments.times[:, 1], segments.score)
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index=range(len(segments.score)))


def _joined(parts: Sequence[Segments]) -> Segments:
    times = np.concatenate([part.times for part in parts])
    action = np.concatenate([part.action for part in parts])
    score = np.concatenate([part.score for part in parts])
    order = np.argsort(-score, kind="stable")
    return Segments(times[order], action[order], score[order])


def _several(cuts: Iterator[Cut], count: int) -> Iterator[list[Cut]]:
    waiting: list[Cut] = []
    for cut in cuts:
        waiting.append(cut)
        if len(waiting) == count:
            yield waiting
            waiting = []
    if waiting:
        yield waiting
