"""Backgrounds from a folder: pictures and videos, at a clip's size."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.contexts.footage import aligned
from sceneproof.data.video import decode, probe
from sceneproof.errors import InputError
from sceneproof.files import named, no_folder
from sceneproof.seals import file_digest

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
VIDEOS = (".mp4", ".avi", ".webm", ".mkv", ".mov", ".m4v")


@dataclass(frozen=True)
class Backgrounds:
    """The user's folder of backgrounds.

    Attributes:
        root: the folder.
        names: its pictures and videos, and those of its sub-folders, as paths below it, sorted.
    """

    root: Path
    names: Sequence[str]

    @classmethod
    def read(cls, root: Path) -> "Backgrounds":
        """Lists a folder.

        Raises:
            InputError: no such folder, or nothing in it that can be a background.
        """
        if not root.is_dir():
            raise InputError(f"{no_folder(root)} (expected pictures or videos to put people in front of)")
        files = (
            named(path) for path in root.rglob("*") if path.suffix.lower() in (*PICTURES, *VIDEOS) and path.is_file()
        )
        names = sorted(path.relative_to(root).as_posix() for path in files)
        if not names:
            raise InputError(f"{root}: no pictures ({', '.join(PICTURES)}) or videos ({', '.join(VIDEOS)}) are here")
        return cls(root, names)

    def frames(self, name: str, wanted: NDArray[np.int64], total: int, height: int, width: int) -> NDArray[np.uint8]:
        """One of them, as the background of T frames of a clip.

        Args:
            name: one of `names`.
            wanted: T numbers of the clip's frames; a video gives those at the same share of its length.
            total: frames that the clip has.
            height: of the clip, in pixels; backgrounds are scaled to cover it, and their middle is taken.
            width: likewise.

        Returns:
            uint8 (T, H, W, 3) of a video, (H, W, 3) of a picture.

        Raises:
            InputError: a picture that cannot be read.
            VideoError: a video that cannot be read.
        """
        from sceneproof.labelling.pictures import read_picture  # imports torch, which takes seconds

        path = self.root / name
        if path.suffix.lower() in PICTURES:
            return covering(read_picture(path), height, width)
        taken = aligned(wanted, total, probe(path).frames)
        return np.stack([covering(frame, height, width) for frame in decode(path, taken)])


def background_digests(folder: str | Path | None) -> dict[str, str]:
    """SHA-256 of a folder's backgrounds, their names and contents, under "backgrounds"; of no folder, nothing.

    Raises:
        InputError: as `Backgrounds.read`.
    """
    if folder is None:
        return {}
    digest = hashlib.sha256()
    for name in Backgrounds.read(Path(folder)).names:
        with (Path(folder) / name).open("rb") as file:
            digest.update(f"{name} {file_digest(file)}\n".encode())
    return {"backgrounds": digest.hexdigest()}


def covering(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """A picture (h, w, 3) scaled until it covers (height, width), of which the middle is taken."""
    factor = max(height / picture.shape[0], width / picture.shape[1])
    size = max(width, round(picture.shape[1] * factor)), max(height, round(picture.shape[0] * factor))
    if size != (picture.shape[1], picture.shape[0]):
        way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        picture = np.asarray(cv2.resize(picture, size, interpolation=way), np.uint8)
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return picture[top : top + height, left : left + width]
