"""Plain training: cross entropy on the action, and the control that adds masked clips as augmentation."""

from torch import Tensor

from sceneproof.backbones.base import Backbone
from sceneproof.methods.base import Method
from sceneproof.methods.batch_norm import second_pass, twins_a_process
from sceneproof.methods.terms import cross_entropy
from sceneproof.types import Batch


class Plain(Method):
    """Cross entropy on the action: the baseline that debiasing is measured against.

    Losses: "L_CE"; with `masked_weight` also "L_CE_masked".
    """

    def __init__(self, backbone: Backbone, actions: int, scenes: int, *, masked_weight: float = 0.0) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            actions: Number of action classes.
            scenes: Number of scene classes; not used here.
            masked_weight: Weight of the cross entropy of the human-masked twins with their *true* action. Above 0
                this is a control for SDN: it sees the same masked clips, but as augmentation, not to be confused by.
        """
        super().__init__(backbone, actions, scenes)
        self.masked_weight = masked_weight
        self.needs_humans = masked_weight > 0

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The terms, as they are minimised, weights included."""
        losses: dict[str, Tensor] = {}
        if batch.video is not None:
            losses["L_CE"] = batch.mean_over_actions(cross_entropy(self.scores(batch.video), batch.action))
        if batch.without_humans is not None and self.masked_weight:
            twins = batch.without_humans
            with second_pass(self.backbone, len(twins), moving=True, everywhere=twins_a_process(batch)):
                logits = self.scores(twins)
            values = cross_entropy(logits, batch.action[batch.has_twin])
            losses["L_CE_masked"] = self.masked_weight * batch.mean_over_twins(values)
        return losses
