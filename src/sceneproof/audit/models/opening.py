"""From a word to a model under audit."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

import torch

from sceneproof.audit.models.callable_model import open_callable
from sceneproof.audit.models.choice_model import open_choices
from sceneproof.audit.models.exported import OnnxModel, TorchScriptModel
from sceneproof.audit.models.flow_model import FlowModel
from sceneproof.audit.models.inputs import InputSettings, read_classes
from sceneproof.audit.models.run_model import RunModel
from sceneproof.audit.subject import Subject
from sceneproof.errors import InputError
from sceneproof.flow_methods import flow_of_run
from sceneproof.methods.base import Method
from sceneproof.run import Run

KINDS = """a model is one of:
  runs/sdn                     a run folder of sceneproof
  torchvision:r3d_18           a video model of torchvision, with its published weights or --weights FILE
  i3d:kinetics400              DeepMind's I3D, with --weights FILE: see docs/i3d.md
  hf:ORG/NAME, or a folder     a Hugging Face video classifier (config.json and safetensors); ORG/NAME will do, too
  model.pt, model.ts           a TorchScript file, with --names FILE
  model.onnx                   an ONNX file, with --names FILE
  package.module:callable      a function of yours: a clip in, scores out
  clip:ORG/NAME, or a folder   CLIP, SigLIP or X-CLIP, asked for the manifest's actions by --prompt
  choices:package.module:callable   a function that gets a clip and five answers, and names one"""


ASKED = ("clip", "choices")
"""Kinds of models that have no classes of their own."""
SUFFIXES = (".pt", ".ts", ".onnx")


def open_subject(
    model: str,
    *,
    names: Path | None = None,
    inputs: InputSettings = InputSettings(),
    weights: str | None = None,
    device: torch.device | str = "cpu",
    batch: int = 8,
    trust: Sequence[str] | None = None,
    prompt: str | None = None,
    actions: Sequence[str] = (),
) -> Subject:
    """Opens a model.

    Args:
        model: what to open, see `KINDS`.
        names: file of class names, for what does not bring them.
        inputs: what an exported file or a callable takes.
        weights: for a model of torchvision: a file, or the name of published ones; for I3D: a file; for a run that was
            trained on flow by RAFT: RAFT's.
        device: where to compute.
        batch: clips that go through together.
        trust: import paths that a run's configuration may name: see `sceneproof.trust`.
        prompt: what a model of texts is asked.
        actions: what a model without classes of its own is asked for, where `names` are not given.

    Raises:
        InputError: nothing that can be opened; says what can.
    """
    where = torch.device(device)
    classes = None if names is None else read_classes(names)
    path, kind = Path(model), model.partition(":")[0]
    if kind in ASKED:
        return _asked(kind, model.partition(":")[2], classes or actions, prompt, inputs, where, batch)
    if prompt is not None:
        raise InputError(f"--prompt goes with a model of texts (clip:…); {model} has classes of its own")
    if kind == "torchvision" or model in _torchvision_names():
        return _torchvision(model.removeprefix("torchvision:"), classes, inputs, weights, where, batch)
    if kind == "i3d" and not path.exists():
        from sceneproof.audit.models.i3d_model import open_i3d

        known = model.partition(":")[2] or "kinetics400"
        return open_i3d(known, weights=weights, names=classes, inputs=inputs, device=where, batch=batch)
    if (path / "config.yaml").is_file():
        if classes is not None or inputs != InputSettings():
            raise InputError(f"{model}: a run knows its classes and its clips: leave --names and --inputs out")
        return _run(path, weights, where, batch, trust)
    if weights is not None:
        raise InputError(f"--weights goes with a model of torchvision or I3D; {model} brings its own")
    if kind == "hf" or (path / "config.json").is_file() or _on_the_hub(model):
        from sceneproof.audit.models.hugging_face import HuggingFaceModel

        return HuggingFaceModel(model.removeprefix("hf:"), names=classes, inputs=inputs, device=where, batch=batch)
    if path.suffix.lower() in SUFFIXES:
        return _exported(path, classes, inputs, where, batch)
    if ":" in model and "/" not in model and not path.exists():
        return open_callable(model, classes, inputs)
    raise InputError(f"{model}: {_what_it_is(path)}; {KINDS}")


def _asked(
    kind: str,
    model: str,
    actions: Sequence[str],
    prompt: str | None,
    inputs: InputSettings,
    device: torch.device,
    batch: int,
) -> Subject:
    if not actions:
        raise InputError(f"{kind}:{model}: for which actions is it to be asked? give --names FILE, a name a line")
    if kind == "choices":
        if prompt is not None:
            raise InputError("--prompt goes with a model of texts (clip:…); a function words its own question")
        return open_choices(model, actions, inputs)
    from sceneproof.audit.models.zero_shot_model import PROMPT, zero_shot_model

    return zero_shot_model(model, actions=actions, prompt=prompt or PROMPT, inputs=inputs, device=device, batch=batch)


def _on_the_hub(model: str) -> bool:
    """Whether a word reads as ORG/NAME and as no path: nothing is there, nor a folder ORG."""
    path = Path(model)
    named = re.fullmatch(r"[\w.-]+/[\w.-]+", model) is not None and path.suffix.lower() not in SUFFIXES
    return named and not path.exists() and not path.parent.is_dir()


def _exported(
    path: Path, classes: list[str] | None, inputs: InputSettings, device: torch.device, batch: int
) -> Subject:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if classes is None:
        raise InputError(f"{path}: which classes are its scores of? give --names FILE, a name a line")
    if path.suffix.lower() == ".onnx":
        return OnnxModel(path, classes, inputs, batch=batch)
    return TorchScriptModel(path, classes, inputs, device=device, batch=batch)


def _what_it_is(path: Path) -> str:
    if path.is_dir():
        return "a folder with neither config.yaml (a run) nor config.json (Hugging Face's)"
    if path.suffix.lower() in (".pth", ".safetensors"):
        return "weights without their network: give torchvision:NAME --weights FILE, or a module:callable"
    if path.is_file():
        return f"a file of a kind that is not known ({path.suffix or 'no suffix'})"
    near = difflib.get_close_matches(path.name, _torchvision_names(), 3, 0.6)
    return "no such model" + (f" (torchvision has {', '.join(near)})" if near else "")


def _torchvision_names() -> tuple[str, ...]:
    from sceneproof.audit.models.torchvision_model import NAMES

    return NAMES


def _torchvision(
    name: str, classes: list[str] | None, inputs: InputSettings, weights: str | None, device: torch.device, batch: int
) -> Subject:
    from sceneproof.audit.models.torchvision_model import NAMES, TorchvisionModel

    if name not in NAMES:
        raise InputError(f"torchvision:{name}: torchvision has no such video model; it has: {', '.join(NAMES)}")
    return TorchvisionModel(name, weights=weights, names=classes, inputs=inputs, device=device, batch=batch)


def _run(path: Path, weights: str | None, device: torch.device, batch: int, trust: Sequence[str] | None) -> Subject:
    """A run of classification; one of optical flow with what computes that: `weights` are RAFT's."""
    run = Run.open(path, trust=trust)
    if not issubclass(run.task.network, Method):
        raise InputError(
            f"{path}: a run of {run.task.name}; an audit needs a classifier: give the run that its backbone is from"
        )
    method = flow_of_run(run, None if weights is None else Path(weights), device)
    if method is None:
        if weights is not None:
            raise InputError(f"--weights goes with a model of torchvision or I3D; {path} brings its own")
        return RunModel(path, device=device, batch=batch, trust=trust)
    network = RunModel(path, device=device, batch=batch, trust=trust, of_flow=True)
    return FlowModel(network, method, run.known.flow_side)
