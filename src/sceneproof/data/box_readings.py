"""What the four numbers of a box may be instead of its corners in pixels: told by which reading fits the pictures.

Letters: R boxes. Numbers are float64 (R, 4), in the order of the table's columns; sizes, float64 (R, 2), are the width
and the height of each box's video.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

OWN, TURNED = "x1, y1, x2, y2", "corners in any order"
ORDERS = (OWN, "x, y, width, height", "y1, x1, y2, x2", "x1, x2, y1, y2", "centre x, centre y, width, height",
          "y, x, height, width", TURNED)  # fmt: skip
"""What the columns may hold, the likeliest first."""
CURES = {
    "x, y, width, height": "write x2 = x + width and y2 = y + height",
    "y1, x1, y2, x2": "exchange x and y",
    "x1, x2, y1, y2": "exchange the second and the third column",
    "centre x, centre y, width, height": "write x1 = x - width / 2, x2 = x + width / 2, and y likewise",
    "y, x, height, width": "exchange x and y, and write x2 = x + width and y2 = y + height",
    TURNED: "x1 and y1 are the smaller ones",
}
REACH, PIXELS = 0.05, 2.0
"""How far outside its picture a box may reach and still fit it: a share of the side, and so many pixels more."""
FITS = 0.98
"""The least share of boxes that fit, for a reading to be the right one."""
SHARES, PERCENT, THOUSANDTHS = 2.0, 101.0, 1010.0
"""The largest numbers that shares, percent and thousandths of the picture come to, with some room for rounding."""
SNAPPED = (1.25, 4 / 3, 1.5, 2, 2.25, 2.5, 3, 4, 4.5, 5, 6, 8, 10, 12, 16)
"""Factors by which copies of a video are often larger."""


@dataclass(frozen=True)
class Reading:
    """One way to read the columns.

    Attributes:
        order: one of `ORDERS`.
        unit: "pixels", or what else the numbers count.
        factors: float64 (R, 2): what x and y are multiplied with to become pixels.
        cure: what to do about it, as a sentence's end.
    """

    order: str
    unit: str
    factors: Numbers
    cure: str

    @property
    def text(self) -> str:
        """What the columns hold, in words."""
        return f"{self.order} in {self.unit}"

    def corners(self, numbers: Numbers) -> Numbers:
        """The corners in pixels, float64 (R, 4)."""
        return np.asarray(ordered(numbers, self.order) * np.concatenate([self.factors, self.factors], axis=1))


def ordered(numbers: Numbers, order: str) -> Numbers:
    """Corners x1, y1, x2, y2 of numbers (R, 4) in another order."""
    a, b, c, d = numbers.T
    match order:
        case "x, y, width, height":
            columns = (a, b, a + c, b + d)
        case "y1, x1, y2, x2":
            columns = (b, a, d, c)
        case "x1, x2, y1, y2":
            columns = (a, c, b, d)
        case "centre x, centre y, width, height":
            columns = (a - c / 2, b - d / 2, a + c / 2, b + d / 2)
        case "y, x, height, width":
            columns = (b, a, b + d, a + c)
        case "corners in any order":
            columns = (np.minimum(a, c), np.minimum(b, d), np.maximum(a, c), np.maximum(b, d))
        case _:
            columns = (a, b, c, d)
    return np.stack(columns, axis=1)


def fits(corners: Numbers, sizes: Numbers) -> Flags:
    """Which boxes have their corners the right way round and lie in their picture, or nearly so: bool (R,)."""
    room = REACH * sizes + PIXELS
    inside = (corners[:, :2] >= -room).all(axis=1) & (corners[:, 2:] <= sizes + room).all(axis=1)
    return np.asarray(inside & (corners[:, 2:] >= corners[:, :2]).all(axis=1))


def likeliest(numbers: Numbers, sizes: Numbers) -> Reading | None:
    """The first of all readings that fits nearly all boxes; None where none does."""
    best: tuple[float, Reading] | None = None
    for reading in _readings(numbers, sizes):
        corners = reading.corners(numbers)
        share = float(fits(corners, sizes).mean())
        if share >= FITS and _spread(corners, sizes) and (best is None or share > best[0] + 0.005):
            best = share, reading
    return best[1] if best else None


def in_shares(numbers: Numbers, sizes: Numbers) -> Reading:
    """How numbers that are shares of the picture are to be read: in the order that fits best."""
    readings = [_of_picture(order, "shares of the picture", sizes, 1.0) for order in ORDERS]
    return max(readings, key=lambda reading: float(fits(reading.corners(numbers), sizes).mean()))


def larger_copy(corners: Numbers, sizes: Numbers) -> float:
    """By how much the copy that corners were measured in is larger than the videos, by how far they reach."""
    reached = float(np.quantile((corners[:, 2:] / sizes).max(axis=1), 0.999))
    near = min(SNAPPED, key=lambda factor: abs(np.log(reached / factor))) if reached > 0 else 1.0
    return float(near) if abs(reached / near - 1) <= 0.03 else reached


def _readings(numbers: Numbers, sizes: Numbers) -> Iterator[Reading]:
    ones, largest = np.ones_like(sizes), float(np.abs(numbers).max(initial=0))
    if largest <= SHARES:
        yield in_shares(numbers, sizes)
        return
    for order in ORDERS:
        yield Reading(order, "pixels", ones, CURES.get(order, ""))
    for most, unit, whole in (
        (PERCENT, "percent of the picture", 100.0),
        (THOUSANDTHS, "thousandths of the picture", 1000.0),
    ):
        if 0.9 * whole <= largest <= most:
            # numbers of a copy would reach less far down than across, or the other way round
            yield from (
                reading
                for order in ORDERS
                if (reading := _of_picture(order, unit, sizes, whole))
                and (ordered(numbers, order)[:, 2:].max(axis=0) >= 0.9 * whole).all()
            )
    for order in ORDERS:
        corners = ordered(numbers, order)
        factor = larger_copy(corners, sizes)
        if factor > 1 + 2 * REACH:
            yield Reading(order, f"pixels of {copy_of(sizes, factor)}", ones / factor, _joined(
                CURES.get(order, ""), f"divide by {factor:.3g}, or use the copy that they were made from"
            ))  # fmt: skip


def copy_of(sizes: Numbers, factor: float) -> str:
    """A copy of the videos, in words: by its size where all are of one."""
    width, height = np.round(sizes[0] * factor).astype(int).tolist()
    if (sizes == sizes[0]).all():
        return f"a copy of about {width}x{height}"
    return f"copies {factor:.3g} times as large"


def _of_picture(order: str, unit: str, sizes: Numbers, whole: float) -> Reading:
    by = "" if whole == 1 else f" and divide by {whole:.0f}"
    cure = f"multiply x by the width and y by the height of each video{by}"
    return Reading(order, unit, sizes / whole, _joined(CURES.get(order, ""), cure))


def _spread(corners: Numbers, sizes: Numbers) -> bool:
    """Whether somebody is seen in the far half of the picture: a unit that is too small would fit anything."""
    return bool((np.quantile(corners[:, 2:] / sizes, 0.999, axis=0) > 0.5).all())


def _joined(*cures: str) -> str:
    return "; ".join(cure for cure in cures if cure)
