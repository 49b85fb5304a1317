"""Crops, flips and masking: drawn on the host for each sample, carried out on the device in batches.

The crop of training is the released code's multi-scale corner crop: one of five sizes, at a corner or the centre.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import functional as pixels

from sceneproof.optical_flow import ZERO
from sceneproof.types import Clip

SCALES = tuple(0.8409**power for power in range(5))  # 1 to 0.5: 5 scales, factor 2 ** -1/4 [released code]


@dataclass(frozen=True, slots=True)
class Crop:
    """A rectangle of pixels that is cut out and resized to a square, then mirrored if `flip`."""

    top: int
    left: int
    height: int
    width: int
    flip: bool = False

    def clip(self, clip: Clip) -> Clip:
        """Cuts frames and person regions together; resizing and mirroring wait for the device."""
        rows, columns = slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)
        humans = None if clip.humans is None else clip.humans[:, rows, columns]
        return Clip(clip.frames[:, rows, columns], humans, clip.fill)

    def boxes(self, boxes: NDArray[np.float32], size: int) -> NDArray[np.float32]:
        """Boxes (K, 4), x1 y1 x2 y2 in pixels of the frame, to pixels of the (size, size) clip, cut at its edges."""
        scale = np.array([size / self.width, size / self.height] * 2, dtype=np.float32)
        moved = (boxes - np.array([self.left, self.top] * 2, dtype=np.float32)) * scale
        if self.flip:
            moved = np.stack([size - moved[:, 2], moved[:, 1], size - moved[:, 0], moved[:, 3]], axis=1)
        return moved.clip(0, size)


def random_crop(height: int, width: int, *, scales: Sequence[float] = SCALES, rng: np.random.Generator) -> Crop:
    """Multi-scale corner crop and a flip half of the time (libs/spatial_transforms.py of the released code)."""
    side = max(1, round(min(height, width) * scales[int(rng.integers(len(scales)))]))
    down, right = height - side, width - side
    places = [(down // 2, right // 2), (0, 0), (0, right), (down, 0), (down, right)]
    top, left = places[int(rng.integers(len(places)))]
    return Crop(top, left, side, side, flip=bool(rng.integers(2)))


def centre_crop(height: int, width: int) -> Crop:
    """The largest square in the middle: short side to `size` and centre crop, in one cut."""
    side = min(height, width)
    return Crop((height - side) // 2, (width - side) // 2, side, side)


def fill_humans(frames: Tensor, humans: Tensor, fill: Tensor) -> Tensor:
    """Replaces people by their frame's mean colour (Choi et al. 2019, section 3.3).

    Args:
        frames: uint8 (N, T, H, W, 3).
        humans: bool (N, T, H, W).
        fill: uint8 (N, T, 3).
    """
    return torch.where(humans[..., None], fill[:, :, None, None, :], frames)


def resize(frames: Tensor, size: int) -> Tensor:
    """uint8 (N, T, H, W, 3) to uint8 (N, T, 3, size, size), bilinear with anti-aliasing."""
    clips, length = frames.shape[:2]
    pictures = frames.flatten(0, 1).permute(0, 3, 1, 2)
    if tuple(pictures.shape[-2:]) != (size, size):
        pictures = pixels.resize(pictures, [size, size], antialias=True)
    return pictures.reshape(clips, length, 3, size, size)


def square(frames: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """uint8 (T, H, W, 3) to uint8 (T, size, size, 3), as `resize` does it on the device."""
    if frames.shape[1:3] == (size, size):
        return frames
    resized: NDArray[np.uint8] = (
        resize(torch.from_numpy(np.ascontiguousarray(frames))[None], size)[0].permute(0, 2, 3, 1).numpy()
    )
    return resized


def resize_regions(regions: Tensor, size: int) -> Tensor:
    """Bool (N, T, H, W) to bool (N, T, size, size): where at least half of what a pixel shows is in the region."""
    if tuple(regions.shape[-2:]) == (size, size):
        return regions
    shares: Tensor = pixels.resize(regions.to(torch.float32), [size, size], antialias=True)
    return shares >= 0.5


def mirrored(frames: Tensor, flip: Tensor, *, flow: bool = False) -> Tensor:
    """uint8 (N, T, 3, H, W) to float32 (N, 3, T, H, W), from 0 to 255, mirrored where `flip` (N,).

    Of optical `flow` what moves to the right moves to the left in the mirror.
    """
    video = frames.transpose(1, 2).to(torch.float32, memory_format=torch.contiguous_format)
    turned = torch.nonzero(flip.cpu()).flatten().to(frames.device)
    other = video[turned].flip(-1)
    video[turned] = turned_flow(other) if flow else other
    return video


def turned_flow(video: Tensor) -> Tensor:
    """Mirrored pictures of flow, float (N, 3, T, H, W) from 0 to 255: what moved to the right moves to the left."""
    video[:, 0] = (2 * ZERO - video[:, 0]).clamp(max=255)
    return video


def normalise(frames: Tensor, flip: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """uint8 (N, T, 3, H, W) to float (N, 3, T, H, W): mirrored where `flip` (N,), less `mean`, over `std`."""
    return standardise(mirrored(frames, flip), mean, std)


def standardise(video: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Float (N, 3, T, H, W), from 0 to 255, less `mean`, over `std`, in place."""
    shape = (1, 3, 1, 1, 1)
    # in place: on a processor, making a new clip for each step would take most of the loader's time
    return video.sub_(video.new_tensor(mean).view(shape)).div_(video.new_tensor(std).view(shape))
