"""Tensors in safetensors files, those of runs with the SHA-256 of all that the file holds in its header."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sceneproof.errors import DamagedError, InputError

KEY = "sceneproof"
"""Of our entry in the header: JSON with a note and the seal. One entry: safetensors keeps no order among several."""
_SEAL = "sha256"


def flat(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict as safetensors takes it: on the host, contiguous, no tensor twice."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in state.items()}


def save_tensors(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Writes a safetensors file without a seal of its own.

    Raises:
        OSError: the disk is full, or another failure to write, for which safetensors has an error of its own.
    """
    try:
        save_file(tensors, path, metadata)
    except SafetensorError as error:
        raise OSError(f"{path}: {error}") from error


def save_sealed(tensors: Mapping[str, Tensor], path: Path, note: Mapping[str, object] | None = None) -> None:
    """Writes tensors and a note (JSON values).

    Raises:
        OSError: as `save_tensors`.
    """
    said = dict(note or {})
    said[_SEAL] = _digest(tensors, said)
    save_tensors(dict(tensors), path, {KEY: json.dumps(said, sort_keys=True)})


def read_sealed(path: Path) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Tensors and note of a file; one without a seal is read as it is.

    Raises:
        DamagedError: it is not as it was sealed.
        FileNotFoundError: there is no such file.
        SafetensorError: it is not a safetensors file.
    """
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dictionary)
        text = (file.metadata() or {}).get(KEY)
    if text is None:
        return tensors, {}
    try:
        said = json.loads(text)
    except json.JSONDecodeError:
        raise DamagedError(path) from None
    if not isinstance(said, dict):
        raise DamagedError(path)
    if _SEAL in said and said.pop(_SEAL) != _digest(tensors, said):
        raise DamagedError(path)
    return tensors, said


def read_weights(path: Path) -> dict[str, Tensor]:
    """Reads a safetensors file.

    Raises:
        InputError: missing, corrupt, or damaged since it was written.
    """
    try:
        return read_sealed(path)[0]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: has the run been trained?") from None
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: corrupt weights: {error}") from None


def _digest(tensors: Mapping[str, Tensor], note: Mapping[str, object]) -> str:
    digest = hashlib.sha256(json.dumps(note, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        plain = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(plain.view(torch.uint8).numpy().data if len(plain) else b"")
    return digest.hexdigest()
