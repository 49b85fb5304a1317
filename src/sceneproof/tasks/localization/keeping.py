"""What a backbone's lower stages make of buffers, kept in a folder, so that no run looks twice at what another saw."""

import hashlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FunctionType

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from sceneproof.backbones.base import Backbone
from sceneproof.backbones.image_time import ClipLength
from sceneproof.data.kept import lower_digest
from sceneproof.errors import DamagedError
from sceneproof.files import whole
from sceneproof.sealed_tensors import read_sealed, save_sealed

PLAIN = (bool, int, float, str, tuple)
KNOWN = frozenset({"sceneproof", "torch", "torchvision", "timm", "transformers", "builtins"})
"""Packages whose classes are not a user's own: their source is not looked at."""
OF_EVERY_MODULE = frozenset({*vars(nn.Module()), "training"})
DEEPEST = 6
"""How far lists, mappings and objects within one another are looked into."""


@contextmanager
def keeping(backbone: Backbone, folder: Path | None) -> Iterator[None]:
    """While this lasts, `backbone.lower` is asked about each buffer only once, by whichever run comes first.

    A file's name follows from the pixels, from the lower stages' weights and attributes (a network that shifts features
    in time may have the weights of one that does not), of networks of your own also from their classes' source, and
    from device and precision, so it does not answer for anything else; a damaged one is made anew. What a network of
    your own calls outside of its classes is not looked into. Nothing may learn in it: no gradient goes through.

    Args:
        backbone: in evaluation mode.
        folder: where files are kept; None: nowhere, and nothing changes.
    """
    if folder is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    made_by, ask = f"{lower_digest(backbone)} {_attributes(backbone)}", backbone.lower
    if more := _more(backbone):
        made_by += f" {more}"

    def lower(video: Tensor) -> Tensor:
        kind = video.device.type
        precision = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else video.dtype
        return torch.cat([looked_at(clip, f"{made_by} {kind} {precision}") for clip in torch.split(video, 1)])

    def looked_at(clip: Tensor, how: str) -> Tensor:
        """The features of one buffer, from the folder if they are there."""
        pixels = clip.contiguous().cpu()
        digest = hashlib.sha256(f"{how} {tuple(clip.shape)}".encode())
        digest.update(pixels.numpy().data)
        file = folder / f"{digest.hexdigest()[:40]}.safetensors"
        if file.is_file():
            try:
                return read_sealed(file)[0]["lower"].to(clip.device)
            except (DamagedError, SafetensorError):
                file.unlink()
        features = ask(clip)
        with whole(file) as made:
            save_sealed({"lower": features.contiguous().cpu()}, made)
        return features

    vars(backbone)["lower"] = lower
    try:
        yield
    finally:
        del vars(backbone)["lower"]


def _modules(backbone: Backbone) -> list[nn.Module]:
    """The backbone, and all modules of its lower stages."""
    return [backbone, *(module for part in backbone.lower_parts for module in part.modules())]


def _attributes(backbone: Backbone) -> list[tuple[str, list[tuple[str, object]]]]:
    """What a backbone and the modules of its lower stages say of themselves in plain values, besides their weights."""
    return [
        (
            type(module).__qualname__,
            sorted(
                (name, value)
                for name, value in vars(module).items()
                if not name.startswith("_") and name != "training" and isinstance(value, PLAIN)
            ),
        )
        for module in _modules(backbone)
    ]


def _more(backbone: Backbone) -> dict[int, dict[str, object]]:
    """What else they compute with, by the module's number: buffers that are not saved, functions, lists and the like.

    Of classes of other packages than `KNOWN` also their source, and attributes whose names begin with "_".
    """
    every = {number: _more_of(module) for number, module in enumerate(_modules(backbone))}
    return {number: more for number, more in every.items() if more}


def _more_of(module: nn.Module, depth: int = 0) -> dict[str, object]:
    own, more = _is_own(type(module)), {}
    for name, value in vars(module).items():
        if name in OF_EVERY_MODULE or value is None or isinstance(value, ClipLength):
            continue
        if own if name.startswith("_") else not isinstance(value, PLAIN):
            more[name] = _in_words(value, depth)
    for name in sorted(module._non_persistent_buffers_set):
        more[name] = _in_words(module._buffers[name])
    return more | ({"class": _in_words(type(module))} if own else {})


def _in_words(value: object, depth: int = 0) -> object:
    """A value, in any process alike, so that two that differ are told apart wherever that can be done."""
    if isinstance(value, Tensor | np.ndarray):
        array = np.ascontiguousarray(value.detach().float().cpu().numpy() if isinstance(value, Tensor) else value)
        return str(array.dtype), array.shape, hashlib.sha256(array.tobytes()).hexdigest()[:32]
    if isinstance(value, type | FunctionType):
        return f"{value.__module__}.{value.__qualname__}", _source(value) if _is_own(value) else ""
    if isinstance(value, PLAIN) and not isinstance(value, tuple):
        return value
    if depth == DEEPEST:
        return type(value).__qualname__
    if isinstance(value, tuple | list):
        return [_in_words(part, depth + 1) for part in value]
    if isinstance(value, set | frozenset):
        return sorted(str(_in_words(part, depth + 1)) for part in value)
    if isinstance(value, partial):
        return [_in_words(part, depth + 1) for part in (value.func, value.args, value.keywords)]
    inside = (
        value if isinstance(value, dict) else {} if isinstance(value, nn.Module) else getattr(value, "__dict__", {})
    )
    if isinstance(value, nn.Module):  # in a list, say; or itself, in a function that is bound to it
        inside = {**value.state_dict(), **_more_of(value, depth + 1)}
    named = sorted((str(key), _in_words(part, depth + 1)) for key, part in inside.items())
    return f"{type(value).__module__}.{getattr(value, '__qualname__', type(value).__qualname__)}", named


def _is_own(kind: type | FunctionType) -> bool:
    """Whether a class or function is of the user's own."""
    return kind.__module__.partition(".")[0] not in KNOWN


def _source(kind: type | FunctionType) -> str:
    """SHA-256 of the source of a class or function; "" where there is none, as in a notebook's older cells."""
    try:
        return hashlib.sha256(inspect.getsource(kind).encode()).hexdigest()[:32]
    except (OSError, TypeError):
        return ""
