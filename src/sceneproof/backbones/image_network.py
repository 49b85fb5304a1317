"""Classifiers of pictures as video backbones: any of timm's or torchvision's that is a sequence of stages."""

from collections.abc import Mapping, Sequence
from math import log2
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from sceneproof.backbones.base import Backbone
from sceneproof.backbones.image_files import channels_last, from_lite, open_classifier, picture_of, pooled_by
from sceneproof.backbones.image_patches import Patches, is_transformer
from sceneproof.backbones.image_time import Clips, inflate, inflated, shift_branches
from sceneproof.errors import InputError

Time = Literal["mean", "shift", "inflate"]

CONTAINERS = ("blocks", "stages", "layers", "features")
"""What timm and torchvision call a list of stages."""
ENDS = ("global_pool", "avgpool", "pre_logits", "head", "classifier", "fc")
"""What they call what follows the features: pooling and the classifier."""


class ImageNetwork(Backbone):
    """A classifier of pictures on each of T frames: (B, 3, T, H, W) to (B, D, T, H', W').

    The methods' mean over time and space makes of it a temporal segment network (Wang et al., ECCV 2016): frames vote.
    Its features are what the network pools: behind its last stage, and behind a convolution of its head that precedes
    the pooling. What follows the pooling is left out. `lower` is all before the last `split` stages. Of a vision
    transformer the features are its patches' last tokens, and every block is a stage.
    """

    def __init__(self, model: str = "tf_efficientnet_lite0", *, time: Time = "mean", split: int = 1) -> None:
        """Builds the network, with random weights.

        Args:
            model: A name of timm's (`timm.list_models()`), or torchvision:NAME, such as torchvision:resnet50.
            time: mean: each frame by itself. shift: in residual branches an eighth of the channels moves a frame forth
                and an eighth a frame back (TSM, Lin, Gan and Han, ICCV 2019). inflate: kernels of N x N become N x N x
                N (Carreira and Zisserman, CVPR 2017).
            split: How many of the last stages, with what follows them, lie in `upper`; 0: none, all is `lower`.

        Raises:
            InputError: timm is not installed; no such network, or one that is no sequence of stages, has fewer of them,
                or cannot be shifted or inflated.
        """
        super().__init__()
        if time not in ("mean", "shift", "inflate"):
            raise InputError(f"ImageNetwork: unknown time {time!r}; known: mean, shift, inflate")
        self.model, self.time, self.clips = model, time, Clips()
        self.network, self.mean, self.std, size = open_classifier(model)
        picture = picture_of(size)
        pooled = pooled_by(self.network, picture)
        if pooled is not None and is_transformer(self.network):
            self.network = Patches(self.network)
            pooled = self.network.pooled(pooled, picture)
        self._inner_last = pooled is not None and channels_last(self.network, pooled)
        if pooled is not None and self._inner_last:
            pooled = pooled.permute(0, 3, 1, 2)
        self._steps = _steps(self.network)
        self._drop_the_rest()
        self.split, self._first, self._cut = 0, 0, len(self._steps)
        self._measure(picture, pooled)
        stages = _stages(self._steps, self._parts())
        if not 0 <= split <= len(stages):
            raise InputError(f"ImageNetwork: {model} has {len(stages)} stages: split is from 0 to that, not {split}")
        self.split, self._first = split, stages[0] if stages else len(self._steps)
        if split:
            self._cut = stages[-split]
            self._measure(picture, pooled)
        if time == "shift":
            shift_branches(self.network, self.clips, model)
        elif time == "inflate":
            inflate(self.network, self.clips, model)
            self._measure(picture, pooled)

    def check(self, frames: int, height: int, width: int) -> None:
        """Refuses a size of pictures that the network cannot take.

        Raises:
            InputError: names the network and the size.
        """
        self.clips.frames, network = frames, nn.Sequential(*self._parts())
        weights = {**dict(network.named_parameters()), **dict(network.named_buffers())}
        shapes = {key: torch.empty_like(value, device="meta") for key, value in weights.items()}
        try:
            with torch.no_grad():
                functional_call(network, shapes, (torch.empty(2 * frames, 3, height, width, device="meta"),))
        except (RuntimeError, ValueError, AssertionError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"{self.model}: takes no pictures of {height} x {width} pixels: {said}") from None

    def forward(self, video: Tensor) -> Tensor:
        """Features (B, D, T, H', W') of a normalised video (B, 3, T, H, W)."""
        return self._through(self._parts(), video)

    @property
    def lower_dim(self) -> int:
        """Channels of what `lower` gives."""
        return self._lower_dim

    @property
    def lower_stride(self) -> tuple[int, int, int]:
        """Frames, rows and columns that one feature of `lower` covers."""
        return self._lower_stride

    @property
    def stem(self) -> Sequence[nn.Module]:
        """What stands before the first stage."""
        return self._parts()[: self._first]

    @property
    def lower_parts(self) -> Sequence[nn.Module]:
        """The modules before the last `split` stages."""
        return self._parts()[: self._cut]

    def lower(self, video: Tensor) -> Tensor:
        """Features (B, D', T, H', W') of a normalised video (B, 3, T, H, W), before the last `split` stages."""
        return self._through(self._parts()[: self._cut], video)

    def upper(self, features: Tensor) -> Tensor:
        """The last `split` stages and what follows them, on features (N, D', T, H', W')."""
        return self._through(self._parts()[self._cut :], features)

    def published(self, state: Mapping[str, Tensor], source: str) -> Mapping[str, Tensor]:
        """A classifier's weights under this network's keys, without what follows the pooling.

        They are timm's or torchvision's own, or those of the package efficientnet-lite-pytorch for the networks of that
        family. Keys that are of no such network stay, so that whoever fills this one names them.

        Raises:
            InputError: keys of efficientnet-lite-pytorch for another network.
        """
        if "_conv_stem.weight" in state:
            state = from_lite(state, self.network, source)
        if isinstance(self.network, Patches) and not any(key.startswith("embed.") for key in state):
            state = self.network.named(state)
        ours = {key if key.startswith("network.") else f"network.{key}": value for key, value in state.items()}
        return {key: value for key, value in ours.items() if key.split(".")[1] not in self._dropped}

    def taken_from(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """All of it; kernels of pictures inflated where this network's are."""
        own = self.state_dict()
        return {
            key: inflated(value, own[key].shape[2])
            if key in own and (own[key].ndim, value.ndim) == (5, 4) and own[key].shape[:2] == value.shape[:2]
            else value
            for key, value in state.items()
        }

    def _parts(self) -> list[nn.Module]:
        return [self.network.get_submodule(name) for name in self._steps]

    def _through(self, parts: Sequence[nn.Module], video: Tensor) -> Tensor:
        """Runs modules of pictures on the frames of a video (B, C, T, H, W)."""
        self.clips.frames = video.shape[2]
        pictures = video.transpose(1, 2).flatten(0, 1)
        if self._inner_last and parts and parts[0] is not self._parts()[0]:
            pictures = pictures.permute(0, 2, 3, 1)
        for part in parts:
            pictures = part(pictures)
        if self._inner_last and parts:
            pictures = pictures.permute(0, 3, 1, 2)
        return pictures.reshape(len(video), -1, *pictures.shape[1:]).transpose(1, 2)

    def _drop_the_rest(self) -> None:
        """Takes away what follows the pooling, so that nothing lies in the network that never learns."""
        kept = {step.split(".")[0] for step in self._steps}
        self._dropped = {name for name, _ in self.network.named_children() if name not in kept}
        for name in self._dropped:
            setattr(self.network, name, nn.Identity())

    def _measure(self, picture: Tensor, pooled: Tensor | None) -> None:
        """Finds numbers of features and strides on a picture; its features must be those that the network pools.

        Raises:
            InputError: the network is no sequence of its modules.
        """
        reason, video = "", picture[:, :, None].expand(-1, -1, 2, -1, -1)
        self.eval()
        try:
            with torch.no_grad():
                lower = self.lower(video)
                features = self.upper(lower)
        except (RuntimeError, ValueError, TypeError, NotImplementedError, AssertionError, LookupError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
        self.train()
        if not reason and not (pooled is not None and features.ndim == 5 and _alike(features[:, :, 1], pooled)):
            reason = "they give other features than the network itself"
        elif not reason and lower.shape[4] > video.shape[4]:
            reason = "a stage gives (H, W, D)"
        if reason:
            raise InputError(
                f"ImageNetwork: {self.model} is no sequence of stages that give features (D, H, W) of a picture "
                f"({reason}): take another network, or a Wrapped backbone"
            )
        self.dim, self._lower_dim = features.shape[1], lower.shape[1]
        self.stride, self._lower_stride = _stride(video, features), _stride(video, lower)


def _steps(network: nn.Module) -> list[str]:
    """Paths of the modules that a picture runs through up to the pooling, in the order in which they were made."""
    steps: list[str] = []
    for name, child in network.named_children():
        if name in ENDS:
            break
        listed = name in CONTAINERS and isinstance(child, nn.Sequential | nn.ModuleList)
        steps += [f"{name}.{own}" for own, _ in child.named_children()] if listed else [name]
    return steps


def _alike(features: Tensor, others: Tensor) -> bool:
    """Whether features are the same to rounding; of tensors without values, whether their shapes are."""
    if features.shape != others.shape or features.is_meta:
        return features.shape == others.shape
    return bool((features - others).norm() <= 1e-3 * others.norm())


def _stages(steps: Sequence[str], parts: Sequence[nn.Module]) -> list[int]:
    """Which modules are stages: those of several convolutions; if there are none, each convolution; or each block.

    Never the first module.
    """
    counts = [sum(isinstance(module, nn.Conv2d) for module in part.modules()) for part in parts]
    if not any(counts[1:]):
        return [number for number, step in enumerate(steps) if number and "." in step]
    least = 2 if max(counts[1:]) > 1 else 1
    return [number for number, count in enumerate(counts) if number and count >= least]


def _stride(video: Tensor, features: Tensor) -> tuple[int, int, int]:
    """Frames, rows and columns that one of the features of a video covers."""
    rows, columns = (_step(video.shape[axis], features.shape[axis]) for axis in (3, 4))
    return 1, rows, columns


def _step(length: int, places: int) -> int:
    """Pixels a place: where they do not divide the length, which was rounded, the nearest power of two."""
    return length // places if length % places == 0 else int(2 ** round(log2(length / places)))
