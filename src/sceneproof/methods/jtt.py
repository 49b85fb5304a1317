"""JTT: Liu, Haghgoo, Chen, Raghunathan, Koh, Sagawa, Liang and Finn, "Just Train Twice", ICML 2021."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sceneproof import distributed
from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts, Method, pooled, refuse_without
from sceneproof.methods.bias import anew
from sceneproof.methods.terms import cross_entropy, zero_of
from sceneproof.types import Batch


class JTT(Method):
    """Trains twice in one run: first a network that shows which clips are hard, then the one that answers.

    In the first stage the identification network alone is trained, and each clip is noted as wrong or right as it was
    when the stage last met it; a clip that it never met counts as right. In the second stage the main network alone is
    trained, and clips that were wrong are drawn `upweight` + 1 times as often as the others. Nothing moves the network
    whose stage it is not: no gradient, no momentum, no weight decay, no statistics of batch normalisation.

    The rates go on over both stages as the run's schedule says. The authors train the second network for a whole
    schedule of its own, and add the wrong clips to an epoch, which here keeps its length.

    Losses: "L_id", of the identification network; "L_CE", of the main one.

    Source: Liu et al. 2021, algorithm 1. Written from the paper's equations.
    """

    backbones = ("backbone", "identification_backbone")
    wrong: Tensor
    second: Tensor

    def __init__(self, backbone: Backbone, facts: Facts, *, first_share: float = 0.2, upweight: float = 20.0) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train; the identification network is another of its kind.
            facts: What the data knows: how many clips and epochs there are.
            first_share: Of the epochs, for the first stage, rounded to whole epochs; each stage has at least one.
                The authors: 60 of 300 epochs on Waterbirds, 1 of 50 on CelebA.
            upweight: λ: how often a wrong clip is drawn in addition, to once for a right one. The authors: 100 on
                Waterbirds, 50 on CelebA, chosen by the worst group of the validation split; made for less.

        Raises:
            InputError: a share that is not between 0 and 1, a negative weight, an unknown number of clips, or one
                epoch alone, which cannot hold two stages.
        """
        super().__init__(backbone, facts)
        if not 0 < first_share < 1 or not 0 <= upweight < float("inf"):
            raise InputError(
                f"JTT: first_share must be between 0 and 1, upweight at least 0: {first_share=}, {upweight=}"
            )
        if facts.epochs == 1:
            raise InputError("JTT: needs two epochs at least, one for each stage: give --optimisation.epochs 2 or more")
        refuse_without(facts, "rows", "JTT")
        self.first_share, self.upweight = first_share, upweight
        self.identification_backbone = anew(backbone)
        self.identification_head = nn.Linear(backbone.dim, facts.actions)
        self.register_buffer("wrong", torch.zeros(facts.rows, dtype=torch.bool))
        self.register_buffer("second", torch.zeros((), dtype=torch.bool))

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Says which stage the epoch is in."""
        first = min(max(round(self.first_share * epochs), 1), epochs - 1)
        self.second.fill_(epoch >= first)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of the stage's network; notes what the identification network gets wrong."""
        assert batch.video is not None
        rest = torch.stack([zero_of(part) for part in self.idle()]).sum()
        if self.second:
            return {"L_CE": batch.mean(cross_entropy(self.scores(batch.video), batch.action)) + rest}
        logits = self.identification_head(pooled(self.identification_backbone, batch.video))
        self.note(batch.row, logits.argmax(dim=1) != batch.action)
        return {"L_id": batch.mean(cross_entropy(logits, batch.action)) + rest}

    def idle(self) -> Sequence[nn.Module]:
        """The network whose stage it is not."""
        identification, main = ("identification_backbone", "identification_head"), ("backbone", "action_head")
        return [self.get_submodule(name) for name in (identification if self.second else main)]

    def note(self, row: Tensor, wrong: Tensor) -> None:
        """Notes of rows (B,), those of all processes, whether they were wrong, bool (B,)."""
        self.wrong[distributed.gathered(row)] = distributed.gathered(wrong.float()) > 0

    def weights_of_rows(self) -> Tensor | None:
        """In the second stage `upweight` + 1 for wrong clips and 1 for the others, times the clips' own weights."""
        own = super().weights_of_rows()
        if not self.second:
            return own
        weights = 1 + self.upweight * self.wrong.cpu().double()
        return weights if own is None else own * weights
