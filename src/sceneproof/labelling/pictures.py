"""Pictures as labellers take them: read from folders, and brought to one size."""

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional

from sceneproof.data.picture import check_pixels
from sceneproof.errors import InputError, VideoError
from sceneproof.files import named, no_folder

SUFFIXES = (".png", ".jpg", ".jpeg")


def resize(frames: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Whole frames (N, H, W, 3) stretched to (N, height, width, 3), smoothed where they shrink.

    Stretched and not cropped: what lies at the frame's edge tells the scene more often than the person in its middle.
    """
    if frames.shape[1:3] == (height, width):
        return frames
    channels_first = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2)
    resized = functional.interpolate(channels_first, (height, width), mode="bilinear", antialias=True)
    pixels: NDArray[np.uint8] = resized.permute(0, 2, 3, 1).contiguous().numpy()
    return pixels


def categories(root: str | Path) -> list[str]:
    """Names of the sub-folders of ROOT that hold pictures, sorted.

    Raises:
        InputError: no such folder, or fewer than two categories in it.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{no_folder(root)} (expected FOLDER/CATEGORY/*.png or *.jpg)")
    names = sorted(named(folder).name for folder in root.iterdir() if folder.is_dir() and _files(folder))
    if len(names) < 2:
        raise InputError(
            f"{root}: pictures of {len(names)} categories here; at least 2 are needed, one sub-folder each"
        )
    return names


def read_pictures(
    root: str | Path, names: Sequence[str], *, size: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[Path]]:
    """Reads ROOT/CATEGORY/*.png (or jpg) for the categories in `names`, grey ones as three equal channels.

    Returns:
        uint8 (N, size, size, 3), RGB; each picture's place in `names`, (N,); and its file.

    Raises:
        InputError: a category without a picture, a file that cannot be read, or a category that `names` lacks.
    """
    root = Path(root)
    strange = sorted(set(categories(root)) - set(names))
    if strange:
        raise InputError(f"{root}: the category {strange[0]!r} is not among those known: {', '.join(names)}")
    pictures, labels, paths = [], [], []
    for label, name in enumerate(names):
        files = _files(root / name)
        if not files:
            raise InputError(f"{root / name}: no pictures of this category (*.png, *.jpg)")
        for path in files:
            pictures.append(resize(read_picture(path)[None], size, size)[0])
            labels.append(label)
            paths.append(path)
    return np.stack(pictures), np.array(labels), paths


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """One picture, uint8 (H, W, 3), RGB; a grey one as three equal channels.

    Raises:
        InputError: the file is not a picture that can be read.
    """
    # decoded from bytes, since OpenCV's own reading of paths fails on some names and says so only in the log
    data = path.read_bytes()
    try:
        with Image.open(io.BytesIO(data)) as header:  # reads no pixels: a few bytes can claim any number of them
            check_pixels(*header.size)
        picture = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)  # turned as its EXIF says
    except (OSError, ValueError, Image.DecompressionBombError):
        picture = None
    except VideoError as error:
        raise InputError(f"{path}: {error}; make it smaller or remove it") from None
    if picture is None:
        raise InputError(f"{path}: not a picture that can be read; remove it or write it again as PNG or JPEG")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
