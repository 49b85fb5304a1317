"""VideoMix: Yun, Oh, Heo, Han and Kim, "VideoMix: Rethinking Data Augmentation for Video Classification", 2020."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts, Method
from sceneproof.types import Batch

Cut = Literal["spatial", "temporal", "both"]


class VideoMix(Method):
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
        super().__init__(backbone, facts)
        if not 0 <= probability <= 1 or alpha <= 0 or cut not in get_args(Cut):
            raise InputError(
                f"VideoMix: probability is from 0 to 1, alpha above 0, cut one of {', '.join(get_args(Cut))}: "
                f"{probability=}, {alpha=}, {cut=}"
            )
        self.probability, self.alpha, self.cut = probability, alpha, cut

    def augment(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Mixes each clip, with `probability`, with another one of the batch."""
        assert batch.video is not None
        count, device = len(batch.row), batch.video.device
        order = batch.row.argsort(stable=True).cpu().numpy()  # so that the batch's order changes nothing
        centres, chosen, own = np.empty((count, 3)), np.empty(count), np.empty(count)
        centres[order], chosen[order] = rng.random((count, 3)), rng.random(count)
        own[order] = rng.beta(self.alpha, self.alpha, count)
        circle = order[rng.permutation(count)]
        partners = np.empty(count, np.int64)
        partners[circle] = np.roll(circle, 1)  # never the clip itself, unless it is the only one
        pasted = boxes(torch.from_numpy(own), torch.from_numpy(centres), batch.video.shape[2:], self.cut)
        pasted &= torch.from_numpy(chosen < self.probability)[:, None, None, None]
        pasted, partner = pasted.to(device), torch.from_numpy(partners).to(device)
        actions = one_hot(batch.action, self.actions).float()
        share = 1 - pasted.float().mean(dim=(1, 2, 3))[:, None]
        video = torch.where(pasted[:, None], batch.video[partner], batch.video)
        return replace(batch, video=video, target=share * actions + (1 - share) * actions[partner])


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
