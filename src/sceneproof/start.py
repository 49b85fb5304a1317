"""Weights to start from: a run of ours, or an official checkpoint."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from sceneproof.backbones.base import Backbone
from sceneproof.backbones.weights import fill, load_official
from sceneproof.errors import InputError
from sceneproof.methods.base import Learner
from sceneproof.run import Run
from sceneproof.sealed_tensors import read_weights


def start_from(method: Learner, weights: Path, actions: Sequence[str], scenes: Sequence[str] = ()) -> set[str]:
    """Fills a method's parts from a run folder or an official checkpoint; returns the names of the parts filled.

    The backbone must fit; a second one, which the weights do not have, starts from it, too. A head is taken along only
    where its classes are the same: for a run, the same names; for an official checkpoint, which has none, the same
    shapes.

    Args:
        method: what to fill.
        weights: a run folder, or an official checkpoint.
        actions: the method's action names, in order.
        scenes: the method's scene names, in order.

    Raises:
        InputError: no such weights, a corrupt file, or a backbone of another shape.
    """
    parts, other_classes = _parts(Path(weights), method.backbone, actions, scenes)
    if "backbone" not in parts:
        raise InputError(f"{weights}: holds no weights of a backbone, only of {', '.join(sorted(parts)) or 'nothing'}")
    own = dict(method.named_children())
    filled: set[str] = set()
    for name in method.groups():
        base = name in method.backbones
        state = parts.get(name, parts["backbone"] if base else None)
        if state is None or (not base and (name in other_classes or not _fits(own[name].state_dict(), state))):
            continue
        taken = method.backbone.taken_from(state) if base else state
        fill(own[name], taken, f"{weights} ({name})")
        filled.add(name)
    return filled


def _parts(
    weights: Path, backbone: Backbone, actions: Sequence[str], scenes: Sequence[str]
) -> tuple[dict[str, dict[str, Tensor]], set[str]]:
    """State dicts by part, and the names of the heads whose classes are others."""
    if not weights.is_dir():
        return load_official(weights, backbone), set()
    run = Run.open(weights)
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in read_weights(run.path / "weights.safetensors").items():
        part, _, rest = key.partition(".")
        parts.setdefault(part, {})[rest] = value
    run.check_files()
    other_actions = set() if run.actions == list(actions) else set(parts) - {"backbone", "scene_head"}
    other_scenes = set() if run.scenes == list(scenes) else {"scene_head"}
    return parts, other_actions | other_scenes


def _fits(own: dict[str, Tensor], state: dict[str, Tensor]) -> bool:
    return own.keys() == state.keys() and all(own[key].shape == state[key].shape for key in own)
