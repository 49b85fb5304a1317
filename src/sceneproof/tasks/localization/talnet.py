"""TAL-Net: Chao et al., "Rethinking the Faster R-CNN Architecture for Temporal Action Localization", CVPR 2018."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.tasks.localization.localizer import Localizer, moment_dim, moment_features
from sceneproof.tasks.localization.proposals import pool_segments
from sceneproof.tasks.localization.two_stage import TwoStages, output_layer
from sceneproof.types import SegmentBatch, Segments

SHARE = 6
"""A tower's first convolution reaches a sixth of its anchor to each side, its second two sixths: the whole in all."""
CONTEXT = 2
"""How many times as far towers reach that see what lies around their anchor."""


class TALNet(Localizer):
    """Two stages on moments: a tower for each length of anchors, and a head that sees what lies around proposals.

    Losses: "L_rpn_cls" and "L_rpn_reg" of the anchors, "L_cls" and "L_reg" of the proposals, each a mean over buffers.

    Source: Chao et al. 2018, section 3. The authors published no code; docs/localization-talnet.md says which numbers
    could be checked, and against what.
    """

    sees_moments = True

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        anchor_scales: Sequence[float] = (1, 2, 3, 4, 5, 6, 8, 11, 16),
        towers: bool = True,
        context: bool = True,
        finer: int = SHARE,
        width: int = 256,
        hidden: int = 256,
        anchor_overlaps: tuple[float, float] = (0.7, 0.3),
        anchors_drawn: int = 256,
        proposal_nms: float = 0.7,
        proposals: int = 300,
        proposal_overlap: float = 0.5,
        proposals_drawn: int = 64,
        proposals_foreground: float = 0.25,
        pooled: int = 7,
        least_score: float = 0.005,
    ) -> None:
        """Makes the network.

        Args:
            backbone: The video network below.
            facts: What the data knows.
            anchor_scales: Lengths of the anchors, in moments.
            towers: Whether each length has a tower of its own, whose receptive field is as long as its anchors;
                without, all share two convolutions of three moments, as in R-C3D.
            context: Whether towers reach twice as far, and proposals are pooled with half of their length before and
                behind them.
            finer: Steps that towers take within a moment, between which features are linear: 6 gives every length of
                whole moments its exact reach, 1 rounds it to moments. Not used without towers.
            width: Channels of the convolutions.
            hidden: Features of the head's layer between what is pooled and what is said.
            anchor_overlaps: tIoU with a truth from which on an anchor is a segment, and below which it is background.
            anchors_drawn: Anchors that the first stage learns from, a buffer; half of them segments at most.
            proposal_nms: tIoU above which the worse of two proposals goes.
            proposals: How many are kept.
            proposal_overlap: tIoU from which on a proposal is of an action; below, it is background.
            proposals_drawn: Proposals that the head learns from, a buffer.
            proposals_foreground: Largest share of actions among them.
            pooled: Bins in time that each proposal is pooled to.
            least_score: Detections must score above this.

        Raises:
            InputError: no anchors, one of no length, a `proposal_overlap` of 0, or a `finer` below 1.
        """
        super().__init__(backbone, facts)
        self.stages = TwoStages(
            owner="TALNet",
            stride=backbone.lower_stride[0],
            anchor_scales=tuple(anchor_scales),
            anchor_overlaps=anchor_overlaps,
            anchors_drawn=anchors_drawn,
            proposal_nms=(proposal_nms, proposal_nms),
            proposals=(proposals, proposals),
            proposal_overlaps=(proposal_overlap, 0.0, proposal_overlap),
            proposals_drawn=proposals_drawn,
            proposals_foreground=proposals_foreground,
            least_score=least_score,
        )
        if finer < 1:
            raise InputError(f"TALNet: finer is how many steps towers take within a moment, at least 1, not {finer}")
        self.pooled, self.context, dim = pooled, context, moment_dim(backbone)
        reach = CONTEXT if context else 1
        self.proposal_net = (
            TowerNet([Tower(dim, width, scale=scale * reach, finer=finer) for scale in anchor_scales])
            if towers
            else TowerNet([Tower(dim, width, anchors=len(anchor_scales), rates=(reach, reach))])
        )
        self.hidden = nn.Linear(dim * pooled, hidden)
        self.class_head = output_layer(hidden, facts.actions + 1, deviation=0.01)  # the first is background
        self.offset_head = output_layer(hidden, 2 * (facts.actions + 1), deviation=0.001)

    def losses(self, batch: SegmentBatch) -> dict[str, Tensor]:
        """The four terms, as they are minimised.

        Raises:
            InputError: no anchor fits into the buffer, or the backbone's features do not cover it.
        """
        features = moment_features(self.backbone, batch.video, batch.lower)
        scores, offsets = self.proposal_net(features)
        return self.stages.losses(batch, scores, offsets, partial(self._head, features))

    @torch.no_grad()
    def detect(self, video: Tensor, frames: Tensor) -> list[Segments]:
        """A segment an action for each proposal, where it scores enough, in frames of the buffer, best first."""
        features = moment_features(self.backbone, video)
        scores, offsets = self.proposal_net(features)
        return self.stages.detect(scores, offsets, frames, partial(self._head, features))

    def _head(self, features: Tensor, segments: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits (N, A + 1) and scaled offsets (N, A + 1, 2) of segments, buffer after buffer."""
        seen = [with_context(some) for some in segments] if self.context else segments
        bins = pool_segments(features[..., None, None], seen, stride=self.stages.stride, size=(self.pooled, 1, 1))
        top = functional.relu(self.hidden(bins.flatten(1)))
        return self.class_head(top).float(), self.offset_head(top).float().unflatten(1, (-1, 2))


def with_context(segments: Tensor) -> Tensor:
    """Segments (n, 2) with half of their length before and behind them; what lies outside the buffer is pooled as 0."""
    half = (segments[:, 1] - segments[:, 0]) / 2
    return torch.stack([segments[:, 0] - half, segments[:, 1] + half], dim=1)


class Tower(nn.Module):
    """Scores and offsets of some anchors around each moment, from two dilated convolutions.

    For anchors of s moments the rates are s/6 and 2s/6, so that both reach s/2 to each side, behind a maximum over s/6
    that smooths what falls between their taps.

    Source: Chao et al. 2018, section 3.1.
    """

    def __init__(
        self,
        dim: int,
        width: int,
        *,
        scale: float | None = None,
        finer: int = 1,
        anchors: int = 1,
        rates: tuple[int, int] = (1, 1),
    ) -> None:
        """Builds the tower.

        Args:
            dim: F, features of a moment.
            width: Channels of its convolutions.
            scale: Moments that it sees; by default as `rates` say, without a maximum.
            finer: Steps within a moment; rates and the maximum are in them, at least 1, the latter an odd number.
            anchors: A, how many lengths of anchors it answers for.
            rates: Of the two convolutions where no scale is given.
        """
        super().__init__()
        self.finer, self.around = finer, 0
        if scale is not None:
            first = max(1, round(scale * finer / SHARE))
            rates, self.around = (first, 2 * first), first // 2
        self.conv1 = nn.Conv1d(dim, width, 3, dilation=rates[0], padding=rates[0])
        self.conv2 = nn.Conv1d(width, width, 3, dilation=rates[1], padding=rates[1], stride=finer)
        self.scores = nn.Conv1d(width, 2 * anchors, 1)
        self.offsets = nn.Conv1d(width, 2 * anchors, 1)
        for layer in (self.scores, self.offsets):
            nn.init.normal_(layer.weight, std=0.01)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Of features (B, F, T'): scores of background and of segment, and offsets, both (B, T', A, 2)."""
        moments = features.shape[2]
        if self.finer > 1:
            steps = (moments - 1) * self.finer + 1
            features = functional.interpolate(features, size=steps, mode="linear", align_corners=True)
        smooth = functional.max_pool1d(features, 2 * self.around + 1, stride=1, padding=self.around)
        hidden = functional.relu(self.conv2(functional.relu(self.conv1(smooth))))
        scores = self.scores(hidden).unflatten(1, (2, -1)).permute(0, 3, 2, 1)  # all backgrounds first, as R-C3D's
        return scores.float(), self.offsets(hidden).unflatten(1, (-1, 2)).permute(0, 3, 1, 2).float()


class TowerNet(nn.Module):
    """Scores and offsets of all anchors, ordered as `proposals.anchors` orders them: moments slowest."""

    def __init__(self, towers: Sequence[Tower]) -> None:
        """Takes the towers in the order of their anchors."""
        super().__init__()
        self.towers = nn.ModuleList(towers)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Of features (B, F, T'): both (B, T' A, 2)."""
        said = [tower(features) for tower in self.towers]
        scores, offsets = (torch.cat(parts, dim=2).flatten(1, 2) for parts in zip(*said, strict=True))
        return scores, offsets
