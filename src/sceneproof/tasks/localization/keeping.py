"""What a backbone's lower stages make of buffers, kept in a folder, so that no run looks twice at what another saw."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor

from sceneproof.backbones.base import Backbone
from sceneproof.data.kept import lower_digest
from sceneproof.errors import DamagedError
from sceneproof.files import whole
from sceneproof.sealed_tensors import read_sealed, save_sealed


@contextmanager
def keeping(backbone: Backbone, folder: Path | None) -> Iterator[None]:
    """While this lasts, `backbone.lower` is asked about each buffer only once, by whichever run comes first.

    A file's name follows from the pixels, from the lower stages' weights and plain attributes (a network that shifts
    features in time may have the weights of one that does not), and from device and precision, so it never answers for
    anything else; a damaged one is made anew. Nothing may learn in it: no gradient goes through.

    Args:
        backbone: in evaluation mode.
        folder: where files are kept; None: nowhere, and nothing changes.
    """
    if folder is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    made_by, ask = f"{lower_digest(backbone)} {_attributes(backbone)}", backbone.lower

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


def _attributes(backbone: Backbone) -> list[tuple[str, list[tuple[str, object]]]]:
    """What a backbone and the modules of its lower stages say of themselves, besides their weights."""
    modules = [backbone, *(module for part in backbone.lower_parts for module in part.modules())]
    return [
        (
            type(module).__qualname__,
            sorted(
                (name, value)
                for name, value in vars(module).items()
                if not name.startswith("_")
                and name != "training"
                and isinstance(value, bool | int | float | str | tuple)
            ),
        )
        for module in modules
    ]
