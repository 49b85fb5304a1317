"""CDN: Sun and others, "Counterfactual Debiasing Inference for Compositional Action Recognition", ACM MM 2021."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts, Output
from sceneproof.methods.bias import BiasedView, View, classifier, still
from sceneproof.methods.terms import cross_entropy
from sceneproof.types import Batch


class CDN(BiasedView):
    """Takes what a biased branch would say of the biased view alone out of the answer, once both are trained together.

    Scores of the branch are v, of the video z; the factual answer is log σ(v + z), the counterfactual one log σ(v).
    L_V, L_Z and L_F are the cross entropies of v, z and the factual answer. The method answers
    log σ(v + z) − α log σ(v) where the view can be had of the clip itself, which is so of still clips, and z where it
    cannot: z ranks the actions as the factual answer does with a branch that says the same of each.

    Losses: "L_V", "L_Z", "L_F".

    Source: Sun et al. 2021, section 3; github.com/pengzhansun/Counterfactual-Debiasing-Network.
    """

    alpha: Tensor

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        bias: View = "still",
        alpha: float = 0.5,
        hidden_layers: int = 0,
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            bias: The biased view: "still", the backbone's features of one frame shown all along (a random one in
                training, the middle one of a clip that is asked about); "without_humans", those of the masked twin;
                "scenes", soft scene labels.
            alpha: How much of the counterfactual answer is taken out; training does not depend on it. To be chosen on
                the validation split, in context (examples/choose_alpha.py): the authors' code chooses it on the test
                set. It is saved with the weights.
            hidden_layers: Of the biased branch, each as wide as the view.

        Raises:
            InputError: a negative number, or a view that the data cannot give.
        """
        super().__init__(backbone, facts, bias)
        if min(alpha, hidden_layers) < 0:
            raise InputError(f"CDN: cannot be negative: {alpha=}, {hidden_layers=}")
        self.register_buffer("alpha", torch.tensor(float(alpha)))
        self.biased_branch = classifier(self.view_dim, facts.actions, hidden_layers)

    @property
    def asks_pixels(self) -> bool:
        """Still clips are made of pixels in the answer, too."""
        return self.bias == "still"

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The three terms. In clips without the view v is 0."""
        assert batch.video is not None
        scores, biased = self.scores(batch.video), self.biased_branch(self.view(batch)).float()
        both = factual(scores.float(), self.spread(biased, batch, otherwise=0.0))
        return {
            "L_V": batch.mean(cross_entropy(biased, batch.action[self.which(batch)]), over=self.over),
            "L_Z": batch.mean(cross_entropy(scores, batch.action)),
            "L_F": batch.mean(cross_entropy(both, batch.action)),
        }

    def answer(self, video: Tensor) -> Output:
        """The factual less α times the counterfactual answer of clips (B, C, T, H, W); z without still clips."""
        own = super().answer(video)
        if self.bias != "still":
            return own
        return Output(debiased(own.scores, self.biased_scores(video), self.alpha), own.features)

    def biased_scores(self, video: Tensor) -> Tensor:
        """What the branch says of the middle frames of clips (B, C, T, H, W), (B, A)."""
        middle = torch.full((len(video),), video.shape[2] // 2, device=video.device)
        biased: Tensor = self.biased_branch(self.features(still(video, middle)))
        return biased


def factual(*branches: Tensor) -> Tensor:
    """The log of σ of the sum of the branches' scores, each (B, A)."""
    return logsigmoid(torch.stack(branches).sum(dim=0))


def debiased(scores: Tensor, biased: Tensor, alpha: Tensor | float) -> Tensor:
    """The factual answer of both less α times that of the biased branch alone, (B, A)."""
    return factual(scores.float(), biased.float()) - alpha * logsigmoid(biased.float())
