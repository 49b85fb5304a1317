"""Videos of one frame, pictures above all: a clip of several frames shows them as a still, which nobody should miss."""

import numpy as np

from sceneproof.addresses import opened_file
from sceneproof.data.manifest import Manifest
from sceneproof.data.picture import HEAD, picture_format
from sceneproof.errors import AddressError, InputError
from sceneproof.wording import counted

OPENED = 8  # files, where the manifest does not say how many frames there are


def repeated(manifest: Manifest, length: int) -> list[str]:
    """What to know of clips of `length` frames of these videos: a sentence where some would repeat a single frame."""
    share = _share(manifest) if length > 1 else 0.0
    if not share:
        return []
    count = counted(round(share * len(manifest)), "video")
    return [f"{count} of {len(manifest):,} are one frame each: a clip of {length} frames shows that one all the time"]


def refuse_repeated(manifest: Manifest, length: int, option: str) -> None:
    """Raises InputError where all videos are one frame and clips are longer.

    Args:
        manifest: the videos.
        length: frames of a clip.
        option: that says so.
    """
    if length > 1 and _share(manifest) == 1:
        raise InputError(
            f"{manifest.name}: all {counted(len(manifest), 'video')} are pictures, or have one frame: a clip of "
            f"{length} frames would show a still; give {option} 1"
        )


def _share(manifest: Manifest) -> float:
    """Which share of the videos has one frame; of those that can be read."""
    frames = manifest.numbers("frames")
    if not np.isnan(frames).all():
        return float((frames == 1).sum() / max((frames > 0).sum(), 1))
    rows = np.unique(np.linspace(0, len(manifest) - 1, OPENED).astype(int)).tolist()
    return 1.0 if all(_is_picture(manifest, row) for row in rows) else 0.0


def _is_picture(manifest: Manifest, row: int) -> bool:
    try:
        with opened_file(manifest.path(row)) as file:
            return picture_format(file.read(HEAD)) is not None
    except (OSError, AddressError):  # which is said, with the reason, when the video is read
        return False
