"""ALBAR: Fioresi, Dave and Shah, "Adversarial Learning [...] to mitigate Biases in Action Recognition", ICLR 2025."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.batch_norm import second_pass
from sceneproof.methods.bias import BiasedView, Frame, View
from sceneproof.methods.mixing import fewer
from sceneproof.methods.terms import cross_entropy, entropy
from sceneproof.types import Batch

Still = Literal["frame", "masked"]
Norm = Literal["sample", "released"]
TINY = 1e-12
"""Inside the root of the gradient's norm, which has no derivative at 0."""


class ALBAR(BiasedView):
    """Unlearns what a still clip gives away: the same network and head are to fail, and to be unsure, on it.

    x' is the clip with one frame shown all along, or its human-masked twin. L_Adv is the negative cross entropy of x',
    L_Ent the negative entropy of its prediction, L_GP the norm of the gradient of its summed scores by x' itself.

    Losses, weights included: "L_CE", "L_Adv", "L_Ent", "L_GP"; a term of weight 0 has no entry.

    Source: arXiv 2502.00156, section 3; github.com/UCF-CRCV/ALBAR.
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        adversary: float = 1.0,
        entropy: float = 4.0,
        penalty: float = 10.0,
        still: Still = "frame",
        frame: Frame = "random",
        norm: Norm = "sample",
        still_batch_statistics: bool = False,
        still_share: float = 1.0,
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            adversary: Weight of L_Adv, which has no lower bound: above 1 it can run away.
            entropy: Weight of L_Ent.
            penalty: Weight of L_GP. 0 saves the second derivatives, which `--optimisation.compile` does not have.
            still: What the network is to fail on: "frame", one frame shown all along; "masked", the human-masked twin,
                as in SDN, which also works on kept features.
            frame: Of the still clip: "random", drawn anew each time; "middle"; or its number.
            norm: Of the gradient: "sample", over all of a clip, the paper's; "released", as the authors' code, over
                channels, time and height, and the mean over the columns.
            still_batch_statistics: Whether still clips move the running statistics of batch normalisation, as they do
                in the authors' code; their network, a Swin transformer, has none.
            still_share: Share of a batch's still clips that the three terms see, drawn anew each time: they cost
                several times what the clips themselves do, most of it for the penalty.

        Raises:
            InputError: a negative weight, or a word or frame that is not known.
        """
        for name, value, known in (("still", still, get_args(Still)), ("norm", norm, get_args(Norm))):
            if value not in known:
                raise InputError(f"ALBAR: unknown {name} {value!r}; known: {', '.join(known)}")
        bias: View = "still" if still == "frame" else "without_humans"
        super().__init__(backbone, facts, bias, frame)
        if not 0 < still_share <= 1:
            raise InputError(f"ALBAR: still_share is above 0 and at most 1, not {still_share}")
        if min(adversary, entropy, penalty) < 0:
            raise InputError(f"ALBAR: weights cannot be negative: {adversary=}, {entropy=}, {penalty=}")
        self.adversary, self.entropy, self.penalty, self.norm = adversary, entropy, penalty, norm
        self.still_batch_statistics, self.still_share = still_batch_statistics, still_share
        self.begin_step(0.0)

    def begin_step(self, progress: float) -> None:
        """Keeps the progress, by which still clips are drawn."""
        self.progress = progress

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The terms; those of still clips are means over the clips that have one.

        Raises:
            InputError: the penalty with batch normalisation that several GPUs share: it has no second derivative.
        """
        synchronised = any(isinstance(part, nn.SyncBatchNorm) and part.training for part in self.backbone.modules())
        if self.penalty and synchronised:
            raise InputError(
                "ALBAR: the gradient penalty needs second derivatives, which batch normalisation over several GPUs "
                "does not have: give --method.penalty 0, --optimisation.freeze-batch-norm true, or one GPU"
            )
        assert batch.video is not None
        own = batch.mean(cross_entropy(self.scores(batch.video), batch.action))
        batch = fewer(batch, self.over, self.still_share, self.progress)
        terms = self._of_still(self.biased_clips(batch), batch)
        return {"L_CE": own, **{name: batch.mean(values, over=self.over) for name, values in terms.items()}}

    def _of_still(self, clips: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The terms of the still clips (M, C, T, H, W), one value a clip, (M,), by name."""
        clips = clips.detach().requires_grad_(self.penalty > 0)
        moving, everywhere = self.still_batch_statistics, batch.share(self.over)
        with second_pass(self.backbone, len(clips), moving=moving, everywhere=everywhere):
            scores = self.scores(clips.clone())  # a first layer may work in place, which no leaf bears
        terms = {}
        if self.adversary:
            terms["L_Adv"] = -self.adversary * cross_entropy(scores, batch.action[self.which(batch)])
        if self.entropy:
            terms["L_Ent"] = -self.entropy * entropy(scores)
        if self.penalty:
            terms["L_GP"] = self.penalty * gradient_norm(scores, clips, self.norm)
        return terms


def gradient_norm(scores: Tensor, clips: Tensor, norm: Norm) -> Tensor:
    """The length of the gradient of the summed scores by each clip, (M,), itself with a gradient.

    Args:
        scores: (M, A), made of the clips.
        clips: (M, C, T, H, W), which require a gradient.
        norm: "sample", of the whole gradient; "released", the mean of the lengths (C, T, H) of its W columns.
    """
    total = scores.float().sum()
    (slope,) = torch.autograd.grad(total, clips, create_graph=True, allow_unused=True, materialize_grads=True)
    dims = (1, 2, 3) if norm == "released" else (1, 2, 3, 4)
    lengths = (slope.float().square().sum(dim=dims) + TINY).sqrt()
    return lengths.mean(dim=1) if norm == "released" else lengths
