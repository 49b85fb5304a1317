"""ActorCutMix: Zou et al., "Learning Representational Invariances for Data-Efficient Action Recognition", CVIU 2023."""

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.mixing import Draws, Mixing, others
from sceneproof.types import Batch

Fill = Literal["black", "twin"]


class ActorCutMix(Mixing):
    """Puts the people of each clip into the place of another one, whose own people are cut out.

    x~ = x m + x' (1 - m') (1 - m), with m and m' where people are; y~ = w y + (1 - w) y', w = 1 - (1 - r)^power, r the
    share of m in the clip. Clips without people, or of nothing else, stay as they are and are nobody's partner.

    Losses: "L_CE", on the mixed actions.

    Source: Zou et al., CVIU 2023, section 3, and its released code (github.com/vt-vl-lab/video-data-aug, Apache-2.0).
    There the partner is the clip at the same place from the batch's end.
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        probability: float = 0.5,
        power: float = 4.0,
        fill: Fill = "black",
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            probability: Of a clip to be mixed, each for itself.
            power: How soon a few pixels of people count for the whole action: 1 counts pixels.
            fill: What is left of the partner's own people: a hole that is 0 once the clip is normalised ("black", as
                in the released code), or what the partner's masked twin has there ("twin", which is ours).

        Raises:
            InputError: a number that is no probability, power not above 0, an unknown fill, or batches of one clip.
        """
        super().__init__(backbone, facts, probability=probability)
        if power <= 0 or fill not in get_args(Fill):
            raise InputError(f"ActorCutMix: power is above 0, fill {' or '.join(get_args(Fill))}: {power=}, {fill=}")
        self.power, self.fill = power, fill
        self.needs = frozenset({"people", "without_humans"} if fill == "twin" else {"people"})

    def augment(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Mixes each clip that shows people and a place, with `probability`, with the place of another such clip."""
        assert batch.video is not None
        assert batch.people is not None
        draws, people, device = Draws.of(batch, rng), batch.people, batch.video.device
        share = people.float().mean(dim=(1, 2, 3))
        chosen, partner = draws.chosen(self.probability), draws.partners((share > 0) & (share < 1))
        mixed = (chosen & others(partner)).to(device)
        places = self._places(batch)[partner.to(device)]
        video = torch.where((people | ~mixed[:, None, None, None])[:, None], batch.video, places)
        own = torch.where(mixed, 1 - (1 - share) ** self.power, 1.0)
        return replace(batch, video=video, target=self.mixed_actions(batch, partner, own), without_humans=None)

    def _places(self, batch: Batch) -> Tensor:
        """The clips (B, C, T, H, W) with their people cut out."""
        assert batch.video is not None
        assert batch.people is not None
        hole = batch.video.new_tensor(self.backbone.mean)[:, None, None, None] / 255
        places = torch.where(batch.people[:, None], hole, batch.video)
        if batch.without_humans is not None:
            places[batch.has["without_humans"]] = batch.without_humans
        return places
