"""What an exported file or a callable takes, as far as it does not say so itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import functional as pixels

from sceneproof.audit.subject import Pixels, Sampling
from sceneproof.data.clips import refuse_huge_clips
from sceneproof.data.transforms import Crop
from sceneproof.errors import InputError
from sceneproof.files import MOST_NAMES, decoded, parse_json, read_bounded
from sceneproof.metrics.accuracy import softmax

Layout = Literal["BCTHW", "BTCHW", "BTHWC"]
Outputs = Literal["auto", "logits", "probabilities"]
SIZE = 112
TOLERANCE = 1e-3  # a sum of half-precision probabilities is off by so much


@dataclass(frozen=True)
class InputSettings:
    """What a model takes that does not say so itself.

    Args:
        frames: in a clip; by default the model's own number, or 16.
        stride: distance between them, in frames of the video, or "even": each clip spreads over the whole video; by
            default as the model was trained, or 1.
        size: height of a clip, and its width where that is not given; by default the file's own, or 112. The largest
            such rectangle in the frame's middle is scaled to it.
        width: of a clip, where it is no square.
        short_side: what the frame's short side is scaled to before the clip is cut from its middle; by default nothing
            is cut off that need not be.
        layout: order of batch, channels, time, height and width.
        scale: largest value of a pixel before mean and deviation: 1 or 255.
        mean: of each channel (R G B), subtracted.
        std: of each channel, divided by.
        outputs: what the model gives; auto: scores of a clip that are at least 0 and sum to 1 are probabilities.
    """

    frames: int | None = None
    stride: int | Literal["even"] | None = None
    size: int | None = None
    width: int | None = None
    short_side: int | None = None
    layout: Layout = "BCTHW"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    outputs: Outputs = "auto"

    def __post_init__(self) -> None:
        """Refuses what no clip can be cut or scaled with."""
        for name in ("size", "width", "short_side"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise InputError(f"inputs.{name}: must be at least 1, not {value}")
        if self.size is not None:  # otherwise the file may say it
            self.refuse_short_side()
        if not self.scale > 0 or not all(std > 0 for std in self.std):
            raise InputError("inputs.scale and inputs.std must be above 0")
        refuse_huge_clips("inputs.frames, inputs.size", self.sampling().length, *self.shape)  # it checks frames, too

    def sampling(self, frames: int = 16, stride: int | None = 1) -> Sampling:
        """Which frames a clip has; where these settings do not say, as many as the model's own and as far apart."""
        chosen = stride if self.stride is None else None if self.stride == "even" else self.stride
        return Sampling(frames if self.frames is None else self.frames, chosen)

    def refuse_short_side(self) -> None:
        """Raises InputError for frames whose short side is scaled to less than a clip's."""
        if self.short_side is not None and self.short_side < min(self.shape):
            height, width = self.shape
            raise InputError(f"inputs.short_side: {self.short_side} given, of which {height} x {width} cannot be cut")

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a clip, in pixels."""
        height = SIZE if self.size is None else self.size
        return height, height if self.width is None else self.width

    def window(self, height: int, width: int) -> Crop:
        """The rectangle of a frame that is shown: in its middle, of the clip's form."""
        tall, wide = self.shape
        factor = min(height / tall, width / wide)
        if self.short_side is not None:
            factor = min(factor, min(height, width) / self.short_side)
        rows, columns = max(1, round(tall * factor)), max(1, round(wide * factor))
        return Crop((height - rows) // 2, (width - columns) // 2, rows, columns)

    def tensor(self, clips: Pixels) -> Tensor:
        """Clips (B, T, H, W, 3) as the model takes them: float32, in its layout.

        The rectangle is cut out and scaled to the clip's size, bilinear with anti-aliasing, in whole numbers 0 to 255;
        these become numbers 0 to `scale`, less the mean, over the deviation.
        """
        crop = self.window(*clips.shape[2:4])
        window = clips[:, :, crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
        pictures = torch.from_numpy(np.ascontiguousarray(window)).flatten(0, 1).permute(0, 3, 1, 2)
        scaled = pixels.resize(pictures, list(self.shape), antialias=True).reshape(*clips.shape[:2], 3, *self.shape)
        video = scaled.float().mul_(self.scale / 255)
        shape = (1, 1, 3, 1, 1)
        video = video.sub_(torch.tensor(self.mean).view(shape)).div_(torch.tensor(self.std).view(shape))
        tensor: Tensor = video.permute(*("BTCHW".index(letter) for letter in self.layout)).contiguous()
        return tensor


def probabilities(
    scores: NDArray[np.floating], outputs: Outputs, who: str, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """A model's scores as probabilities, of B clips and A classes: `shape` is (B, A).

    Raises:
        InputError: another shape, values that are no numbers, or none of the promised kind.
    """
    scores = np.asarray(scores, np.float64)
    if scores.shape != shape:
        raise InputError(
            f"{who}: gives scores of shape {'x'.join(map(str, scores.shape))}, where {shape[0]}x{shape[1]} are needed: "
            f"a row a clip, a column each of the {shape[1]} names of classes"
        )
    if not np.isfinite(scores).all():
        raise InputError(f"{who}: gives scores that are not finite numbers")
    # row by row, so that a clip's answer does not depend on those beside it
    are = (scores >= 0).all(1) & (np.abs(scores.sum(1) - 1) < TOLERANCE)
    if outputs == "probabilities" and not are.all():
        raise InputError(
            f"{who}: its scores are no probabilities (at least 0, summing to 1): give --inputs.outputs logits"
        )
    if outputs == "logits":
        are[:] = False
    shares = softmax(scores)
    shares[are] = scores[are] / scores[are].sum(1, keepdims=True)
    return shares.astype(np.float32)


def read_classes(path: Path) -> list[str]:
    """Names of a model's classes, in the order of its scores: a name a line, or a JSON list or object by number.

    Raises:
        InputError: no such file, or not such a list; names the line.
    """
    text = decoded(read_bounded(path, MOST_NAMES), str(path))
    names: Sequence[object] = text.splitlines()
    if path.suffix.lower() == ".json":
        try:
            content = parse_json(text, str(path))
            names = (
                [content[str(place)] for place in range(len(content))] if isinstance(content, dict) else list(content)
            )
        except (KeyError, TypeError):
            raise InputError(f"{path}: expected a JSON list of names, or an object of 0, 1, 2 … to names") from None
    while names and not str(names[-1]).strip():
        names = names[:-1]
    for line, name in enumerate(names, 1):
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"{path}: line {line}: no name of a class: each needs one, in the order of the scores")
    if not names:
        raise InputError(f"{path}: no names in it")
    return [str(name).strip() for name in names]
