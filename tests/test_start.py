from pathlib import Path

import pytest
import torch

from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.methods.base import Facts
from sceneproof.methods.sdn import SDN
from sceneproof.run import Run
from sceneproof.sealed_tensors import read_weights
from sceneproof.start import start_from

ACTIONS, SCENES = ["jump", "run"], ["gym", "park", "pool"]
FIRST = {"backbone": "conv1", "action_head": "", "scene_head": "0.fc", "confusion_head": "0.fc"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "run", {}, ACTIONS, SCENES)
    run.begin()
    run.save_weights(network())
    return run


def network() -> SDN:
    return SDN(ResNet3D(10, width=4), Facts(len(ACTIONS), len(SCENES)), variant="released")


@pytest.mark.parametrize(
    ("actions", "scenes", "filled"),
    [
        (ACTIONS, SCENES, {"backbone", "action_head", "confusion_head", "scene_head"}),
        (ACTIONS, ["gym", "pool", "park"], {"backbone", "action_head", "confusion_head"}),
        (["run", "jump"], SCENES, {"backbone", "scene_head"}),
    ],
)
def test_a_head_comes_along_only_with_its_classes(
    run: Run, actions: list[str], scenes: list[str], filled: set[str]
) -> None:
    torch.manual_seed(1)
    method = network()
    assert start_from(method, run.path, actions, scenes) == filled
    saved = read_weights(run.path / "weights.safetensors")
    for name, layer in FIRST.items():
        key = f"{name}.{layer}.weight".replace("..", ".")
        assert torch.equal(method.state_dict()[key], saved[key]) == (name in filled)
