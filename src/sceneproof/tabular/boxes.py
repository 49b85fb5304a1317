"""Boxes in any usual form as corners in pixels: told by the user or by the columns' names, else by what fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sceneproof.errors import InputError
from sceneproof.tabular.headings import CENTRED, CORNERS, SIZED

Numbers = NDArray[np.float64]
Order = Literal["xyxy", "xywh", "cxcywh"]
ORDERS: tuple[Order, ...] = ("xyxy", "xywh", "cxcywh")
WORDS = {
    "xyxy": "left, upper, right and lower edge (xyxy)",
    "xywh": "left and upper edge, width and height (xywh)",
    "cxcywh": "centre, width and height (cxcywh)",
}
FITS = 0.98
"""The least share of boxes inside their pictures, for a form to be the right one."""
REACH = 0.05
"""A share of the side by which a box may reach outside its picture: detectors round, and guess what is hidden."""
SHARES = 1.5
"""The largest number, of all, that shares of the picture come to with boxes that reach outside."""
PILED = 3
"""Boxes that begin at pixel 1 exactly, while none begins before: so many are hardly chance."""


@dataclass(frozen=True)
class BoxForm:
    """How the table writes boxes. What is not said is inferred and told, and refused where it could be several.

    Attributes:
        order: xyxy: left, upper, right, lower edge; xywh: left, upper edge, width, height; cxcywh: centre, width,
            height.
        unit: pixels of the video, or shares of its picture from 0 to 1.
        first_pixel: 0, or 1 where pixels are counted from 1 (MATLAB).
        last_pixel: whether x2, y2 are the last pixel of the person ('included') or the one behind it ('excluded').
        first_frame: 0, or 1 where frames are counted from 1.
    """

    order: Order | None = None
    unit: Literal["pixels", "shares"] | None = None
    first_pixel: Literal[0, 1] | None = None
    last_pixel: Literal["included", "excluded"] | None = None
    first_frame: Literal[0, 1] | None = None


def corners(
    numbers: Numbers, sizes: Numbers, form: BoxForm, columns: Sequence[str], source: str
) -> tuple[Numbers, str]:
    """Boxes as x1, y1, x2, y2 in pixels of their videos, x2 and y2 exclusive; float64 (R, 4).

    Args:
        numbers: (R, 4), finite, as the table has them.
        sizes: (R, 2), width and height of each box's video.
        form: what the user says.
        columns: the fields that the numbers are of: `CORNERS`, `SIZED`, `CENTRED`, or ("box",).
        source: the table, for messages.

    Returns:
        The corners, and how the numbers were read, in words.

    Raises:
        InputError: no form fits, or several do.
    """
    unit = form.unit or _unit(numbers, source)
    scaled = numbers * np.tile(sizes, 2) if unit == "shares" else numbers
    order, why = _order(scaled, sizes, form, tuple(columns), source)
    first = form.first_pixel
    if unit == "shares":
        if first == 1 or form.last_pixel == "included":
            raise InputError(f"{source}: --boxes.first-pixel and --boxes.last-pixel are for pixels, not for shares")
        first, last = 0, "excluded"
    else:
        if first is None:
            first = _first_pixel(scaled[:, :2], order, source)
        last = form.last_pixel or ("included" if first == 1 and order == "xyxy" else "excluded")
    boxes = ordered(scaled, order) - first
    if last == "included":
        boxes[:, 2:] += 1
    counted = "" if unit == "shares" else f", counted from {first}, the last pixel {last}"
    return boxes, f"boxes read as {WORDS[order]} in {_units(unit)}{counted}{why}"


def ordered(numbers: Numbers, order: Order) -> Numbers:
    """Corners of boxes that are written in this order."""
    start, size = numbers[:, :2], numbers[:, 2:]
    if order == "xywh":
        return np.concatenate([start, start + size], axis=1)
    if order == "cxcywh":
        return np.concatenate([start - size / 2, start + size / 2], axis=1)
    return numbers.copy()


def fitting(numbers: Numbers, sizes: Numbers, order: Order) -> float:
    """The share of boxes that have an area and lie in their picture, or nearly, when read in this order."""
    boxes, room = ordered(numbers, order), REACH * sizes + 2
    inside = (boxes[:, :2] >= -room) & (boxes[:, 2:] <= sizes + room) & (boxes[:, 2:] > boxes[:, :2])
    return float(inside.all(axis=1).mean())


def _unit(numbers: Numbers, source: str) -> Literal["pixels", "shares"]:
    largest = float(np.abs(numbers).max())
    if largest > SHARES:
        return "pixels"
    if (numbers % 1 == 0).all():
        raise InputError(
            f"{source}: all boxes are of whole numbers up to {largest:g}: pixels, or shares of the picture? "
            f"Say --boxes.unit pixels or shares"
        )
    return "shares"


def _order(numbers: Numbers, sizes: Numbers, form: BoxForm, columns: tuple[str, ...], source: str) -> tuple[Order, str]:
    """The order of the numbers, and why it was taken."""
    named: dict[tuple[str, ...], tuple[Order, ...]] = {
        CORNERS: ("xyxy",), CENTRED: ("cxcywh",), SIZED: ("xywh", "cxcywh"),
    }  # fmt: skip
    may = (form.order,) if form.order is not None else named.get(columns, ORDERS)
    shares = {order: fitting(numbers, sizes, order) for order in ORDERS}
    fit = [order for order in may if shares[order] >= FITS]
    if len(fit) == 1:
        return fit[0], "" if len(may) == 1 else ", since no other order fits their videos' pictures"
    told = "; ".join(f"{100 * shares[order]:.3g} % as {order}" for order in ORDERS)
    if not fit:
        others = [order for order in ORDERS if shares[order] >= FITS]
        looks = f": they look like {WORDS[others[0]]}, --boxes.order {others[0]}" if len(others) == 1 else ""
        raise InputError(
            f"{source}: the boxes do not fit their videos' pictures, such as {_box(numbers[0])} in "
            f"{sizes[0, 0]:g}x{sizes[0, 1]:g} pixels ({told} lie inside){looks}. Are they of another size, or "
            f"in another unit?"
        )
    raise InputError(
        f"{source}: the boxes, such as {_box(numbers[0])}, may be {' or '.join(WORDS[order] for order in fit)} ({told} "
        f"lie inside the pictures): say which with --boxes.order"
    )


def _first_pixel(starts: Numbers, order: Order, source: str) -> Literal[0, 1]:
    if order == "cxcywh":
        return 0
    least = starts.min(axis=0)
    if least.min() == 1 and (starts == 1).sum() >= PILED:
        raise InputError(
            f"{source}: no box begins before pixel 1, {(starts == 1).sum()} begin there: are pixels counted from 1? "
            f"Say --boxes.first-pixel 1 or 0"
        )
    return 0


def frames_from_0(
    frames: Numbers, lengths: Numbers, first: Literal[0, 1] | None, flag: str, source: str
) -> tuple[Numbers, str]:
    """Frame numbers counted from 0, and how they were read.

    Args:
        frames: (R,), as the table has them.
        lengths: (R,), frames of each one's video; 0 where unknown.
        first: what the user says.
        flag: what he says it with.
        source: the table, for messages.

    Raises:
        InputError: frames from 0 and from 1 are both possible.
    """
    if first is None:
        past = (lengths > 0) & (frames == lengths)
        if (frames == 0).any():
            first, why = 0, "frame 0 is there"
        elif past.any():
            first, why = 1, "no frame 0 is there, and a video's frames reach its last when counted from 1"
        else:
            raise InputError(
                f"{source}: no frame 0 is there, nor one past the end of a video: are frames counted from 0 or from 1? "
                f"Say {flag} 0 or 1"
            )
        return frames - first, f"frames counted from {first}: {why}"
    return frames - first, f"frames counted from {first}, as said"


def _units(unit: str) -> str:
    return "pixels" if unit == "pixels" else "shares of the picture"


def _box(numbers: Numbers) -> str:
    return ", ".join(f"{value:g}" for value in numbers)
