"""Cutting people out of a clip and pasting them on other backgrounds: soft edges that hold still in time."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

JITTER, MOTION = 2.0, 3.0
"""Pixels from frame to frame: up to the first an outline's step may be jitter, from the second on it is motion."""
REACH = 6.0
"""Pixels: distances from the outline are told up to here."""
SOFT = 0.75
"""Pixels from the outline, inwards and outwards, over which a person fades."""
PURE = 1.25
"""Pixels inside the outline from which on a pixel's colour is the person's alone."""
MARGIN = 8
"""Pixels around the people that are cut out with them."""
SMOOTHED, THINNED = 0.8, 0.25
"""Pixels: the Gaussian that takes the stairs out of an outline that follows pixels, and by how much it may move the
outline inwards: hands and sticks that are two pixels wide would fade."""


@dataclass(frozen=True, slots=True)
class Matte:
    """People cut out of T frames.

    Attributes:
        rows: the rows of the frame that hold everyone, in all T frames, and a margin.
        columns: likewise.
        alpha: float32 (T, h, w) in these rows and columns: 1 where a person is, 0 where none is.
        colour: uint8 (T, h, w, 3): of the people; near their outline it is that of their inside.
    """

    rows: slice
    columns: slice
    alpha: NDArray[np.float32]
    colour: NDArray[np.uint8]

    def at(self, places: Sequence[int] | NDArray[np.int64]) -> "Matte":
        """The cut of some of the T frames, by their places."""
        chosen = np.asarray(places, np.int64)
        return Matte(self.rows, self.columns, self.alpha[chosen], self.colour[chosen])

    def over(self, background: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The people on a background, uint8 (T, H, W, 3), or (H, W, 3) for the same one in all frames.

        Returns:
            uint8 (T, H, W, 3).
        """
        shape = (len(self.alpha), *background.shape[-3:])
        frames = np.array(np.broadcast_to(background, shape), np.uint8)
        for place, alpha in enumerate(self.alpha):
            window = frames[place, self.rows, self.columns]
            window[:] = cv2.blendLinear(self.colour[place], np.ascontiguousarray(window), alpha, 1 - alpha)
        return frames


def cut_out(
    frames: NDArray[np.uint8], people: NDArray[np.bool_], wanted: Sequence[int] | NDArray[np.int64]
) -> Matte | None:
    """Cuts the people out of some frames of a clip.

    Where a mask jitters by a pixel, the cut does not (`held_distances`). A mask's outermost pixels show the old
    background in part, and would carry it along as a halo: the soft edge takes its colours from inside the person.

    Args:
        frames: uint8 (N, H, W, 3), the whole clip.
        people: bool (N, H, W).
        wanted: T numbers of frames, in any order, repeats allowed.

    Returns:
        The cut of the T frames; None where nobody is in them.
    """
    numbers, places = np.unique(np.asarray(wanted, np.int64), return_inverse=True)
    near = np.unique(np.concatenate([numbers - 1, numbers, numbers + 1]).clip(0, len(people) - 1))
    if not people[numbers].any():
        return None
    rows, columns = (_around(people[near].any((0, axis))) for axis in (2, 1))
    distances = held_distances(people[:, rows, columns], numbers)
    alpha = ((distances + SOFT) / (2 * SOFT)).clip(0, 1)
    pictures = [
        _inner_colours(np.ascontiguousarray(frames[number, rows, columns]), distance)
        for number, distance in zip(numbers, distances, strict=True)
    ]
    return Matte(rows, columns, alpha[places], np.stack(pictures)[places])


def held_distances(people: NDArray[np.bool_], wanted: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
    """How far each pixel lies inside the people's outline, held in time.

    The distances of a frame and of its two neighbours are weighted 1/4, 1/2, 1/4: an outline that goes to and fro from
    frame to frame comes to rest, one that moves evenly is not held back. Where it steps by `MOTION` or more, as at a
    hand that waves, it stays as it is: nothing that moves fast fades or drags its old background along. A frame
    without people, which a detector missed, does not count as a neighbour.

    Args:
        people: bool (N, H, W), the whole clip.
        wanted: T numbers of frames.

    Returns:
        float32 (T, H, W), in pixels, negative outside, at most `REACH`.
    """
    last = len(people) - 1
    known: dict[int, NDArray[np.float32]] = {}

    def distance(number: int) -> NDArray[np.float32]:
        if number not in known:
            known[number] = signed_distance(people[number])
        return known[number]

    held = np.empty((len(wanted), *people.shape[1:]), np.float32)
    for place, number in enumerate(int(number) for number in wanted):
        here = distance(number)
        # at the clip's ends its other neighbour counts twice
        neighbours = (number - 1 if number else min(1, last), number + 1 if number < last else max(last - 1, 0))
        before, after = (distance(other) if people[other].any() else here for other in neighbours)
        step = np.maximum(np.abs(before - here), np.abs(after - here))
        moved = here + (before + after - 2 * here) / 4 * ((MOTION - step) / (MOTION - JITTER)).clip(0, 1)
        held[place] = np.maximum(cv2.GaussianBlur(moved, (0, 0), SMOOTHED), moved - THINNED)
        known.pop(number - 2, None)
    return held


def signed_distance(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How far each pixel's centre lies inside the outline of a mask (H, W): float32, negative outside.

    The outline runs between pixels: the first pixel inside has .5, the first outside -.5. At most `REACH` either way.
    """
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    signed = np.where(mask, inside - 0.5, 0.5 - outside).clip(-REACH, REACH)
    return np.asarray(signed, np.float32)


def _inner_colours(picture: NDArray[np.uint8], distance: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A picture (h, w, 3) whose pixels near and outside the outline have the mean colour of the inside nearby."""
    inner = (distance > PURE).astype(np.float32)
    size = (7, 7)
    share = cv2.blur(inner, size)
    colours = cv2.blur(picture * inner[..., None], size)
    near = (inner == 0) & (share > 1e-3)  # thin parts have no inside, and keep what they show
    mixed = picture.copy()
    mixed[near] = (colours[near] / share[near, None] + 0.5).astype(np.uint8)
    return mixed


def _around(used: NDArray[np.bool_]) -> slice:
    """The places that are used, and a margin."""
    places = np.flatnonzero(used)
    return slice(max(0, int(places[0]) - MARGIN), min(len(used), int(places[-1]) + 1 + MARGIN))
