"""ActionFormer: Zhang, Wu and Li, "ActionFormer: Localizing Moments of Actions with Transformers", ECCV 2022."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import sigmoid_focal_loss

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.tasks.localization.localizer import Localizer, moment_dim, moment_features, moments_of_video
from sceneproof.tasks.localization.points import Points, distance_iou_loss, points_of, targets
from sceneproof.tasks.localization.pyramid import DistanceHead, Head, Pyramid
from sceneproof.tasks.localization.soft_nms import soft_nms
from sceneproof.types import SegmentBatch, Segments

MOMENTUM = 0.9
SHORTEST = 0.05
"""Steps of the lowest level: what is shorter is not said, as in the authors' code."""


class ActionFormer(Localizer):
    """Each moment of a pyramid says what is done around it, and how far away that starts and ends.

    The lowest level has a moment every `backbone.lower_stride[0]` frames; `moment_features` says what it sees. Losses,
    both minimised, weights included: "L_cls", the focal loss of every moment and action, and "L_reg", the distance-IoU
    loss of the moments that answer for a segment; each a sum over the batch, over a running mean of how many such
    moments a batch has.

    Source: Zhang et al. 2022, section 3; github.com/happyharrycn/actionformer_release. docs/localization-heads.md says
    what is different here.
    """

    nms_by_threshold = False
    sees_moments = True
    positives: Tensor

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        dim: int = 512,
        levels: int = 6,
        heads: int = 4,
        window: int = 19,
        drop_path: float = 0.1,
        reach: float = 4.0,
        centre_radius: float = 1.5,
        regression_weight: float = 1.0,
        prior: float = 0.01,
        first_positives: float = 100.0,
        least_score: float = 0.001,
        candidates: int = 200,
        sigma: float = 0.5,
        most: int = 200,
    ) -> None:
        """Makes the localizer; defaults are the paper's for THUMOS-14.

        Args:
            backbone: The video network below.
            facts: What the data knows.
            dim: Features of a moment, in the pyramid and the heads. 64 is enough for experiments on a CPU.
            levels: Of the pyramid; each has half as many moments as the one below.
            heads: Of the attention; `dim` is a multiple of it.
            window: Moments of its level that a moment attends to, itself in the middle: an odd number.
            drop_path: How often a branch of a block is left out in training, for one buffer.
            reach: How far an end may be from a moment of the lowest level, in its steps; doubled by each level.
            centre_radius: How far from a segment's middle a moment may be to answer for it, in steps of its level.
            regression_weight: Weight of L_reg, the paper's lambda_reg.
            prior: Score of every action at first.
            first_positives: What the running mean of moments that answer for a segment starts from.
            least_score: What scores less is dropped, also by soft-NMS.
            candidates: Best pairs of moment and action that are kept of each level of a buffer. The paper keeps 2000 of
                a whole video.
            sigma: Of soft-NMS: the greater, the less an overlap costs.
            most: Segments that soft-NMS leaves of a video.

        Raises:
            InputError: sizes that do not fit together, or are not above zero; names them.
        """
        _check(dim, levels, heads, window)
        super().__init__(backbone, facts)
        self.step = backbone.lower_stride[0]
        self.levels, self.reach, self.centre_radius = levels, reach, centre_radius
        self.regression_weight = regression_weight
        self.least_score, self.candidates, self.sigma, self.most = least_score, candidates, sigma, most
        self.pyramid = Pyramid(
            moment_dim(backbone), dim, levels=levels, heads=heads, window=window, drop_path=drop_path
        )
        self.action_head = Head(dim, facts.actions, prior=prior)
        self.distance_head = DistanceHead(dim, levels)
        self.register_buffer("positives", torch.tensor(first_positives))

    def losses(self, batch: SegmentBatch) -> dict[str, Tensor]:
        """L_cls and L_reg; a buffer without segments has the first alone."""
        logits, distances, valid = self.answers(batch.video, batch.frames, batch.lower)
        points = self.points(batch.video.shape[2], batch.video.device)
        # a point stands for the middle of its frames
        asked = [
            targets(points, times / self.step - 0.5, actions, classes=self.actions, radius=self.centre_radius)
            for times, actions in zip(batch.times, batch.actions, strict=True)
        ]
        labels, true = (torch.stack(part) for part in zip(*asked, strict=True))
        answering = (labels.sum(dim=2) > 0) & valid
        count = self._normaliser(answering.sum())
        focal = sigmoid_focal_loss(logits.float(), labels.float(), alpha=0.25, gamma=2.0)[valid].sum()
        distance = distance_iou_loss(distances[answering], true[answering]).sum()
        return {"L_cls": focal / count, "L_reg": self.regression_weight * distance / count}

    @torch.no_grad()
    def detect(self, video: Tensor, frames: Tensor) -> list[Segments]:
        """What the moments say of B buffers, in frames, best first; `suppress` does the soft-NMS."""
        logits, distances, valid = self.answers(video, frames)
        points = self.points(video.shape[2], video.device)
        scores = logits.float().sigmoid() * valid[:, :, None]
        ends = points.place[:, None] + distances.float() * points.stride[:, None] * distances.new_tensor([-1.0, 1.0])
        score, action, times = self._best(scores, ends, points.moments)
        long = times[..., 1] - times[..., 0] > SHORTEST
        times = ((times + 0.5) * self.step).clamp(min=0).minimum(frames[:, None, None])
        good = long & (times[..., 1] > times[..., 0]) & (score > self.least_score)
        return [_segments(*(part[row][good[row]] for part in (times, action, score))) for row in range(len(video))]

    def suppress(self, segments: Segments) -> Segments:
        """Soft-NMS over what was found in a video."""
        return soft_nms(segments, sigma=self.sigma, least=self.least_score, most=self.most)

    def answers(self, video: Tensor, frames: Tensor, lower: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """What each of the P points says: logits (B, P, A), distances (B, P, 2) in steps of its level, and bool (B, P).

        Args:
            video: float (B, C, T, H, W), normalised.
            frames: int64 (B,), how many of the T frames are of the video; the last answer is False on the others.
            lower: `backbone.lower(video)`, where it is known already.
        """
        features = moment_features(self.backbone, video, lower)
        moments = self._moments(video.shape[2])
        mask = functional.pad(moments_of_video(frames, self.step, features.shape[2]), (0, moments - features.shape[2]))[
            :, None
        ]
        features = functional.pad(features, (0, moments - features.shape[2]))
        levels = self.pyramid(features, mask)
        logits = torch.cat([self.action_head(x, mask) for x, mask in levels], dim=1)
        distances = torch.cat([self.distance_head(x, mask, level) for level, (x, mask) in enumerate(levels)], dim=1)
        return logits, distances, torch.cat([mask[:, 0] for _, mask in levels], dim=1)

    def points(self, frames: int, device: torch.device) -> Points:
        """The points over a buffer of so many frames."""
        return points_of(self._moments(frames), self.levels, reach=self.reach, device=device)

    def _moments(self, frames: int) -> int:
        """Moments of the lowest level, with those behind the buffer that halving asks for."""
        multiple: int = 2 ** (self.levels - 1)
        return -(-frames // (self.step * multiple)) * multiple

    def _best(self, scores: Tensor, ends: Tensor, moments: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """The best pairs of moment and action of each level: score (B, K), action (B, K), times (B, K, 2).

        Args:
            scores: (B, P, A).
            ends: (B, P, 2).
            moments: of each level, P in all.
        """
        kept = []
        for score, times in zip(*(torch.split(part, list(moments), dim=1) for part in (scores, ends)), strict=True):
            best, place = score.flatten(1).topk(min(self.candidates, score[0].numel()), dim=1)
            moment = (place // self.actions)[..., None].expand(-1, -1, 2)
            kept.append((best, place % self.actions, times.gather(1, moment)))
        best, action, times = (torch.cat(part, dim=1) for part in zip(*kept, strict=True))
        return best, action, times

    def _normaliser(self, positives: Tensor) -> Tensor:
        """What this process divides by: the running mean of moments that answer, in the batches of all processes.

        It moves in training alone. The average of the processes' gradients is then the gradient of one process.
        """
        if not self.training:
            return self.positives
        processes = 1
        positives = positives.to(self.positives.dtype)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            processes = torch.distributed.get_world_size()
            torch.distributed.all_reduce(positives)
        self.positives.mul_(MOMENTUM).add_((1 - MOMENTUM) * positives.clamp(min=1))
        return self.positives / processes


def _segments(times: Tensor, action: Tensor, score: Tensor) -> Segments:
    order = score.argsort(descending=True, stable=True)
    return Segments(
        times[order].cpu().numpy().astype(np.float64),
        action[order].cpu().numpy().astype(np.int64),
        score[order].cpu().numpy().astype(np.float64),
    )


def _check(dim: int, levels: int, heads: int, window: int) -> None:
    if min(dim, levels, heads, window) < 1 or dim % heads or window % 2 == 0:
        raise InputError(
            f"ActionFormer: {dim=}, {levels=}, {heads=}, {window=}: all at least 1, dim a multiple of heads, window odd"
        )
