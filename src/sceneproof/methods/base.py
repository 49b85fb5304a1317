"""What a method is: the contract between a paper's losses and the one training loop."""

from typing import Any

from torch import Tensor, nn

from sceneproof.backbones.base import Backbone
from sceneproof.methods.batch_norm import is_synchronised
from sceneproof.methods.terms import zero_of


class Learner(nn.Module):
    """What the training loop minimises: anything with named losses, whatever its task. Batches are its own kind.

    Attributes:
        backbone: the network below the heads.
        divisors: how many kinds of things its batches count, to take means over.
    """

    backbone: Backbone
    divisors: int

    def forward(self, batch: Any) -> dict[str, Tensor]:
        """The losses: what distributed wrappers call."""
        return self.losses(batch)

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Scalars named as in the paper; the engine minimises their sum."""
        raise NotImplementedError  # the paper's equations go here

    def updates(self, batch: Any) -> list[Any]:
        """The optimiser steps of one batch, in order; more than one for papers that alternate."""
        return [batch]

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Parameters by part: 'backbone' and one entry a head. Learning rates are set by these names."""
        parts = {name: list(part.parameters()) for name, part in self.named_children()}
        return {name: parameters for name, parameters in parts.items() if parameters}


class Method(Learner):
    """One paper's way to train a classifier. `Method(backbone, actions, scenes)`; more arguments: hyper-parameters.

    Attributes:
        needs_scenes: whether training reads scene labels.
        needs_humans: whether training reads human boxes or masks.
    """

    divisors = 3
    needs_scenes = False
    needs_humans = False

    def __init__(self, backbone: Backbone, actions: int, scenes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.action_head = nn.Linear(backbone.dim, actions)
        self.scenes = scenes

    def features(self, video: Tensor) -> Tensor:
        """Pooled features (B, D) of a video (B, C, T, H, W); B may be 0, which not every backbone can take."""
        if not len(video) and not is_synchronised(self.backbone):
            return video.new_zeros(0, self.backbone.dim) + zero_of(self.backbone)  # a gradient for every parameter
        pooled: Tensor = self.backbone(video).mean(dim=(2, 3, 4))
        return pooled

    def scores(self, video: Tensor) -> Tensor:
        """Action scores before softmax (B, A) of a video (B, C, T, H, W): all that evaluation needs."""
        logits: Tensor = self.action_head(self.features(video))
        return logits
