"""Checkpoints: tensors in safetensors, the rest in JSON, nothing pickled; a folder a step, whole or not at all.

A folder holds the SHA-256 of each of its files in checksums.json. One that was damaged since is not gone on from.
"""

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from sceneproof.backbones.weights import fill
from sceneproof.errors import DamagedError, InputError
from sceneproof.files import read_json, sync, write_json
from sceneproof.sealed_tensors import flat, read_weights, save_tensors
from sceneproof.seals import check_folder, seal_folder

logger = logging.getLogger(__name__)


@dataclass
class Progress:
    """Where training stands, as plain values.

    Attributes:
        epoch: epochs begun before the next step, counted from 0.
        step_in_epoch: steps done of it.
        step: steps done in all.
        best: best validation result so far, (top-1, −loss).
        plateau: best validation loss, epochs without a better one, and the factor on the learning rate.
        sums: loss sums since the last log line, and `summed`, over how many steps.
        unreadable: rows that could not be read, with the reason.
        skipped: steps that were left out because too few clips of them could be read, and those of this epoch.
    """

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    best: list[float] | None = None
    plateau: dict[str, float] = field(default_factory=dict)
    sums: dict[str, float] = field(default_factory=dict)
    summed: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    skipped: int = 0
    skipped_in_epoch: int = 0


def save(folder: Path, method: nn.Module, optimizer: Optimizer, progress: Progress, *, rank: int = 0) -> None:
    """Writes this process's part of a checkpoint to the temporary folder beside `folder`; `commit` makes it real.

    Rank 0 writes weights, optimiser and progress; every rank writes its own random state.
    """
    temporary = _temporary(folder)
    temporary.mkdir(parents=True, exist_ok=True)
    save_tensors(_random_state(), temporary / f"random-{rank}.safetensors")
    if rank == 0:
        tensors, plain = _split(optimizer.state_dict())
        save_tensors(flat(method.state_dict()), temporary / "method.safetensors")
        save_tensors(tensors, temporary / "optimizer.safetensors")
        write_json(temporary / "optimizer.json", plain)
        write_json(temporary / "progress.json", asdict(progress))


def commit(folder: Path) -> None:
    """Gives a written checkpoint its name and, when all of it is on the disk, drops older ones.

    Raises:
        OSError: it could not be written to the disk; the older ones stay.
    """
    temporary = _temporary(folder)
    seal_folder(temporary)
    for path in (*temporary.iterdir(), temporary):
        sync(path)
    if folder.exists():  # of the same step, damaged: training went on from the one before
        shutil.rmtree(folder)
    temporary.rename(folder)
    sync(folder.parent)
    for other in folder.parent.iterdir():
        if other != folder:
            shutil.rmtree(other)


def discard(folder: Path) -> None:
    """Drops a checkpoint that could not be written whole."""
    shutil.rmtree(_temporary(folder), ignore_errors=True)


def stored(checkpoints: Path) -> list[Path]:
    """The checkpoints in a folder of them, the newest first."""
    return sorted((path for path in checkpoints.glob("*") if path.name.isdigit()), reverse=True)


def newest(checkpoints: Path) -> Path | None:
    """The newest checkpoint in a folder of them; where there are several, the newest that was not damaged since."""
    folders = stored(checkpoints)
    for number, folder in enumerate(folders[:-1]):
        try:
            check_folder(folder)
        except DamagedError as error:
            logger.warning("%s; going on from the one before, %s", error, folders[number + 1])
        else:
            return folder
    return folders[-1] if folders else None


def load(folder: Path, method: nn.Module, optimizer: Optimizer, *, rank: int = 0) -> Progress:
    """Puts weights, optimiser and this process's random state back; returns where training stood.

    Raises:
        InputError: a file that is corrupt, or was damaged since.
    """
    check_folder(folder, cure=f"delete {folder} to train the run anew, or restore it from a copy")
    fill(method, read_weights(folder / "method.safetensors"), str(folder / "method.safetensors"))
    with _refusing(folder / "optimizer.json"):
        plain = read_json(folder / "optimizer.json")
        optimizer.load_state_dict(_join(read_weights(folder / "optimizer.safetensors"), plain))
    _lay_out(optimizer)
    random = folder / f"random-{rank}.safetensors"
    if random.exists():  # a run that goes on with more processes gives the new ones the state of their seed
        with _refusing(random):
            _restore_random(read_weights(random))
    with _refusing(folder / "progress.json"):
        return Progress(**read_json(folder / "progress.json"))


def broken(method: nn.Module) -> list[str]:
    """Names of the weights and statistics that hold a value that is not finite."""
    floats = {name: value for name, value in method.state_dict().items() if value.is_floating_point()}
    finite = torch.stack([value.isfinite().all() for value in floats.values()]).tolist()
    return [name for name, good in zip(floats, finite, strict=True) if not good]


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Raises InputError with the path where what a file holds is not what a checkpoint holds."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{error}: delete {path.parent} to train the run anew") from None
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{path}: not a checkpoint's ({reason}): delete {path.parent} to train the run anew") from None


def _lay_out(optimizer: Optimizer) -> None:
    """Gives the optimiser's tensors the strides of their weights, which the files do not keep."""
    for weight, values in optimizer.state.items():
        for name, value in values.items():
            if isinstance(value, Tensor) and value.shape == weight.shape and value.stride() != weight.stride():
                values[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


def _temporary(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.tmp")


def _random_state() -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def _restore_random(states: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])


def _split(state: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimiser's state as (tensors, plain values)."""
    tensors: dict[str, Tensor] = {}
    plain: dict[str, dict[str, Any]] = {}
    for number, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{number}.{name}"] = value.detach().cpu().contiguous()
            else:
                plain.setdefault(str(number), {})[name] = value
    return tensors, {"state": plain, "param_groups": state["param_groups"]}


def _join(tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> dict[str, Any]:
    state: dict[int, dict[str, Any]] = {int(number): dict(values) for number, values in plain["state"].items()}
    for key, value in tensors.items():
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = value
    return {"state": state, "param_groups": plain["param_groups"]}
