"""The containers that travel between the parts, and the legend of their shape letters.

Legend: B clips in a batch, M clips of it that have a human-masked twin, C channels (3, RGB), T frames, H height,
W width, D features, A actions, S scenes, K boxes, N segments. A prime marks a size after the backbone's stride:
T' H' W'.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Clip:
    """Consecutive (or evenly strided) frames of one video, as decoded.

    Attributes:
        frames: uint8 (T, H, W, 3), RGB.
        humans: bool (T, H, W), True where a person is (by boxes or by mask shape), or None where nothing is known.
        fill: uint8 (T, 3), each *whole* frame's mean colour: what the person's pixels become in the masked twin
            (Choi et al. 2019, section 3.3). Computed before any crop.
    """

    frames: NDArray[np.uint8]
    humans: NDArray[np.bool_] | None = None
    fill: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class People:
    """K people who are followed by boxes through the T frames of a video or a clip.

    Attributes:
        boxes: float32 (K, T, 4), x1 y1 x2 y2 in pixels, x2 and y2 exclusive; of no meaning where someone is not there.
        present: bool (K, T).
        action: int64 (K,), what each does.
    """

    boxes: NDArray[np.float32]
    present: NDArray[np.bool_]
    action: NDArray[np.int64]

    def at(self, frames: NDArray[np.int64]) -> "People":
        """The same people in these frames, some of which may be asked for twice; those who are in none are left out."""
        seen = self.present[:, frames].any(axis=1)
        return People(self.boxes[seen][:, frames], self.present[seen][:, frames], self.action[seen])


@dataclass(frozen=True, slots=True)
class Sample:
    """One training or test example, made in a loader's worker from (seed, epoch, row) alone.

    Attributes:
        row: the example's row in its manifest.
        clip: cropped but not yet resized; `clip.humans` is None where the video has no masked twin (the 70 % rule).
        flip: whether the clip is to be mirrored.
        action: class number, or -1 where unknown.
        scene: float32 (S,), the soft scene label, or None where the video has none.
        problem: why the video could not be read; the clip is then empty and nothing of this sample is used.
        people: who is where, in pixels of the clip after resizing and mirroring; None where boxes are not learnt.
    """

    row: int
    clip: Clip
    flip: bool = False
    action: int = -1
    scene: NDArray[np.float32] | None = None
    problem: str = ""
    people: People | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What a method sees: tensors on its device, normalised for its backbone.

    Attributes:
        video: float (B, C, T, H, W), or None in an update that uses only the masked twins.
        action: int64 (B,).
        scene: float (B, S), soft labels; rows without a label are zero.
        has_scene: bool (B,).
        without_humans: float (M, C, T, H, W), the masked twins of the rows where `has_twin`, in their order; or None
            in an update that does not use them.
        has_twin: bool (B,), with M True.
        row: int64 (B,), rows of the manifest.
        divisors: float (3,): what sums over actions, scenes and twins are divided by. The engine sets them to the
            *global* batch's counts over the number of processes, so that the average of the processes' gradients
            is the gradient of the global mean. By default: this batch's own counts.
    """

    video: Tensor | None
    action: Tensor
    scene: Tensor
    has_scene: Tensor
    without_humans: Tensor | None
    has_twin: Tensor
    row: Tensor
    divisors: Tensor = field(default_factory=lambda: torch.zeros(0))

    def counts(self) -> Tensor:
        """How many actions, scene labels and masked twins this batch holds: float (3,)."""
        values = [torch.ones_like(self.has_scene), self.has_scene, self.has_twin]
        return torch.stack([value.sum() for value in values]).to(torch.float32)

    def with_divisors(self, divisors: Tensor) -> "Batch":
        """The same batch with other divisors: float (3,)."""
        return replace(self, divisors=divisors)

    def mean_over_actions(self, values: Tensor) -> Tensor:
        """Sum of one value a clip, (B,), over the (global) number of clips."""
        return self._mean(values, 0)

    def mean_over_scenes(self, values: Tensor) -> Tensor:
        """Sum of one value a clip, (B,), zero where `has_scene` is False, over the (global) number of scene labels."""
        return self._mean(torch.where(self.has_scene, values, 0.0), 1)

    def mean_over_twins(self, values: Tensor) -> Tensor:
        """Sum of one value a twin, (M,), over the (global) number of twins."""
        return self._mean(values, 2)

    def _mean(self, values: Tensor, which: int) -> Tensor:
        divisors = self.divisors if self.divisors.numel() else self.counts()
        return values.sum() / divisors[which].clamp(min=torch.finfo(torch.float32).tiny)


@dataclass(frozen=True, slots=True)
class SegmentBatch:
    """Buffers of untrimmed videos, as localization trains on them: tensors on the device, normalised.

    A buffer is T frames in a row, at one rate (Xu et al. 2017, section 3.4). Times are in its frames: 0 is the start of
    its first frame, T the end of its last.

    Attributes:
        video: float (B, C, T, H, W).
        frames: int64 (B,), how many frames are of the video; those behind repeat the last one.
        times: B tensors float (n, 2), start and end of each segment, cut where they leave the buffer; n may be 0.
        actions: B tensors int64 (n,), what is done in them.
        row: int64 (B,), numbers of the buffers in their list.
        lower: float (B, D', T', H', W'), what a frozen backbone's `lower` makes of the video, where that is known from
            an earlier look; the video then has no pixels. Else None.
        divisors: float (1,): the *global* number of buffers over the number of processes, which the engine sets; by
            default this batch's own.
    """

    video: Tensor
    frames: Tensor
    times: list[Tensor]
    actions: list[Tensor]
    row: Tensor
    lower: Tensor | None = None
    divisors: Tensor = field(default_factory=lambda: torch.zeros(0))

    def counts(self) -> Tensor:
        """How many buffers this batch holds: float (1,)."""
        return torch.tensor([len(self.row)], dtype=torch.float32, device=self.video.device)

    def with_divisors(self, divisors: Tensor) -> "SegmentBatch":
        """The same batch with other divisors: float (1,)."""
        return replace(self, divisors=divisors)

    def mean(self, values: Tensor) -> Tensor:
        """Sum of one value a buffer, (B,), over the (global) number of buffers."""
        divisors = self.divisors if self.divisors.numel() else self.counts()
        return values.sum() / divisors[0].clamp(min=torch.finfo(torch.float32).tiny)


@dataclass(frozen=True, slots=True)
class Segments:
    """Stretches of one video in which something is done: N of them, best first where they are scored.

    Attributes:
        times: float64 (N, 2), start and end: in seconds, or in frames of a buffer where a network says them.
        action: int64 (N,).
        score: float64 (N,), from 0 to 1.
    """

    times: NDArray[np.float64]
    action: NDArray[np.int64]
    score: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BoxBatch:
    """Clips in which people are followed by boxes, as detection trains on them: tensors on the device, normalised.

    A tube is one person (or object) who does one action, with a box in some or all of a clip's frames. K tubes are in a
    clip. Boxes are x1 y1 x2 y2 in pixels of the clip, x2 and y2 exclusive, within it and not empty.

    Attributes:
        video: float (B, C, T, H, W).
        boxes: B tensors float (K, T, 4); K may be 0. Of no meaning where a tube has no box.
        present: B tensors bool (K, T), in which frames each tube has a box.
        actions: B tensors int64 (K,).
        row: int64 (B,), numbers of the clips in their list.
    """

    video: Tensor
    boxes: list[Tensor]
    present: list[Tensor]
    actions: list[Tensor]
    row: Tensor

    def counts(self) -> Tensor:
        """Nothing, float (0,): what detectors divide by is what they match, which a batch does not know."""
        return torch.zeros(0, device=self.video.device)

    def with_divisors(self, divisors: Tensor) -> "BoxBatch":
        """The same batch: there is nothing to divide by."""
        return self


@dataclass(frozen=True, slots=True)
class Tubelets:
    """Boxes that follow someone through L frames in a row of one clip: N of them; L is 1 where frames are seen alone.

    Attributes:
        start: int64 (N,), the clip's frame that each begins in.
        boxes: float64 (N, L, 4), x1 y1 x2 y2 in pixels of the clip, within it; some may be empty.
        action: int64 (N,).
        score: float64 (N,), from 0 to 1.
    """

    start: NDArray[np.int64]
    boxes: NDArray[np.float64]
    action: NDArray[np.int64]
    score: NDArray[np.float64]

    def in_frame(self, frame: int) -> "Tubelets":
        """The boxes of one frame alone, L = 1, in the same order."""
        place = frame - self.start
        here = np.flatnonzero((place >= 0) & (place < self.boxes.shape[1]))
        boxes = self.boxes[here, place[here]][:, None]
        return Tubelets(np.full(len(here), frame), boxes, self.action[here], self.score[here])
