"""Files of weights that other programs wrote: the tensors in them, whatever wraps them. Nothing is executed."""

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from sceneproof.backbones.array_pickles import holds_arrays, read_arrays
from sceneproof.errors import InputError

KEYS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params", "module")
"""Where training programs put weights beside other things: Lightning, MMAction, PySlowFast, torchvision, timm."""
AVERAGED = ("ema_state_dict", "state_dict_ema", "model_ema", "ema_model", "ema")
"""Where they put their moving average."""
PREFIXES = ("module.", "model.", "net.", "network.")
"""What DistributedDataParallel, AveragedModel, Lightning and one's own wrappers put before every key."""
MMACTION = ("backbone.", "cls_head.")
MMACTION_HEAD = "cls_head.fc_cls."
HEADS = {
    "stem.0.weight": "fc.",
    "conv1.weight": "fc.",
    "conv_proj.weight": "head.1.",
    "patch_embed.proj.weight": "head.",
}
"""The last layer's name, by the first key of each family of networks."""
OTHER_MODELS = {
    ".onnx": "a network in ONNX (scenes are labelled by one with --labeller OnnxSceneLabeller)",
    ".tflite": "a network in LiteRT (people are told by one with --detector LiteRTSegmenter)",
    ".parquet": "a table by its name",
}
"""What else people give for weights, by the file's suffix."""
SAFE = re.compile(r"[^\w.:<>-]+")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The weights in a file of torch.save, of safetensors or of arrays, by their bare names and in single precision.

    They may lie under one of `KEYS` or `AVERAGED`, with `PREFIXES`, torch.compile's `_orig_mod.` or MMAction's parts
    before their names. Half precision, and what double precision holds without a loss, is converted, exactly.

    Raises:
        InputError: corrupt, with objects that only execution could restore, or with none or several sets of weights;
            says what to do.
    """
    try:
        loaded: Any = load_file(path) if path.suffix == ".safetensors" else _loaded(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: corrupt weights: {error}") from None
    sets = _weights_in(loaded, "")
    if not sets:
        raise InputError(f"{path}: {_none(loaded)}: expected tensors by name, or those under 'state_dict'")
    (_, first), *others = sets.items()
    if not all(_same(first, other) for _, other in others):
        raise InputError(
            f"{path}: holds several sets of weights, {' and '.join(sets)}: save the one that you mean by itself: "
            f"torch.save(torch.load({path.name!r})[{next(iter(sets))!r}], 'weights.pth')"
        )
    return {key: _single(value, f"{path}: {key!r}") for key, value in _bare(first, path).items()}


def _loaded(path: Path) -> Any:
    return read_arrays(path) if holds_arrays(path) else _unpickled(path)


def _unpickled(path: Path) -> Any:
    try:
        with warnings.catch_warnings(action="ignore"):  # of files that are refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    # torch.load has no error of its own: text, a cut file and an empty one each raise another of these
    except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError, TypeError, OSError) as error:
        said = str(error)
    if "TorchScript" in said:
        raise InputError(f"{path}: a TorchScript file, which holds its network: give its weights, saved by torch.save")
    if path.suffix.lower() in OTHER_MODELS:
        raise InputError(f"{path}: {OTHER_MODELS[path.suffix.lower()]}, where weights that PyTorch reads are wanted")
    if names := _classes(path, said):
        listed = ", ".join(names[:3]) + " …" * (len(names) > 3)
        raise InputError(
            f"{path}: holds objects of Python besides tensors ({listed}). "
            f"To load those could execute any code, so the file is not read. If you trust who made it, save its "
            f"weights alone: weights = torch.load({path.name!r}, map_location='cpu', weights_only=False), then "
            f"torch.save(weights['state_dict'], 'weights.pth'), with the key that they are under"
        )
    reason = (said.splitlines() or [""])[0]
    known = reason and "weights_only" not in said and "Weights only" not in said  # torch's advice is not ours
    raise InputError(f"{path}: not a checkpoint, or a corrupt one{f': {reason}' if known else ''}")


def _classes(path: Path, said: str) -> list[str]:
    """The classes and functions that a pickle would import and call; as plain letters, since a file chose them."""
    try:
        names = list(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # noqa: BLE001  # it is meant for whole files of the new format, and raises anything for others
        names = re.findall(r"GLOBAL (\S+)", said)
    return [SAFE.sub("?", name)[:80] for name in names]


def _weights_in(value: Any, where: str, depth: int = 3) -> dict[str, Mapping[str, Tensor]]:
    """All sets of weights in a checkpoint, by the keys that lead there."""
    if not isinstance(value, Mapping) or not value:
        return {}
    if all(isinstance(item, Tensor) for item in value.values()):
        return {where: {str(key): item for key, item in value.items()}}
    weights: dict[str, Mapping[str, Tensor]] = {}
    for key in (*KEYS, *AVERAGED):
        if key in value and depth:
            weights |= _weights_in(value[key], f"{where}.{key}" if where else key, depth - 1)
    return weights


def _none(loaded: Any) -> str:
    """What a file holds that holds no weights."""
    inner = loaded.get("state_dict", loaded) if isinstance(loaded, Mapping) else None
    if not isinstance(inner, Mapping) or not inner:
        return "holds no weights"
    key = next(key for key, value in inner.items() if not isinstance(value, Tensor))
    return f"{SAFE.sub('?', str(key))!r} is no tensor"


def _same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(value, second[key]) for key, value in first.items())


def _bare(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Without what wrappers put before each name, and without AveragedModel's count."""
    named = {key.replace("_orig_mod.", ""): value for key, value in state.items() if key != "n_averaged"}
    while named and (
        prefix := next((prefix for prefix in PREFIXES if all(key.startswith(prefix) for key in named)), None)
    ):
        named = {key.removeprefix(prefix): value for key, value in named.items()}
    return _from_mmaction(named, path) if named and all(key.startswith(MMACTION) for key in named) else named


def _from_mmaction(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """A network of torchvision's that MMAction trained; its own ones are built otherwise, though shapes may agree."""
    body = {key.removeprefix("backbone."): value for key, value in state.items()}
    head = next((name for first, name in HEADS.items() if first in body), None)
    if head is None or any(re.search(r"\.conv\.weight$", key) for key in body):
        raise InputError(
            f"{path}: weights of a network of MMAction's own ({next(iter(state))!r}), which is built otherwise than "
            f"those here: give the audit a package.module:callable that loads it, and training a Wrapped backbone"
        )
    return {key.replace(MMACTION_HEAD, head): value for key, value in body.items()}


def _single(value: Tensor, what: str) -> Tensor:
    """A tensor in single precision, where that is exact; whole numbers as they are."""
    if not value.is_floating_point() or value.dtype == torch.float32:
        return value
    single = value.float()
    if value.element_size() > 2 and not torch.equal(single.to(value.dtype), value) and value.isfinite().all():
        raise InputError(
            f"{what} is in {value.dtype}, whose values single precision does not hold: save it as float32, if that is "
            f"near enough"
        )
    return single
