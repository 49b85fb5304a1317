"""StillMix: Li et al., "Mitigating and Evaluating Static Bias of Action Representations", ICCV 2023."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.files import whole
from sceneproof.methods.base import Facts
from sceneproof.methods.mixing import Draws, Mixing, blended, frames_of, others
from sceneproof.sealed_tensors import read_sealed, save_sealed
from sceneproof.types import Batch

KIND = "bank of still frames"
SHOWN = "what its videos show"
"""Among the digests of a manifest of optical flow, which a bank's note has."""


@dataclass(frozen=True)
class StillBank:
    """Frames of training clips.

    Attributes:
        frames: uint8 (N, 3, H, W), RGB.
        note: what they follow from; JSON values.
    """

    frames: Tensor
    note: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "StillBank":
        """Reads a bank.

        Raises:
            InputError: no such file, none of a bank, or one that is damaged.
        """
        cure = "`sceneproof bank` writes one"
        try:
            tensors, note = read_sealed(path)
        except FileNotFoundError:
            raise InputError(f"{path}: no such bank of frames: {cure}") from None
        except (SafetensorError, OSError) as error:
            raise InputError(f"{path}: no bank of frames, or a damaged one ({error}): {cure}") from None
        frames = tensors.get("frames")
        if note.pop("kind", None) != KIND or frames is None or frames.dtype != torch.uint8 or frames.dim() != 4:
            raise InputError(f"{path}: no bank of frames, but another safetensors file: {cure}")
        if not len(frames) or frames.shape[1] != 3:
            raise InputError(f"{path}: a bank of frames {tuple(frames.shape)}, where (N, 3, H, W) is needed: {cure}")
        return cls(frames, note)

    def write(self, path: Path) -> None:
        """Writes the bank, whole or not at all."""
        with whole(path) as temporary:
            save_sealed({"frames": self.frames.contiguous()}, temporary, {**self.note, "kind": KIND})

    @property
    def shows(self) -> str:
        """What the frames are: "flow" where the videos were optical flow, else "rgb"."""
        return "flow" if SHOWN in (self.note.get("manifest") or ()) else "rgb"

    @property
    def digest(self) -> str:
        """SHA-256 of the frames."""
        return hashlib.sha256(self.frames.numpy().tobytes()).hexdigest()


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
        self.shows = facts.shows
        self.read: StillBank | None = None  # in training alone: the trained network needs no bank

    def check(self, frames: int, size: int) -> None:
        """Reads the bank.

        Raises:
            InputError: there is none, it is damaged or no bank, or its frames have another size than the clips, or are
                of optical flow where the clips are none, or the other way round.
        """
        if self.bank is None:
            return
        self.read = StillBank.read(self.bank)
        if self.read.shows != self.shows:
            raise InputError(f"{self.bank}: a bank of frames of {self.read.shows}, and clips are {self.shows}")
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
