"""Soft scene labels for every video of a manifest: the mean over frames of a classifier's posteriors."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sceneproof.errors import InputError
from sceneproof.labelling.contracts import DecodedClip, SceneLabeller


class SceneLabelling:
    """Soft scene labels of clips, the mean of their frames' posteriors (Choi et al. 2019, section 3.2): a Labelling."""

    kind = "scenes"
    schema = pa.schema([("video", pa.string()), ("probabilities", pa.list_(pa.float32()))])

    def __init__(self, labeller: SceneLabeller, *, frames_per_video: int = 8) -> None:
        """With what looks at the frames, and at how many of each clip, evenly spaced.

        Raises:
            InputError: a count below 1.
        """
        if frames_per_video < 1:
            raise InputError(f"frames_per_video: {frames_per_video} given; it must be at least 1")
        self._labeller, self._count = labeller, frames_per_video
        self.short_side = labeller.short_side

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The scenes' names, what made the labels, and how many frames it saw."""
        return {
            "names": list(self._labeller.names),
            "labeller": self._labeller.title,
            "frames_per_video": self._count,
        }

    def numbers(self, length: int, rate: float) -> NDArray[np.int64]:
        """The middle frames of equal parts of the clip."""
        return evenly_spaced_frames(length, self._count)

    def __call__(self, videos: Sequence[DecodedClip]) -> pa.Table:
        """A row a video; videos of one frame size go through the labeller together."""
        means: list[NDArray[np.float32]] = []
        for _, alike in groupby(videos, lambda looked: looked.frames.shape[1:]):
            means += _means(self._labeller, list(alike))
        return pa.table([[looked.video for looked in videos], list(means)], schema=self.schema)


def evenly_spaced_frames(total: int, count: int) -> NDArray[np.int64]:
    """The middle frames of `count` equal parts of a clip; every frame of a clip with no more than `count`."""
    if total <= count:
        return np.arange(total)
    return (2 * np.arange(count) + 1) * total // (2 * count)


def _means(labeller: SceneLabeller, videos: Sequence[DecodedClip]) -> list[NDArray[np.float32]]:
    """Mean posteriors (S,) of some videos of one frame size, in one call of the labeller."""
    frames = np.concatenate([looked.frames for looked in videos])
    posteriors = np.asarray(labeller(frames))
    if posteriors.shape != (len(frames), len(labeller.names)):
        raise InputError(
            f"{labeller.title}: answered {posteriors.shape} to {len(frames)} frames; "
            f"it names {len(labeller.names)} scenes"
        )
    parts = np.split(posteriors, np.cumsum([len(looked.frames) for looked in videos])[:-1])
    for looked, part in zip(videos, parts, strict=True):
        if not np.isfinite(part).all():
            raise InputError(f"{looked.video}: {labeller.title}: gives posteriors that are not finite numbers")
    sums = posteriors.sum(axis=1)
    if not (posteriors >= 0).all() or not (abs(sums - 1) < 1e-2).all():
        raise InputError(
            f"{labeller.title}: answers that are no probabilities (smallest {posteriors.min():.3g}, "
            f"sums from {sums.min():.3g} to {sums.max():.3g}); are the outputs logits, or the pixels scaled wrongly?"
        )
    return [part.mean(axis=0, dtype=np.float64).astype(np.float32) for part in parts]
