"""Weights of a run that are not those that were saved, and answers that are no numbers, are refused by name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from sceneproof.audit.models.opening import open_subject
from sceneproof.backbones.vgg16 import VGG16
from sceneproof.cli import main
from sceneproof.errors import InputError
from sceneproof.evaluate import evaluate
from sceneproof.labelling.scene_network import SceneNetwork, SceneNetworkFacts, build, save
from sceneproof.methods.base import Facts
from sceneproof.methods.plain import Plain
from sceneproof.run import refusing_overflow
from sceneproof.start import start_from
from sceneproof.tasks.detection.ssd import SSD
from sceneproof.tasks.localization.per_frame import PerFrame
from tests.training import SMALL, Small

SSD_SETTINGS: dict[str, Any] = {"scales": (0.2, 0.4, 0.6, 0.9), "aspect_ratios": ((2,), (2,), (2,))}
Change = Callable[[Tensor], Tensor]
CHANGES: dict[str, tuple[Change, str]] = {
    "float16": (lambda value: value.half(), "is in float16, the model needs float32"),
    "bfloat16": (lambda value: value.bfloat16(), "is in bfloat16, the model needs float32"),
    "float64": (lambda value: value.double(), "is in float64, the model needs float32"),
    "int32": (lambda value: value.int(), "is in int32, the model needs float32"),
    "NaN": (lambda value: value * torch.nan, "holds values that are not finite numbers"),
    "infinity": (lambda value: value + torch.inf, "holds values that are not finite numbers"),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small.make(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def run(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.train(tmp_path_factory.mktemp("runs") / "run", method=Plain, optimisation={"epochs": 1}).path


def changed(run: Path, out: Path, change: Change, key: str = "action_head.weight") -> Path:
    """A copy of a run with one tensor changed."""
    shutil.copytree(run, out)
    state = load_file(out / "weights.safetensors")
    save_file({**state, key: change(state[key])}, out / "weights.safetensors")
    return out


@pytest.mark.parametrize("kind", CHANGES)
def test_changed_weights_of_a_run_are_refused(
    kind: str, run: Path, small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, said = CHANGES[kind]
    other = changed(run, tmp_path / "other", change)
    for words in (["evaluate", other, small.manifest, "--quiet"], ["audit", other, small.manifest, "--dry_run"]):
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        assert stop.value.code == 2
        assert f"weights.safetensors: 'action_head.weight' {said}" in capsys.readouterr().err
    with pytest.raises(InputError, match=said):
        start_from(Plain(SMALL(), Facts(2)), other, ["jump", "run"])


def test_an_answer_that_overflows_names_the_video(run: Path, small: Small, tmp_path: Path) -> None:
    """Finite weights whose products are not: a NaN would be counted as a wrong answer, or be the first class."""
    other = changed(run, tmp_path / "other", lambda value: torch.full_like(value, 3e38))
    with pytest.raises(InputError, match="jump_test_0: the network's answer is not made of finite numbers"):
        evaluate(other, small.manifest, quiet=True)


def test_an_audit_that_overflows_names_the_video(
    run: Path, small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = changed(run, tmp_path / "other", lambda value: torch.full_like(value, 3e38))
    with pytest.raises(SystemExit):
        main(["audit", str(other), str(small.manifest), "--out", str(tmp_path / "audit"), "--workers=0", "--quiet"])
    assert "_test_" in (said := capsys.readouterr().err)
    assert "not finite numbers" in said
    assert open_subject(str(run)).actions == ["jump", "run"]


def test_a_localizer_and_a_detector_that_overflow_say_so() -> None:
    """A NaN reaches no threshold: nothing would be found, in silence."""
    localizer, detector = PerFrame(SMALL(), Facts(2)), SSD(VGG16(width=4), Facts(2), **SSD_SETTINGS)
    for network in (localizer, detector):
        heads = [weight for name, weight in network.named_parameters() if "head" in name and name.endswith("weight")]
        torch.nn.init.constant_(heads[0], torch.inf)
        refusing_overflow(network.eval(), "run")
    with pytest.raises(InputError, match="run: the network's answer is not made of finite numbers"):
        localizer.detect(torch.rand(1, 3, 16, 32, 32) * 255, torch.tensor([16]))
    with pytest.raises(InputError, match="run: the network's answer is not made of finite numbers"):
        detector.detect(torch.rand(1, 3, 1, 64, 64) * 255)


@pytest.mark.parametrize("kind", CHANGES)
def test_a_scene_network_of_other_weights_is_refused(kind: str, tmp_path: Path) -> None:
    change, said = CHANGES[kind]
    file = tmp_path / "x.safetensors"
    save(file, build(2), SceneNetworkFacts(["a", "b"], 32, 1.0, 0.5, 0.7, 0.1, 4, 8, 1, 0))
    with safe_open(file, framework="pt") as opened:
        facts = json.loads(opened.metadata()["sceneproof"])
    del facts["sha256"]  # as a program leaves it out that writes the file anew
    state = load_file(file)
    save_file({**state, "0.weight": change(state["0.weight"])}, file, {"sceneproof": json.dumps(facts)})
    with pytest.raises(InputError, match=f"'0.weight' {said}"):
        SceneNetwork(file)
