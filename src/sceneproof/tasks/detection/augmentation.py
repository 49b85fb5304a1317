"""SSD's augmentation for clips: one draw for all frames, which moves boxes along.

What is drawn is a pure function of the generator and the boxes, as NumPy arrays on the host. Zooming out and cropping
together are one rectangle, which may reach beyond the frame.

Source: Liu et al. 2016, sections 2.2 and 3.6, and their released layers; for clips as Kalogeiton et al. 2017 (ACT) and
`src/ACT_utils/ACT_aug.py` of github.com/MCG-NJU/MOC-Detector, which say the numbers. Tubes count by their mean IoU.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.data.transforms import Crop

TRIALS = 50  # rectangles drawn for each overlap that is asked for


@dataclass(frozen=True, slots=True)
class Distortion:
    """Colours changed alike in all frames of a clip; the defaults change nothing.

    Attributes:
        brightness: added to pixels from 0 to 255.
        contrast: pixels are multiplied by it.
        saturation: of HSV: multiplied by it.
        hue: of HSV: degrees added.
        contrast_last: whether contrast comes behind saturation and hue, not before them.
    """

    brightness: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    contrast_last: bool = False

    def frames(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Frames (T, H, W, 3), RGB, with other colours; after each change they are cut to the range from 0 to 255."""
        pixels = (frames.astype(np.float32) + self.brightness).clip(0, 255)
        if not self.contrast_last:
            pixels = (pixels * self.contrast).clip(0, 255)
        if self.saturation != 1 or self.hue:
            rows = cv2.cvtColor((pixels / 255).reshape(-1, frames.shape[2], 3), cv2.COLOR_RGB2HSV)
            rows[..., 0] = (rows[..., 0] + self.hue) % 360
            rows[..., 1] = (rows[..., 1] * self.saturation).clip(0, 1)
            pixels = cv2.cvtColor(rows, cv2.COLOR_HSV2RGB).reshape(frames.shape) * 255
        if self.contrast_last:
            pixels = (pixels * self.contrast).clip(0, 255)
        recoloured: NDArray[np.uint8] = np.rint(pixels).astype(np.uint8)
        return recoloured


def random_distortion(
    *,
    rng: np.random.Generator,
    brightness: float = 32.0,
    contrast: tuple[float, float] = (0.5, 1.5),
    saturation: tuple[float, float] = (0.5, 1.5),
    hue: float = 36.0,
    share: float = 0.5,
) -> Distortion:
    """Each change in a `share` of clips, contrast first or last.

    Args:
        rng: what is drawn from.
        brightness: most that is added or taken away.
        contrast: least and most.
        saturation: least and most.
        hue: most degrees added or taken away: 18 of OpenCV's 180 steps, as in the released layer.
        share: of clips that have each change.
    """
    happens = rng.random(4) < share
    bounds = ((-brightness, brightness), contrast, saturation, (-hue, hue))
    drawn = [float(rng.uniform(*pair)) for pair in bounds]
    added, times, coloured, turned = (
        value if yes else still for value, yes, still in zip(drawn, happens, (0.0, 1.0, 1.0, 0.0), strict=True)
    )
    return Distortion(added, times, coloured, turned, contrast_last=bool(rng.integers(2)))


def random_window(
    boxes: NDArray[np.float32],
    present: NDArray[np.bool_],
    size: tuple[int, int],
    *,
    rng: np.random.Generator,
    zoom_share: float = 0.5,
    zoom: float = 4.0,
    overlaps: Sequence[float] = (0.1, 0.3, 0.5, 0.7, 0.9),
    smallest: float = 0.3,
    aspects: tuple[float, float] = (0.5, 2.0),
    flip_share: float = 0.5,
) -> Crop:
    """Zooms out, or not; cuts out a rectangle that overlaps some tube enough, or any, or none; mirrors, or not.

    For each overlap a rectangle is looked for whose mean IoU with some tube is at least that; one of those found is
    taken, or the whole frame, or a rectangle anywhere, each as likely.

    Args:
        boxes: float (K, T, 4), x1 y1 x2 y2 in pixels; K may be 0: then no overlap is looked for.
        present: bool (K, T), in which frames each tube has a box.
        size: rows and columns of the frame.
        rng: what is drawn from.
        zoom_share: of clips that are zoomed out.
        zoom: how many times as high and wide as the frame the rectangle may become at most.
        overlaps: IoU asked for.
        smallest: Square root of the least area of a cut, in parts of the (zoomed) frame.
        aspects: Least and greatest ratio of width to height, in parts of the frame.
        flip_share: of clips that are mirrored.

    Returns:
        A rectangle in pixels of the frame, which may reach beyond it.
    """
    height, width = size
    whole = Crop(0, 0, height, width)
    if rng.random() < zoom_share:
        ratio = rng.uniform(1, zoom)
        tall, wide = int(height * ratio), int(width * ratio)
        whole = Crop(-int(rng.integers(tall - height + 1)), -int(rng.integers(wide - width + 1)), tall, wide)
    windows = [whole, _part(whole, smallest, aspects, rng)]
    for least in overlaps if present.any() else ():
        for _ in range(TRIALS):
            part = _part(whole, smallest, aspects, rng)
            if _overlap(boxes, present, part).max() >= least:
                windows.append(part)
                break
    taken = windows[int(rng.integers(len(windows)))]
    return Crop(taken.top, taken.left, taken.height, taken.width, flip=bool(rng.random() < flip_share))


def cut(frames: NDArray[np.uint8], window: Crop, fill: Sequence[float]) -> NDArray[np.uint8]:
    """Frames (T, h, w, 3) inside a window, uint8; what lies beyond the frame has the colour `fill` (3,), RGB."""
    length, height, width = frames.shape[:3]
    pixels = np.empty((length, window.height, window.width, 3), dtype=np.uint8)
    pixels[:] = np.rint(np.asarray(fill)).astype(np.uint8)
    top, left = max(0, window.top), max(0, window.left)
    bottom, right = min(height, window.top + window.height), min(width, window.left + window.width)
    if bottom > top and right > left:
        place = (slice(top - window.top, bottom - window.top), slice(left - window.left, right - window.left))
        pixels[:, place[0], place[1]] = frames[:, top:bottom, left:right]
    return pixels


def moved_boxes(
    boxes: NDArray[np.float32], present: NDArray[np.bool_], window: Crop, size: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Boxes (K, T, 4) in pixels of the (size, size) clip that a window becomes, and which of them are still there.

    A box is still there if its middle lies in the window. It is cut at the edges. (ACT leaves out a tube as soon as one
    frame's middle is outside.)
    """
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2 - np.array([window.left, window.top], dtype=np.float32)
    inside = (middle > 0).all(axis=-1) & (middle < [window.width, window.height]).all(axis=-1)
    moved = window.boxes(boxes.reshape(-1, 4), size).reshape(boxes.shape)
    return moved, present & inside & (moved[..., 2:] > moved[..., :2]).all(axis=-1)


def _part(whole: Crop, smallest: float, aspects: tuple[float, float], rng: np.random.Generator) -> Crop:
    """A rectangle within another: its size first, then an aspect that it has room for, then its place."""
    scale = rng.uniform(smallest, 1)
    aspect = rng.uniform(max(aspects[0], scale**2), min(aspects[1], scale**-2))
    height = max(1, int(whole.height * scale / aspect**0.5))
    width = max(1, int(whole.width * scale * aspect**0.5))
    height, width = min(height, whole.height), min(width, whole.width)
    top = whole.top + int(rng.integers(whole.height - height + 1))
    left = whole.left + int(rng.integers(whole.width - width + 1))
    return Crop(top, left, height, width)


def _overlap(boxes: NDArray[np.float32], present: NDArray[np.bool_], window: Crop) -> NDArray[np.float64]:
    """Mean IoU (K,) of tubes with a window over the frames they are in; 0 for a tube that is in none."""
    low = np.maximum(boxes[..., :2], [window.left, window.top])
    high = np.minimum(boxes[..., 2:], [window.left + window.width, window.top + window.height])
    both = (high - low).clip(min=0).prod(axis=-1)
    areas = (boxes[..., 2:] - boxes[..., :2]).clip(min=0).prod(axis=-1) + window.height * window.width
    mean: NDArray[np.float64] = np.where(present, both / (areas - both), 0).sum(axis=1) / present.sum(axis=1).clip(
        min=1
    )
    return mean
