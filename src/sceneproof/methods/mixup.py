"""Mixup: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018."""

from dataclasses import replace

import numpy as np
import torch

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.mixing import Draws, Mixing, blended
from sceneproof.types import Batch


class Mixup(Mixing):
    """Blends each clip with another one of the batch, and their actions by the same share.

    x~ = λ x + (1 - λ) x', y~ = λ y + (1 - λ) y', λ ~ Beta(α, α). A baseline: the other clip brings its scene along.

    Losses: "L_CE", on the blended actions.

    Source: Zhang et al., ICLR 2018, section 2. There λ is one draw a batch; here each clip has its own.
    """

    def __init__(self, backbone: Backbone, facts: Facts, *, probability: float = 0.5, alpha: float = 0.2) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            probability: Of a clip to be mixed, each for itself.
            alpha: Of the Beta(alpha, alpha) that the share of a clip's own pixels is drawn from.

        Raises:
            InputError: a number that is no probability, alpha not above 0, or batches of a single clip.
        """
        super().__init__(backbone, facts, probability=probability)
        if alpha <= 0:
            raise InputError(f"Mixup: alpha is above 0: {alpha=}")
        self.alpha = alpha

    def augment(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Mixes each clip, with `probability`, with another one of the batch."""
        assert batch.video is not None
        draws = Draws.of(batch, rng)
        chosen, share, partner = draws.chosen(self.probability), draws.beta(self.alpha, self.alpha), draws.partners()
        own = torch.where(chosen, share, 1.0)
        video = blended(batch.video, batch.video[partner.to(batch.video.device)], own)
        return replace(batch, video=video, target=self.mixed_actions(batch, partner, own))
