"""A video with what a detector knows drawn into each frame, written frame by frame."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, isfinite
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sceneproof.data.times import FrameTimes
from sceneproof.files import whole

Picture = NDArray[np.uint8]
COLOURS = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip
"""RGB. Okabe and Ito's, which colour-blind people can tell apart too."""
LEAST_SIDE, MOST_SIDE = 360, 1920
"""Pixels: frames with a shorter side are enlarged until it is this long, or their longer side that, so that words can
be read."""
RATE = 25.0  # frames a second, where the file does not say
FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, slots=True)
class Labelled:
    """A box to draw: x1, y1, x2, y2 in pixels of the video, what is said of it, the number that gives its colour."""

    corners: NDArray[np.float32]
    text: str
    number: int


def enlargement(height: int, width: int) -> int:
    """How many times as high and wide as the video's the annotated frames are."""
    return max(1, min(ceil(LEAST_SIDE / min(height, width)), MOST_SIDE // max(height, width)))


def draw(frame: Picture, boxes: Sequence[Labelled]) -> Picture:
    """A copy of a frame (H, W, 3), RGB, enlarged where it is small, with boxes; the first lie on top.

    Returns:
        uint8 (H', W', 3), both even: an odd side gets its last row or column twice, as H.264 wants it.
    """
    times = enlargement(*frame.shape[:2])
    height, width = (side * times for side in frame.shape[:2])
    large = cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR) if times > 1 else frame
    picture = np.asarray(
        cv2.copyMakeBorder(np.ascontiguousarray(large), 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8
    )
    unit = max(1, round(min(height, width) / LEAST_SIDE))
    placed = [(one, np.rint(one.corners * times).astype(int).tolist()) for one in reversed(boxes)]
    for one, (left, top, right, bottom) in placed:
        for colour, thickness in (((0, 0, 0), 4 * unit), (COLOURS[one.number % len(COLOURS)], 2 * unit)):
            cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), colour, thickness)
    for one, (left, top, _, _) in placed:
        _write(picture, one, left, top, unit)
    return picture


def write_annotated(path: Path, pictures: Iterable[Picture], rate: float, times: FrameTimes | None = None) -> None:
    """Writes pictures of one size as they come, as MP4 with H.264, whole or not at all.

    Args:
        path: of the file.
        pictures: uint8 (H, W, 3), RGB, both sides even; at least one.
        rate: frames a second; NaN: unknown.
        times: when each picture is shown, where they are not evenly spaced; the first one starts the file.
    """
    base, stamps = (None, None) if times is None or times.ticks is None else (times.base, times.ticks.tolist())
    shown = Fraction(rate if isfinite(rate) else RATE).limit_denominator(1001)
    with whole(path) as temporary, av.open(str(temporary), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=shown, options={"crf": "20", "preset": "veryfast"})
        assert isinstance(stream, VideoStream)
        stream.pix_fmt = "yuv420p"
        # some threads keep tens of frames in flight
        stream.codec_context.thread_count = 1
        if base is not None:
            stream.codec_context.time_base = base
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.time_base = base or 1 / shown
            frame.pts = number if stamps is None else stamps[number]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _write(picture: Picture, one: Labelled, left: int, top: int, unit: int) -> None:
    """Words on the box's colour, above the box, or inside where there is no room above; within the picture."""
    size, margin = 0.5 * unit, 3 * unit
    text = one.text.encode("ascii", "replace").decode()  # the font has no more
    (width, height), below = cv2.getTextSize(text, FONT, size, unit)
    tall, wide = height + below + margin, width + 2 * margin
    x = max(0, min(left - unit, picture.shape[1] - wide))
    y = max(0, top - tall)
    colour = COLOURS[one.number % len(COLOURS)]
    dark = np.dot(colour, (0.299, 0.587, 0.114)) < 120
    cv2.rectangle(picture, (x, y), (x + wide, y + tall), colour, cv2.FILLED)
    ink = (255, 255, 255) if dark else (0, 0, 0)
    cv2.putText(picture, text, (x + margin, y + height + margin // 2 + 1), FONT, size, ink, unit, cv2.LINE_AA)
