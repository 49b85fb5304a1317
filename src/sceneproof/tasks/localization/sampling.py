"""Which anchors and which proposals R-C3D learns from in one buffer, and what they should have become.

Draws use torch's random generator alone, which a checkpoint keeps, so that a resumed run draws the same.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sceneproof.tasks.localization.proposals import offsets_to, tiou

FOREGROUND, BACKGROUND, LEFT_OUT = 1, 0, -1


@dataclass(frozen=True, slots=True)
class Targets:
    """What N segments of one buffer should have become.

    Attributes:
        label: int64 (N,).
        offsets: float (N, 2), to the truth of each; of no meaning where the label is not a foreground's.
        weight: float (N,), each one's share in the buffer's losses; sums to 1, or to 0 where nothing was drawn.
    """

    label: Tensor
    offsets: Tensor
    weight: Tensor


def anchor_targets(
    anchors: Tensor, truths: Tensor, *, end: float, overlaps: tuple[float, float], drawn: int, foreground: float
) -> Targets:
    """Labels of anchors, of which some are drawn: `FOREGROUND`, `BACKGROUND`, or `LEFT_OUT` with weight 0.

    Foreground is an anchor that overlaps a truth enough, or is a truth's best; background one that overlaps none
    by much. Anchors that leave the buffer are left out.

    Args:
        anchors: float (N, 2).
        truths: float (n, 2), n may be 0.
        end: where the buffer ends.
        overlaps: tIoU from which on an anchor is foreground, and below which it is background.
        drawn: how many to draw at most.
        foreground: their largest share of foreground.

    Source: Xu et al. 2017, section 3.2; `anchor_target_layer.py`.
    """
    inside = (anchors[:, 0] >= 0) & (anchors[:, 1] <= end)
    overlap, which = _best(anchors, truths, inside)
    label = torch.full_like(which, LEFT_OUT)
    label[inside & (overlap < overlaps[1])] = BACKGROUND
    label[_best_of_a_truth(anchors, truths, inside) | (overlap >= overlaps[0])] = FOREGROUND
    kept = _draw(label == FOREGROUND, int(foreground * drawn))
    kept |= _draw(label == BACKGROUND, drawn - int(kept.sum()))
    weight = kept / kept.sum().clamp(min=1)
    offsets = offsets_to(anchors, truths[which]) if len(truths) else torch.zeros_like(anchors)
    return Targets(torch.where(kept, label, LEFT_OUT), offsets, weight)


def proposal_targets(
    proposals: Tensor,
    truths: Tensor,
    actions: Tensor,
    *,
    overlaps: tuple[float, float, float],
    drawn: int,
    foreground: float,
) -> tuple[Tensor, Targets]:
    """Draws proposals (K, 2) to classify and refine; the label of background is 0, that of action a is a + 1.

    Foreground is drawn without replacement, background with it, up to the number wanted; where there is no background,
    foreground with replacement. What is drawn k times comes once, with k times the weight: equal losses for less work.
    In a buffer without truths any proposal is background (the released code knows no such buffers).

    Args:
        proposals: float (N, 2), the truths among them.
        truths: float (n, 2), n may be 0.
        actions: int64 (n,), what is done in them.
        overlaps: tIoU from which on a proposal is foreground, and from which up to which it is background.
        drawn: how many to draw.
        foreground: their largest share of foreground.

    Source: Xu et al. 2017, section 3.3; `proposal_target_layer_cascade.py`.
    """
    at_least, low, high = overlaps
    everywhere = torch.ones(len(proposals), dtype=torch.bool, device=proposals.device)
    overlap, which = _best(proposals, truths, everywhere)
    positive = torch.nonzero(overlap >= at_least)[:, 0]
    negative = torch.nonzero((overlap < high) & (overlap >= (low if len(truths) else 0.0)))[:, 0]
    if len(negative):
        positive = positive[torch.randperm(len(positive), device=positive.device)[: round(foreground * drawn)]]
        taken = torch.cat([positive, _with_replacement(negative, drawn - len(positive))])
    else:
        taken = _with_replacement(positive, drawn)
    taken, times = torch.unique(taken, return_counts=True)
    chosen, which = proposals[taken], which[taken]
    if not len(truths):
        return chosen, Targets(torch.zeros_like(which), torch.zeros_like(chosen), times / drawn)
    label = torch.where(overlap[taken] >= at_least, actions[which] + 1, 0)
    return chosen, Targets(label, offsets_to(chosen, truths[which]), times / drawn)


def _best(segments: Tensor, truths: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Each segment's largest overlap with a truth (N,), -1 outside, and the number of that truth (N,)."""
    if not len(truths):
        nothing = torch.zeros(len(segments), device=segments.device)
        return torch.where(inside, nothing, -1.0), nothing.long()
    overlap, which = tiou(segments, truths).max(dim=1)
    return torch.where(inside, overlap, -1.0), which


def _best_of_a_truth(segments: Tensor, truths: Tensor, inside: Tensor) -> Tensor:
    """Whether no other segment inside overlaps some truth more: bool (N,); ties are all the best."""
    if not len(truths) or not len(segments):
        return torch.zeros_like(inside)
    overlap = torch.where(inside[:, None], tiou(segments, truths), 0.0)
    return ((overlap == overlap.amax(dim=0)) & (overlap > 0)).any(dim=1)


def _draw(wanted: Tensor, most: int) -> Tensor:
    """At most so many of the True ones, each as likely as another: bool (N,)."""
    candidates = torch.nonzero(wanted)[:, 0]
    drawn = candidates[torch.randperm(len(candidates), device=candidates.device)[:most]]
    return torch.zeros_like(wanted).index_fill_(0, drawn, True)


def _with_replacement(candidates: Tensor, count: int) -> Tensor:
    if not len(candidates):
        return candidates
    return candidates[torch.randint(len(candidates), (count,), device=candidates.device)]
