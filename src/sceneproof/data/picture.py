"""Pictures: what tells one from a video, and how its pixels are read. A picture is a video of one frame.

The content decides, never the name. Pictures are shown as browsers show them: turned as their EXIF says, what is
transparent over white; colour profiles are not applied. Files are hostile: only the reader of the format that a file's
first bytes tell is ever asked, and no pixel is read before the size is known.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from sceneproof.data.orientation import Orientation
from sceneproof.errors import VideoError

warnings.filterwarnings("ignore", module=r"PIL\..*")  # what it cannot read of a file is no concern, or is a reason

MAX_PIXELS = 2**25  # a frame; 8K. A file of some kilobytes can claim any size
MOST_BYTES = 2**28  # of a picture's file: twice the largest frame's pixels
HEAD = 32  # bytes that tell a picture
RATE = 1.0
"""Frames a second of a picture: it is shown for a second, for something has to be said where seconds are asked for."""

READERS: dict[str, Callable[[BinaryIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}
BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # bytes: what tells a BMP from other files that begin with BM
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif")  # single pictures, often in tiles
ORIENTATIONS = {  # EXIF's tag 0x0112
    2: Orientation(mirrored=True),
    3: Orientation(upside_down=True, mirrored=True),
    4: Orientation(upside_down=True),
    5: Orientation(transposed=True),
    6: Orientation(transposed=True, mirrored=True),
    7: Orientation(transposed=True, upside_down=True, mirrored=True),
    8: Orientation(transposed=True, upside_down=True),
}
ORIENTATION_TAG = 0x0112
GREYS_OF_16_BITS = ("I", "I;16", "I;16B", "I;16L")
TRANSPARENT = ("LA", "PA", "RGBA")
MODES = ("1", "L", "P", "RGB", "CMYK", *GREYS_OF_16_BITS, *TRANSPARENT)

# what Pillow's readers raise on files that are not what they claim; OSError is theirs here: all bytes are read before
FAULTS = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError, struct.error,
    zlib.error, Image.DecompressionBombError,
)  # fmt: skip


def picture_format(head: bytes) -> str | None:
    """The format of a picture, by the first `HEAD` bytes of its file; None: it is no picture that one knows.

    TIFF and HEIF are told, too, though they are not read.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in BMP_HEADERS:
        return "BMP"
    if head.startswith((b"II*\0", b"MM\0*")):
        return "TIFF"
    return "HEIF" if head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS else None


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture file that was opened: a video whose only frame it is.

    Attributes:
        format: "JPEG", "PNG", "WebP" or "BMP".
        data: the whole file.
    """

    format: str
    data: bytes

    @classmethod
    def of(cls, kind: str, file: BinaryIO, size: int) -> "PictureFile":
        """Reads the file of a picture.

        Args:
            kind: what `picture_format` said.
            file: open, at its start.
            size: of the file, in bytes.

        Raises:
            VideoError: its format is not read, or it is too large.
        """
        if kind not in READERS:
            raise VideoError(f"a {kind} picture: pictures are read as {', '.join(READERS)}; write it again as one")
        if size > MOST_BYTES:
            raise VideoError(f"a picture of {size} bytes is over the limit of {MOST_BYTES}")
        return cls(kind, file.read(size))

    def frames(self) -> Iterator[VideoFrame]:
        """The one frame, RGB, upright.

        Raises:
            VideoError: it is cut off or damaged, is animated, passes `MAX_PIXELS`, or has colours that are not read.
        """
        yield VideoFrame.from_ndarray(self.pixels(), format="rgb24")

    def pixels(self) -> NDArray[np.uint8]:
        """The picture as shown, uint8 (H, W, 3), RGB.

        Raises:
            VideoError: as `frames`.
        """
        try:
            with READERS[self.format](io.BytesIO(self.data)) as image:
                check_pixels(*image.size)
                if getattr(image, "n_frames", 1) > 1 and self.format != "JPEG":
                    raise VideoError(
                        f"an animated {self.format} of {getattr(image, 'n_frames', 1)} frames: make a video of it first"
                    )
                if image.mode not in MODES:
                    raise VideoError(f"a {self.format} of colours {image.mode}: write it again as RGB")
                image.load()
                upright = _orientation(image).upright(_rgb(image)[None])[0]
        except FAULTS as error:
            text = str(error).partition("\n")[0].lower()
            raise VideoError(f"damaged or cut off: this {self.format} picture cannot be read ({text})") from None
        return np.ascontiguousarray(upright)


def check_pixels(width: int, height: int) -> None:
    """Raises VideoError when a frame is larger than `MAX_PIXELS`."""
    if width * height > MAX_PIXELS:
        raise VideoError(f"frames of {width}x{height} are over the limit of {MAX_PIXELS} pixels")


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    """A picture's colours, uint8 (H, W, 3)."""
    if image.mode in GREYS_OF_16_BITS:
        high = np.asarray(image).astype(np.int64) >> 8  # the high byte, as of colours of 16 bits
        return np.repeat(np.clip(high, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in TRANSPARENT or "transparency" in image.info:
        over: Any = Image.new("RGBA", image.size, "white")
        over.alpha_composite(image.convert("RGBA"))
        image = over
    return np.asarray(image.convert("RGB"), np.uint8)


def _orientation(image: Image.Image) -> Orientation:
    """What the EXIF says; as stored where there is none, or one that cannot be read, as viewers do."""
    try:
        number = image.getexif().get(ORIENTATION_TAG, 1)
    except FAULTS:
        return Orientation()
    return ORIENTATIONS.get(number, Orientation()) if isinstance(number, int) else Orientation()
