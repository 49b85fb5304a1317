"""LfF: Nam, Cha, Ahn, Lee and Shin, "Learning from Failure", NeurIPS 2020."""

import torch
from torch import Tensor, nn

from sceneproof import distributed
from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts, Method, pooled, refuse_without
from sceneproof.methods.bias import anew
from sceneproof.methods.terms import cross_entropy
from sceneproof.types import Batch


class LfF(Method):
    """Two networks: one that is led astray on purpose, and one that learns from the clips on which the first fails.

    The biased network b learns by generalised cross entropy, which follows what is easy; the debiased one d, which is
    the method's answer, weighs each clip by its relative difficulty, l_b / (l_b + l_d). Both losses are running means a
    clip, over the largest of its action.

    Losses: "L_GCE", of b; "L_CE", of d, weighted.

    Source: Nam et al., NeurIPS 2020, sections 3.2 and 3.3. Written from the paper's equations.
    """

    backbones = ("backbone", "biased_backbone")
    biased_loss: Tensor
    debiased_loss: Tensor
    met: Tensor
    action_of_row: Tensor

    def __init__(self, backbone: Backbone, facts: Facts, *, q: float = 0.7, decay: float = 0.7) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train; the biased one is another of its kind.
            facts: What the data knows: how many clips there are, and their actions.
            q: How far generalised cross entropy trusts what the network is sure of: 0 is cross entropy.
            decay: Of the running means of the losses.

        Raises:
            InputError: a number outside 0 to 1, or an unknown number of clips.
        """
        super().__init__(backbone, facts)
        if not (0 <= q <= 1 and 0 <= decay < 1):
            raise InputError(f"LfF: q must be from 0 to 1, decay from 0 to below 1: {q=}, {decay=}")
        refuse_without(facts, "rows", "LfF")
        self.q, self.decay = q, decay
        self.biased_backbone = anew(backbone)
        self.biased_head = nn.Linear(backbone.dim, facts.actions)
        for name in ("biased_loss", "debiased_loss"):
            self.register_buffer(name, torch.zeros(facts.rows))
        self.register_buffer("met", torch.zeros(facts.rows, dtype=torch.bool))
        known = facts.action_of_row
        self.register_buffer("action_of_row", torch.zeros(facts.rows, dtype=torch.int64) if known is None else known)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The two networks' losses; notes what each clip's are."""
        assert batch.video is not None
        biased = self.biased_head(pooled(self.biased_backbone, batch.video))
        debiased = self.scores(batch.video)
        own = cross_entropy(debiased, batch.action)
        self.note(batch.row, cross_entropy(biased, batch.action), own)
        return {
            "L_GCE": batch.mean(generalised_cross_entropy(biased, batch.action, self.q)),
            "L_CE": batch.mean(self.difficulty(batch.row) * own),
        }

    def note(self, row: Tensor, biased: Tensor, debiased: Tensor) -> None:
        """Moves the running means of the losses of rows (B,), those of all processes; the first sight is the mean."""
        rows = distributed.gathered(row)
        for means, values in ((self.biased_loss, biased), (self.debiased_loss, debiased)):
            moved = self.decay * means[rows] + (1 - self.decay) * distributed.gathered(values)
            means[rows] = torch.where(self.met[rows], moved, distributed.gathered(values))
        self.met[rows] = True

    def difficulty(self, row: Tensor) -> Tensor:
        """How much harder rows (B,) are for the biased network than for both, (B,), from 0 to 1: equation 3."""
        action = self.action_of_row[row]
        biased = self.biased_loss[row] / self._largest(self.biased_loss)[action]
        debiased = self.debiased_loss[row] / self._largest(self.debiased_loss)[action]
        return biased / (biased + debiased + 1e-8)

    def _largest(self, means: Tensor) -> Tensor:
        """The largest running mean of each action, (A,); above 0 also where its clips are learnt to the last bit."""
        largest = means.new_zeros(self.actions).scatter_reduce(0, self.action_of_row, means, "amax")
        return largest.clamp(min=torch.finfo(largest.dtype).tiny)


def generalised_cross_entropy(logits: Tensor, target: Tensor, q: float) -> Tensor:
    """Cross entropy whose gradient is that of (1 − p^q) / q: times q times p^q, p being the target's probability, (B,).

    Source: Zhang and Sabuncu, NeurIPS 2018, equation 6; the further factor q, as LfF's authors weigh it.

    Args:
        logits: (B, A).
        target: int64 (B,).
        q: from 0 to 1.
    """
    likelihood = logits.detach().float().softmax(dim=1).gather(1, target[:, None])[:, 0]
    return cross_entropy(logits, target) * q * likelihood**q
