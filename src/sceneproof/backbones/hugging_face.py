"""Networks of transformers, loaded whole or not at all: every tensor of the files, into every weight of the network."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from sceneproof.downloading import checked
from sceneproof.errors import InputError
from sceneproof.wording import counted

FILE, INDEX = "model.safetensors", "model.safetensors.index.json"
PIECES = (2, 3)
"""Into how many a release may cut a tensor of the file, or put together: query, key and value."""
LISTED = 6
FILES = (".safetensors", ".json", ".txt", ".model")
"""Endings of weights, of settings of the network and of what prepares its inputs, and of what splits texts."""


def load_network(kind: str, name: str, refusal: str, **origin: Any) -> Any:
    """A network of a folder or of the Hub, in single precision, with all of its weights and no others.

    Which names a file's tensors have in a network differs between releases of transformers, and some take a file's
    names for others and draw what they miss. So what they tell is not all that is asked: each tensor of the files must
    be found in the network, and each weight of the network in the files.

    Args:
        kind: the class of transformers that opens it: "AutoModelForVideoClassification".
        name: the folder, or ORG/NAME.
        refusal: what to say of any other: "no video classifier that can be loaded".
        origin: revision and local_files_only, as `from_pretrained` takes them.

    Raises:
        InputError: transformers is not installed; no such network; weights that are missing, left over, of another
            shape, no floating-point numbers or not finite.
    """
    try:
        import transformers
    except ImportError as error:
        raise InputError(f"{name}: needs transformers: pip install 'sceneproof[hf]' ({error})") from None
    options = {"use_safetensors": True, "trust_remote_code": False, "dtype": torch.float32}
    try:
        network, told = getattr(transformers, kind).from_pretrained(
            name, **options, **origin, output_loading_info=True, ignore_mismatched_sizes=True
        )
    # all that loading raises on a wrong name or kind, or on settings that are none
    except (OSError, ValueError, RuntimeError, LookupError, ImportError, TypeError, AttributeError) as error:
        raise InputError(f"{name}: {refusal}: {first_line(error)}") from None
    except Exception as error:  # which has no common kind; raised again unless it is the Hub's
        if type(error).__module__.startswith("huggingface_hub"):  # its checks of settings have a base of their own
            raise InputError(f"{name}: {refusal}: {first_line(error)}") from None
        raise
    network = network.float().eval()
    files = _files(name, getattr(network.config, "_commit_hash", None) or origin.get("revision"))
    refuse_in_part(network, told, _tensors(files, name), name, transformers.__version__)
    return network


def load_with_processors(
    kind: str, name: str, refusal: str, processors: Sequence[str], *, revision: str | None, download: bool
) -> list[Any]:
    """What prepares a network's inputs, by its classes of transformers, and last the network, as `load_network` has it.

    Args:
        kind: of the network.
        name: the folder, or ORG/NAME.
        refusal: what to say of any other.
        processors: "AutoImageProcessor", "AutoTokenizer".
        revision: the commit or tag to take.
        download: fetch from the Hub what is not in its cache.

    Raises:
        InputError: as `load_network`, or no such processor.
    """
    try:
        import transformers
    except ImportError as error:
        raise InputError(f"Hugging Face models need transformers: pip install 'sceneproof[hf]' ({error})") from None
    origin = {"revision": revision, "local_files_only": not download}
    try:
        parts = [
            getattr(transformers, part).from_pretrained(name, **origin, trust_remote_code=False) for part in processors
        ]
    except (OSError, ValueError, ImportError, KeyError) as error:  # all that loading raises on a wrong name or kind
        hint = "" if download or Path(name).is_dir() else " (downloading was not asked for)"
        raise InputError(f"{name}: {refusal}{hint}: {error}") from None
    return [*parts, load_network(kind, name, refusal, **origin)]


def refuse_in_part(
    network: nn.Module, told: Mapping[str, Iterable[Any]], given: Iterable[tuple[str, Tensor]], what: str, release: str
) -> None:
    """Refuses a network that was not filled by its files, wholly and alone.

    Args:
        network: what was loaded.
        told: what transformers says: missing_keys, unexpected_keys, mismatched_keys.
        given: the tensors of the files.
        what: the network's name, for messages.
        release: of transformers.

    Raises:
        InputError: names the weights.
    """
    other = [_named(key) for key in told.get("mismatched_keys", ())]
    if other:
        raise InputError(f"{what}: weights of another shape than its config.json says: {_listed(other)}")
    own = {key: value for key, value in network.state_dict().items() if value.is_floating_point()}
    if broken := [key for key, value in own.items() if not value.isfinite().all()]:
        raise InputError(f"{what}: weights that are not finite numbers: {_listed(broken)}")
    files = dict(given)
    counters = {key for key, value in files.items() if not value.is_floating_point()}  # of batches; of positions
    if whole := [key for key in counters if key in own]:
        raise InputError(f"{what}: weights that are no floating-point numbers, but whole ones: {_listed(whole)}")
    missing, left = list(told.get("missing_keys", ())), set(told.get("unexpected_keys", ())) - counters
    if missing or left:
        raise InputError(_partly(what, missing, sorted(left), release))
    files = {key: value.float() for key, value in files.items() if key not in counters and not _ignored(key, network)}
    loaded, stored = _Contents(own), _Contents(files)
    lost = [
        key
        for key, value in files.items()
        if not (torch.equal(value, own[key]) if _same(key, value, own) else loaded.has(value))
    ]
    drawn = [key for key, value in network.named_parameters() if not stored.has(value)]
    if lost or drawn:
        raise InputError(_partly(what, drawn, lost, release))


def origin_of(model: str | Path, network: Any, revision: str | None) -> str:
    """A model's name with its commit, or with the SHA-256 of all in its folder that its answers follow from."""
    if Path(model).is_dir():
        return f"{model} (sha256 {folder_digest(Path(model))[:12]})"
    commit = getattr(network.config, "_commit_hash", None) or revision
    return f"{model} at {commit}" if commit else str(model)


def folder_digest(folder: Path) -> str:
    """SHA-256 of a folder's weights, settings and texts, 64 digits."""
    files = sorted(path for ending in FILES for path in folder.glob(f"*{ending}"))
    return hashlib.sha256("".join(file.name + checked(file) for file in files).encode()).hexdigest()


def labels(config: Any, outputs: int, name: str) -> list[str]:
    """The names of a network's outputs, in their order.

    Args:
        config: its settings, with `id2label`.
        outputs: how many there are.
        name: of the network, for messages.

    Raises:
        InputError: a name is missing, or is one too many.
    """
    known = {int(number): str(label) for number, label in dict(getattr(config, "id2label", None) or {}).items()}
    if sorted(known) != list(range(outputs)):
        numbers = sorted(known)
        given = f"names {numbers[0]} to {numbers[-1]}, {len(numbers)} in all" if numbers else "no names"
        raise InputError(
            f"{name}: config.json, id2label: has {given}, and the network {counted(outputs, 'output')}, counted "
            f"from 0: mend it, or give the names yourself where the command takes them (--names FILE)"
        )
    return [known[number] for number in range(outputs)]


def first_line(error: Exception) -> str:
    """What an error says, in a line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class _Contents:
    """Which values a set of tensors holds, whatever their names: whole, and in pieces along the first axis."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = tensors
        self._whole = {_digest(value) for value in tensors.values()}
        self._pieces: set[bytes] | None = None

    def has(self, value: Tensor) -> bool:
        """Whether the values are there: as a tensor, as a piece of one, or as several pieces."""
        if _digest(value) in self._whole:
            return True
        if any({_digest(piece) for piece in pieces} <= self._whole for pieces in _cut(value)):
            return True
        if self._pieces is None:
            cut = (piece for tensor in self._tensors.values() for pieces in _cut(tensor) for piece in pieces)
            self._pieces = {_digest(piece) for piece in cut}
        return _digest(value) in self._pieces


def _cut(value: Tensor) -> Iterator[tuple[Tensor, ...]]:
    for count in PIECES:
        if value.ndim and len(value) % count == 0 and len(value):
            yield value.chunk(count)


def _digest(value: Tensor) -> bytes:
    return hashlib.sha256(value.detach().cpu().contiguous().flatten().numpy().data).digest()


def _same(key: str, value: Tensor, own: Mapping[str, Tensor]) -> bool:
    return key in own and own[key].shape == value.shape


def _ignored(key: str, network: nn.Module) -> bool:
    """Whether the network's own authors say that a file's tensor is of no use."""
    patterns = getattr(network, "_keys_to_ignore_on_load_unexpected", None) or ()
    return any(re.search(pattern, key) for pattern in patterns)


def _partly(what: str, missing: Iterable[str], left: Iterable[str], release: str) -> str:
    missing, left = list(missing), list(left)
    lines = [f"has no weights for {_listed(missing)}"] * bool(missing)
    lines += [f"its files hold {_listed(left)}, which did not get into the network"] * bool(left)
    head = "it is not fine-tuned, and its head would be random" if any("classif" in key for key in missing) else ""
    cure = head or f"another network's, or names that transformers {release} does not know: a newer one may (5.18 on)"
    return f"{what}: loaded in part: {'; '.join(lines)}: {cure}"


def _named(key: Any) -> str:
    """A key of another shape; transformers tells of it with both shapes."""
    if isinstance(key, str):
        return key
    name, *shapes = key
    return f"{name} ({' and '.join(str(tuple(shape)) for shape in shapes)})"


def _listed(keys: Iterable[str]) -> str:
    names = sorted(keys)
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")


def _tensors(files: Iterable[Path], name: str) -> Iterator[tuple[str, Tensor]]:
    for path in files:
        try:
            with safe_open(path, framework="pt") as file:
                for key in file.keys():  # noqa: SIM118  # not a dictionary
                    yield key, file.get_tensor(key)
        except (SafetensorError, OSError) as error:
            raise InputError(f"{name}: {path.name}: corrupt weights: {error}") from None


def _files(name: str, revision: str | None) -> list[Path]:
    """The files of weights that transformers loads from a folder, or has in its cache."""
    if (single := _file(name, FILE, revision)) is not None:
        return [single]
    index = _file(name, INDEX, revision)
    try:
        names = sorted(set(json.loads(index.read_text())["weight_map"].values())) if index is not None else []
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{name}: {INDEX} cannot be read: {first_line(error)}") from None
    paths = [_file(name, Path(str(part)).name, revision) for part in names]
    if not paths or None in paths:
        raise InputError(f"{name}: its weights cannot be checked: no {FILE}, nor all that {INDEX} lists, is here")
    return [path for path in paths if path is not None]


def _file(name: str, file: str, revision: str | None) -> Path | None:
    if Path(name).is_dir():
        path = Path(name) / file
        return path if path.is_file() else None
    from transformers.utils.hub import cached_file

    try:
        cached = cached_file(name, file, revision=revision, local_files_only=True)
    except OSError:
        return None
    return None if cached is None else Path(cached)
