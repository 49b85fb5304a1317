"""Training that starts from I3D's weights, by the command."""

from pathlib import Path

import pytest
import torch

from sceneproof import cli
from sceneproof.sealed_tensors import read_weights
from tests.backbones.i3d_files import ours, port
from tests.training import Small


@pytest.mark.slow
def test_training_starts_from_the_ports_file(tmp_path: Path) -> None:
    small = Small.make(tmp_path)
    state = ours()
    torch.save(port(state), tmp_path / "rgb_imagenet.pt")
    words = ["train", str(small.manifest), str(tmp_path / "run"), "--backbone", "I3D", "--method", "Plain"]
    words += ["--weights", str(tmp_path / "rgb_imagenet.pt"), "--optimisation.epochs", "1", "--optimisation.lr", "1e-9"]
    words += ["--task.clip.length", "4", "--task.clip.size", "32", "--quiet", "true"]
    cli.main(words)
    trained = read_weights(tmp_path / "run" / "weights.safetensors")
    kernels = [key for key in state if key.endswith("conv.weight")]
    assert len(kernels) == 57
    for key in kernels:
        torch.testing.assert_close(trained[f"backbone.{key}"], state[key], rtol=0, atol=1e-5)
    assert trained["action_head.weight"].shape == (2, 1024)  # two actions: the file's head of three is left out
