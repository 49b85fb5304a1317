"""A detector looks through a video of any length, once, and says frame after frame who does what where."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from sceneproof.addresses import Address, Place
from sceneproof.data import transforms
from sceneproof.data.transforms import normalise
from sceneproof.data.video import decode_each
from sceneproof.metrics.boxes import box_iou
from sceneproof.metrics.matching import kept_in_groups
from sceneproof.tasks.detection.clips import BoxClipSettings
from sceneproof.tasks.detection.detector import Detector
from sceneproof.types import Tubelets

NMS = 0.45
"""Of boxes that several clips find in one frame: as SSD drops what it finds twice."""


@dataclass(frozen=True, slots=True)
class FrameBoxes:
    """What is found in one frame: N boxes, the best first.

    Attributes:
        frame: its number in the file, from 0.
        boxes: float64 (N, 4), x1 y1 x2 y2 in pixels of the video; none is empty.
        action: int64 (N,).
        score: float64 (N,), from 0 to 1.
    """

    frame: int
    boxes: NDArray[np.float64]
    action: NDArray[np.int64]
    score: NDArray[np.float64]


def detect_frames(
    network: Detector,
    path: Address | Place,
    frames: range,
    settings: BoxClipSettings,
    device: torch.device,
    *,
    kept: int = 100,
    at_once: int = 8,
    autocast: torch.dtype | None = None,
) -> Iterator[FrameBoxes]:
    """All boxes of one frame after the other, decoded once; memory does not grow with the video's length.

    A detector of tubelets sees clips that overlap. A frame has the boxes that any of them finds in it, less those that
    a better one of their action overlaps.

    Args:
        network: on `device`, in evaluation mode.
        path: the video file.
        frames: which of its frames, at least one.
        settings: how clips are cut.
        device: where to compute.
        kept: boxes of a frame.
        at_once: clips in a batch.
        autocast: compute in this precision.

    Raises:
        VideoError: the video cannot be read to its end.
    """
    pictures = decode_each(path, frames, lambda height, width: (height, width))
    return detect_in(network, pictures, frames, settings, device, kept=kept, at_once=at_once, autocast=autocast)


@torch.no_grad()
def detect_in(
    network: Detector,
    pictures: Iterable[NDArray[np.uint8]],
    frames: range,
    settings: BoxClipSettings,
    device: torch.device,
    *,
    kept: int = 100,
    at_once: int = 8,
    autocast: torch.dtype | None = None,
) -> Iterator[FrameBoxes]:
    """As `detect_frames`, of pictures (H, W, 3) that come one by one: as many as there are `frames`."""
    length = network.frames
    starts = clip_starts(len(frames), length, settings.step)
    waiting: deque[tuple[int, Tubelets]] = deque()
    looked_at, told = 0, 0
    clips = _clips(pictures, len(frames), starts, length, settings.size)
    while batch := list(islice(clips, at_once)):
        pictures = torch.from_numpy(np.stack([clip.frames for clip in batch])).to(device)
        still = torch.zeros(len(batch), dtype=torch.bool)
        video = normalise(pictures.permute(0, 1, 4, 2, 3), still, network.backbone.mean, network.backbone.std)
        with torch.autocast(device.type, autocast or torch.bfloat16, enabled=autocast is not None):
            detected = network.detect(video)
        for clip, tubelets in zip(batch, detected, strict=True):
            waiting.append((clip.start, _enlarged(tubelets, clip.scale)))
            looked_at += 1
            until = starts[looked_at] if looked_at < len(starts) else len(frames)
            for frame in range(told, until):  # no later clip shows these
                here = [seen.in_frame(frame - start) for start, seen in waiting]
                yield _joined(frames[frame], here, kept, several=length > 1)
            told = max(told, until)
            while waiting and waiting[0][0] + length <= told:
                waiting.popleft()


def clip_starts(frames: int, length: int, step: int) -> list[int]:
    """First frames of the clips that a video of so many frames is seen in; the last clip ends with it.

    Args:
        frames: of the video, at least 1.
        length: of a clip; one of a single frame is each frame.
        step: from one clip to the next; more than the length counts as the length, so that each frame is seen.
    """
    last = max(frames - length, 0)
    starts = list(range(0, last + 1, min(step, length)))
    return starts if starts[-1] == last else [*starts, last]


@dataclass(frozen=True, slots=True)
class _ShrunkClip:
    """L frames from `start` on, uint8 (L, size, size, 3); scale (4,) leads from their pixels to the video's."""

    start: int
    frames: NDArray[np.uint8]
    scale: NDArray[np.float64]


def _clips(
    pictures: Iterable[NDArray[np.uint8]], frames: int, starts: Sequence[int], length: int, size: int
) -> Iterator[_ShrunkClip]:
    """Clips as the frames come; where the video is shorter than one, its last frame repeats."""
    seen: deque[NDArray[np.uint8]] = deque(maxlen=length)
    left = deque(starts)
    for number, picture in enumerate(pictures):
        seen.append(transforms.square(picture[None], size)[0])
        if left and number == min(left[0] + length, frames) - 1:
            height, width = picture.shape[:2]
            stack = np.stack([*seen, *[seen[-1]] * (length - len(seen))])
            yield _ShrunkClip(left.popleft(), stack, np.array([width, height] * 2) / size)


def _enlarged(tubelets: Tubelets, scale: NDArray[np.float64]) -> Tubelets:
    return Tubelets(tubelets.start, tubelets.boxes * scale, tubelets.action, tubelets.score)


def _joined(frame: int, tubelets: Sequence[Tubelets], kept: int, *, several: bool) -> FrameBoxes:
    boxes = np.concatenate([part.boxes[:, 0] for part in tubelets])
    action = np.concatenate([part.action for part in tubelets])
    score = np.concatenate([part.score for part in tubelets])
    valid = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    boxes, action, score = boxes[valid], action[valid], score[valid]
    if several:
        best = kept_in_groups(lambda a, b: box_iou(boxes[a], boxes[b]), score, action, NMS)
        boxes, action, score = boxes[best], action[best], score[best]
    order = np.argsort(-score, kind="stable")[:kept]
    return FrameBoxes(frame, boxes[order], action[order], score[order])
