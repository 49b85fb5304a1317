"""LearnedMixin: Clark, Yatskar and Zettlemoyer, "Don't Take the Easy Way Out", EMNLP 2019."""

from torch import Tensor, nn
from torch.nn.functional import softplus

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.bias import BiasedView, View, classifier
from sceneproof.methods.terms import cross_entropy, entropy
from sceneproof.types import Batch


class LearnedMixin(BiasedView):
    """Trains the video network in a product with a biased branch, whose say the network's features decide.

    L_Mix is the cross entropy of z + g(h) · log b: b is the branch's probabilities, without a gradient, h the features,
    g(h) = softplus(w·h + c). L_H, the entropy of softmax(g(h) · log b), keeps g from leaving b out. L_B trains the
    branch. The action scores z answer alone.

    Losses: "L_Mix"; "L_H", weight included; "L_B".

    Source: Clark et al. 2019, section 3.2 ("Learned-Mixin +H").
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        bias: View = "scenes",
        entropy_weight: float = 0.36,
        hidden_layers: int = 1,
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            bias: The biased view: "scenes", soft scene labels; "without_humans", the backbone's features of the masked
                twin; "still", those of one frame shown all along.
            entropy_weight: Of L_H; the authors': .36 for VQA.
            hidden_layers: Of the biased branch, each as wide as the view.

        Raises:
            InputError: a negative number, or a view that the data cannot give.
        """
        super().__init__(backbone, facts, bias)
        if min(entropy_weight, hidden_layers) < 0:
            raise InputError(f"LearnedMixin: cannot be negative: {entropy_weight=}, {hidden_layers=}")
        self.entropy_weight = entropy_weight
        self.biased_branch = classifier(self.view_dim, facts.actions, hidden_layers)
        self.say = nn.Linear(backbone.dim, 1)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The three terms. In clips without the view the branch has no say."""
        assert batch.video is not None
        which, features = self.which(batch), self.features(batch.video)
        biased = self.biased_branch(self.view(batch)).float()
        added = softplus(self.say(features[which]).float()) * biased.detach().log_softmax(dim=1)
        mixed = self.action_head(features) + self.spread(added, batch, otherwise=0.0)
        return {
            "L_Mix": batch.mean(cross_entropy(mixed, batch.action)),
            "L_H": self.entropy_weight * batch.mean(entropy(added), over=self.over),
            "L_B": batch.mean(cross_entropy(biased, batch.action[which]), over=self.over),
        }
