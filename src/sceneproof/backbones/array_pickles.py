"""NumPy arrays in pickles of others, by themselves or in a source archive. Nothing that a pickle names is imported."""

import io
import pickle
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sceneproof.errors import InputError
from sceneproof.terminal import visible

PROTOCOLS = (b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How such a pickle begins; torch.save writes protocol 2, or a zip archive."""
ARCHIVES = (".tar.gz", ".tgz")
"""A source archive, as a package index serves it; authors call files of torch.save .pth.tar."""
MOST = 2**31
"""Bytes of a pickle: a Kinetics I3D has fifty million."""
DEEPEST = 16
"""Mappings within mappings: a network's modules lie less deep."""
# what a pickle raises that was cut, or made to harm
FAILURES = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, LookupError, MemoryError, OverflowError,
    RecursionError, ImportError,
)  # fmt: skip


def holds_arrays(path: Path) -> bool:
    """Whether a file is a source archive, or a pickle that torch.save did not write."""
    if path.name.lower().endswith(ARCHIVES):
        return True
    with path.open("rb") as file:
        return file.read(2) in PROTOCOLS


def read_arrays(path: Path) -> dict[str, Tensor]:
    """The arrays in a pickle of mappings, by the keys that lead to them, joined by "/".

    In an archive the pickle is the only file whose name ends in .ckpt, .pkl or .pickle.

    Raises:
        InputError: no such archive, none or several pickles in it, or one that is cut, names anything but NumPy's
            arrays, or holds anything but mappings of arrays of numbers.
    """
    data, name = _pickle_in(path) if path.name.lower().endswith(ARCHIVES) else (path.read_bytes(), str(path))
    try:
        content = _Reader(io.BytesIO(data), name).load()
    except FAILURES as error:
        raise InputError(f"{name}: not a pickle of arrays, or a corrupt one: {visible(error)}") from None
    return {"/".join(keys): torch.from_numpy(array) for keys, array in _leaves(content, (), name)}


def _pickle_in(path: Path) -> tuple[bytes, str]:
    """The bytes of the only pickle of an archive, and what to call it; nothing is written to the disk."""
    try:
        with tarfile.open(path) as archive:
            inside = [
                member for member in archive if member.isfile() and member.name.endswith((".ckpt", ".pkl", ".pickle"))
            ]
            if len(inside) != 1:
                raise InputError(f"{path}: {len(inside)} files of weights (.ckpt, .pkl) in this archive; expected one")
            if inside[0].size > MOST:
                raise InputError(f"{path}: {visible(inside[0].name)} has {inside[0].size} bytes; at most {MOST}")
            file = archive.extractfile(inside[0])
            assert file is not None, "a regular file can be opened"
            return file.read(), f"{path}: {visible(inside[0].name)}"
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputError(f"{path}: not an archive, or a corrupt one: {visible(error)}") from None


class _DType:
    """Stands for `numpy.dtype` in a pickle: keeps what kind of numbers it says, and calls nothing."""

    KINDS: ClassVar[dict[object, str]] = {kind: kind for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1")}

    def __init__(self, kind: object, align: object = False, copy: object = True) -> None:
        if not isinstance(kind, str) or kind not in self.KINDS:
            raise pickle.UnpicklingError(f"an array of {visible(kind)}, where numbers are needed")
        self.kind, self.order = kind, "|"

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError("a kind of numbers without an order of bytes")
        self.order = str(state[1])


class _Array:
    """Stands for `numpy.ndarray` in a pickle: a class for its first argument, and what becomes of it."""

    def __init__(self, *_: object) -> None:
        self.values: NDArray[Any] | None = None

    def __setstate__(self, state: object) -> None:
        match state:
            case (int(), tuple() as shape, _DType() as dtype, bool() as fortran, bytes() as data):
                numbers = np.frombuffer(data, np.dtype(dtype.order + dtype.kind))
                native = numbers.astype(dtype.kind)  # a copy in this machine's order, which may be written to
                self.values = native.reshape(shape, order="F" if fortran else "C")
            case _:
                raise pickle.UnpicklingError("an array without its shape, kind and bytes")


class _Reader(pickle.Unpickler):
    """Builds mappings and the two stand-ins above; any other name that a pickle asks for is refused."""

    KNOWN: ClassVar[dict[tuple[str, str], type]] = {
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _DType,
        ("numpy.core.multiarray", "_reconstruct"): _Array,
        ("numpy._core.multiarray", "_reconstruct"): _Array,  # as NumPy 2 writes it
    }

    def __init__(self, file: io.BytesIO, name: str) -> None:
        super().__init__(file)
        self._name = name

    def find_class(self, module: str, name: str) -> type:
        """The stand-in for one of NumPy's names.

        Raises:
            InputError: any other name.
        """
        if (known := self.KNOWN.get((module, name))) is not None:
            return known
        raise InputError(
            f"{self._name}: asks for {visible(f'{module}.{name}')}, which is no NumPy array. To load that could "
            f"execute any code, so the file is not read"
        )


def _leaves(value: object, keys: tuple[str, ...], name: str) -> Iterator[tuple[tuple[str, ...], NDArray[Any]]]:
    if isinstance(value, _Array) and value.values is not None and keys:
        yield keys, value.values
    elif isinstance(value, Mapping) and len(keys) < DEEPEST:
        for key, item in value.items():
            yield from _leaves(item, (*keys, str(key)), name)
    else:
        where = visible("/".join(keys)) or "at its top"
        raise InputError(f"{name}: holds {type(value).__name__} ({where}), where mappings of arrays are needed")
