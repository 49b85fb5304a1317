"""PlaceSwap: people in other clips' places, and the same answer there. Ours."""

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.batch_norm import second_pass
from sceneproof.methods.mixing import Draws, Mixing, others
from sceneproof.methods.terms import cross_entropy, entropy
from sceneproof.types import Batch

SOFT_EDGE = 2
"""Pixels over which people fade on each side of their edge, by default and in composites that are kept."""


class PlaceSwap(Mixing):
    """Learns each clip as it is, and again with its people in another clip's place.

    A composite x m + x'_ (1 - m) shows the people of a clip, cut out with soft edges (m, from 0 to 1), where another
    clip of the batch has its own people painted over (x'_, its masked twin). Its action is the people's. The clip
    itself is learnt as ever, so that the place is not unlearnt but made one of many.

    Losses: "L_CE", of the clips; "L_Swapped", the composites' cross entropy; "L_Same", the divergence of the
    composite's answer from the clip's, KL(p(x) || p(composite)), whose gradient does not reach p(x); "L_Ent", SDN's
    confusion loss on the masked twins, as it is minimised.

    Source: ours; the composite is HAT's action swap (Chung et al. 2022) and ActorCutMix' without its holes and its
    mixed labels.
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        probability: float = 1.0,
        swapped_weight: float = 0.5,
        same_weight: float = 0.0,
        confusion_weight: float = 0.0,
        soft_edge: int = SOFT_EDGE,
        composites: Literal["drawn", "kept"] = "drawn",
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            probability: Of a clip to be shown in another place as well, each for itself.
            swapped_weight: Weight of L_Swapped.
            same_weight: Weight of L_Same; 0 leaves it out.
            confusion_weight: Weight of L_Ent; 0 leaves it out.
            soft_edge: Pixels, of the clip as the network sees it, over which people fade on each side of their edge.
            composites: 'drawn': of the batch's clips, anew at every step; 'kept': from features that `sceneproof
                features --swaps true` kept, one a clip that is drawn.

        Raises:
            InputError: a number that is no probability, a negative number, batches of one clip, or another probability
                or edge than kept composites have.
        """
        super().__init__(backbone, facts, probability=probability)
        if min(swapped_weight, same_weight, confusion_weight, soft_edge) < 0:
            raise InputError(
                f"PlaceSwap: cannot be negative: {swapped_weight=}, {same_weight=}, {confusion_weight=}, {soft_edge=}"
            )
        self.swapped_weight, self.same_weight = swapped_weight, same_weight
        self.confusion_weight, self.soft_edge = confusion_weight, soft_edge
        self.composites = composites
        if composites == "kept" and (probability, soft_edge) != (1.0, SOFT_EDGE):
            raise InputError(
                f"PlaceSwap: kept composites are of every clip, with a soft edge of {SOFT_EDGE} pixels: leave out "
                f"probability and soft_edge"
            )
        self.needs = frozenset({"people", "without_humans"})
        if composites == "kept":
            self.needs = frozenset({"swapped", "without_humans"} if confusion_weight else {"swapped"})

    @property
    def mixes_pixels(self) -> bool:
        """Not where composites were kept."""
        return self.composites == "drawn"

    def augment(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Adds the composites as `second`, (K, C, T, H, W), of the K clips that `has["second"]` names."""
        assert batch.video is not None
        assert batch.people is not None
        assert batch.without_humans is not None
        known, device = batch.has["without_humans"], batch.video.device
        draws = Draws.of(batch, rng)
        chosen, partner = draws.chosen(self.probability), draws.partners(known)
        swapped = chosen & others(partner) & known.cpu()
        number = (known.cumsum(dim=0) - 1)[partner.to(device)][swapped.to(device)]
        swapped = swapped.to(device)
        second = composed(
            batch.video[swapped], batch.people[swapped], batch.without_humans[number], edge=self.soft_edge
        )
        return replace(batch, second=second, has={**batch.has, "second": swapped})

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The terms, weights included."""
        assert batch.video is not None
        assert batch.second is not None
        swapped, logits = batch.has["second"], self.scores(batch.video)
        losses = {"L_CE": batch.mean(cross_entropy(logits, batch.action))}
        with second_pass(self.backbone, len(batch.second), moving=False, everywhere=batch.share("second")):
            elsewhere = self.scores(batch.second)
        values = cross_entropy(elsewhere, batch.action[swapped])
        losses["L_Swapped"] = self.swapped_weight * batch.mean(values, over="second")
        if self.same_weight:
            losses["L_Same"] = self.same_weight * batch.mean(divergence(logits[swapped], elsewhere), over="second")
        if self.confusion_weight:
            twins = batch.without_humans
            assert twins is not None
            with second_pass(self.backbone, len(twins), moving=False, everywhere=batch.share("without_humans")):
                doubt = entropy(self.scores(twins))
            losses["L_Ent"] = -self.confusion_weight * batch.mean(doubt, over="without_humans")
        return losses


def composed(video: Tensor, people: Tensor, places: Tensor, *, edge: int = SOFT_EDGE) -> Tensor:
    """Composites (N, C, T, H, W): the people (N, T, H, W) of clips, with soft edges, in the places of other clips."""
    matte = softened(people, edge)[:, None]
    return places + matte * (video - places)


def softened(people: Tensor, edge: int) -> Tensor:
    """Masks of people (N, T, H, W) whose edges fade over `edge` pixels on each side, float from 0 to 1."""
    width = 2 * edge + 1
    return functional.avg_pool2d(people.float(), width, stride=1, padding=edge, count_include_pad=False)


def divergence(told: Tensor, other: Tensor) -> Tensor:
    """KL(softmax told || softmax other) in nats, (N,), of logits (N, A); no gradient reaches `told`."""
    first, second = (functional.log_softmax(logits.float(), dim=1) for logits in (told.detach(), other))
    return torch.sum(first.exp() * (first - second), dim=1)
