"""ReBias: Bahng and others, "Learning De-biased Representations with Biased Representations", ICML 2020."""

import contextlib
from dataclasses import dataclass, fields
from typing import Any, Literal

import torch
from torch import Tensor, nn

from sceneproof import distributed
from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts, pooled
from sceneproof.methods.batch_norm import second_pass
from sceneproof.methods.bias import BiasedView, View, anew
from sceneproof.methods.terms import cross_entropy, zero_of
from sceneproof.types import Batch

Sigma = float | Literal["median"]
LEAST = 4
"""Clips that the unbiased estimate needs."""
WIDTH = 128
"""Of the biased branch on scene labels."""


@dataclass(frozen=True, slots=True)
class Turn(Batch):
    """A batch in the step of one of the two networks; a plain batch is in the step of both.

    Attributes:
        biased: whether it is the biased network's step.
    """

    biased: bool = False


class ReBias(BiasedView):
    """Makes the video network's features independent of those of a network that is biased by what it is shown.

    The biased network g sees the biased view alone, and learns the actions by it; HSIC is how much the features of the
    video network f depend on g's. g makes it large, f makes it small. f alone answers.

    Losses, weights included: "L_g", cross entropy of g; "L_HSIC_g", negative; "L_f", cross entropy of f; "L_HSIC_f".

    Source: Bahng et al. 2020, section 3; github.com/clovaai/rebias. HSIC: Song et al., JMLR 2012, theorem 1.
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        bias: View = "scenes",
        weight: float = 1.0,
        sigma: Sigma = "median",
        alternating: bool = True,
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            bias: What the biased network sees: "scenes", soft scene labels, by two layers of 128; "without_humans",
                masked twins, or "still", one frame shown all along: by another backbone of the same kind.
            weight: λ, of HSIC in both networks' losses.
            sigma: Of the two Gaussian kernels, in units of the features; or "median": the root of the median squared
                distance between the batch's clips.
            alternating: Whether g takes a step of its own first, as in the paper. Else both networks take one step from
                the same features, in half the time.

        Raises:
            InputError: a number out of range, a view that the data cannot give, or batches of fewer than 4 clips.
        """
        super().__init__(backbone, facts, bias)
        if weight < 0 or (sigma != "median" and not (isinstance(sigma, int | float) and sigma > 0)):
            raise InputError(f"ReBias: weight cannot be negative, sigma is above 0 or median: {weight=}, {sigma=}")
        if facts.steps and facts.rows // facts.steps < LEAST:
            raise InputError(
                f"ReBias: HSIC needs at least {LEAST} clips a batch, better 32: raise --optimisation.batch"
            )
        self.weight, self.sigma, self.alternating = weight, sigma, alternating
        if bias == "scenes":
            self.biased_branch = nn.Sequential(
                nn.Linear(facts.scenes, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU()
            )
        else:
            self.biased_backbone = anew(backbone)
            self.backbones = ("backbone", "biased_backbone")
        self.biased_head = nn.Linear(WIDTH if bias == "scenes" else backbone.dim, facts.actions)

    def updates(self, batch: Batch) -> list[Batch]:
        """The biased network's step, then the video network's; or one of both."""
        if not self.alternating:
            return [batch]
        given: dict[str, Any] = {field.name: getattr(batch, field.name) for field in fields(Batch)}
        return [Turn(**given, biased=True), Turn(**given)]

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The losses of the network whose step it is, or of both; HSIC is over the clips that have the view."""
        turn = batch.biased if isinstance(batch, Turn) else None
        which = self.which(batch)
        features = self._own_features(batch, learning=turn is not True)
        biased = self._biased_features(batch, learning=turn is not False)
        losses = {}
        if turn is not False:
            values = cross_entropy(self.biased_head(biased), batch.action[which])
            losses["L_g"] = batch.mean(values, over=self.over)
            losses["L_HSIC_g"] = -self.weight * self._dependence(features[which].detach(), biased)
        if turn is not True:
            losses["L_f"] = batch.mean(cross_entropy(self.action_head(features), batch.action))
            losses["L_HSIC_f"] = self.weight * self._dependence(features[which], biased.detach())
        if turn is not None:  # distributed training wants a gradient for every parameter
            video = {"backbone", "action_head"}
            idle = [part for name, part in self.named_children() if (name in video) == turn]
            losses["L_g" if turn else "L_f"] += sum(map(zero_of, idle))
        return losses

    def _own_features(self, batch: Batch, *, learning: bool) -> Tensor:
        """The video network's features (B, D); what does not learn leaves batch normalisation's statistics alone."""
        assert batch.video is not None
        if learning:
            return self.features(batch.video)
        with torch.no_grad(), second_pass(self.backbone, len(batch.video), moving=False, everywhere=batch.share()):
            return self.features(batch.video)

    def _biased_features(self, batch: Batch, *, learning: bool) -> Tensor:
        """The biased network's features of the M clips that have the view, (M, E)."""
        with contextlib.nullcontext() if learning else torch.no_grad():
            if self.bias == "scenes":
                features: Tensor = self.biased_branch(self.view(batch))
                return features
            clips, everywhere = self.biased_clips(batch), batch.share(self.over)
            with second_pass(self.biased_backbone, len(clips), moving=learning, everywhere=everywhere):
                return pooled(self.biased_backbone, clips)

    def _dependence(self, features: Tensor, biased: Tensor) -> Tensor:
        """HSIC of all processes' clips, whose gradients average to that of one process with all of them."""
        value = hsic(distributed.joined(features), distributed.joined(biased), self.sigma)
        return value.detach() + distributed.processes() * (value - value.detach())


def hsic(x: Tensor, y: Tensor, sigma: Sigma = 1.0) -> Tensor:
    """The unbiased estimate of the Hilbert-Schmidt independence criterion, a scalar: 0 on average if independent.

    Source: Song et al., JMLR 2012, theorem 1. Fewer than 4 points have no estimate: 0.

    Args:
        x: (N, D).
        y: (N, E), of the same N.
        sigma: of the Gaussian kernels; "median": each the root of its median squared distance, without a gradient.
    """
    count = len(x)
    if count < LEAST:
        return 0 * (x.sum() + y.sum())
    ours, theirs = kernel(x, sigma), kernel(y, sigma)
    pairs = (ours * theirs).sum() + ours.sum() * theirs.sum() / ((count - 1) * (count - 2))
    triples = (ours.sum(dim=0) * theirs.sum(dim=0)).sum()
    return (pairs - 2 / (count - 2) * triples) / (count * (count - 3))


def kernel(x: Tensor, sigma: Sigma) -> Tensor:
    """The Gaussian kernel of points (N, D) with each other, (N, N) float, 0 for a point with itself."""
    with torch.autocast(x.device.type, enabled=False):
        x = x.double() if x.dtype == torch.float64 else x.float()
        x = x - x.mean(dim=0)
        length = x.square().sum(dim=1)
        squared = (length[:, None] + length - 2 * x @ x.T).clamp(min=0)
        others = ~torch.eye(len(x), dtype=torch.bool, device=x.device)
        if sigma == "median":
            variance = squared.detach()[others].median().clamp(min=torch.finfo(x.dtype).tiny)
        else:
            variance = torch.as_tensor(float(sigma) ** 2, device=x.device)
        return torch.exp(-squared / (2 * variance)) * others
