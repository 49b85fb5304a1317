"""A bank of still frames that give the action away: `sceneproof bank` writes it, StillMix lays them over clips."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from sceneproof.errors import InputError
from sceneproof.files import whole
from sceneproof.sealed_tensors import read_sealed, save_sealed

KIND = "bank of still frames"


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
    def digest(self) -> str:
        """SHA-256 of the frames."""
        return hashlib.sha256(self.frames.numpy().tobytes()).hexdigest()
