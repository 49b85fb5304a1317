"""Transplant: people in other clips' places, in the features of the lower stages. Ours."""

import torch
from torch import Tensor

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts, Method
from sceneproof.methods.batch_norm import second_pass
from sceneproof.methods.terms import cross_entropy, entropy
from sceneproof.types import Batch


class Transplant(Method):
    """Learns the action of each clip also where its person stands in another clip's place.

    The person is moved between features of the backbone's lower stages: f(clip) − f(twin) is what the person adds to
    them, the twin being the clip without people; f(clip) − f(twin) + f(another clip's twin) is that person elsewhere.
    No pixel is pasted, so there is no seam, and it works on features that are kept once.

    Losses: "L_CE"; "L_Moved", the cross entropy of the moved people's actions; "L_Ent", the negative entropy of the
    action where nobody is, as SDN's.

    Source: ours.
    """

    needs = frozenset({"without_humans"})

    def __init__(
        self, backbone: Backbone, facts: Facts, *, moved_weight: float = 1.0, confusion_weight: float = 0.0
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train; people are moved behind its `lower`.
            facts: What the data knows.
            moved_weight: Weight of L_Moved.
            confusion_weight: Weight of L_Ent; 0 leaves it out.

        Raises:
            InputError: a negative weight.
        """
        super().__init__(backbone, facts)
        if min(moved_weight, confusion_weight) < 0:
            raise InputError(f"Transplant: weights cannot be negative: {moved_weight=}, {confusion_weight=}")
        self.moved_weight, self.confusion_weight = moved_weight, confusion_weight

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The terms, weights included."""
        assert batch.video is not None
        assert batch.without_humans is not None
        has = batch.has["without_humans"]
        clips, places = self.backbone.lower(batch.video), self.backbone.lower(batch.without_humans)
        losses = {"L_CE": batch.mean(cross_entropy(self._scores(clips), batch.action))}
        with second_pass(self, len(places), moving=False, everywhere=batch.share("without_humans")):
            moved = transplanted(clips[has], places, partners(batch.row[has]))
            values = cross_entropy(self._scores(moved), batch.action[has])
            losses["L_Moved"] = self.moved_weight * batch.mean(values, over="without_humans")
            if self.confusion_weight:
                doubt = batch.mean(entropy(self._scores(places)), over="without_humans")
                losses["L_Ent"] = -self.confusion_weight * doubt
        return losses

    def _scores(self, lower: Tensor) -> Tensor:
        logits: Tensor = self.action_head(self.backbone.upper(lower).mean(dim=(2, 3, 4)))
        return logits


def partners(row: Tensor) -> Tensor:
    """Whose place each clip of rows (M,) is put into, int64 (M,): half of the batch further on, by rows.

    Tables of videos are mostly in the order of actions, so that is mostly another action's place; it does not follow
    from the batch's order.
    """
    order = row.argsort(stable=True)
    other = torch.empty_like(order)
    other[order] = order.roll(-(len(order) // 2))
    return other


def transplanted(clips: Tensor, places: Tensor, partner: Tensor) -> Tensor:
    """Features (M, D, T, H, W) of people elsewhere: what each adds to its own place, on its partner's place.

    Never less than the smaller of the clip's and the new place's: what a rectifier gave stays at least 0.

    Args:
        clips: (M, D, T, H, W), of clips.
        places: of the same clips without their people.
        partner: int64 (M,), whose place each gets.
    """
    there = places[partner]
    return torch.maximum(clips - places + there, torch.minimum(clips, there))
