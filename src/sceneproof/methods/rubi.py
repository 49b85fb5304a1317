"""RUBi: Cadene, Dancette, Ben-younes, Cord and Parikh, "Reducing Unimodal Biases", NeurIPS 2019."""

from torch import Tensor, nn

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.bias import BiasedView, View, classifier
from sceneproof.methods.terms import cross_entropy
from sceneproof.types import Batch


class RUBi(BiasedView):
    """Masks the action scores by what a biased branch makes of the clip's biased view, in training alone.

    The branch q sees the view e, without a gradient: L_QM is the cross entropy of z · sigmoid(q(e)), small already
    where the view gives the action away, so the video network learns from the other clips. L_QO trains the branch.

    Losses: "L_QM"; "L_QO", weight included.

    Source: Cadene et al. 2019, section 3.2; github.com/cdancette/rubi.bootstrap.pytorch.
    """

    def __init__(
        self, backbone: Backbone, facts: Facts, *, bias: View = "scenes", weight: float = 1.0, hidden_layers: int = 2
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            bias: The biased view: "scenes", soft scene labels; "without_humans", the backbone's features of the masked
                twin; "still", those of one frame shown all along.
            weight: λ, of L_QO.
            hidden_layers: Of the branch q, each as wide as the view.

        Raises:
            InputError: a negative number, or a view that the data cannot give.
        """
        super().__init__(backbone, facts, bias)
        if min(weight, hidden_layers) < 0:
            raise InputError(f"RUBi: cannot be negative: {weight=}, {hidden_layers=}")
        self.weight = weight
        self.biased_branch = classifier(self.view_dim, facts.actions, hidden_layers)
        self.biased_head = nn.Linear(facts.actions, facts.actions)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Both terms. Clips without the view are not masked."""
        assert batch.video is not None
        scores = self.scores(batch.video)
        biased = self.biased_branch(self.view(batch))
        masked = scores * self.spread(biased.float().sigmoid(), batch, otherwise=1.0)
        own = cross_entropy(self.biased_head(biased), batch.action[self.which(batch)])
        return {
            "L_QM": batch.mean(cross_entropy(masked, batch.action)),
            "L_QO": self.weight * batch.mean(own, over=self.over),
        }
