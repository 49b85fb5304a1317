"""R-C3D: Xu, Das and Saenko, "R-C3D: Region Convolutional 3D Network for Temporal Activity Detection", ICCV 2017."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.tasks.localization.localizer import Localizer
from sceneproof.tasks.localization.proposals import ProposalNet, pool_segments
from sceneproof.tasks.localization.two_stage import TwoStages, output_layer
from sceneproof.types import SegmentBatch, Segments

Frozen = Literal["nothing", "stem", "lower"]


class RC3D(Localizer):
    """Proposes segments from anchors, pools the features in each, and classifies and refines it.

    Losses: "L_rpn_cls" and "L_rpn_reg" of the proposal net, "L_cls" and "L_reg" of the head (Xu et al. 2017,
    equation 1, each as a mean over buffers).

    Defaults are those of github.com/sunnyxiaohu/R-C3D.pytorch, `cfgs/res18_thumos14.yml`: R-C3D on a 3D-ResNet-18, as
    Choi et al. 2019 transfer it. The last non-maximum suppression, at the evaluated tIoU less 0.1, is left to who
    evaluates.

    Source: Xu et al. 2017, section 3.
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        anchor_scales: Sequence[float] = (2, 4, 5, 6, 8, 9, 10, 12, 14, 16),
        proposal_width: int = 512,
        anchor_overlaps: tuple[float, float] = (0.7, 0.3),
        anchors_drawn: int = 64,
        anchors_foreground: float = 0.5,
        anchor_sigma: float = 3.0,
        before_nms: tuple[int, int] = (12000, 6000),
        proposal_nms: tuple[float, float] = (0.8, 0.9),
        proposals: tuple[int, int] = (2000, 300),
        proposal_overlaps: tuple[float, float, float] = (0.5, 0.1, 0.5),
        proposals_drawn: int = 128,
        proposals_foreground: float = 0.5,
        proposal_sigma: float = 1.0,
        offset_scale: tuple[float, float] = (0.1, 0.2),
        pooled: tuple[int, int, int] = (4, 2, 2),
        least_score: float = 0.005,
        frozen: Frozen = "stem",
        frozen_batch_norm: bool = True,
    ) -> None:
        """Makes the network.

        Args:
            backbone: Its stages but the last see the buffer, the last one sees the pooled segments.
            facts: What the data knows.
            anchor_scales: Lengths of the anchors, in frames that one feature covers (8 with a 3D-ResNet).
            proposal_width: Channels of the proposal net.
            anchor_overlaps: tIoU with a truth from which on an anchor is a segment, and below which it is background.
            anchors_drawn: Anchors that the proposal net learns from, a buffer. 64 in the paper.
            anchors_foreground: Largest share of segments among them.
            anchor_sigma: Of the smooth L1 of their offsets: quadratic below 1 / sigma^2.
            before_nms: Proposals taken into non-maximum suppression, in training and in detection.
            proposal_nms: tIoU above which the worse of two proposals goes, in training and in detection.
            proposals: How many are kept, in training and in detection.
            proposal_overlaps: tIoU from which on a proposal is of an action; from and up to which it is background.
            proposals_drawn: Proposals that the head learns from, a buffer.
            proposals_foreground: Largest share of actions among them.
            proposal_sigma: Of the smooth L1 of their offsets.
            offset_scale: What the head's offsets are multiples of (the deviations of shift and log length).
            pooled: Features in time, rows and columns that each segment is pooled to.
            least_score: Detections must score above this.
            frozen: What of the backbone stays as it is: "nothing", its first layers ("stem", as released), or all that
                the proposals see ("lower"); the last stage, which sees the pooled segments, learns.
            frozen_batch_norm: Whether the backbone's batch norms normalise by their running statistics, and stay as
                they are, also in training. A batch here is one or few buffers.

        Raises:
            InputError: no anchors, one of no length, overlaps that make a proposal both action and background, or
                an unknown `frozen`.
        """
        super().__init__(backbone, facts)
        self.stages = TwoStages(
            owner="RC3D",
            stride=backbone.lower_stride[0],
            anchor_scales=tuple(anchor_scales),
            anchor_overlaps=anchor_overlaps,
            anchors_drawn=anchors_drawn,
            anchors_foreground=anchors_foreground,
            anchor_sigma=anchor_sigma,
            before_nms=before_nms,
            proposal_nms=proposal_nms,
            proposals=proposals,
            proposal_overlaps=proposal_overlaps,
            proposals_drawn=proposals_drawn,
            proposals_foreground=proposals_foreground,
            proposal_sigma=proposal_sigma,
            offset_scale=offset_scale,
            least_score=least_score,
        )
        self.pooled, self.frozen_batch_norm = pooled, frozen_batch_norm
        self.proposal_net = ProposalNet(backbone.lower_dim, len(anchor_scales), proposal_width)
        self.class_head = output_layer(backbone.dim, facts.actions + 1, deviation=0.01)  # the first is background
        self.offset_head = output_layer(backbone.dim, 2 * (facts.actions + 1), deviation=0.001)
        still = {"nothing": (), "stem": backbone.stem, "lower": backbone.lower_parts}
        if frozen not in still:
            raise InputError(f"RC3D: unknown frozen {frozen!r}; known: {', '.join(still)}")
        for part in (*still[frozen], *self._norms()):
            part.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation mode, but for batch norms that are frozen."""
        super().train(mode)
        for norm in self._norms():
            norm.eval()
        return self

    def losses(self, batch: SegmentBatch) -> dict[str, Tensor]:
        """The four terms, as they are minimised.

        Raises:
            InputError: no anchor fits into the buffer, or the backbone's features have no time to be located in.
        """
        features = self._features(batch.video, batch.lower)
        scores, offsets = self.proposal_net(features)
        return self.stages.losses(batch, scores, offsets, partial(self._head, features))

    @torch.no_grad()
    def detect(self, video: Tensor, frames: Tensor) -> list[Segments]:
        """What is done when, in each of B buffers: a segment an action for each proposal, where it scores enough.

        Args:
            video: float (B, C, T, H, W), normalised.
            frames: int64 (B,), how many of the T frames are of the video, not padding.

        Returns:
            B times segments in frames of the buffer, cut to the video's own, best first. Many overlap.

        Raises:
            InputError: the backbone's features have no time to be located in.
        """
        features = self._features(video)
        scores, offsets = self.proposal_net(features)
        return self.stages.detect(scores, offsets, frames, partial(self._head, features))

    def _norms(self) -> list[nn.Module]:
        return [part for part in self.backbone.modules() if isinstance(part, _BatchNorm) and self.frozen_batch_norm]

    def _features(self, video: Tensor, lower: Tensor | None = None) -> Tensor:
        """Features (B, D', T', H', W')."""
        features = self.backbone.lower(video) if lower is None else lower
        stride = self.stages.stride
        length, wanted = features.shape[2], math.ceil(video.shape[2] / stride)
        if abs(length - wanted) > 1:
            raise InputError(
                f"RC3D: {type(self.backbone).__name__} has {length} features in time for {video.shape[2]} frames, not "
                f"{wanted} as by its stride of {stride}: for localization it must keep time, and say its stride"
            )
        return features

    def _head(self, features: Tensor, segments: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits (N, A + 1) and scaled offsets (N, A + 1, 2) of segments, buffer after buffer."""
        pooled = pool_segments(features, segments, stride=self.stages.stride, size=self.pooled)
        top = self.backbone.upper(pooled).mean(dim=(2, 3, 4))
        return self.class_head(top).float(), self.offset_head(top).float().unflatten(1, (-1, 2))
