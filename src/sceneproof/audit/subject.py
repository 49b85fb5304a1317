"""The model that is audited: clips in, probabilities out, whatever it is made of."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sceneproof.data.clips import Frames, evenly_spaced
from sceneproof.errors import InputError, VideoError

Pixels = NDArray[np.uint8]
Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True)
class Sampling:
    """Which frames of a video a model is shown.

    Args:
        length: frames in a clip.
        stride: distance between them, in frames of the video; None: each clip spreads evenly over the whole video.
        neighbours: whether each of them is followed by the video's next frame, to which its optical flow is taken; the
            video's last frame gives way to the pair before it.
    """

    length: int
    stride: int | None = 1
    neighbours: bool = False

    def __post_init__(self) -> None:
        """Refuses what no clip can be cut with."""
        for name in ("length", "stride"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name}: must be at least 1, not {value}")

    def clips(self, frames: int, count: int) -> list[Frames]:
        """Frame numbers (T,) of `count` clips of a video of so many frames; (2 T,) with neighbours.

        The middles of `length` equal parts are taken where a single clip spreads over the whole video.

        Raises:
            VideoError: neighbours are wanted, and the video has a single frame.
        """
        clips = evenly_spaced(frames, self.length, stride=self.stride, count=count)
        if not self.neighbours:
            return clips
        if frames < 2:
            raise VideoError("it has a single frame, in which nothing moves: there is no optical flow")
        return [(np.minimum(clip, frames - 2)[:, None] + np.arange(2)).reshape(-1) for clip in clips]

    def shown(self, clip: NDArray[Value]) -> NDArray[Value]:
        """What is of a clip's own T frames, of rows that are of all frames that it asks for: without neighbours."""
        return clip[::2] if self.neighbours else clip


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of B clips.

    Attributes:
        scores: float32 (B, A), probabilities; each row sums to 1.
        features: float32 (B, D), pooled features before the last layer; None where they cannot be reached.

    Raises:
        InputError: a value that is not finite: a network that overflows says nothing.
    """

    scores: NDArray[np.float32]
    features: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        """Refuses what is no answer."""
        for name, values in (("scores", self.scores), ("features", self.features)):
            if values is not None and not np.isfinite(values).all():
                raise InputError(f"the model gives {name} that are not finite numbers: does it overflow?")


@dataclass(frozen=True, slots=True)
class Maps:
    """Where in B clips the evidence for a class lies.

    Attributes:
        activation: float32 (B, T, h, w), at least 0; a map without any evidence is 0 throughout.
        top: the rectangle of the frame that the model saw, which the h x w places divide evenly; in pixels.
        left: likewise.
        height: likewise.
        width: likewise.
        way: how they were made, for readers: "class activation map", "Grad-CAM on the last layer's tokens".
    """

    activation: NDArray[np.float32]
    top: int
    left: int
    height: int
    width: int
    way: str


class Subject(ABC):
    """A model under audit.

    Attributes:
        title: what to call it in tables.
        actions: names of its A classes, in the order of its scores.
        sampling: which frames it is shown.
        identity: text that changes when the model does, so that old answers are never taken for new ones: a digest of
            its weights' file, say.
        maps_missing: why it has no maps; empty where it has.
        reads: what it reads of clips, for readers; empty: the clips as they are.
    """

    title: str
    actions: Sequence[str]
    sampling: Sampling
    identity: str
    maps_missing: str = "this kind of model shows no maps"
    reads: str = ""

    @abstractmethod
    def answer(self, clips: Pixels) -> Answer:
        """Probabilities, and features where there are any.

        Args:
            clips: uint8 (B, T, H, W, 3), RGB, of the video's own size; T is `sampling.length`, or twice as many with
                neighbours.
        """

    def maps(self, clips: Pixels, classes: NDArray[np.int64]) -> Maps:
        """Where the evidence for these classes lies.

        Args:
            clips: as `answer` takes them.
            classes: int64 (B,), the class of each clip to explain.

        Raises:
            InputError: the model has none; `maps_missing` says why.
        """
        raise InputError(f"{self.title}: {self.maps_missing}")


class Chooser(Subject):
    """A model that is asked as multiple choice: a clip and a few answers in, one of them out."""

    @abstractmethod
    def choose(self, clips: Pixels, answers: Sequence[int]) -> Answer:
        """Probabilities of all classes, 0 for those that are no answer.

        Args:
            clips: uint8 (B, T, H, W, 3), RGB, of one video.
            answers: numbers of the classes that may be named, in the order in which they are read out.
        """

    def answer(self, clips: Pixels) -> Answer:
        """Refuses: without answers to choose from there is nothing to ask.

        Raises:
            InputError: always.
        """
        raise InputError(f"{self.title}: is asked as multiple choice, in `sceneproof audit` alone")
