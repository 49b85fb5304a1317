"""A small model of each kind, as files or functions that an audit can open; random weights, no network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, save
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

from sceneproof.audit.models.callable_model import CallableModel
from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.models.opening import open_subject
from sceneproof.audit.subject import Pixels, Subject
from tests.backbones import i3d_files
from tests.training import Small

CLASSES = ["jump", "run", "swim"]
DEVICE = torch.device("cpu")


def noise(clips: int, frames: int, height: int = 40, width: int = 56) -> Pixels:
    """uint8 (B, T, H, W, 3): coarse coloured noise, so that clips differ after scaling, too."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(0, 256, (clips, frames, height // 8, width // 8, 3), np.uint8)
    return np.repeat(np.repeat(coarse, 8, 2), 8, 3)


class MeanColour(nn.Module):
    """Scores are a clip's mean red, green and blue: (B, 3, T, H, W) to (B, 3)."""

    def forward(self, video: Tensor) -> Tensor:
        return video.mean((2, 3, 4))


def names(folder: Path) -> Path:
    (folder / "names.txt").write_text("\n".join(CLASSES) + "\n")
    return folder / "names.txt"


def torchscript(folder: Path, network: nn.Module | None = None) -> Path:
    torch.jit.script(network or MeanColour()).save(str(folder / "model.pt"))  # type: ignore[no-untyped-call]
    return folder / "model.pt"


def onnx(
    folder: Path, shape: tuple[int | str, ...] = ("b", 3, 4, 8, 8), kind: int = TensorProto.FLOAT, *, channels: int = 1
) -> Path:
    """A file whose scores are a clip's mean red, green and blue, as `MeanColour` gives them."""
    video, scores = helper.make_tensor_value_info("video", kind, shape), helper.make_tensor_value_info("s", 1, None)
    axes = [axis for axis in range(1, len(shape)) if axis != channels]
    nodes = [
        helper.make_node("Cast", ["video"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["s"], axes=axes, keepdims=0),
    ]
    graph = helper.make_graph(nodes, "mean colour", [video], [scores])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    save(model, str(folder / "model.onnx"))
    return folder / "model.onnx"


def torchvision_weights(folder: Path, name: str) -> Path:
    """A state dict of random weights for three classes."""
    torch.manual_seed(1)
    network = get_model(name, weights=None, num_classes=3)
    if name == "s3d":  # fresh, its features vanish: give each normalisation the statistics of the tests' noise
        for module in network.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.momentum = 1.0
        with torch.no_grad():
            pictures = torch.from_numpy(noise(3, 16)).permute(0, 1, 4, 2, 3).contiguous()
            network(get_model_weights(name).DEFAULT.transforms()(pictures))
    torch.save(network.state_dict(), folder / f"{name}.pth")
    return folder / f"{name}.pth"


SIZE = {"size": {"shortest_edge": 18}, "crop_size": {"height": 16, "width": 16}}
TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
OWN = {"id2label": dict(enumerate(CLASSES)), "label2id": {name: place for place, name in enumerate(CLASSES)}}


def hugging_face(folder: Path, kind: str, *, processor: str | None = None, spread: float = 0.3, **extra: Any) -> Path:
    """A tiny model of a kind with 2 x 2 places, saved with its processor."""
    transformers = pytest.importorskip("transformers", reason="needs sceneproof[hf]")
    torch.manual_seed(2)
    given: dict[str, Any] = {**TINY, **OWN, "image_size": 16, "patch_size": 8, "num_frames": 4}
    made: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
        "videomae": ("VideoMAE", {"tubelet_size": 2}, SIZE),
        "timesformer": ("Timesformer", {}, SIZE),
        "vivit": ("Vivit", {"tubelet_size": [2, 8, 8]}, SIZE),
        "vjepa2": ("VJEPA2", {
            "crop_size": 16, "frames_per_clip": 4, "tubelet_size": 2, "mlp_ratio": 2.0, "pred_hidden_size": 16,
            "pred_num_attention_heads": 2, "pred_num_hidden_layers": 1, "pred_num_mask_tokens": 1,
            "num_pooler_layers": 1,
        }, {"crop_size": 16}),
    }  # fmt: skip
    prefix, more, sizes = made[kind]
    config = getattr(transformers, f"{prefix}Config")(**{**given, **more, **extra})
    model = getattr(transformers, f"{prefix}ForVideoClassification")(config)
    with torch.no_grad():
        for weight in model.parameters():  # larger than at the start of training, so that classes differ
            weight.add_(spread * torch.randn_like(weight))
    model.save_pretrained(folder)
    getattr(transformers, processor or f"{prefix}VideoProcessor")(**sizes).save_pretrained(folder)
    return folder


class Brightness:
    """A model of one's own that is made without arguments; it counts the bright pixels of each colour."""

    actions = CLASSES
    frames = 4
    stride = None

    def __call__(self, clip: Pixels) -> NDArray[np.float64]:
        return np.asarray((clip > 127).mean((0, 1, 2)) + 0.1)


def make(kind: str, folder: Path, *, batch: int) -> Subject:
    """Opens a small model of a kind."""
    if kind == "run":
        if not (folder / "run").exists():
            small = Small.make(folder)
            small.train(folder / "run", optimisation={"epochs": 1})
        return open_subject(str(folder / "run"), batch=batch)
    if kind in ("torchscript", "onnx"):
        file = torchscript(folder) if kind == "torchscript" else onnx(folder)
        inputs = InputSettings(frames=4, size=8)
        return open_subject(str(file), names=names(folder), inputs=inputs, batch=batch)
    if kind == "callable":
        return open_subject(f"{__name__}:Brightness", batch=batch)
    if kind == "function":
        return CallableModel(Brightness().__call__, actions=CLASSES, inputs=InputSettings(frames=3))
    if kind == "i3d":
        if not (folder / "i3d.pth").exists():
            torch.save(i3d_files.port(i3d_files.ours(classes=len(CLASSES))), folder / "i3d.pth")
        given = InputSettings(frames=16, size=30, width=56)
        return open_subject(
            "i3d:kinetics400", weights=str(folder / "i3d.pth"), names=names(folder), inputs=given, batch=batch
        )
    if kind in ("videomae", "timesformer", "vivit", "vjepa2"):
        return open_subject(str(hugging_face(folder / kind, kind)), batch=batch)
    weights = folder / f"{kind}.pth"
    if not weights.exists():
        torchvision_weights(folder, kind)
    # MViT's positions are for 16 frames only
    inputs = InputSettings(frames=16 if kind in ("mvit_v2_s", "s3d") else 4)
    return open_subject(kind, weights=str(weights), names=names(folder), inputs=inputs, batch=batch)
