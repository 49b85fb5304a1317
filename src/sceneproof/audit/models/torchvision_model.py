"""torchvision's video classifiers as models under audit, with their own weights and their own preprocessing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.models import get_model, get_model_weights, list_models, video

from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.models.maps import Seen, grad_cam, over_time, watching
from sceneproof.audit.subject import Answer, Maps, Pixels, Subject
from sceneproof.backbones.weights import PUBLIC, Weights, fill, read_checkpoint
from sceneproof.downloading import checked
from sceneproof.errors import InputError

NAMES = tuple(list_models(module=video))


@dataclass(frozen=True)
class _Family:
    """Where a network's parts are, and which frames it was trained on.

    `block` gives the last features with places, `channels` is their axis, `tile` what a feature covers of frames and
    pixels where they are tokens in a row behind a class token.
    Frames and stride are at 30 a second: torchvision states clip_len and frame_rate in each one's meta["_docs"].
    """

    block: str
    head: str
    frames: int
    stride: int
    channels: int = 1
    tile: tuple[int, int] | None = None


RESNET = _Family("layer4", "fc", 16, 2)
MVIT = _Family("blocks.15.norm1", "head", 16, 4, channels=2, tile=(2, 32))
SWIN = _Family("norm", "head", 32, 2, channels=4)
FAMILIES = {"r3d": RESNET, "mc3": RESNET, "r2p": RESNET, "mvi": MVIT, "swi": SWIN}
FAMILIES |= {"s3d": _Family("features", "classifier", 128, 2)}
"""By the first letters of the name."""


class TorchvisionModel(Subject):
    """A video classifier of torchvision's, of Kinetics-400 unless other weights are given."""

    maps_missing = ""

    def __init__(
        self,
        name: str,
        *,
        weights: str | Path | None = None,
        names: Sequence[str] | None = None,
        inputs: InputSettings = InputSettings(),
        device: torch.device,
        batch: int = 8,
    ) -> None:
        """Builds the network and loads its weights.

        Args:
            name: as in torchvision.models.video.
            weights: a file with a state dict of one's own, or the name of published ones (KINETICS400_V1); None: the
                default ones. What is published is fetched once, and checked on each use.
            names: of its classes; None: Kinetics-400's, as torchvision lists them.
            inputs: frames and stride, where they are to be others than those of training.
            device: where to compute.
            batch: clips that go through together.

        Raises:
            InputError: weights that do not exist, cannot be fetched or do not fit.
        """
        published = get_model_weights(name)
        entry = published.DEFAULT if weights is None else published.__members__.get(str(weights), published.DEFAULT)
        self.title = name
        self.actions = list(names) if names is not None else list(entry.meta["categories"])
        file = _file(name, weights)
        network: Any = get_model(name, weights=None, num_classes=len(self.actions))
        fill(network, read_checkpoint(file), f"{file} ({len(self.actions)} classes; other ones: --names FILE)")
        self._network = network.to(device).eval().requires_grad_(False)
        self._preset: Any = entry.transforms()
        self._family = FAMILIES[name[:3]]
        self.sampling = inputs.sampling(self._family.frames, self._family.stride)
        self.identity = f"{name} {checked(file)} {inputs}"
        self._device, self._batch = device, batch

    @torch.no_grad()
    def answer(self, clips: Pixels) -> Answer:
        """Probabilities, and what the last layer is given, averaged over places where it has any."""
        scores, features = [], []
        for start in range(0, len(clips), self._batch):
            logits, seen = self._forward(clips[start : start + self._batch])
            assert seen.given is not None
            scores.append(logits.float().softmax(1).cpu().numpy())
            pooled = seen.given.flatten(2).mean(2) if seen.given.ndim > 2 else seen.given
            features.append(pooled.cpu().numpy())
        return Answer(np.concatenate(scores), np.concatenate(features))

    @torch.enable_grad()
    def maps(self, clips: Pixels, classes: NDArray[np.int64]) -> Maps:
        """Grad-CAM on the last features; of an MViT, on the tokens that its last block reads."""
        parts = []
        for start in range(0, len(clips), self._batch):
            logits, seen = self._forward(clips[start : start + self._batch])
            assert seen.places is not None
            wanted = torch.from_numpy(classes[start : start + self._batch]).to(self._device)
            maps = grad_cam(seen.places, logits, wanted, channels=self._family.channels)
            if self._family.tile is not None:  # a class token, then one token a place
                time, side = clips.shape[1] // self._family.tile[0], self._preset.crop_size[0] // self._family.tile[1]
                maps = maps[:, 1:].reshape(len(maps), time, side, side)
            parts.append(over_time(maps, clips.shape[1]).cpu().numpy())
        what = "last features" if self._family.tile is None else "last block's tokens"
        return Maps(np.concatenate(parts), *self._window(*clips.shape[2:4]), f"Grad-CAM on the {what}")

    def _forward(self, clips: Pixels) -> tuple[Tensor, Seen]:
        """Scores before softmax, and what came by."""
        pictures = torch.from_numpy(np.ascontiguousarray(clips)).permute(0, 1, 4, 2, 3).contiguous().to(self._device)
        block = self._network.get_submodule(self._family.block)
        with watching(block, self._network.get_submodule(self._family.head)) as seen:
            try:
                logits: Tensor = self._network(self._preset(pictures))
            except (RuntimeError, ValueError) as error:
                reason = str(error).strip().splitlines()[-1]
                raise InputError(
                    f"{self.title}: does not take clips of {clips.shape[1]} frames: {reason}; see --inputs.frames"
                ) from None
        return logits, seen

    def _window(self, height: int, width: int) -> tuple[int, int, int, int]:
        """The rectangle of the frame that is seen: top, left, height, width, in its pixels."""
        sizes, (down, across) = list(self._preset.resize_size), self._preset.crop_size
        if len(sizes) == 1:  # the short side's
            factor = sizes[0] / min(height, width)
            sizes = [round(height * factor), round(width * factor)]
        tall, wide = height * down / sizes[0], width * across / sizes[1]
        return round((height - tall) / 2), round((width - wide) / 2), round(tall), round(wide)


def _file(name: str, weights: str | Path | None) -> Path:
    """The file of weights: one's own, or published ones in torch's cache, fetched where they are not there yet."""
    published = get_model_weights(name)
    if weights is None or published.__members__.get(str(weights)) is published.DEFAULT:
        return PUBLIC[name].download()
    if str(weights) in published.__members__:
        address = published[str(weights)].url
        digits = address.rpartition("-")[2].removesuffix(".pth")
        return Weights(address, digits, PUBLIC[name].licence).download()
    if not Path(weights).is_file():
        known = ", ".join(published.__members__)
        raise InputError(f"--weights {weights}: no such file, nor weights of {name}'s, which are {known}")
    return Path(weights)
