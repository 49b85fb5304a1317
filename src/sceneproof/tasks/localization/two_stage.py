"""What localizers with proposals have in common: anchors judged, proposals drawn from them, named and refined.

R-C3D and TAL-Net differ in the net that judges anchors and in the head that sees proposals; the rest is here, Faster
R-CNN's in one dimension.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from sceneproof.errors import InputError
from sceneproof.methods.terms import cross_entropy
from sceneproof.tasks.localization.proposals import anchors, moved, propose
from sceneproof.tasks.localization.sampling import FOREGROUND, Targets, anchor_targets, proposal_targets
from sceneproof.types import SegmentBatch, Segments

Head = Callable[[Sequence[Tensor]], tuple[Tensor, Tensor]]
"""Of B tensors (n, 2) of segments: logits (N, A + 1), of background first, and scaled offsets (N, A + 1, 2)."""

TRAINING, DETECTION = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoStages:
    """How anchors become proposals, and proposals detections; and what both stages are told. Defaults are R-C3D's.

    Attributes:
        owner: the localizer's name, for messages.
        stride: frames that one feature covers.
        anchor_scales: lengths of the anchors, in strides.
        anchor_overlaps: tIoU with a truth from which on an anchor is a segment, and below which it is background.
        anchors_drawn: anchors that the first stage learns from, a buffer.
        anchors_foreground: largest share of segments among them.
        anchor_sigma: of the smooth L1 of their offsets: quadratic below 1 / sigma^2.
        before_nms: proposals taken into non-maximum suppression, in training and in detection.
        proposal_nms: tIoU above which the worse of two proposals goes, in training and in detection.
        proposals: how many are kept, in training and in detection.
        proposal_overlaps: tIoU from which on a proposal is of an action; from and up to which it is background.
        proposals_drawn: proposals that the second stage learns from, a buffer.
        proposals_foreground: largest share of actions among them.
        proposal_sigma: of the smooth L1 of their offsets.
        offset_scale: what the second stage's offsets are multiples of (shift and log length).
        least_score: detections must score above this.
    """

    owner: str
    stride: int
    anchor_scales: tuple[float, ...]
    anchor_overlaps: tuple[float, float]
    anchors_drawn: int
    anchors_foreground: float = 0.5
    anchor_sigma: float = 3.0
    before_nms: tuple[int, int] = (12000, 6000)
    proposal_nms: tuple[float, float]
    proposals: tuple[int, int]
    proposal_overlaps: tuple[float, float, float]
    proposals_drawn: int
    proposals_foreground: float
    proposal_sigma: float = 1.0
    offset_scale: tuple[float, float] = (0.1, 0.2)
    least_score: float = 0.005

    def __post_init__(self) -> None:
        """Refuses what cannot be meant.

        Raises:
            InputError: no anchors, one of no length, or overlaps that make a proposal both action and background.
        """
        if not self.anchor_scales or min(self.anchor_scales) <= 0:
            raise InputError(
                f"{self.owner}: anchor_scales must be lengths above 0, at least one of them, not {self.anchor_scales}"
            )
        if not 0 <= self.proposal_overlaps[1] < self.proposal_overlaps[2] <= self.proposal_overlaps[0]:
            raise InputError(
                f"{self.owner}: proposal_overlaps are the tIoU of actions, then the least and the bound of "
                f"background's, which cannot exceed that of actions: not {self.proposal_overlaps}"
            )

    def losses(self, batch: SegmentBatch, scores: Tensor, offsets: Tensor, head: Head) -> dict[str, Tensor]:
        """L_rpn_cls and L_rpn_reg of the anchors, L_cls and L_reg of the proposals, as they are minimised.

        Args:
            batch: what is done in the buffers.
            scores: float (B, T' A, 2), of background and of segment for each anchor, before softmax.
            offsets: float (B, T' A, 2), from each anchor to its segment.
            head: the second stage, on these buffers' features.

        Raises:
            InputError: no anchor fits into the buffer.
        """
        around, end = self._anchors(scores)
        if not ((around[:, 0] >= 0) & (around[:, 1] <= end)).any():
            raise InputError(
                f"{self.owner}: the shortest anchor, {min(self.anchor_scales)} x {self.stride} frames, does not fit "
                f"into a buffer of {batch.video.shape[2]}, around the middle of any of its features: give shorter "
                f"anchor_scales or longer buffers"
            )
        of_buffers = list(zip(scores, offsets, batch.times, batch.actions, strict=True))
        of_anchors = [self._anchor_terms(around, said, to, truths, end) for said, to, truths, _ in of_buffers]
        drawn = [
            self._draw(self._propose(around, said, to, end, TRAINING), truths, actions)
            for said, to, truths, actions in of_buffers
        ]
        values = torch.cat([torch.stack(of_anchors), self._proposal_terms(drawn, head)], dim=1)
        names = ("L_rpn_cls", "L_rpn_reg", "L_cls", "L_reg")
        return {name: batch.mean(values[:, number]) for number, name in enumerate(names)}

    @torch.no_grad()
    def detect(self, scores: Tensor, offsets: Tensor, frames: Tensor, head: Head) -> list[Segments]:
        """A segment an action for each proposal, where it scores enough; many overlap.

        Args:
            scores: as for `losses`.
            offsets: as for `losses`.
            frames: int64 (B,), how many frames are of the video; segments are cut there.
            head: the second stage, on these buffers' features.

        Returns:
            B times segments in frames of the buffer, best first.
        """
        around, end = self._anchors(scores)
        proposed = [self._propose(around, *both, end, DETECTION) for both in zip(scores, offsets, strict=True)]
        logits, refined = head(proposed)
        sizes = [len(some) for some in proposed]
        of_buffers = torch.split(logits.softmax(dim=1), sizes), torch.split(refined, sizes)
        return [self._segments(*part) for part in zip(proposed, *of_buffers, frames.tolist(), strict=True)]

    def _anchors(self, scores: Tensor) -> tuple[Tensor, float]:
        """The anchors (T' A, 2) that scores (B, T' A, 2) are of, and the frame where the buffer ends."""
        length = scores.shape[1] // len(self.anchor_scales)
        return anchors(length, self.stride, self.anchor_scales, device=scores.device), float(length * self.stride)

    def _propose(self, around: Tensor, scores: Tensor, offsets: Tensor, end: float, mode: int) -> Tensor:
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

    def _proposal_terms(self, drawn: list[tuple[Tensor, Targets]], head: Head) -> Tensor:
        """L_cls and L_reg of each buffer: (B, 2)."""
        logits, refined = head([segments for segments, _ in drawn])
        sizes = [len(segments) for segments, _ in drawn]
        terms = []
        parts = zip(drawn, torch.split(logits, sizes), torch.split(refined, sizes), strict=True)
        for (_, targets), said, offsets in parts:
            wrong = cross_entropy(said, targets.label)
            of_label = offsets[torch.arange(len(offsets), device=offsets.device), targets.label]
            off = _smooth_l1(of_label, targets.offsets / offsets.new_tensor(self.offset_scale), self.proposal_sigma)
            terms += [(wrong * targets.weight).sum(), (off * targets.weight)[targets.label > 0].sum()]
        return torch.stack(terms).reshape(-1, 2)

    def _segments(self, proposed: Tensor, probability: Tensor, offsets: Tensor, frames: int) -> Segments:
        which, action = torch.nonzero(probability[:, 1:] > self.least_score, as_tuple=True)
        score = probability[which, action + 1]
        to = offsets[which, action + 1] * offsets.new_tensor(self.offset_scale)
        times = moved(proposed[which], to).clamp(0, frames)
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


def output_layer(inputs: int, outputs: int, *, deviation: float) -> nn.Linear:
    """A linear layer that starts from small normal weights and no bias, as Faster R-CNN's last ones do."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=deviation)
    nn.init.zeros_(layer.bias)
    return layer
