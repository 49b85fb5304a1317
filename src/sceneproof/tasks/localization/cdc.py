"""CDC: Shou, Chan, Zareian, Miyazawa and Chang, CVPR 2017.

"CDC: Convolutional-De-Convolutional Networks for Precise Temporal Action Localization in Untrimmed Videos".
"""

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.tasks.localization.localizer import Localizer
from sceneproof.tasks.localization.per_frame import check_grouping, frame_entropy, runs_above, scored
from sceneproof.types import SegmentBatch, Segments


class CDC(Localizer):
    """Layers that shrink space and stretch time at once, to a class for each frame; runs of frames, refined.

    The backbone's last features, of one step every 2^n frames, go through n transposed convolutions in time, each of
    which doubles the steps; the first one looks at all places of the picture. On C3D these are the paper's CDC6, CDC7
    and CDC8.

    Loss: "L_CE", the cross entropy of each frame, averaged over a buffer's frames.

    Source: Shou et al. 2017, sections 3 and 4. docs/localization-talnet.md says what of it could be checked, and that
    the paper refines another network's proposals where this groups its own frames.
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        width: int = 4096,
        places: int = 4,
        dropout: float = 0.5,
        background_weight: float = 1.0,
        thresholds: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        margin: float = 0.25,
        refine: bool = True,
        extended: float = 0.125,
    ) -> None:
        """Makes the localizer.

        Args:
            backbone: The video network below; its last features are 2, 4, 8, … frames apart.
            facts: What the data knows.
            width: Channels between the layers. 4096 is as wide as C3D's fully connected layers, whose places these
                take; 64 is enough for experiments on a CPU.
            places: Rows and columns that the last features are pooled to, and that the first layer looks at.
            dropout: Behind each layer but the last.
            background_weight: Weight of frames in which nothing is done; below 1 where they are most.
            thresholds: Of the probability; each gives segments of its own.
            margin: As for `PerFrame`: stretch around a segment whose mean probability is taken off the segment's.
            refine: Whether borders of runs move to where the probability reaches its mean less its deviation.
            extended: How far a run is extended to both sides before that, as a share of its length.

        Raises:
            InputError: a backbone whose features are not a power of two of frames apart, from two on; sizes below 1, or
                weights, margins or thresholds that mean nothing.
        """
        check_grouping("CDC", background_weight, margin, thresholds)
        stride = backbone.stride[0]
        if stride < 2 or stride & (stride - 1):
            raise InputError(
                f"CDC: {type(backbone).__name__} has a feature every {stride} frames; layers that double reach frames "
                f"from 2, 4, 8, … alone: take another backbone, or PerFrame, which needs no such step"
            )
        if width < 1 or places < 1 or extended < 0 or not 0 <= dropout < 1:
            raise InputError(
                f"CDC: {width=}, {places=}, {extended=}, {dropout=}: the first two at least 1, the third at least 0, "
                f"dropout from 0 to below 1"
            )
        super().__init__(backbone, facts)
        self.places, self.background_weight = places, background_weight
        self.thresholds, self.margin, self.refine, self.extended = tuple(thresholds), margin, refine, extended
        doublings = stride.bit_length() - 1
        sizes = [backbone.dim, *[width] * (doublings - 1), facts.actions + 1]  # the last class is background
        self.layers = nn.ModuleList(
            doubling(before, after, places if number == 0 else 1)
            for number, (before, after) in enumerate(pairwise(sizes))
        )
        self.dropout = nn.Dropout(dropout)

    def losses(self, batch: SegmentBatch) -> dict[str, Tensor]:
        """L_CE."""
        logits = self.logits(batch.video, batch.lower).float()
        return {"L_CE": frame_entropy(logits, batch, background_weight=self.background_weight)}

    @torch.no_grad()
    def detect(self, video: Tensor, frames: Tensor) -> list[Segments]:
        """Runs of frames above each threshold, their borders refined, in frames of the buffer, best first."""
        probabilities = self.logits(video).float().softmax(dim=1)[:, :-1].cpu().numpy()
        return [
            self._found(probability[:, :count])
            for probability, count in zip(probabilities, frames.tolist(), strict=True)
        ]

    def logits(self, video: Tensor, lower: Tensor | None = None) -> Tensor:
        """Logits (B, A + 1, T) of each frame of a video (B, C, T, H, W); the last class is background.

        Raises:
            InputError: the backbone's features do not cover the buffer.
        """
        maps = self.backbone.upper(self.backbone.lower(video) if lower is None else lower)
        steps, stride, frames = maps.shape[2], self.backbone.stride[0], video.shape[2]
        if steps * stride < frames:
            raise InputError(
                f"CDC: {type(self.backbone).__name__} has {steps} features of {stride} frames, which do not cover "
                f"{frames}: give buffer.length a multiple of {stride}"
            )
        maps = functional.adaptive_max_pool3d(maps, (steps, self.places, self.places))
        for number, layer in enumerate(self.layers):
            maps = layer(maps if number == 0 else self.dropout(functional.relu(maps)))
        return maps[:, :, :frames, 0, 0]

    def _found(self, probabilities: NDArray[np.float32]) -> Segments:
        action, times = runs_above(probabilities, self.thresholds)
        if self.refine and len(action):
            rows = [
                (which, *refined_run(probabilities[which], start, end, extended=self.extended))
                for which, (start, end) in zip(action.tolist(), times.tolist(), strict=True)
            ]
            runs = np.unique(np.asarray(rows, dtype=np.int64), axis=0)
            action, times = runs[:, 0], runs[:, 1:]
        return scored(probabilities, action, times, margin=self.margin)


def doubling(before: int, after: int, places: int) -> nn.ConvTranspose3d:
    """A layer (B, before, T, places, places) to (B, after, 2 T, 1, 1): four steps wide, two apart."""
    return nn.ConvTranspose3d(before, after, (4, places, places), stride=(2, 1, 1), padding=(1, places - 1, places - 1))


def refined_run(probability: NDArray[np.float32], start: int, end: int, *, extended: float) -> tuple[int, int]:
    """Where a run, extended, starts and ends once frames below mean less deviation are left off from both ends.

    Args:
        probability: (T,), of the action in each frame.
        start: the run's first frame.
        end: the frame behind its last.
        extended: how far to both sides, as a share of its length, rounded up to frames.

    Source: Shou et al. 2017, section 4.3: from memory.
    """
    beside = int(np.ceil(extended * (end - start)))
    first, last = max(start - beside, 0), min(end + beside, len(probability))
    values = probability[first:last]
    least = min(values.mean() - values.std(), values.max())  # equal values: rounding must not leave the mean above all
    enough = np.flatnonzero(values >= least)
    return first + int(enough[0]), first + int(enough[-1]) + 1
