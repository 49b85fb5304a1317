"""Plain training: cross entropy on the action, and the control that adds masked clips as augmentation."""

from torch import Tensor

from sceneproof.backbones.base import Backbone
from sceneproof.methods.base import Facts, Method
from sceneproof.methods.batch_norm import second_pass
from sceneproof.methods.terms import cross_entropy
from sceneproof.types import Batch


class Plain(Method):
    """Cross entropy on the action: the baseline that debiasing is measured against.

    Losses: "L_CE"; with `masked_weight` also "L_CE_masked".
    """

    def __init__(self, backbone: Backbone, facts: Facts, *, masked_weight: float = 0.0) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            masked_weight: Weight of the cross entropy of the human-masked twins with their *true* action. Above 0
                this is a control for SDN: it sees the same masked clips, but as augmentation, not to be confused by.
        """
        super().__init__(backbone, facts)
        self.masked_weight = masked_weight
        self.needs = frozenset({"without_humans"} if masked_weight > 0 else set())

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The terms, as they are minimised, weights included."""
        losses = super().losses(batch)
        if batch.without_humans is not None and self.masked_weight:
            twins = batch.without_humans
            with second_pass(self.backbone, len(twins), moving=True, everywhere=batch.share("without_humans")):
                logits = self.scores(twins)
            values = cross_entropy(logits, batch.action[batch.has["without_humans"]])
            losses["L_CE_masked"] = self.masked_weight * batch.mean(values, over="without_humans")
        return losses
