"""A small scene classifier of one's own: what Places365 networks are to real videos, for any folder of pictures."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn

from sceneproof.backbones.weights import refuse_others
from sceneproof.errors import DamagedError, InputError
from sceneproof.files import no_file, whole
from sceneproof.labelling.contracts import SceneLabeller
from sceneproof.labelling.pictures import resize
from sceneproof.sealed_tensors import read_sealed, save_sealed

CHANNELS = (24, 48, 96, 128)
BATCH = 64


@dataclass(frozen=True)
class SceneNetworkFacts:
    """What goes into the file beside the weights, and what is known of their quality.

    Attributes:
        names: S scene names, in the order of the outputs.
        size: height and width in pixels that pictures are stretched to.
        temperature: what the logits are divided by before the softmax.
        accuracy: top-1 on held-out pictures, 0 to 1.
        cross_entropy: mean negative log likelihood of the held-out pictures' categories, in nats, after calibration.
        calibration_error: expected calibration error on them (15 bins), 0 to 1.
        held_out: number of held-out pictures.
        trained_on: number of pictures trained on.
        epochs: passes over them.
        seed: of initial weights, order, augmentation and the choice of held-out pictures.
    """

    names: list[str]
    size: int
    temperature: float
    accuracy: float
    cross_entropy: float
    calibration_error: float
    held_out: int
    trained_on: int
    epochs: int
    seed: int


class SceneNetwork(SceneLabeller):
    """A trained scene classifier, as a labeller.

    Attributes:
        names: S scene names.
        title: how it was made and how good it is.
        facts: the same, as values.
    """

    def __init__(self, weights: str | Path) -> None:
        """Reads what `save` wrote.

        Args:
            weights: The .safetensors file that `sceneproof label network` made.

        Raises:
            InputError: no such file, or not a scene network.
        """
        self.layers, self.facts = _read(weights)
        facts = self.facts
        self.names = facts.names
        self.title = (
            f"scene network, {facts.size} px, {facts.trained_on} pictures, seed {facts.seed}, "
            f"{facts.accuracy:.1%} right on {facts.held_out} held out"
        )

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Posteriors (N, S) of frames uint8 (N, H, W, 3), RGB."""
        answers = logits(self.layers, resize(frames, self.facts.size, self.facts.size))
        posteriors: NDArray[np.float32] = torch.softmax(answers / self.facts.temperature, dim=1).numpy()
        return posteriors


def save(path: str | Path, layers: nn.Module, facts: SceneNetworkFacts) -> None:
    """Writes weights and facts (JSON in the header) to one safetensors file, whole or not at all."""
    with whole(path) as temporary:
        save_sealed(layers.state_dict(), temporary, asdict(facts))


def _read(path: str | Path) -> tuple[nn.Module, SceneNetworkFacts]:
    if not Path(path).is_file():
        raise InputError(no_file(path, "a scene network, made by `sceneproof label network`"))
    try:
        weights, said = read_sealed(Path(path))
        facts = SceneNetworkFacts(**said)  # type: ignore[arg-type]  # a TypeError where a file has other facts
        with torch.device("meta"):  # draws no random weights, so training goes on as if nothing had been read
            layers = build(len(facts.names))
        refuse_others(layers, weights, str(path))
        layers.load_state_dict(weights, assign=True)
    except (DamagedError, InputError):
        raise
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{path}: not a scene network made by `sceneproof label network`: {str(error).splitlines()[0]}"
        ) from None
    return layers.eval(), facts


def build(scenes: int) -> nn.Sequential:
    """Four convolutions, each halving the picture, and a linear layer: pictures (B, 3, H, W) in −1 to 1 to (B, S)."""
    blocks: list[nn.Module] = []
    for wide_in, wide_out in zip((3, *CHANNELS), CHANNELS, strict=False):
        convolution = nn.Conv2d(wide_in, wide_out, 3, stride=2, padding=1, bias=False)
        blocks += [convolution, nn.BatchNorm2d(wide_out), nn.ReLU(inplace=True)]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS[-1], scenes))


def to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """Pixels (N, H, W, 3) as the network takes them: float (N, 3, H, W), −1 to 1."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1


@torch.no_grad()
def logits(layers: nn.Module, pixels: NDArray[np.uint8]) -> Tensor:
    """Scores before softmax (N, S) of pixels (N, H, W, 3), already of the network's size."""
    batches = [layers(to_tensor(pixels[start : start + BATCH])) for start in range(0, len(pixels), BATCH)]
    return torch.cat(batches)
