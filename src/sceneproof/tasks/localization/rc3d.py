"""R-C3D: Xu, Das and Saenko, "R-C3D: Region Convolutional 3D Network for Temporal Activity Detection", ICCV 2017."""

import math
from collections.abc import Sequence
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.terms import cross_entropy
from sceneproof.tasks.localization.localizer import Localizer
from sceneproof.tasks.localization.proposals import ProposalNet, anchors, moved, pool_segments, propose
from sceneproof.tasks.localization.sampling import FOREGROUND, Targets, anchor_targets, proposal_targets
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

    offset_scale: Tensor

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
        if not anchor_scales or min(anchor_scales) <= 0:
            raise InputError(f"RC3D: anchor_scales must be lengths above 0, at least one of them, not {anchor_scales}")
        if not 0 <= proposal_overlaps[1] < proposal_overlaps[2] <= proposal_overlaps[0]:
            raise InputError(
                f"RC3D: proposal_overlaps are the tIoU of actions, then the least and the bound of background's, which "
                f"cannot exceed that of actions: not {proposal_overlaps}"
            )
        self.anchor_scales, self.stride = tuple(anchor_scales), backbone.lower_stride[0]
        self.anchor_overlaps, self.anchors_drawn = anchor_overlaps, anchors_drawn
        self.anchors_foreground, self.anchor_sigma = anchors_foreground, anchor_sigma
        self.before_nms, self.proposal_nms, self.proposals = before_nms, proposal_nms, proposals
        self.proposal_overlaps, self.proposals_drawn = proposal_overlaps, proposals_drawn
        self.proposals_foreground, self.proposal_sigma = proposals_foreground, proposal_sigma
        self.pooled, self.least_score, self.frozen_batch_norm = pooled, least_score, frozen_batch_norm
        self.register_buffer("offset_scale", torch.tensor(offset_scale), persistent=False)
        self.proposal_net = ProposalNet(backbone.lower_dim, len(self.anchor_scales), proposal_width)
        self.class_head = _linear(backbone.dim, facts.actions + 1, deviation=0.01)  # the first class is background
        self.offset_head = _linear(backbone.dim, 2 * (facts.actions + 1), deviation=0.001)
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
        features, around = self._features(batch.video, batch.lower)
        end = float(features.shape[2] * self.stride)
        if min(self.anchor_scales) * self.stride > end:
            raise InputError(
                f"RC3D: the shortest anchor, {min(self.anchor_scales)} x {self.stride} frames, does not fit into a "
                f"buffer of {batch.video.shape[2]}: give shorter anchor_scales or longer buffers"
            )
        scores, offsets = self.proposal_net(features)
        of_buffers = list(zip(scores, offsets, batch.times, batch.actions, strict=True))
        of_anchors = [self._anchor_terms(around, said, to, truths, end) for said, to, truths, _ in of_buffers]
        drawn = [
            self._draw(self._propose(around, said, to, end, mode=0), truths, actions)
            for said, to, truths, actions in of_buffers
        ]
        values = torch.cat([torch.stack(of_anchors), self._proposal_terms(features, drawn)], dim=1)
        names = ("L_rpn_cls", "L_rpn_reg", "L_cls", "L_reg")
        return {name: batch.mean(values[:, number]) for number, name in enumerate(names)}

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
        features, around = self._features(video)
        scores, offsets = self.proposal_net(features)
        end = float(features.shape[2] * self.stride)
        proposed = [self._propose(around, *both, end, mode=1) for both in zip(scores, offsets, strict=True)]
        logits, refined = self._head(features, proposed)
        sizes = [len(some) for some in proposed]
        of_buffers = torch.split(logits.softmax(dim=1), sizes), torch.split(refined, sizes)
        return [self._segments(*part) for part in zip(proposed, *of_buffers, frames.tolist(), strict=True)]

    def _norms(self) -> list[nn.Module]:
        return [part for part in self.backbone.modules() if isinstance(part, _BatchNorm) and self.frozen_batch_norm]

    def _features(self, video: Tensor, lower: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Features (B, D', T', H', W') and the anchors (T' A, 2) around them."""
        features = self.backbone.lower(video) if lower is None else lower
        length, wanted = features.shape[2], math.ceil(video.shape[2] / self.stride)
        if abs(length - wanted) > 1:
            raise InputError(
                f"RC3D: {type(self.backbone).__name__} has {length} features in time for {video.shape[2]} frames, not "
                f"{wanted} as by its stride of {self.stride}: for localization it must keep time, and say its stride"
            )
        return features, anchors(length, self.stride, self.anchor_scales, device=features.device)

    def _propose(self, around: Tensor, scores: Tensor, offsets: Tensor, end: float, *, mode: int) -> Tensor:
        before, threshold, after = self.before_nms[mode], self.proposal_nms[mode], self.proposals[mode]
        return propose(around, scores, offsets, end=end, before=before, threshold=threshold, after=after)

    def _anchor_terms(self, around: Tensor, scores: Tensor, offsets: Tensor, truths: Tensor, end: float) -> Tensor:
        """L_rpn_cls and L_rpn_reg of one buffer: (2,)."""
        targets = anchor_targets(
            around,
            truths,
            end=end,
            overlaps=self.anchor_overlaps,
            drawn=self.anchors_drawn,
            foreground=self.anchors_foreground,
        )
        wrong = cross_entropy(scores, targets.label.clamp(min=0))  # those left out have no weight
        off = _smooth_l1(offsets, targets.offsets, self.anchor_sigma)
        return torch.stack([(wrong * targets.weight).sum(), (off * targets.weight)[targets.label == FOREGROUND].sum()])

    def _draw(self, proposed: Tensor, truths: Tensor, actions: Tensor) -> tuple[Tensor, Targets]:
        return proposal_targets(
            torch.cat([proposed, truths]),
            truths,
            actions,
            overlaps=self.proposal_overlaps,
            drawn=self.proposals_drawn,
            foreground=self.proposals_foreground,
        )

    def _proposal_terms(self, features: Tensor, drawn: list[tuple[Tensor, Targets]]) -> Tensor:
        """L_cls and L_reg of each buffer: (B, 2)."""
        logits, refined = self._head(features, [segments for segments, _ in drawn])
        sizes = [len(segments) for segments, _ in drawn]
        terms = []
        parts = zip(drawn, torch.split(logits, sizes), torch.split(refined, sizes), strict=True)
        for (_, targets), said, offsets in parts:
            wrong = cross_entropy(said, targets.label)
            of_label = offsets[torch.arange(len(offsets), device=offsets.device), targets.label]
            off = _smooth_l1(of_label, targets.offsets / self.offset_scale, self.proposal_sigma)
            terms += [(wrong * targets.weight).sum(), (off * targets.weight)[targets.label > 0].sum()]
        return torch.stack(terms).reshape(-1, 2)

    def _head(self, features: Tensor, segments: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits (N, A + 1) and scaled offsets (N, A + 1, 2) of segments, buffer after buffer."""
        pooled = pool_segments(features, segments, stride=self.stride, size=self.pooled)
        top = self.backbone.upper(pooled).mean(dim=(2, 3, 4))
        return self.class_head(top).float(), self.offset_head(top).float().unflatten(1, (-1, 2))

    def _segments(self, proposed: Tensor, probability: Tensor, offsets: Tensor, frames: int) -> Segments:
        which, action = torch.nonzero(probability[:, 1:] > self.least_score, as_tuple=True)
        score = probability[which, action + 1]
        times = moved(proposed[which], offsets[which, action + 1] * self.offset_scale).clamp(0, frames)
        kept = torch.nonzero(times[:, 1] > times[:, 0])[:, 0]
        kept = kept[score[kept].argsort(descending=True, stable=True)]
        return Segments(
            times=times[kept].double().cpu().numpy(),
            action=action[kept].cpu().numpy(),
            score=score[kept].double().cpu().numpy(),
        )


def _smooth_l1(said: Tensor, wanted: Tensor, sigma: float) -> Tensor:
    """One value a segment, (N,): quadratic below 1 / sigma^2, linear above, summed over shift and length."""
    return functional.smooth_l1_loss(said, wanted, reduction="none", beta=sigma**-2).sum(dim=1)


def _linear(inputs: int, outputs: int, *, deviation: float) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=deviation)
    nn.init.zeros_(layer.bias)
    return layer
