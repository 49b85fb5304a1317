"""A class for each frame, and frames of one class grouped to segments: the simple baseline.

The idea is that of CDC (Shou, Chan, Zareian, Miyazawa and Chang, "CDC: Convolutional-De-Convolutional Networks for
Precise Temporal Action Localization", CVPR 2017), without its network that learns to go from steps to frames.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.tasks.localization.localizer import Localizer, moment_dim, moment_features
from sceneproof.types import SegmentBatch, Segments


class PerFrame(Localizer):
    """Softmax over the actions and background at every frame; runs of frames above thresholds are segments.

    Loss: "L_CE", the cross entropy of each frame, averaged over a buffer's frames.

    Source: Shou et al. 2017 (the loss of each frame); Zhao et al., "Temporal Action Detection with Structured Segment
    Networks", ICCV 2017 (runs above several thresholds; here none is merged over a gap); Shou et al., "AutoLoc",
    ECCV 2018 (a segment's score: inside less around it). docs/localization-heads.md says more.
    """

    sees_moments = True

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        background_weight: float = 1.0,
        thresholds: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        margin: float = 0.25,
    ) -> None:
        """Makes the localizer.

        Args:
            backbone: The video network below.
            facts: What the data knows.
            background_weight: Weight of frames in which nothing is done; below 1 where they are most.
            thresholds: Of the probability; each gives segments of its own.
            margin: Stretch before and behind a segment, as a share of its length, whose mean probability is taken off
                the segment's: else the shortest peak would be the best segment. 0 takes nothing off.

        Raises:
            InputError: a weight or margin below zero, or thresholds that are not between 0 and 1.
        """
        check_grouping("PerFrame", background_weight, margin, thresholds)
        super().__init__(backbone, facts)
        self.step = backbone.lower_stride[0]
        self.background_weight, self.thresholds, self.margin = background_weight, tuple(thresholds), margin
        self.action_head = nn.Conv1d(moment_dim(backbone), facts.actions + 1, 1)

    def losses(self, batch: SegmentBatch) -> dict[str, Tensor]:
        """L_CE."""
        logits = self.logits(batch.video, batch.lower).float()
        return {"L_CE": frame_entropy(logits, batch, background_weight=self.background_weight)}

    @torch.no_grad()
    def detect(self, video: Tensor, frames: Tensor) -> list[Segments]:
        """Runs of frames above each threshold, in frames of the buffer, best first."""
        probabilities = self.logits(video).float().softmax(dim=1)[:, :-1].cpu().numpy()
        return [
            grouped(probability[:, :count], self.thresholds, margin=self.margin)
            for probability, count in zip(probabilities, frames.tolist(), strict=True)
        ]

    def logits(self, video: Tensor, lower: Tensor | None = None) -> Tensor:
        """Logits (B, A + 1, T) of each frame of a video (B, C, T, H, W); the last class is background.

        Those of the moments, resampled linearly to frames. What lies behind the last moment's middle is as there.
        """
        coarse: Tensor = self.action_head(moment_features(self.backbone, video, lower))
        fine = functional.interpolate(coarse, size=coarse.shape[2] * self.step, mode="linear")
        return fine[:, :, : video.shape[2]]


def check_grouping(owner: str, background_weight: float, margin: float, thresholds: tuple[float, ...]) -> None:
    """Refuses what frames cannot be weighed or grouped by.

    Raises:
        InputError: a weight or margin below zero, or thresholds that are not between 0 and 1.
    """
    if background_weight < 0 or margin < 0 or not thresholds or not all(0 < least < 1 for least in thresholds):
        raise InputError(
            f"{owner}: {background_weight=}, {margin=}, {thresholds=}: weight and margin at least 0, thresholds "
            f"between 0 and 1"
        )


def frame_entropy(logits: Tensor, batch: SegmentBatch, *, background_weight: float) -> Tensor:
    """The cross entropy of each frame, averaged over the frames of each buffer's video, then over buffers.

    Args:
        logits: float (B, A + 1, T); the last class is background.
        batch: what is done in the buffers.
        background_weight: weight of frames in which nothing is done.
    """
    background, frames = logits.shape[1] - 1, logits.shape[2]
    asked = torch.stack(
        [
            frame_labels(times, actions, frames, background=background)
            for times, actions in zip(batch.times, batch.actions, strict=True)
        ]
    )
    weight = logits.new_ones(background + 1)
    weight[background] = background_weight
    entropy = functional.cross_entropy(logits, asked, reduction="none", weight=weight)
    real = torch.arange(frames, device=logits.device) < batch.frames[:, None]
    return batch.mean((entropy * real).sum(dim=1) / batch.frames.clamp(min=1))


def frame_labels(times: Tensor, actions: Tensor, frames: int, *, background: int) -> Tensor:
    """Each frame's class, int64 (T,): the shortest segment's that holds its middle, else `background`.

    Args:
        times: float (n, 2), starts and ends in frames.
        actions: int64 (n,).
        frames: T.
        background: the class of the other frames.
    """
    labels = actions.new_full((frames,), background)
    middle = torch.arange(frames, device=times.device) + 0.5
    for segment in (times[:, 1] - times[:, 0]).argsort(descending=True, stable=True).tolist():
        labels[(middle >= times[segment, 0]) & (middle < times[segment, 1])] = actions[segment]
    return labels


def grouped(probabilities: NDArray[np.float32], thresholds: tuple[float, ...], *, margin: float) -> Segments:
    """Runs of frames above thresholds: segments in frames, best first, none twice, those without a score left out.

    Args:
        probabilities: (A, T), of each action in each frame.
        thresholds: each gives runs of its own.
        margin: as for `scored`.
    """
    return scored(probabilities, *runs_above(probabilities, thresholds), margin=margin)


def runs_above(
    probabilities: NDArray[np.float32], thresholds: tuple[float, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Actions (n,) and times (n, 2) in frames of all runs of frames above thresholds, none twice."""
    above = probabilities > np.asarray(thresholds, dtype=np.float32)[:, None, None]
    edges = np.diff(np.pad(above, ((0, 0), (0, 0), (1, 1))).astype(np.int8), axis=2)
    start, end = np.argwhere(edges == 1), np.argwhere(edges == -1)[:, 2]  # in the same order: runs do not overlap
    runs = np.unique(np.column_stack([start[:, 1], start[:, 2], end]), axis=0)
    return runs[:, 0], runs[:, 1:]


def scored(
    probabilities: NDArray[np.float32], action: NDArray[np.int64], times: NDArray[np.int64], *, margin: float
) -> Segments:
    """Segments best first, by their frames' mean probability less that of the frames around; those below 0 left out.

    Args:
        probabilities: (A, T), of each action in each frame.
        action: (n,).
        times: (n, 2), in frames.
        margin: of the frames around, as a share of the segment's length; at least one frame where not 0.
    """
    frames = probabilities.shape[1]
    sums = np.pad(np.cumsum(probabilities, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    length = times[:, 1] - times[:, 0]
    beside = np.ceil(margin * length).astype(np.int64)
    outer = np.stack([np.maximum(times[:, 0] - beside, 0), np.minimum(times[:, 1] + beside, frames)], axis=1)
    inside = sums[action, times[:, 1]] - sums[action, times[:, 0]]
    around = sums[action, outer[:, 1]] - sums[action, outer[:, 0]] - inside
    score = inside / length - around / np.maximum(outer[:, 1] - outer[:, 0] - length, 1)
    order = np.argsort(-score, kind="stable")
    order = order[score[order] > 0]
    return Segments(times[order].astype(np.float64), action[order].astype(np.int64), score[order])
