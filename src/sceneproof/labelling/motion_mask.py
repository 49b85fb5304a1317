"""People by their motion and colours alone, without a detector.

After FAME: Ding et al., "Motion-aware Contrastive Video Representation Learning via Foreground-background Merging",
CVPR 2022, section 3.2, and its released code (github.com/Mark12Ding/FAME, moco/loader.py), whose constants these are.
"""

import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.errors import InputError
from sceneproof.labelling.contracts import PersonSegmenter

SEED, BACKGROUND = 0.5, 0.1
"""Shares of the pixels, the most and the least moving, that colours of foreground and background are taken from."""
BINS = 10
"""A colour channel's, of the histograms."""


class MotionMask(PersonSegmenter):
    """The moving foreground of a clip: one mask for some frames at a time.

    Attributes:
        title: the method, and the settings.
        short_side: that frames are looked at in: 112, the crop of the paper.
    """

    def __init__(self, *, share: float = 0.5, window: int = 16, short_side: int = 112) -> None:
        """The settings.

        Args:
            share: Of the pixels that are called foreground, above 0 and up to 1 (the paper's β; .5 in the released
                code).
            window: About how many frames share one mask; the paper's clips have 16.
            short_side: Frames are shrunk to it.

        Raises:
            InputError: a setting that makes no mask.
        """
        if not 0 < share <= 1 or window < 2 or short_side < 1:
            raise InputError(
                f"motion mask: the share must be above 0 and up to 1, and the window at least 2 frames; "
                f"given: share {share:g}, window {window}, short side {short_side}"
            )
        self._share, self._window = share, window
        self.short_side = short_side
        self.title = f"FAME motion mask, share {share:g}, window {window}, short side {short_side}"

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Masks bool (T, H, W) of a clip uint8 (T, H, W, 3), RGB: empty where nothing moves."""
        masks = np.zeros(frames.shape[:3], np.bool_)
        ends = np.linspace(0, len(frames), max(1, round(len(frames) / self._window)) + 1).round().astype(int)
        for start, end in itertools.pairwise(ends):
            masks[start:end] = motion_mask(frames[start:end], share=self._share)
        return masks


def motion_mask(frames: NDArray[np.uint8], *, share: float = 0.5) -> NDArray[np.bool_]:
    """The part of a clip's picture that moves, and what has its colours.

    The smoothed mean difference of neighbouring frames ranks the pixels. Each pixel's colour in the mean frame is
    then held against the colours of the most and of the least moving pixels; the likeliest foreground is the mask.

    Args:
        frames: uint8 (T, H, W, 3), RGB.
        share: of the pixels that are foreground.

    Returns:
        bool (H, W) with round(share × H × W) pixels, but none where no pixel changes: nothing tells people then.
    """
    pixels = frames.astype(np.float32) / 255
    motion = abs(np.diff(pixels, axis=0)).sum(-1).sum(0)
    if not motion.any():
        return np.zeros(motion.shape, np.bool_)
    motion = _smoothed(motion)
    colours = _colour_bins(pixels.mean(0)).ravel()
    foreground = _histogram(colours[_top(motion, SEED)])
    background = _histogram(colours[_top(-motion, BACKGROUND)], at_least=1)
    likely = (foreground / (foreground + background))[colours].reshape(motion.shape)
    mask = np.zeros(motion.size, np.bool_)
    mask[_top(_smoothed(likely), share)] = True
    return mask.reshape(motion.shape)


def _colour_bins(picture: NDArray[np.float32]) -> NDArray[np.int64]:
    """A picture (H, W, 3), RGB, 0 to 1, as numbers (H, W) from 0: hue and saturation on their disc, and value.

    The released code multiplies by 2π a hue that its library gives in radians already; here hue is the angle.
    """
    hue, saturation, value = np.moveaxis(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV), -1, 0)
    angle = np.deg2rad(hue)
    x, y = ((saturation * turned(angle) + 1) / 2 for turned in (np.cos, np.sin))
    # counted from 1 while rounding, as the released code does: grey lies on a half, and halves round to even
    column, row, layer = (np.round(axis * (BINS - 1) + 1).astype(np.int64) - 1 for axis in (x, y, value))
    bins: NDArray[np.int64] = column + BINS * (row + BINS * layer)
    return bins


def _histogram(colours: NDArray[np.int64], *, at_least: int = 0) -> NDArray[np.float64]:
    counts = np.bincount(colours, minlength=BINS**3) + at_least
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _smoothed(picture: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float32]:
    """Blurred by a Gaussian of a tenth of the short side."""
    side = int(0.1 * min(picture.shape)) // 2 * 2 + 1
    return np.asarray(cv2.GaussianBlur(picture, (side, side), side / 3), np.float32)


def _top(values: NDArray[np.float32], share: float) -> NDArray[np.int64]:
    """Places of the largest values, the first of equal ones, so that the same clip has the same mask everywhere."""
    order: NDArray[np.int64] = np.argsort(-values.ravel(), kind="stable")
    return order[: max(1, round(share * values.size))]
