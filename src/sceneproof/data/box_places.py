"""What boxes look like in the pictures of their videos, taken all together."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data import box_readings as readings

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

FEW, MANY = 3, 10
"""Videos: from so many on a habit of a table is worth a warning, and from so many on it is beyond chance."""
LEAST_ROWS = 6
"""Boxes: of fewer nobody can say what they look like."""
UNREACHED = 0.75
"""Share of width and height: where nobody is ever seen beyond, in both, the boxes are of a smaller picture."""
WHOLE, LARGE = 0.95, 0.8
"""Median share of the picture: from the first on it is no person's, from the second on it is a rare one's."""
SMALL = 0.0005
"""Median share of the picture below which a person can hardly be seen."""
EDGE = 0.97
"""Share of a side: boxes that end together before it are cut off at the edge of another picture."""


@dataclass(frozen=True)
class Doubt:
    """What a table looks like instead of what it should be.

    Attributes:
        text: what it looks like, the evidence, and what to do.
        sure: whether it cannot be right; else it may be.
    """

    text: str
    sure: bool = False


def place_doubts(numbers: Numbers, sizes: Numbers, video: NDArray[np.int64]) -> list[Doubt]:
    """What R boxes look like in pictures of known sizes, float64 (R, 2)."""
    tiny = _in_shares(numbers, sizes, video)
    if tiny is not None and tiny.sure:
        return [tiny]
    told = [] if tiny is None else [tiny]
    fit = readings.fits(numbers, sizes)
    if len(numbers) >= LEAST_ROWS and fit.mean() < readings.FITS:
        return [*told, _misread(numbers, sizes, fit)]
    if not fit.any():
        return told  # a few boxes, each wrong by itself
    corners, sizes = numbers[fit], sizes[fit]
    cut = np.clip(corners, 0, np.concatenate([sizes, sizes], axis=1))
    sides = cut[:, 2:] - cut[:, :2]
    areas = area_doubts(sides.prod(axis=1) / sizes.prod(axis=1), "the median box", float(np.median(sides.max(axis=1))))
    return told + (areas or _habits(corners, sizes, len(np.unique(video[fit]))))


def _in_shares(numbers: Numbers, sizes: Numbers, video: NDArray[np.int64]) -> Doubt | None:
    """Videos all of whose boxes end within two pixels of the corner, in pictures where that shows no person."""
    small = (numbers.max(axis=1) <= readings.SHARES) & (sizes.min(axis=1) > 4 * readings.SHARES)
    each = pd.Series(small).groupby(video).all()
    if not each.any():
        return None
    rows = each[video].to_numpy()
    reading = readings.in_shares(numbers[rows], sizes[rows])
    where = "" if each.all() else f", of {int(each.sum())} of {len(each)} videos,"
    text = (
        f"{_all(numbers[rows])}{where} end before the third pixel of pictures of {_size(sizes[rows])}: they look like "
        f"{reading.text}: {reading.cure}"
    )
    return Doubt(text, bool(each.mean() >= 0.05))


def _misread(numbers: Numbers, sizes: Numbers, fit: NDArray[np.bool_]) -> Doubt:
    """Boxes that are none, or lie outside their pictures, more often than by chance."""
    middles = (numbers[:, :2] + numbers[:, 2:]) / 2
    out = np.asarray(((middles < 0) | (middles > sizes)).any(axis=1))
    turned = np.asarray((numbers[:, 2:] < numbers[:, :2]).any(axis=1))
    reach = numbers[:, 2:].max(axis=0)
    evidence = (
        f"{share_of(~fit)} of {len(fit):,} boxes do not fit their pictures of {_size(sizes)} (x2 below x1 or y2 below "
        f"y1 in {share_of(turned)}, the middle outside in {share_of(out)}; they reach x2 = {reach[0]:g}, y2 = "
        f"{reach[1]:g})"
    )
    reading = readings.likeliest(numbers, sizes)
    if reading is not None:
        beyond_chance = (
            turned.mean() >= 0.02 or out.mean() >= 0.01 or (reading.order != readings.OWN and fit.mean() <= 0.9)
        )
        sure = bool(beyond_chance and reading.order != readings.TURNED)  # what is turned is refused, or mended, by row
        return Doubt(f"the boxes are not {readings.OWN} in pixels of these videos: they look like {reading.text}: "
                     f"{reading.cure}. {evidence}", sure)  # fmt: skip
    sure = bool(out.mean() >= 0.05 and fit.mean() <= 0.9)
    return Doubt(f"{evidence}: boxes are {readings.OWN} in pixels of these very files", sure)


def _habits(corners: Numbers, sizes: Numbers, videos: int) -> list[Doubt]:
    """Boxes that fit one by one, but not all together."""
    corner = np.asarray(((corners[:, :2] + corners[:, 2:]) / 2 <= sizes / 2 + 1).all(axis=1))
    cornered = videos >= FEW and float(corner.mean()) >= 0.995
    smaller = _of_smaller(corners, sizes, videos)
    if smaller is not None:
        return [smaller]
    if cornered:
        text = (
            f"the middle of {share_of(corner)} of the boxes lies in the upper left quarter of the picture, in {videos} "
            f"videos: they look like x, y, width, height: write x2 = x + width and y2 = y + height"
        )
        return [Doubt(text, videos >= MANY)]
    return [*_from_one(corners), *_lying(corners, videos)]


def _of_smaller(corners: Numbers, sizes: Numbers, videos: int) -> Doubt | None:
    """Boxes that end together before the edge of the picture: of a smaller copy, or in parts of the picture."""
    if videos < 2:
        return None
    largest, reached = corners[:, 2:].max(axis=0), (corners[:, 2:] / sizes).max(axis=0)
    ends = (np.abs(corners[:, 2:] / sizes - reached) < 1e-3).sum(axis=0)
    together = bool(videos >= MANY and (ends >= FEW).all() and (reached < EDGE).all())
    looks = "pixels of a smaller copy of the videos"
    for whole, unit in ((100.0, "percent"), (1000.0, "thousandths")):
        if (np.abs(largest - whole) <= 0.015 * whole).all() and (sizes > 1.03 * whole).all():
            looks = f"{unit} of the picture"
    even = float(reached.min() / reached.max())  # a smaller copy is so across as it is down
    if not looks.endswith("of the picture") and not (even >= 0.75 and (together or (reached <= UNREACHED).all())):
        return None
    text = (
        f"in all of {videos} videos nobody is ever seen beyond {reached[0]:.0%} of the width and {reached[1]:.0%} of "
        f"the height ({ends[0]} and {ends[1]} boxes end just there): the boxes look like {looks}"
    )
    of_picture = looks.endswith("of the picture") and (ends >= FEW).all()
    return Doubt(text, bool(videos >= MANY and (of_picture or ((reached <= UNREACHED).all() and even >= 0.9))))


def _from_one(corners: Numbers) -> list[Doubt]:
    """Boxes that begin at 1 where others begin at 0: pixels that are counted from 1."""
    least = corners[:, :2].min(axis=0)
    at_edge = (corners[:, :2] == least).sum(axis=0)
    if least[0] == least[1] and 0 < least[0] <= 1 and (at_edge >= FEW).all():
        text = (
            f"no box begins before {least[0]:g}, and {at_edge[0]} begin there across and {at_edge[1]} down: the pixels "
            f"look as if they were counted from 1: subtract {least[0]:g} from all four numbers (x2, y2 are exclusive)"
        )
        return [Doubt(text)]
    return []


def _lying(corners: Numbers, videos: int) -> list[Doubt]:
    sides = corners[:, 2:] - corners[:, :2]
    wide = sides[:, 0] > sides[:, 1]
    if videos >= MANY and wide.mean() >= 0.9:
        return [Doubt(f"{share_of(wide)} of the boxes are wider than they are high: are x and y exchanged?")]
    return []


def area_doubts(shares: Numbers, what: str, side: float) -> list[Doubt]:
    """Areas that no person has.

    Args:
        shares: of the picture, (R,).
        what: has them, as a sentence begins: "the median box".
        side: the median longer side, in pixels.
    """
    middle = float(np.median(shares))
    if middle >= LARGE:
        text = (
            f"{what} covers {middle:.0%} of the picture ({share_of(shares >= WHOLE)} of them cover at least "
            f"{WHOLE:.0%}): nothing of the scene is left beside such people"
        )
        return [Doubt(text, middle >= WHOLE)]
    if side <= 2:
        return [Doubt(f"{what} has a longer side of {side:.2g} pixels: no person is so small", True)]
    if middle < SMALL:
        return [Doubt(f"{what} covers {100 * middle:.2g} % of the picture: are they in its pixels?")]
    return []


def share_of(flags: NDArray[np.bool_]) -> str:
    """A share that is never rounded to none or to all."""
    share = 100 * float(flags.mean())
    digits = 0 if share in (0, 100) or 1 <= share <= 99 else 2
    return f"{share:.{digits}f} %"


def _all(numbers: Numbers) -> str:
    return f"all {len(numbers):,} boxes (largest number {numbers.max():g})"


def _size(sizes: Numbers) -> str:
    width, height = np.median(sizes, axis=0).astype(int).tolist()
    return f"{width}x{height}" if (sizes == sizes[0]).all() else f"{width}x{height} and other sizes"
