"""GroupDRO: Sagawa, Koh, Hashimoto and Liang, "Distributionally Robust Neural Networks", ICLR 2020."""

import torch
from torch import Tensor

from sceneproof import distributed
from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts, Method, refuse_without
from sceneproof.methods.terms import cross_entropy
from sceneproof.types import Batch


class GroupDRO(Method):
    """Minimises the loss of the worst group of clips: of the action in the scene where it does worst.

    Each group g has a weight q_g, which grows with its loss: q_g ← q_g · exp(η (l_g + C / √n_g)), to a sum of 1. The
    clips of an epoch are drawn so that all groups come equally often. Wants strong weight decay (the authors: .1 to 1)
    and few epochs: a network that knows every training clip has no worst group.

    Losses: "L_DRO", Σ q_g (l_g + C / √n_g).

    Source: Sagawa et al. 2020, algorithm 1 and section 3.3; github.com/kohpangwei/group_DRO.
    """

    needs = frozenset({"group"})
    weights: Tensor
    sizes: Tensor

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        step_size: float = 0.01,
        adjustment: float = 1.0,
        balanced: bool = True,
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows; its groups are an action in a scene.
            step_size: η, of the groups' weights.
            adjustment: C: what a small group's loss is raised by, since it generalises less. As in the authors' code
                it is also added for groups that a batch has no clip of, whose weight so grows slowly.
            balanced: Whether clips are drawn so that all groups come equally often, as the authors do.

        Raises:
            InputError: no groups, or a negative number.
        """
        super().__init__(backbone, facts)
        if min(step_size, adjustment) < 0:
            raise InputError(f"GroupDRO: cannot be negative: {step_size=}, {adjustment=}")
        refuse_without(facts, "groups", "GroupDRO")
        self.step_size, self.adjustment, self.balanced = step_size, adjustment, balanced
        self.register_buffer("sizes", facts.sizes_of_groups())
        self.register_buffer("weights", torch.full((facts.groups,), 1 / facts.groups))
        self._group_of_row = facts.group_of_row

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The robust loss; moves the groups' weights first."""
        assert batch.video is not None
        assert batch.group is not None
        values = cross_entropy(self.scores(batch.video), batch.action)
        return {"L_DRO": self.robust(values, batch.group)}

    def robust(self, values: Tensor, group: Tensor) -> Tensor:
        """The robust loss, a scalar, of one value a clip (B,) in groups (B,), over all processes' clips."""
        empty = torch.zeros_like(self.weights)
        counts = distributed.total(empty.index_add(0, group, torch.ones_like(values)))
        sums = empty.index_add(0, group, values)
        means = distributed.total(sums) / counts.clamp(min=1)
        raised = self.adjustment / self.sizes.sqrt()
        self.weights = (self.weights.log() + self.step_size * (means + raised)).softmax(dim=0)
        own = sums * distributed.processes() / counts.clamp(min=1)  # the mean over the processes is the groups' mean
        return (self.weights * (own + raised)).sum()

    def weights_of_rows(self) -> Tensor | None:
        """One over the size of each row's group, times the row's own weight where it has one."""
        own = super().weights_of_rows()
        if not self.balanced or self._group_of_row is None:
            return own
        weights = 1 / self.sizes.cpu()[self._group_of_row]
        return weights if own is None else own * weights
