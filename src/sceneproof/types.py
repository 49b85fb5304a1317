"""The containers that travel between the parts, and the legend of their shape letters.

Legend: B clips in a batch, M clips of it that have a human-masked twin, C channels (3, RGB), T frames, H height,
W width, D features, A actions, S scenes, K boxes, N segments. A prime marks a size after the backbone's stride:
T' H' W'.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sceneproof import distributed


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
class Kept:
    """What a frozen network's lower stages say of a clip, kept in place of its frames.

    Attributes:
        clip: float16 (D, T', H', W').
        twin: the same of its masked twin; None where the video has none.
        swapped: the same of a composite, the clip's people in another clip's place; None where there is none.
    """

    clip: NDArray[np.float16]
    twin: NDArray[np.float16] | None = None
    swapped: NDArray[np.float16] | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One training or test example, made in a loader's worker from (seed, epoch, row) alone.

    Attributes:
        row: the example's row in its manifest.
        clip: cropped but not yet resized; `clip.humans` is None where nothing is known of people, or they are not
            needed; `clip.fill` where the video has no masked twin (the 70 % rule).
        flip: whether the clip is to be mirrored.
        action: class number, or -1 where unknown.
        scene: float32 (S,), the soft scene label, or None where the video has none.
        problem: why the video could not be read; the clip is then empty and nothing of this sample is used.
        people: who is where, in pixels of the clip after resizing and mirroring; None where boxes are not learnt.
        second: another clip, of the same row or of another one, for methods that ask for it.
        kept: features in place of the clip, which is then empty.
        flow: whether the frames are optical flow, whose direction a mirror turns.
    """

    row: int
    clip: Clip
    flip: bool = False
    action: int = -1
    scene: NDArray[np.float32] | None = None
    problem: str = ""
    people: People | None = None
    second: "Sample | None" = None
    kept: Kept | None = None
    flow: bool = False


Need = Literal["scene", "people", "without_humans", "second_clip", "other_clip", "swapped", "group"]
"""What a method may ask for besides clips, their actions and their rows: see `Batch`."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a method sees: tensors on its device. A field that the method does not need is None.

    While a method augments them, clips are pixels from 0 to 1; its losses see them normalised for its backbone.

    Attributes:
        video: float (B, C, T, H, W), or None in an update that uses only the masked twins.
        action: int64 (B,).
        row: int64 (B,), rows of the manifest's split, from 0.
        target: float (B, A), probabilities of the actions where a method mixed clips; None: `action` is all.
        scene: float (B, S), soft labels; rows without a label are zero.
        people: bool (B, T, H, W), where a person is, cropped and mirrored as the clip; False where nothing is known.
        without_humans: float (M, C, T, H, W), the masked twins of the rows that have one, in their order; or None in an
            update that does not use them.
        second: float (B, C, T, H, W), another clip of each row ("second_clip") or of another row ("other_clip");
            zero where it could not be read. Or of the K clips alone that `has` names, (K, C, T, H, W): clips that a
            method adds itself, or kept features of the clip's people in another place ("swapped").
        second_action: int64 (B,), what is done in it.
        group: int64 (B,), the row's group.
        has: bool (B,) by field: which clips have a scene label ("scene"), known people ("people"), a masked twin
            ("without_humans", M of them), a second clip ("second").
    """

    video: Tensor | None
    action: Tensor
    row: Tensor
    target: Tensor | None = None
    scene: Tensor | None = None
    people: Tensor | None = None
    without_humans: Tensor | None = None
    second: Tensor | None = None
    second_action: Tensor | None = None
    group: Tensor | None = None
    has: Mapping[str, Tensor] = field(default_factory=dict)

    def mean(self, values: Tensor, *, over: str = "video") -> Tensor:
        """The mean of one value a clip over those that have a field, on all processes together.

        Every process must ask for it, as often and in the same order: the sum of its own values is divided by the
        processes' mean count, so that the average of their gradients is the gradient of the global mean.

        Args:
            values: (B,), or (M,) over "without_humans". Those of clips without the field do not count.
            over: "video", every clip; or a field that `has` speaks of.
        """
        if over != "video" and len(values) == len(self.has[over]):
            values = torch.where(self.has[over], values, 0.0)
        return values.sum() / self.share(over).clamp(min=torch.finfo(torch.float32).tiny)

    def share(self, over: str = "video") -> Tensor:
        """How many clips have a field, on average over the processes: a float scalar."""
        return distributed.share(torch.ones_like(self.row).sum() if over == "video" else self.has[over].sum())


CLIPS = ("video", "without_humans", "second")
"""The fields of a batch that hold clips."""


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
            an earlier look, or (B, F, T'), its moments, where the localizer sees nothing else and all of the backbone
            is frozen; the video then has no pixels. Else None.
    """

    video: Tensor
    frames: Tensor
    times: list[Tensor]
    actions: list[Tensor]
    row: Tensor
    lower: Tensor | None = None

    def mean(self, values: Tensor) -> Tensor:
        """The mean of one value a buffer, (B,), over all processes: see `Batch.mean`."""
        return values.sum() / distributed.share(torch.ones_like(self.row).sum()).clamp(min=1e-6)


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
