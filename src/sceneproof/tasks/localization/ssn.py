"""SSN: Zhao et al., "Temporal Action Detection with Structured Segment Networks", ICCV 2017."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.terms import cross_entropy
from sceneproof.metrics.temporal_segments import grouped_nms
from sceneproof.tasks.localization.localizer import Localizer, moment_dim, moment_features
from sceneproof.tasks.localization.proposals import moved
from sceneproof.tasks.localization.ssn_proposals import (
    BACKGROUND,
    COMPLETE,
    INCOMPLETE,
    Candidates,
    candidates,
    draw,
    grouped_by_actionness,
    smoothed,
    windows,
)
from sceneproof.tasks.localization.ssn_terms import (
    OffsetScale,
    Pyramid,
    actionness_loss,
    completeness_loss,
    location_loss,
    snippets_of,
    stages,
    structured_pooling,
)
from sceneproof.types import SegmentBatch, Segments

LEVELS = (0.01, 0.05, 0.1, 0.15, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
TOLERANCES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


class SSN(Localizer):
    """Groups frames by actionness, and asks of each group with its surroundings what is done, and whether all of it.

    Losses, weights included: "L_act", the cross entropy of each frame's actionness; "L_cls", that of the action or
    background of complete and background proposals; "L_comp", the hinge loss of how complete complete and incomplete
    ones are, of which the hardest count; "L_reg", the smooth L1 of where the truth of complete ones lies.

    Defaults are the released ones for THUMOS-14, but for the pyramid, which is the released network's own.

    Source: Zhao et al. 2017; github.com/yjxiong/action-detection. docs/localization-ssn.md says what is
    different here.
    """

    nms_by_threshold = False
    sees_moments = True

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        pyramid: Pyramid = ((1,), (1, 2), (1,)),
        snippets: tuple[int, int, int] = (2, 5, 2),
        dropout: float = 0.8,
        drawn: tuple[int, int, int] = (1, 6, 1),
        overlaps: tuple[float, float, float] = (0.7, 0.3, 0.01),
        least_shares: tuple[float, float] = (0.01, 0.02),
        hard_share: float = 0.17,
        actionness_weight: float = 1.0,
        completeness_weight: float = 0.1,
        regression_weight: float = 0.1,
        smoothing: float = 3.0,
        levels: Sequence[float] = LEVELS,
        tolerances: Sequence[float] = TOLERANCES,
        proposal_nms: float = 0.9,
        nms: float = 0.2,
        most: int = 2000,
    ) -> None:
        """Makes the localizer.

        Args:
            backbone: The video network below.
            facts: What the data knows.
            pyramid: Equal parts of each level that start, course and end of a proposal are pooled to. The released
                configuration for THUMOS-14 has one each: [[1], [1], [1]].
            snippets: Moments drawn of start, course and end in training; in detection all are taken.
            dropout: Share of a moment's features that is dropped.
            drawn: Complete, incomplete and background proposals learnt from, a buffer.
            overlaps: tIoU above which a proposal is complete, below which it is incomplete, and background.
            least_shares: Incomplete ones have more of themselves in a truth, background is a longer part of the buffer.
            hard_share: Of the incomplete ones, those with the largest loss that count.
            actionness_weight: Weight of L_act.
            completeness_weight: Weight of L_comp.
            regression_weight: Weight of L_reg.
            smoothing: Deviation in moments of the Gaussian that smooths actionness before it is grouped; the authors'
                moments are 6 frames apart. 0: none, where actions last few moments.
            levels: Of actionness, at which frames are grouped.
            tolerances: Shares of a group that may lie below the level.
            proposal_nms: tIoU above which the worse of two proposals goes.
            nms: tIoU above which the worse of two detections of an action goes.
            most: Pairs of proposal and action that are kept of a buffer, and of a video.

        Raises:
            InputError: numbers that leave nothing to learn from or to find; names them.
        """
        super().__init__(backbone, facts)
        _check(pyramid, snippets, drawn, hard_share, levels)
        self.step = backbone.lower_stride[0]
        self.pyramid, self.snippets, self.dropout, self.drawn = pyramid, snippets, dropout, drawn
        self.overlaps, self.least_shares, self.hard_share = overlaps, least_shares, hard_share
        self.weights = actionness_weight, completeness_weight, regression_weight
        self.smoothing, self.levels, self.tolerances = smoothing, tuple(levels), tuple(tolerances)
        self.proposal_nms, self.nms, self.most = proposal_nms, nms, most
        dim, parts = moment_dim(backbone), sum(map(sum, pyramid))
        self.actionness_head = nn.Conv1d(dim, 1, 1)
        self.activity_head = nn.Linear(dim, facts.actions + 1)  # the first class is background
        self.completeness_head = nn.Linear(dim * parts, facts.actions)
        self.offset_head = nn.Linear(dim * parts, 2 * facts.actions)
        for head in (self.actionness_head, self.activity_head, self.completeness_head, self.offset_head):
            for name, parameter in head.named_parameters():
                nn.init.normal_(parameter, std=0.0 if name == "bias" else 0.001)
        self.scale = OffsetScale()

    def losses(self, batch: SegmentBatch) -> dict[str, Tensor]:
        """The four terms; what a batch has no proposals for counts as 0."""
        features = moment_features(self.backbone, batch.video, batch.lower)
        actionness = self.actionness(features, batch.frames)
        known = self._candidates(actionness.sigmoid(), batch)
        if self.training:
            self.scale.add(known.offsets[(known.kind == COMPLETE) & (known.offsets != 0).any(dim=1)])  # truths left out
        index, real = draw(known, self.drawn, len(actionness))
        chosen = known.take(index.flatten())
        activity, completeness, offsets = self._said(*self._sampled(features, chosen, batch.frames))
        label, counted = torch.where(chosen.kind == BACKGROUND, 0, chosen.action + 1), real.flatten()
        entropy = cross_entropy(activity, label) * (counted & (chosen.kind != INCOMPLETE))
        off = location_loss(offsets, chosen.action, self.scale.normalised(chosen.offsets))
        off = off * (counted & (chosen.kind == COMPLETE))
        own = completeness.gather(1, chosen.action[:, None])
        entropy, off, own = (values.reshape(index.shape) for values in (entropy, off, own))
        some = slice(0, self.drawn[0] + self.drawn[1])
        hinge = completeness_loss(own[:, some], real[:, some], complete=self.drawn[0], hard_share=self.hard_share)
        for_actionness, for_completeness, for_regression = self.weights
        return {
            "L_act": for_actionness * batch.mean(actionness_loss(actionness, batch.frames, batch.times)),
            "L_cls": batch.mean(entropy.sum(dim=1) / (self.drawn[0] + self.drawn[2])),
            "L_comp": for_completeness * batch.mean(hinge),
            "L_reg": for_regression * batch.mean(off.sum(dim=1) / self.drawn[0]),
        }

    @torch.no_grad()
    def detect(self, video: Tensor, frames: Tensor) -> list[Segments]:
        """What is done when, in each of B buffers, best first: suppressed among proposals, then moved by the offsets.

        A score s is told as s / (1 + s): below 1, in the same order.
        """
        features = moment_features(self.backbone, video)
        frames = frames.clamp(min=1)
        actionness, moments = self.actionness(features, frames).sigmoid(), -(-frames // self.step)
        parts = zip(features, actionness, moments.tolist(), frames.tolist(), strict=True)
        return [self._segments(some[:, :count].T, of[:real]) for some, of, count, real in parts]

    def suppress(self, segments: Segments) -> Segments:
        """The best ones of a video, without what overlapping buffers found twice."""
        best = np.argsort(-segments.score, kind="stable")[: self.most]
        times, action, score = segments.times[best], segments.action[best], segments.score[best]
        kept = grouped_nms(times, score, action, self.nms)
        return Segments(times[kept], action[kept], score[kept])

    def actionness(self, features: Tensor, frames: Tensor) -> Tensor:
        """Of each frame, before the sigmoid, (B, T' steps): that of moments (B, F, T'), resampled linearly."""
        coarse: Tensor = self.actionness_head(features)[:, 0].float()
        last = (frames[:, None].clamp(min=1) - 1) // self.step
        number = torch.arange(coarse.shape[1], device=coarse.device).minimum(last)  # padding has no say
        return functional.interpolate(coarse.gather(1, number)[:, None], scale_factor=self.step, mode="linear")[:, 0]

    def _proposed(self, actionness: Tensor) -> Tensor:
        """Proposals (N, 2), of the actionness (T,) of one buffer's frames; at worst all of it."""
        signal = smoothed(actionness, self.smoothing * self.step)
        groups = grouped_by_actionness(signal, self.levels, self.tolerances, nms=self.proposal_nms)
        groups = groups if len(groups) else np.asarray([[0, len(signal)]])
        return torch.from_numpy(groups).to(actionness)

    def _candidates(self, actionness: Tensor, batch: SegmentBatch) -> Candidates:
        """Truths, groups and sliding windows of all buffers."""
        parts = []
        for buffer, (truths, actions) in enumerate(zip(batch.times, batch.actions, strict=True)):
            frames = max(int(batch.frames[buffer]), 1)
            sliding = (torch.from_numpy(windows(-(-frames // self.step))).to(truths) * self.step).clamp(max=frames)
            parts.append(
                candidates(
                    torch.cat([truths, self._proposed(actionness[buffer, :frames]), sliding]),
                    truths,
                    actions,
                    buffer=buffer,
                    end=float(frames),
                    overlaps=self.overlaps,
                    least_shares=self.least_shares,
                )
            )
        return Candidates.joined(parts)

    def _sampled(self, features: Tensor, chosen: Candidates, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Course and structured features of proposals, from snippets: moments (B, F, T') of so many frames (B,)."""
        last = frames[chosen.buffer].clamp(min=1) - 1
        bounds, scaling = stages(chosen.times, last + 1)
        moment = snippets_of(bounds, self.snippets).long().minimum(last[:, None]) // self.step
        drawn = features.transpose(1, 2)[chosen.buffer[:, None], moment]
        drawn = functional.dropout(drawn, self.dropout, self.training)
        ticks = torch.tensor([0, *np.cumsum(self.snippets)], device=moment.device)
        first = torch.arange(len(moment), device=moment.device)[:, None] * moment.shape[1]
        return structured_pooling(drawn.flatten(0, 1), first + ticks, scaling, self.pyramid)

    def _said(self, course: Tensor, structured: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of N proposals: logits (N, A + 1) of background and actions, completeness (N, A), offsets (N, A, 2)."""
        activity, completeness = self.activity_head(course).float(), self.completeness_head(structured).float()
        return activity, completeness, self.offset_head(structured).float().unflatten(1, (-1, 2))

    def _segments(self, features: Tensor, actionness: Tensor) -> Segments:
        """Detections in one buffer, of the features (T', F) of its moments and the actionness (T,) of its frames."""
        proposals, frames = self._proposed(actionness), len(actionness)
        bounds, scaling = stages(proposals, proposals.new_tensor(frames))
        pooled = structured_pooling(features, (bounds / self.step).long(), scaling, self.pyramid)
        activity, completeness, offsets = self._said(*pooled)
        score = activity.double().softmax(dim=1)[:, 1:] * completeness.double().exp()
        best, place = score.flatten().topk(min(self.most, score.numel()))
        which, action = place // self.actions, place % self.actions
        times = proposals[which]
        ends = moved(times, self.scale.restored(offsets[which, action])).clamp(0, frames).double().cpu().numpy()
        of, told = action.cpu().numpy(), (best / (1 + best)).cpu().numpy()
        kept = grouped_nms(times.double().cpu().numpy(), told, of, self.nms) & (ends[:, 1] > ends[:, 0])
        return Segments(ends[kept], of[kept], told[kept])


def _check(
    pyramid: Pyramid,
    snippets: tuple[int, int, int],
    drawn: tuple[int, int, int],
    hard_share: float,
    levels: Sequence[float],
) -> None:
    if len(pyramid) != 3 or not all(parts and min(parts) > 0 for parts in pyramid) or min(snippets) < 1:
        raise InputError(f"SSN: {pyramid=}, {snippets=}: start, course and end, each of one part or snippet at least")
    if min(drawn) < 1 or not 1 <= int(drawn[1] * hard_share) <= drawn[1]:
        raise InputError(f"SSN: {drawn=}, {hard_share=}: one of each at least, and one incomplete proposal that counts")
    if not levels or not all(0 < level < 1 for level in levels):
        raise InputError(f"SSN: {levels=}: between 0 and 1, at least one")
