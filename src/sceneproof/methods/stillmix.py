"""StillMix: Li et al., "Mitigating and Evaluating Static Bias of Action Representations", ICCV 2023."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.mixing import Draws, Mixing, blended, frames_of, others
from sceneproof.methods.still_bank import StillBank
from sceneproof.types import Batch


class StillMix(Mixing):
    """Lays a still frame of something else over each clip: what does not move says nothing of the action any more.

    x~ = λ x + (1 - λ) f, y~ = y, λ ~ Beta(alpha). Without a bank, f is a random frame of another clip of the batch;
    with one, a frame of the bank, whose frames a network of single frames was sure of.

    Losses: "L_CE".

    Source: Li, Liu, Zhang and Li, "Mitigating and Evaluating Static Bias of Action Representations in the Background
    and the Foreground", ICCV 2023. Written from the equations. Theirs draws λ once a batch; here each clip has its own.
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        probability: float = 0.5,
        alpha: tuple[float, float] = (200.0, 200.0),
        bank: Path | None = None,
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            probability: Of a clip to be mixed, each for itself.
            alpha: Of the Beta distribution that the share of a clip's own pixels is drawn from.
            bank: The frames that `sceneproof bank` chose; by default random frames of the other clips.

        Raises:
            InputError: a number that is no probability, an alpha not above 0, or batches of one clip without a bank.
        """
        super().__init__(backbone, facts, probability=probability, alone=bank is not None)
        if len(alpha) != 2 or min(alpha) <= 0:
            raise InputError(f"StillMix: alpha is two numbers above 0: {alpha=}")
        self.alpha, self.bank = (alpha[0], alpha[1]), None if bank is None else Path(bank)
        self.read: StillBank | None = None  # in training alone: the trained network needs no bank

    def check(self, frames: int, size: int) -> None:
        """Reads the bank.

        Raises:
            InputError: there is none, it is damaged or no bank, or its frames have another size than the clips.
        """
        if self.bank is None:
            return
        self.read = StillBank.read(self.bank)
        height, width = self.read.frames.shape[2:]
        if (height, width) != (size, size):
            raise InputError(
                f"{self.bank}: a bank of frames of {height} x {width} pixels, and clips have {size} x {size}: make it "
                f"by a run of --task.clip.size {size}"
            )

    def digests(self) -> dict[str, Any]:
        """Of the bank."""
        return {} if self.read is None else {"bank": self.read.digest}

    def augment(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Lays a still frame over each clip, with `probability`."""
        video, draws = batch.video, Draws.of(batch, rng)
        assert video is not None
        chosen, share = draws.chosen(self.probability), draws.beta(*self.alpha)
        still, there = self._stills(video, draws)
        return replace(batch, video=blended(video, still, torch.where(chosen & there, share, 1.0)))

    def _stills(self, video: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        """A frame for each clip, (B, C, 1, H, W), from 0 to 1; and for which clips there is one, bool (B,)."""
        if self.bank is None:
            partner = draws.partners()
            return frames_of(video, partner, draws.below(video.shape[2])), others(partner)
        if self.read is None:
            self.check(*video.shape[2:4])
        assert self.read is not None
        frames = self.read.frames[draws.below(len(self.read.frames))]
        return frames[:, :, None].to(video) / 255, torch.ones(len(video), dtype=torch.bool)
