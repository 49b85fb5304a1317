"""Whole clips with the people in them, read from a manifest by their ids; and clips out of their order in time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneproof.data.humans import Humans
from sceneproof.data.manifest import Manifest
from sceneproof.data.timing import Timing
from sceneproof.data.video import VideoError, decode, frame_range
from sceneproof.machine import refuse_if_gone


@dataclass(frozen=True, slots=True)
class Footage:
    """A whole clip, decoded.

    Attributes:
        video: its id.
        frames: uint8 (N, H, W, 3), RGB.
        people: bool (N, H, W), or None where nothing is known.
    """

    video: str
    frames: NDArray[np.uint8]
    people: NDArray[np.bool_] | None = None


class Library:
    """Reads a manifest's clips.

    Args:
        manifest: the clips.
        humans: where people are; a clip that it lacks has no known people.
    """

    def __init__(self, manifest: Manifest, humans: Humans) -> None:
        self._manifest, self._humans = manifest, humans
        self._row = {str(video): row for row, video in enumerate(manifest.rows["video"])}
        self._starts, self._ends = manifest.edges
        self._timing = Timing(manifest)

    def read(self, video: str) -> Footage:
        """All frames of a clip, and its people.

        Raises:
            VideoError: the video cannot be read.
            InputError: the people are of a video of another size.
        """
        row = self._row[video]
        path, start, end = self._manifest.path(row), float(self._starts[row]), float(self._ends[row])
        try:
            if np.isnan(start) and np.isnan(end):
                first, frames = 0, decode(path)
            else:
                shown = frame_range(self._timing.info(row), start, end)
                first, frames = shown.start, decode(path, shown)
        except FileNotFoundError:
            refuse_if_gone(self._manifest.root, path)
            raise VideoError("no such file") from None
        except VideoError:
            refuse_if_gone(self._manifest.root, path)
            raise
        if video not in self._humans:
            return Footage(video, frames)
        numbers = range(first, first + len(frames))
        return Footage(video, frames, self._humans.regions(video, numbers, *frames.shape[1:3]))


def lenders(manifest: Manifest, humans: Humans, least_share: float) -> set[str]:
    """Ids of the videos whose people are known well enough that their backgrounds can be lent.

    Where the manifest knows how many frames a video has and takes the whole of it, they must show known people in at
    least `least_share` of them; of the others one frame will do here, and their frames are counted when they are read.
    """
    rows, (starts, ends) = manifest.rows, manifest.edges
    frames = manifest.numbers("frames")
    counted = (frames > 0) & np.isnan(starts) & np.isnan(ends)
    return {
        str(video)
        for video, length, whole in zip(rows["video"], frames, counted, strict=True)
        if video in humans and (not whole or humans.share(video, int(length)) >= least_share)
    }


def shuffled(length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Another order, never the same one where the clip has more than one frame."""
    order = rng.permutation(length)
    while length > 1 and np.array_equal(order, np.arange(length)):
        order = rng.permutation(length)
    return order


def backwards(length: int) -> NDArray[np.int64]:
    """From the last frame to the first."""
    return np.arange(length)[::-1]


def frozen(length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """One frame, drawn from all with equal chance, again and again."""
    return np.full(length, rng.integers(length))


def aligned(wanted: NDArray[np.int64], total: int, other_total: int) -> NDArray[np.int64]:
    """The frames of another video that go with frames of this one: those at the same share of its length.

    As HAT does it (mmaction2/mmaction/datasets/actionswap_dataset.py, `prepare_test_frames`).

    Args:
        wanted: numbers of this video's frames, (T,).
        total: how many it has.
        other_total: how many the other one has.
    """
    return np.rint(wanted / total * other_total).astype(np.int64).clip(0, other_total - 1)
