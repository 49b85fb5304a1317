"""Checkpoints as other programs write them: what is in them loads, or is refused with what to do."""

import argparse
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.backbones.weights import fill, load_official, read_checkpoint
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.plain import Plain
from sceneproof.start import start_from

State = dict[str, Tensor]


def state() -> State:
    """A 3D-ResNet's weights with a head, as its authors name them."""
    torch.manual_seed(0)
    method = Plain(ResNet3D(10, width=2), Facts(5))
    return {
        **method.backbone.state_dict(),
        **{f"fc.{key}": value for key, value in method.action_head.state_dict().items()},
    }


def behind(prefix: str, given: State) -> State:
    return OrderedDict((prefix + key, value) for key, value in given.items())


def compiled(given: State) -> State:
    """torch.compile of a part of the network."""
    return {key.replace("layer1.", "layer1._orig_mod."): value for key, value in given.items()}


WRAPPED: dict[str, Callable[[State], Any]] = {
    "bare": lambda given: given,
    "DistributedDataParallel": lambda given: {"state_dict": behind("module.", given), "epoch": 3},
    "torch.compile": lambda given: behind("_orig_mod.", given),
    "compiled, then distributed": lambda given: {"model": behind("module._orig_mod.", given)},
    "a part compiled": lambda given: {"model": compiled(given)},
    "Lightning": lambda given: {
        "epoch": 1, "global_step": 9, "pytorch-lightning_version": "2.5.0", "state_dict": behind("model.", given),
        "loops": {}, "callbacks": {}, "optimizer_states": [{"state": {0: {"step": torch.tensor(1.0)}}}],
        "hyper_parameters": {"lr": 0.1},
    },
    "Lightning, another name": lambda given: {"state_dict": behind("net.", given), "lr_schedulers": []},
    "Lightning, compiled": lambda given: {"state_dict": behind("model._orig_mod.", given)},
    "model": lambda given: {"model": given, "optimizer": {"state": {}, "param_groups": []}},
    "model within model": lambda given: {"model": {"state_dict": given}},
    "PySlowFast": lambda given: {"epoch": 1, "model_state": given, "optimizer_state": {}, "cfg": "TRAIN:\n  X: 1\n"},
    "model_state_dict": lambda given: {"model_state_dict": given, "loss": 0.5},
    "EMA alone": lambda given: {"ema_state_dict": given},
    "timm's EMA": lambda given: {"state_dict_ema": behind("module.", given)},
    "torchvision's EMA": lambda given: {"model_ema": {"n_averaged": torch.tensor(7), **behind("module.", given)}},
    "EMA, the same": lambda given: {"state_dict": given, "ema_state_dict": dict(given)},
    "MMAction, of our names": lambda given: {
        "meta": {"epoch": 3},
        "state_dict": {
            f"cls_head.fc_cls.{key[3:]}" if key.startswith("fc.") else f"backbone.{key}": value
            for key, value in given.items()
        },
    },
    "half precision": lambda given: {
        key: value.half().float().half() if value.is_floating_point() else value for key, value in given.items()
    },
    "double precision": lambda given: {
        key: value.double() if value.is_floating_point() else value for key, value in given.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", WRAPPED)
def test_what_programs_wrap_weights_in_is_taken_off(kind: str, tmp_path: Path) -> None:
    wanted = state()
    if kind == "half precision":
        wanted = {key: value.half().float() if value.is_floating_point() else value for key, value in wanted.items()}
    torch.save(WRAPPED[kind](wanted), tmp_path / "weights.pth")
    method = Plain(ResNet3D(10, width=2), Facts(5))
    assert start_from(method, tmp_path / "weights.pth", list("abcde")) == {"backbone", "action_head"}
    own = method.state_dict()
    for key, value in wanted.items():
        name = f"action_head.{key[3:]}" if key.startswith("fc.") else f"backbone.{key}"
        assert torch.equal(own[name], value), name


def test_an_averaged_model_of_torch_and_a_safetensors_file(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    torch.save({"model": AveragedModel(network).state_dict()}, tmp_path / "a.pth")
    fill(network, read_checkpoint(tmp_path / "a.pth"), "a.pth")
    save_file(network.state_dict(), tmp_path / "b.safetensors")
    assert read_checkpoint(tmp_path / "b.safetensors").keys() == network.state_dict().keys()
    (tmp_path / "b.safetensors").write_bytes(b"nothing of the sort")
    with pytest.raises(InputError, match=r"b\.safetensors: corrupt weights"):
        read_checkpoint(tmp_path / "b.safetensors")


def test_a_network_of_torchvision_that_mmaction_trained(tmp_path: Path) -> None:
    theirs = {"backbone.stem.0.weight": torch.ones(2), "cls_head.fc_cls.weight": torch.ones(3)}
    torch.save({"state_dict": theirs}, tmp_path / "a.pth")
    assert read_checkpoint(tmp_path / "a.pth").keys() == {"stem.0.weight", "fc.weight"}


class Settings:
    """A class of one's own, as training programs pickle beside the weights."""

    lr = 0.1


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda given: {"state_dict": given, "args": argparse.Namespace(lr=1)}, "argparse.Namespace"),
        (lambda given: {"state_dict": given, "hyper_parameters": Settings()}, "Settings"),
        (lambda given: {"state_dict": given, "best": np.float64(0.5)}, "numpy"),
        (lambda given: nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
    ],
)
@pytest.mark.parametrize("new", [True, False])
def test_pickled_classes_are_named_with_what_to_do(
    made: Callable[[State], Any], said: str, new: bool, tmp_path: Path
) -> None:
    torch.save(made(state()), tmp_path / "x.pth", _use_new_zipfile_serialization=new)
    with pytest.raises(InputError, match=r"x\.pth: holds objects of Python besides tensors") as caught:
        read_checkpoint(tmp_path / "x.pth")
    text = str(caught.value)
    assert said in text
    assert "torch.save(weights['state_dict'], 'weights.pth')" in text
    assert "\x1b" not in text
    assert "WeightsUnpickler" not in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            lambda given: {"state_dict": given, "state_dict_ema": {key: value + 1 for key, value in given.items()}},
            r"several sets of weights, state_dict and state_dict_ema: save the one that you mean",
        ),
        (
            lambda given: {
                "state_dict": {
                    f"backbone.{key.replace('conv1.', 'conv1.conv.')}": value
                    for key, value in given.items()
                    if not key.startswith("fc.")
                }
            },
            r"a network of MMAction's own .*module:callable",
        ),
        (lambda given: {"state_dict": {"cls_head.fc_cls.weight": torch.ones(2, 2)}}, "MMAction's own"),
        (lambda given: {"model": {"blocks.0.attn.qkv.weight": torch.ones(3)}}, r"unknown key 'blocks\.0\.attn"),
        (lambda given: {"state_dict": {"fc.weight": given["fc.weight"], "fc.bias": given["fc.bias"]}}, "no weights of"),
        (lambda given: {**given, "conv1.weight": given["conv1.weight"] / 0}, "'conv1.weight' holds values that"),
        (lambda given: {**given, "conv1.weight": given["conv1.weight"].int()}, "'conv1.weight' is in int32"),
        (
            lambda given: {**given, "conv1.weight": given["conv1.weight"].double() + 1e-12},
            "'conv1.weight' is in torch.float64, whose values single precision does not hold",
        ),
        (lambda given: {"model": {"n_averaged": torch.tensor(1)}}, "x.pth"),
        (lambda given: {"state_dict": {}, "epoch": 3}, "holds no weights"),
        (lambda given: {"epoch": 3, "config": "x"}, "is no tensor"),
    ],
)  # fmt: skip
def test_what_is_not_clear_or_not_ours_is_refused(made: Callable[[State], Any], said: str, tmp_path: Path) -> None:
    torch.save(made(state()), tmp_path / "x.pth")
    with pytest.raises(InputError, match=said):
        start_from(Plain(ResNet3D(10, width=2), Facts(5)), tmp_path / "x.pth", list("abcde"))


def test_a_torchscript_file_is_no_checkpoint(tmp_path: Path) -> None:
    torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "x.pt"))  # type: ignore[no-untyped-call]
    with pytest.raises(InputError, match="a TorchScript file, which holds its network"):
        load_official(tmp_path / "x.pt")


@pytest.mark.parametrize("mangled", [b"", b"text\n", bytes(range(256)), b"PK\x03\x04 cut"])
def test_a_file_that_is_none_is_told_in_a_line(mangled: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(mangled)
    with pytest.raises(InputError, match=r"x\.pth: not a checkpoint, or a corrupt one") as caught:
        read_checkpoint(tmp_path / "x.pth")
    assert "weights_only" not in str(caught.value)
