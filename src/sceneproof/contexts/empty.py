"""Clips without their people, so that their shape is gone, too: what is behind them, as far as other frames show it.

Where no frame does, a hull around that place is filled from around it: a hole in the shape of a person would tell what
the person does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.contexts.camera import ALIGNED, mosaic
from sceneproof.contexts.inpainting import Inpaint, shrunk, smooth
from sceneproof.data.humans import mean_colour

Numbers = Sequence[int] | NDArray[np.int64]

LEVELS = 16
"""Of 255: a background pixel that differs from its median over time by more has changed."""
STILL = 0.05
"""The camera stands still where at most this share of background pixels has changed; docs/contexts.md: measured."""
LEAST_BACKGROUND = 0.1
"""Share of pixels: with less background in sight nobody can tell whether the camera moves."""
LOOKED_AT, SMALL = 24, 120
"""Frames, and short side in pixels, that the camera is judged by."""
WIDER = 8 / 240
"""Of the short side: how much wider than its mask a person is taken out, on each side. HAT takes 4 of 240 pixels
(E2FGVI/generate.py, `read_mask`); J-HMDB's masks lie within the body, and its rim stayed in sight."""
GONE = 0.8
"""Of the blurred mask: from here on nothing of a person is left, also at the corners of their outline."""


@dataclass(frozen=True, slots=True)
class Emptied:
    """Frames without people.

    Attributes:
        frames: uint8 (T, H, W, 3).
        way: "median", of what other frames show there; "aligned", the same where the camera moves; "spatial", from
            around; or one of the first two "and spatial".
        guessed: bool (T, H, W), what was filled from around: all that could still show where people were.
    """

    frames: NDArray[np.uint8]
    way: str
    guessed: NDArray[np.bool_]


def filled(frames: NDArray[np.uint8], people: NDArray[np.bool_], wanted: Numbers) -> NDArray[np.uint8]:
    """People painted with their frame's mean colour (Choi et al. 2019, section 3.3): uint8 (T, H, W, 3).

    Args:
        frames: uint8 (N, H, W, 3), the whole clip.
        people: bool (N, H, W).
        wanted: T numbers of frames.
    """
    painted: NDArray[np.uint8] = frames[np.asarray(wanted)]
    for frame, mask, colour in zip(painted, people[np.asarray(wanted)], mean_colour(painted), strict=True):
        frame[mask] = colour
    return painted


def emptied(
    frames: NDArray[np.uint8], people: NDArray[np.bool_], wanted: Numbers, inpaint: Inpaint = smooth
) -> Emptied:
    """Takes the people out of some frames of a clip, by what is seen behind them in the others.

    A hidden pixel becomes the median of its values in those frames of the whole clip in which nobody hides it: as they
    are where the camera stands still (`unrest` at most `STILL`), else aligned by the camera's motion
    (`camera.mosaic`), where that explains the background. What is hidden throughout, or in frames that cannot be
    aligned, is filled from around, in a convex hull.

    Args:
        frames: uint8 (N, H, W, 3), the whole clip.
        people: bool (N, H, W).
        wanted: T numbers of frames.
        inpaint: fills what no frame shows.
    """
    radius = _radius(frames)
    hidden = np.stack([_wider(mask, radius) for mask in people])
    still = unrest(frames, people) <= STILL
    plate = _still_plate(frames, hidden, inpaint) if still else _moving_plate(frames, hidden, inpaint)
    blended, guessed, known = [], [], False
    for number in wanted:
        behind = plate(number) if plate is not None else None
        known |= behind is not None
        if behind is None:
            hulls = _hulls(hidden[number])
            behind = inpaint(frames[number], hulls) if hulls.any() else frames[number], hulls
        pixels, hulls = behind
        blended.append(_blend(frames[number], pixels, hidden[number] | hulls, radius))
        guessed.append(hulls)
    holes = np.stack(guessed)
    ways = [*(["median" if still else "aligned"] if known else []), *(["spatial"] if holes.any() or not known else [])]
    return Emptied(np.stack(blended), " and ".join(ways), holes)


def unrest(frames: NDArray[np.uint8], people: NDArray[np.bool_]) -> float:
    """How restless the background is: the share of its pixels that change in time, 0 to 1.

    Counted on grey pictures of short side `SMALL`, in at most `LOOKED_AT` frames: pixels where nobody is, that differ
    from their median over time by more than `LEVELS`. With hardly any background (`LEAST_BACKGROUND`) it is 1.

    Args:
        frames: uint8 (N, H, W, 3).
        people: bool (N, H, W).
    """
    numbers = np.unique(np.linspace(0, len(frames) - 1, LOOKED_AT).astype(int))
    radius = _radius(frames)
    small = np.stack([shrunk(cv2.cvtColor(frames[number], cv2.COLOR_RGB2GRAY), SMALL) for number in numbers])
    hidden = np.stack([shrunk(_wider(people[number], radius).astype(np.uint8) * 255, SMALL) > 0 for number in numbers])
    if 1 - hidden.mean() < LEAST_BACKGROUND:
        return 1.0
    count = len(numbers)
    medians, _ = masked_median(small.reshape(count, -1, 1), hidden.reshape(count, -1))
    changed = cv2.absdiff(small, np.broadcast_to(medians.reshape(small.shape[1:]), small.shape).copy()) > LEVELS
    return float(changed[~hidden].mean())


def masked_median(values: NDArray[np.uint8], hidden: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Medians over time of the values that are not hidden; of an even number of them, the lower middle one.

    Args:
        values: uint8 (T, P, C), of P pixels.
        hidden: bool (T, P).

    Returns:
        uint8 (P, C), and which of the P pixels are seen at all (the others are 0).
    """
    order = np.where(hidden[..., None], np.uint16(256), values)  # what is hidden goes behind all that is seen
    order = np.sort(np.ascontiguousarray(np.moveaxis(order, 0, -1)), axis=-1)
    count = (~hidden).sum(0)
    middle = np.maximum(count - 1, 0) // 2
    medians = np.take_along_axis(order, middle[:, None, None], axis=-1)[..., 0]
    return np.where(count[:, None] > 0, medians, 0).astype(np.uint8), count > 0


Plate = Callable[[int], tuple[NDArray[np.uint8], NDArray[np.bool_]] | None]
"""A frame's number -> its background (H, W, 3), and which of it is guessed (H, W); None where it is not known."""


def _still_plate(frames: NDArray[np.uint8], hidden: NDArray[np.bool_], inpaint: Inpaint) -> Plate:
    """The background where the camera stands still: true where anyone ever hides it."""
    ever = hidden.any(0)
    plate = frames[0].copy()
    medians, seen = masked_median(frames[:, ever], hidden[:, ever])
    plate[ever] = medians
    hole = np.zeros_like(ever)
    hole[ever] = ~seen
    hulls = _hulls(hole)
    if hulls.any():
        plate[hulls] = inpaint(plate, hulls | hole)[hulls]
    return lambda number: (plate, hulls)


def _moving_plate(frames: NDArray[np.uint8], hidden: NDArray[np.bool_], inpaint: Inpaint) -> Plate | None:
    """The background where the camera moves; None where its motion does not explain it."""
    panorama = mosaic(frames, hidden, masked_median)
    if panorama is None or panorama.unexplained > ALIGNED:
        return None
    hulls = _hulls(panorama.hidden & ~panorama.seen)
    if hulls.any():
        panorama.pixels[hulls] = inpaint(panorama.pixels, hulls | ~panorama.seen)[hulls]
    height, width = hidden.shape[1:]

    def plate(number: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]] | None:
        if number not in panorama.into:
            return None
        return panorama.behind(number, height, width), panorama.part(hulls, number, height, width)

    return plate


def _hulls(hole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Convex hulls of the parts of a hole, bool (H, W)."""
    hulls = np.zeros(hole.shape, np.uint8)
    outlines, _ = cv2.findContours(hole.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for outline in outlines:
        cv2.fillConvexPoly(hulls, cv2.convexHull(outline), 1)
    return np.asarray(hulls, np.bool_)


def _blend(
    frame: NDArray[np.uint8], behind: NDArray[np.uint8], hidden: NDArray[np.bool_], radius: int
) -> NDArray[np.uint8]:
    """A frame (H, W, 3) with what is behind the people in their place, fading over half of the width around them."""
    share = (cv2.GaussianBlur(hidden.astype(np.float32), (0, 0), radius / 2) / GONE).clip(0, 1)
    return np.asarray(cv2.blendLinear(behind, np.ascontiguousarray(frame), share, 1 - share), np.uint8)


def _wider(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel), np.bool_)


def _radius(frames: NDArray[np.uint8]) -> int:
    return max(2, round(WIDER * float(min(frames.shape[1:3]))))
