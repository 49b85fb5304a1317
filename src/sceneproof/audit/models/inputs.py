"""What an exported file or a callable takes, as far as it does not say so itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sceneproof.audit.subject import Pixels, Sampling
from sceneproof.data.transforms import centre_crop, resize
from sceneproof.errors import InputError
from sceneproof.metrics.accuracy import softmax

Layout = Literal["BCTHW", "BTCHW", "BTHWC"]
Outputs = Literal["auto", "logits", "probabilities"]


@dataclass(frozen=True)
class InputSettings:
    """What a model takes that does not say so itself.

    Args:
        frames: in a clip; by default the model's own number, or 16.
        stride: distance between them, in frames of the video, or "even": each clip spreads over the whole video; by
            default as the model was trained, or 1.
        size: height and width of a clip: the largest square in the frame's middle is scaled to it.
        layout: order of batch, channels, time, height and width.
        scale: largest value of a pixel before mean and deviation: 1 or 255.
        mean: of each channel (R G B), subtracted.
        std: of each channel, divided by.
        outputs: what the model gives; auto: rows that are at least 0 and sum to 1 are probabilities.
    """

    frames: int | None = None
    stride: int | Literal["even"] | None = None
    size: int = 112
    layout: Layout = "BCTHW"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    outputs: Outputs = "auto"

    def __post_init__(self) -> None:
        """Refuses what no clip can be cut or scaled with."""
        if self.size < 1:
            raise InputError(f"inputs.size: must be at least 1, not {self.size}")
        if not self.scale > 0 or not all(std > 0 for std in self.std):
            raise InputError("inputs.scale and inputs.std must be above 0")
        self.sampling()  # checks frames and stride

    def sampling(self, frames: int = 16, stride: int | None = 1) -> Sampling:
        """Which frames a clip has; where these settings do not say, as many as the model's own and as far apart."""
        chosen = stride if self.stride is None else None if self.stride == "even" else self.stride
        return Sampling(frames if self.frames is None else self.frames, chosen)

    def tensor(self, clips: Pixels) -> Tensor:
        """Clips (B, T, H, W, 3) as the model takes them: float32, in its layout."""
        crop = centre_crop(*clips.shape[2:4])
        window = clips[:, :, crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
        video = resize(torch.from_numpy(np.ascontiguousarray(window)), self.size).float().mul_(self.scale / 255)
        shape = (1, 1, 3, 1, 1)
        video = video.sub_(torch.tensor(self.mean).view(shape)).div_(torch.tensor(self.std).view(shape))
        return video.permute(*("BTCHW".index(letter) for letter in self.layout)).contiguous()


def probabilities(scores: NDArray[np.floating], outputs: Outputs, who: str, classes: int) -> NDArray[np.float32]:
    """A model's scores (B, A) as probabilities.

    Raises:
        InputError: another shape, values that are no numbers, or none of the promised kind.
    """
    scores = np.asarray(scores, np.float64)
    if scores.ndim != 2 or scores.shape[1] != classes:
        raise InputError(
            f"{who}: gives scores of shape {'x'.join(map(str, scores.shape))}, where a row a clip and {classes} classes "
            f"(by the names it was given) are needed"
        )
    if not np.isfinite(scores).all():
        raise InputError(f"{who}: gives scores that are not finite numbers")
    sums = bool((scores >= 0).all() and np.allclose(scores.sum(1), 1, atol=1e-3))
    if outputs == "probabilities" and not sums:
        raise InputError(f"{who}: its scores are no probabilities (at least 0, rows summing to 1): give outputs logits")
    if outputs == "logits" or not sums:
        return softmax(scores).astype(np.float32)
    return (scores / scores.sum(1, keepdims=True)).astype(np.float32)


def read_classes(path: Path) -> list[str]:
    """Names of a model's classes, in the order of its scores: a name a line, or a JSON list or object by number.

    Raises:
        InputError: no such file, or not such a list; names the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: names of classes cannot be read: {error}") from None
    names: Sequence[object] = text.splitlines()
    if path.suffix.lower() == ".json":
        try:
            found = json.loads(text)
            names = [found[str(place)] for place in range(len(found))] if isinstance(found, dict) else list(found)
        except (json.JSONDecodeError, KeyError, TypeError):
            raise InputError(f"{path}: expected a JSON list of names, or an object of 0, 1, 2 … to names") from None
    while names and not str(names[-1]).strip():
        names = names[:-1]
    for line, name in enumerate(names, 1):
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"{path}: line {line}: no name of a class: each needs one, in the order of the scores")
    return [str(name).strip() for name in names]
