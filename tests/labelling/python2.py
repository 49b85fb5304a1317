"""Checkpoints as PyTorch 0.2 wrote them under Python 2.7, from a GPU: the layout of Places365's files."""

import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001


class Reference:
    """Stands for a class or function of torch's, pickled by its name alone."""

    def __init__(self, name: str) -> None:
        self.module, _, self.name = name.rpartition(".")


class Storage:
    """Stands for a storage that is written behind the pickles, known by a key."""

    def __init__(self, key: str, tensor: Tensor) -> None:
        self.key, self.tensor = key, tensor


class Old:
    """Stands for a tensor."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage


class Python2(pickle._Pickler):
    """Writes texts as Python 2's byte strings, tensors as 0.2's `_rebuild_tensor`, their storages as CUDA's."""

    dispatch: ClassVar[dict[type, Callable[..., None]]] = dict(pickle._Pickler.dispatch)

    def save_text(self, text: str) -> None:
        data = text.encode()
        self.write(pickle.SHORT_BINSTRING + struct.pack("<B", len(data)) + data)  # type: ignore[attr-defined]
        self.memoize(text)  # type: ignore[attr-defined]

    def save_reference(self, reference: Reference) -> None:
        self.write(f"c{reference.module}\n{reference.name}\n".encode())  # type: ignore[attr-defined]

    def save_old(self, old: Old) -> None:
        tensor = old.storage.tensor
        self.save_reduce(
            Reference("torch._utils._rebuild_tensor"), (old.storage, 0, tuple(tensor.shape), tensor.stride()), obj=old
        )

    def save_reduce(self, func: Any, args: Any, *rest: Any, obj: Any = None, **more: Any) -> None:
        self.save(func)  # type: ignore[attr-defined]
        self.save(args)  # type: ignore[attr-defined]
        self.write(pickle.REDUCE)  # type: ignore[attr-defined]
        self.memoize(obj)  # type: ignore[attr-defined]

    def save_ordered(self, state: Mapping[str, Any]) -> None:
        pairs = [[key, value] for key, value in state.items()]
        self.save_reduce(Reference("collections.OrderedDict"), (pairs,), obj=state)

    def persistent_id(self, thing: Any) -> Any:
        if not isinstance(thing, Storage):
            return None
        kind = Reference(f"torch.cuda.{'Long' if thing.tensor.dtype == torch.int64 else 'Float'}Storage")
        return ("storage", kind, thing.key, "cuda:0", thing.tensor.numel(), None)

    dispatch[str] = save_text
    dispatch[Reference] = save_reference
    dispatch[Old] = save_old
    dispatch[OrderedDict] = save_ordered


def save_as_places365(state: Mapping[str, Tensor], path: Path, *, arch: str) -> Path:
    """Writes a state dict as the authors' training script did: under "module.", without counts of batches."""
    kept = {f"module.{key}": value.contiguous() for key, value in state.items() if "num_batches" not in key}
    storages = [Storage(str(94000000 + 16 * place), value) for place, value in enumerate(kept.values())]
    olds = OrderedDict((key, Old(storage)) for key, storage in zip(kept, storages, strict=True))
    whole = {"epoch": 90, "arch": arch, "state_dict": olds, "best_prec1": 54.65}
    info = {"protocol_version": VERSION, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    with path.open("wb") as file:
        for thing in (MAGIC, VERSION, info, whole, [storage.key for storage in storages]):
            Python2(file, protocol=2).dump(thing)
        for storage in storages:
            file.write(struct.pack("<q", storage.tensor.numel()))
            file.write(storage.tensor.numpy().tobytes())
    return path
