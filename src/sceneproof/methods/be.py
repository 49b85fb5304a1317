"""BE: Wang et al., "Removing the Background by Adding the Background", CVPR 2021: background erasing."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.batch_norm import second_pass
from sceneproof.methods.mixing import Draws, Mixing, blended, frames_of
from sceneproof.methods.terms import cross_entropy
from sceneproof.types import Batch


class BE(Mixing):
    """Lays a frame of a clip over all of its frames: what stands still is blurred, what moves stays.

    x~ = (1 - λ) x + λ f, f a random frame of the same clip, λ ~ U(0, strength). The action stays. The difference
    between frames is 1 - λ times what it was, everywhere. A clip of a single frame stays as it is.

    Losses: "L_CE"; with `consistency` also "L_BE", the mean square distance between the features of the mixed and of
    the unmixed clip.

    Source: Wang et al., CVPR 2021, section 3, where it is self-supervised; the supervised form is that of Li et al.,
    ICCV 2023, who compare it with StillMix. Theirs draws λ once a batch; here each clip has its own.
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        probability: float = 0.75,
        strength: float = 0.3,
        consistency: float = 0.0,
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            probability: Of a clip to be mixed, each for itself.
            strength: The largest share of the still frame.
            consistency: Weight of "L_BE". Above 0 the unmixed clips pass through the network as well, which doubles a
                step's cost.

        Raises:
            InputError: a number that is no probability, a strength outside 0 to 1, or a negative weight.
        """
        super().__init__(backbone, facts, probability=probability, alone=True)
        if not 0 <= strength <= 1 or consistency < 0:
            raise InputError(f"BE: strength is from 0 to 1, consistency not below 0: {strength=}, {consistency=}")
        self.strength, self.consistency = strength, consistency

    def augment(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Mixes each clip, with `probability`, with one of its own frames; with `consistency` keeps it as `second`."""
        video, draws = batch.video, Draws.of(batch, rng)
        assert video is not None
        chosen, share, frame = draws.chosen(self.probability), draws.uniform(), draws.below(video.shape[2])
        still = frames_of(video, torch.arange(len(video)), frame)
        mixed = blended(video, still, 1 - self.strength * share * chosen)
        return replace(batch, video=mixed, second=video if self.consistency else None)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Cross entropy of the mixed clips; with `consistency` the distance of their features from the unmixed ones."""
        if batch.second is None or not self.consistency:
            return super().losses(batch)
        assert batch.video is not None
        features = self.features(batch.video)
        with second_pass(self.backbone, len(batch.second), moving=True):  # evaluation sees unmixed clips
            unmixed = self.features(batch.second)
        distance = (features.float() - unmixed.float()).square().mean(dim=1)
        return {
            "L_CE": batch.mean(cross_entropy(self.action_head(features), batch.action)),
            "L_BE": self.consistency * batch.mean(distance),
        }
