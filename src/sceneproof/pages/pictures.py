"""The kit's pictures: frames with what is known drawn in, as data in the page itself, and as files."""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pandas as pd
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from sceneproof.data.human_tables import CORNERS
from sceneproof.data.times import FrameTimes
from sceneproof.files import whole
from sceneproof.pages.kit import Line, Picture, percent

if TYPE_CHECKING:  # it would load torch
    from sceneproof.audit.subject import Maps

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]
COLOURS: tuple[Colour, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip
"""RGB. Okabe and Ito's, which colour-blind people can tell apart too."""
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
QUALITY = 60
RATE = 12.5  # frames a second on a page, where nothing says
LEAST_SIDE, MOST_SIDE = 360, 1920
"""Pixels: annotated frames with a shorter side are enlarged until it is this long, or their longer side that, so that
words can be read."""
FILE_RATE = 25.0  # frames a second of a file, where the video does not say
SIDE, LONGEST = 180, 480
"""Pixels: the short side of a still on a page, and its long one at most."""
TOLD = 4
"""Boxes, at most, that are told of beside a picture."""
UNSEEN = 6
"""What a model does not see is so many times darker."""
FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, slots=True)
class Box:
    """A box to draw: x1, y1, x2, y2 in pixels of the picture, what is said of it, and its colour."""

    corners: NDArray[np.floating]
    text: str = ""
    colour: Colour = WHITE


def moving(alt: str, frames: Pixels, rate: float, lines: Sequence[Line] = ()) -> Picture:
    """Frames (T, H, W, 3) at `rate` frames a second (NaN, 0: `RATE`) as a picture that loops, and its middle frame."""
    images = [Image.fromarray(frame) for frame in frames]
    height, width = frames.shape[1:3]
    apart = round(1000 / (rate if rate > 0 else RATE))
    return Picture(alt, _webp(images[len(images) // 2 :][:1]), width, height, lines, _webp(images, apart))


def rate_of(rows: pd.DataFrame, row: int) -> float:
    """Frames a second of a manifest's row; NaN where it does not know."""
    return float(rows["rate"].to_numpy(np.float64)[row]) if "rate" in rows else float("nan")


def still(alt: str, frame: Pixels, lines: Sequence[Line] = ()) -> Picture:
    """A frame (H, W, 3) as a picture."""
    return Picture(alt, _webp([Image.fromarray(frame)]), frame.shape[1], frame.shape[0], lines)


def _webp(images: list[Image.Image], milliseconds: int = 0) -> str:
    """A data URI of one picture, or of an endless animation, which every browser shows."""
    buffer = io.BytesIO()
    first, *rest = images
    film = {"save_all": True, "append_images": rest, "duration": milliseconds, "loop": 0} if rest else {}
    first.save(buffer, "WEBP", quality=QUALITY, method=4, **film)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def sized(frames: Pixels, width: int, height: int | None = None, *, way: int = cv2.INTER_AREA) -> Pixels:
    """Frames (T, H, W, 3) resized to a width and, where it is not given, the height that goes with it."""
    tall = max(1, round(frames.shape[1] * width / frames.shape[2])) if height is None else height
    if frames.shape[1:3] == (tall, width):
        return frames
    resized = [cv2.resize(frame, (width, tall), interpolation=way) for frame in frames]
    return np.asarray(np.stack(resized), np.uint8)


def brought(frame: Pixels, *, short: int = SIDE, longest: int = LONGEST) -> Pixels:
    """A copy of a frame (H, W, 3) with a page's short side, or its longest where it is long: lines are then alike."""
    height, width = frame.shape[:2]
    factor = min(short / min(height, width), longest / max(height, width))
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    resized = sized(frame[None], max(1, round(width * factor)), max(1, round(height * factor)), way=way)
    return np.array(resized[0], np.uint8)


def draw_boxes(picture: Pixels, boxes: Sequence[Box], *, unit: int = 1, letters: float = 0.4) -> None:
    """Draws boxes into a picture (H, W, 3), the first on top: with a black edge, seen on any ground.

    Args:
        picture: to draw into.
        boxes: what to draw.
        unit: how many times as thick lines are.
        letters: how large words are, as OpenCV counts it.
    """
    size = (picture.shape[1], picture.shape[0]) * 2
    placed = [(box, np.rint(box.corners.clip(0, size)).astype(int).tolist()) for box in reversed(boxes)]
    for box, (left, top, right, bottom) in placed:
        for colour, thickness in ((BLACK, 4 * unit), (box.colour, 2 * unit)):
            cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), colour, thickness)
    for box, (left, top, _, _) in placed:
        if box.text:
            _write(picture, box, left, top, unit, letters * unit)


def _write(picture: Pixels, box: Box, left: int, top: int, unit: int, size: float) -> None:
    """Words on the box's colour, above the box, or inside where there is no room above; within the picture."""
    text, margin = box.text.encode("ascii", "replace").decode(), 3 * unit  # the font has no more
    (width, height), below = cv2.getTextSize(text, FONT, size, unit)
    tall, wide = height + below + margin, width + 2 * margin
    x = max(0, min(left - unit, picture.shape[1] - wide))
    y = max(0, top - tall)
    dark = np.dot(box.colour, (0.299, 0.587, 0.114)) < 120
    cv2.rectangle(picture, (x, y), (x + wide, y + tall), box.colour, cv2.FILLED)
    cv2.putText(
        picture, text, (x + margin, y + height + margin // 2 + 1), FONT, size, WHITE if dark else BLACK, unit,
        cv2.LINE_AA,
    )  # fmt: skip


def with_boxes(frame: Pixels, boxes: pd.DataFrame, size: tuple[int, int]) -> tuple[Pixels, str]:
    """A frame brought to a page's size with boxes, each with its score and any track, and who is in it.

    Args:
        frame: (H, W, 3), RGB.
        boxes: columns x1, y1, x2, y2 in pixels of the file, score; optional: track.
        size: height and width of a frame of the file.
    """
    picture = brought(frame)
    scale = np.array([picture.shape[1] / size[1], picture.shape[0] / size[0]] * 2)
    space = "\N{NO-BREAK SPACE}"
    tracks = [f"#{track:g}{space}" for track in boxes["track"].tolist()] if "track" in boxes else [""] * len(boxes)
    said = [f"{track}{score:.2f}" for track, score in zip(tracks, boxes["score"].tolist(), strict=True)]
    corners = boxes[list(CORNERS)].to_numpy(np.float64) * scale
    texts = [text.replace(space, " ") for text in said]  # the font has ASCII alone
    draw_boxes(picture, [Box(*pair) for pair in zip(corners, texts, strict=True)])
    more = f" and {len(said) - TOLD} more" if len(said) > TOLD else ""
    return picture, f"{', '.join(said[:TOLD])}{more}" if said else "nobody"


def with_people(frame: Pixels, people: NDArray[np.bool_]) -> tuple[Pixels, str]:
    """A frame brought to a page's size with a line round the people, a mask of the file's size; and who is in it."""
    picture = brought(frame)
    height, width = picture.shape[:2]
    small = cv2.resize(people.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    lines, _ = cv2.findContours(small, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    for colour, thickness in ((BLACK, 4), (WHITE, 2)):
        cv2.drawContours(picture, lines, -1, colour, thickness)
    return picture, f"mask on {percent(people.mean(), 0)}" if people.any() else "nobody"


def shade(frames: Pixels, activation: NDArray[np.float32]) -> Pixels:
    """Frames lit where the map is high: elsewhere they go dark and lose their colour, so it reads in black and white.

    Args:
        frames: uint8 (T, H, W, 3).
        activation: (T, H, W), 0 to 1.
    """
    grey = frames.mean(axis=-1, keepdims=True) * 0.4
    return np.asarray(grey + (frames - grey) * activation[..., None]).round().clip(0, 255).astype(np.uint8)


def outline(frames: Pixels, person: NDArray[np.bool_]) -> Pixels:
    """Frames (T, H, W, 3) with a white line, one pixel wide, round the person (T, H, W)."""
    padded = np.pad(person, ((0, 0), (1, 1), (1, 1)), mode="edge")
    inside = padded[:, :-2, 1:-1] & padded[:, 2:, 1:-1] & padded[:, 1:-1, :-2] & padded[:, 1:-1, 2:]
    return np.where((person & ~inside)[..., None], np.uint8(255), frames)


def lit(clip: Pixels, maps: "Maps", people: NDArray[np.bool_] | None) -> Pixels:
    """A clip, lit where the evidence for a class lies; darkest where the model sees nothing of it.

    Args:
        clip: uint8 (T, H, W, 3).
        maps: of this one clip.
        people: bool (T, H, W), to draw a line round; None: no line.
    """
    rows, columns = slice(maps.top, maps.top + maps.height), slice(maps.left, maps.left + maps.width)
    activation, size = maps.activation[0], (maps.width, maps.height)
    highest = max(float(activation.max()), 1e-12)
    bright = np.stack([cv2.resize(evidence / highest, size, interpolation=cv2.INTER_LINEAR) for evidence in activation])
    drawn = clip // UNSEEN
    drawn[:, rows, columns] = shade(clip[:, rows, columns], bright.astype(np.float32).clip(0, 1))
    return drawn if people is None else outline(drawn, people)


def enlarged(frame: Pixels) -> tuple[Pixels, int]:
    """A copy of a video's frame as its annotated video has it, and how many times as high and wide that is.

    Returns:
        uint8 (H', W', 3), both even: an odd side gets its last row or column twice, as H.264 wants it.
    """
    height, width = frame.shape[:2]
    times = max(1, min(ceil(LEAST_SIDE / min(height, width)), MOST_SIDE // max(height, width)))
    large = sized(frame[None], width * times, height * times, way=cv2.INTER_LINEAR)[0]
    odd = height * times % 2, width * times % 2
    picture = cv2.copyMakeBorder(np.ascontiguousarray(large), 0, odd[0], 0, odd[1], cv2.BORDER_REPLICATE)
    return np.asarray(picture, np.uint8), times


def annotate(frame: Pixels, boxes: Sequence[Box]) -> Pixels:
    """A copy of a frame (H, W, 3), RGB, enlarged where it is small, with boxes in its own pixels; the first on top."""
    picture, times = enlarged(frame)
    unit = max(1, round(times * min(frame.shape[:2]) / LEAST_SIDE))
    large = [Box(box.corners * times, box.text, box.colour) for box in boxes]
    draw_boxes(picture, large, unit=unit, letters=0.5)
    return picture


def write_video(path: Path, pictures: Iterable[Pixels], rate: float, times: FrameTimes | None = None) -> None:
    """Writes pictures of one size as they come, as MP4 with H.264, whole or not at all.

    Args:
        path: of the file.
        pictures: uint8 (H, W, 3), RGB, both sides even; at least one.
        rate: frames a second; NaN: unknown.
        times: when each picture is shown, where they are not evenly spaced; the first one starts the file.
    """
    base, stamps = (None, None) if times is None or times.ticks is None else (times.base, times.ticks.tolist())
    shown = Fraction(rate if isfinite(rate) else FILE_RATE).limit_denominator(1001)
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
