"""VideoMix: Yun, Oh, Heo, Han and Kim, "VideoMix: Rethinking Data Augmentation for Video Classification", 2020."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.mixing import Draws, Mixing
from sceneproof.types import Batch

Cut = Literal["spatial", "temporal", "both"]


class VideoMix(Mixing):
    """Pastes a box of another clip of the batch into a clip, and mixes the actions by what is shown of each.

    A baseline: what is pasted brings its scene along, so it does not help against scene bias.

    Losses: "L_CE", on the mixed actions.

    Source: Yun et al., arXiv 2012.03457, section 3 (spatial, temporal and spatio-temporal boxes).
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        probability: float = 0.5,
        alpha: float = 1.0,
        cut: Cut = "spatial",
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            probability: Of a clip to be mixed, each for itself.
            alpha: Of the Beta(alpha, alpha) that the share of a clip's own pixels is drawn from.
            cut: What is pasted: the same box in every frame ("spatial"), whole frames in a row ("temporal"), or a box
                in frames in a row ("both").

        Raises:
            InputError: a number that is no probability, alpha not above 0, or an unknown cut.
        """
        if not 0 <= probability <= 1 or alpha <= 0 or cut not in get_args(Cut):
            raise InputError(
                f"VideoMix: probability is from 0 to 1, alpha above 0, cut one of {', '.join(get_args(Cut))}: "
                f"{probability=}, {alpha=}, {cut=}"
            )
        super().__init__(backbone, facts, probability=probability)
        self.alpha, self.cut = alpha, cut

    def augment(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Mixes each clip, with `probability`, with another one of the batch."""
        assert batch.video is not None
        draws, device = Draws.of(batch, rng), batch.video.device
        centres, chosen = draws.uniform(3), draws.chosen(self.probability)
        own, partner = draws.beta(self.alpha, self.alpha), draws.partners()
        pasted = boxes(own, centres, batch.video.shape[2:], self.cut) & chosen[:, None, None, None]
        share = 1 - pasted.float().mean(dim=(1, 2, 3))
        video = torch.where(pasted.to(device)[:, None], batch.video[partner.to(device)], batch.video)
        return replace(batch, video=video, target=self.mixed_actions(batch, partner, share))


def boxes(own: Tensor, centres: Tensor, size: Sequence[int], cut: Cut) -> Tensor:
    """The boxes that are pasted, bool (B, T, H, W); cut off at the clip's edges.

    Args:
        own: (B,), the share of a clip that is to stay, from 0 to 1.
        centres: (B, 3), of the boxes, over time, height and width, each from 0 to 1.
        size: (T, H, W).
        cut: along which of these a box is bounded.
    """
    bounded = {"spatial": (False, True, True), "temporal": (True, False, False), "both": (True, True, True)}[cut]
    side = (1 - own) ** (1 / sum(bounded))
    inside = []
    for axis, (extent, bound) in enumerate(zip(size, bounded, strict=True)):
        place = torch.arange(extent)[None]
        middle, half = (centres[:, axis] * extent)[:, None], (side * extent / 2)[:, None]
        first, last = (middle - half).round().clamp(0, extent), (middle + half).round().clamp(0, extent)
        inside.append((place >= first) & (place < last) if bound else torch.ones(len(own), extent, dtype=torch.bool))
    time, down, across = inside
    return time[:, :, None, None] & down[:, None, :, None] & across[:, None, None, :]
