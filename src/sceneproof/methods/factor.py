"""Factor: an action factor and a context factor, after Wang and Hoai, "Pulling Actions out of Context", CVPR 2018."""

from typing import Literal

import torch
from torch import Tensor, nn

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts, Method, Output
from sceneproof.methods.batch_norm import second_pass
from sceneproof.methods.terms import cross_entropy, entropy
from sceneproof.types import Batch


class Factor(Method):
    """Scores are the sum of what is done and of where it is done: z_a + g z_c, two heads on the same features.

    A *conjugate* of a clip has its context and not its action. Here it is the masked twin, the clip without its people.
    The context head is to name the action from the clip and from its conjugate alike; the action head from the clip,
    and to be unsure of the conjugate. g, which starts at 1 and is learnt, says how far the context has a say.

    Losses: "L_CE", of the sum; "L_Action", of z_a alone; "L_Context", of z_c on clips and on conjugates; "L_Ent", minus
    the entropy of z_a on conjugates.

    Source: after Wang and Hoai 2018, whose conjugates are stretches of the same video before and after the action, and
    whose equations could not be had: the terms here are our own, so this is not their Factor-C3D.
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        action_weight: float = 1.0,
        context_weight: float = 1.0,
        confusion_weight: float = 0.5,
        answers: Literal["both", "action"] = "both",
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            action_weight: Weight of L_Action.
            context_weight: Weight of L_Context.
            confusion_weight: Weight of L_Ent; 0 leaves it out.
            answers: Whose scores are the answer: 'both', z_a + g z_c; 'action', z_a alone. Training is the same.

        Raises:
            InputError: a negative weight, or an answer that there is not.
        """
        super().__init__(backbone, facts)
        if min(action_weight, context_weight, confusion_weight) < 0:
            raise InputError(
                f"Factor: weights cannot be negative: {action_weight=}, {context_weight=}, {confusion_weight=}"
            )
        if answers not in ("both", "action"):
            raise InputError(f"Factor: answers is 'both' or 'action', not {answers!r}")
        self.action_weight, self.context_weight = action_weight, context_weight
        self.confusion_weight, self.answers = confusion_weight, answers
        self.context_head = ContextHead(backbone.dim, facts.actions)
        self.needs = frozenset({"without_humans"})

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The terms, weights included; clips without a conjugate have no part in those of conjugates."""
        twins = batch.without_humans
        assert batch.video is not None
        assert twins is not None
        features = self.features(batch.video)
        with second_pass(self.backbone, len(twins), moving=False, everywhere=batch.share("without_humans")):
            conjugates = self.features(twins)
        action, context = self.action_head(features), self.context_head(features)
        unsure, placed = self.action_head(conjugates), self.context_head(conjugates)
        own = batch.action[batch.has["without_humans"]]
        in_context = batch.mean(cross_entropy(context, batch.action))
        in_context = in_context + batch.mean(cross_entropy(placed, own), over="without_humans")
        losses = {
            "L_CE": batch.mean(cross_entropy(action + self.context_head.gate * context, batch.action)),
            "L_Action": self.action_weight * batch.mean(cross_entropy(action, batch.action)),
            "L_Context": self.context_weight * in_context,
        }
        if self.confusion_weight:
            losses["L_Ent"] = -self.confusion_weight * batch.mean(entropy(unsure), over="without_humans")
        return losses

    def scores(self, video: Tensor) -> Tensor:
        """The answer's scores (B, A) of a video (B, C, T, H, W)."""
        return self.answer(video).scores

    def answer(self, video: Tensor) -> Output:
        """Scores of both heads, or of the action head alone: linear in the features either way."""
        own = super().answer(video)
        if self.answers == "action":
            return own
        assert own.weight is not None
        gate, head = self.context_head.gate, self.context_head.linear
        return Output(own.scores + gate * head(own.features), own.features, own.places, own.weight + gate * head.weight)


class ContextHead(nn.Module):
    """A linear classifier of features, and how far it has a say.

    Attributes:
        gate: g, a float scalar.
    """

    def __init__(self, dim: int, actions: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, actions)
        self.gate = nn.Parameter(torch.tensor(1.0))

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, dim) to scores (B, actions)."""
        scores: Tensor = self.linear(features)
        return scores
