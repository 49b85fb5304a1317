"""Moving pictures for the page: animated WebP, which every browser shows, as data in the page itself."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

QUALITY = 60


@dataclass(frozen=True)
class Picture:
    """A moving picture, and its middle frame for print and for readers who want things still; data URIs."""

    title: str
    moving: str
    held: str
    alt: str
    width: int
    height: int
    answer: str = ""
    right: bool = False
    share: str = ""


def picture(
    title: str,
    frames: NDArray[np.uint8],
    rate: float,
    alt: str,
    *,
    answer: str = "",
    right: bool = False,
    share: str = "",
) -> Picture:
    """Frames (T, H, W, 3) at `rate` frames a second as a picture that loops."""
    images = [Image.fromarray(frame) for frame in frames]
    height, width = frames.shape[1:3]
    moving, held = webp(images, round(1000 / rate)), webp(images[len(images) // 2 :][:1])
    return Picture(title, moving, held, alt, width, height, answer, right, share)


def webp(images: list[Image.Image], milliseconds: int = 0) -> str:
    """A data URI of one picture, or of an endless animation."""
    buffer = io.BytesIO()
    first, *rest = images
    if rest:
        first.save(
            buffer, "WEBP", save_all=True, append_images=rest, duration=milliseconds, loop=0, quality=QUALITY, method=4
        )
    else:
        first.save(buffer, "WEBP", quality=QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
