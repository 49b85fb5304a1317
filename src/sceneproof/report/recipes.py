"""What a run's configuration says of its method, in the words of the paper's ablations."""

import inspect
from dataclasses import dataclass
from typing import Any

from sceneproof.errors import InputError
from sceneproof.methods.base import Learner
from sceneproof.trust import class_named


@dataclass(frozen=True)
class Described:
    """A method as configured.

    Attributes:
        terms: which of the paper's terms it has: "none" (plain training), "L_Ent", "L_Adv", "both"; "other" for
            everything else, such as controls, the released variant and methods of the user's own.
        labels: the pseudo scene labels of L_Adv: "none", "hard" or "soft".
        text: a line to read.
        shuffled: whether the scene labels were shuffled: a control, which is no row of the paper's ablations.
    """

    terms: str
    labels: str
    text: str
    shuffled: bool = False


def describe(config: dict[str, Any]) -> Described:
    """Reads the method out of a run's configuration."""
    spec = config.get("method") or {}
    path = str(spec.get("class_path", ""))
    name = path.rpartition(".")[2]
    given = spec.get("init_args") or {}
    values = {**_defaults(path), **given}
    if name == "Plain":
        masked = bool(values.get("masked_weight"))
        text = "cross entropy, masked clips as augmentation" if masked else "cross entropy alone"
        return Described("other" if masked else "none", "none", text)
    own = Described("other", "none", f"{name or 'unknown method'} {_listed(given)}".strip())
    described = _describe_sdn(values) if name == "SDN" else own
    if config.get("shuffle_scenes") and (described is own or described.labels != "none"):
        return Described("other", described.labels, f"{described.text} (shuffled scene labels)", shuffled=True)
    return described


def _describe_sdn(values: dict[str, Any]) -> Described:
    labels = str(values["labels"]) if values["scene_weight"] > 0 else "none"
    adversary, confusion = labels != "none", values["confusion_weight"] > 0
    released = values["variant"] == "released" and confusion
    terms = "both" if adversary and confusion else "L_Adv" if adversary else "L_Ent" if confusion else "none"
    parts = [f"L_Adv with {labels} labels"] * adversary + ["L_Ent"] * confusion
    text = " + ".join(parts) + (" as in the released code" if released else "")
    return Described("other" if released else terms, labels, f"SDN: {text or 'no term'}")


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


def _defaults(path: str) -> dict[str, Any]:
    """The default arguments of one of our classes, which a configuration need not repeat; none of another's."""
    try:
        target = class_named(path, Learner, (), path)
    except InputError:
        return {}
    parameters = inspect.signature(target).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not inspect.Parameter.empty}
