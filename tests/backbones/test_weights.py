import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.backbones.torchvision_video import FAMILIES, TorchvisionVideo
from sceneproof.backbones.weights import PUBLIC, Weights, fill, load_official, parts_of
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.sdn import SDN
from tests.backbones import formula


def small() -> SDN:
    return SDN(ResNet3D(10, width=2), Facts(5, 7), variant="released")


def test_an_official_file_fills_every_part(tmp_path: Path) -> None:
    state = {f"module.{key}": value for key, value in formula.official(small()).items()}
    # what the authors' loop saves beside the weights
    optimizer = {"state": {0: {"momentum_buffer": torch.zeros(2)}}, "param_groups": [{"lr": 1e-4, "params": [0]}]}
    file = tmp_path / "save_100.pth"
    torch.save({"epoch": 101, "arch": "resnet-10", "state_dict": state, "optimizer": optimizer}, file)
    method, parts = small(), load_official(file)
    for name, part in method.named_children():
        fill(part, parts.pop(name), name)
    assert not parts
    found = method.state_dict()
    for ours, theirs in {
        "backbone.conv1.weight": "conv1.weight",
        "action_head.bias": "fc.bias",
        "scene_head.2.bn.running_var": "place_mlp.2.bn.running_var",
        "scene_head.last.bias": "place_mlp.p_last_fc.bias",
        "confusion_head.last.weight": "hm_mlp.hm_last_fc.weight",
    }.items():
        assert torch.equal(found[ours], state[f"module.{theirs}"])


def test_files_from_before_batches_were_counted(tmp_path: Path) -> None:
    state = {key: value for key, value in formula.official(small()).items() if "num_batches" not in key}
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    parts = load_official(tmp_path / "old.pth")
    backbone = small().backbone
    fill(backbone, parts["backbone"], "old.pth")
    assert torch.equal(backbone.state_dict()["conv1.weight"], parts["backbone"]["conv1.weight"])


def test_another_number_of_classes_names_key_and_shapes() -> None:
    parts = parts_of(formula.official(small()), "x.pth")
    with pytest.raises(InputError, match=r"x\.pth: 'weight' has the shape \(5, 16\), the model needs \(400, 16\)"):
        fill(nn.Linear(16, 400), parts["action_head"], "x.pth")


def test_another_depth_names_the_key() -> None:
    parts = parts_of(formula.official(small()), "x.pth")
    with pytest.raises(InputError, match=r"lacks 'layer1\.1\.conv1\.weight'.*depth"):
        fill(ResNet3D(18, width=2), parts["backbone"], "x.pth")
    deeper = parts["backbone"] | {"layer1.5.conv1.weight": torch.zeros(1)}
    with pytest.raises(InputError, match=r"ResNet3D has no 'layer1\.5\.conv1\.weight'"):
        fill(ResNet3D(10, width=2), deeper, "x.pth")


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(InputError, match=r"x\.pth: unknown key 'cls_head\.fc_cls\.weight'.*place_mlp"):
        parts_of({"cls_head.fc_cls.weight": torch.zeros(1)}, "x.pth")


class Malicious:
    def __reduce__(self) -> Any:
        return os.mkdir, ("executed",)


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "noise", "list", "nothing", "numbers", "code", "missing"])
def test_a_bad_file_is_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "bad.pth"
    torch.save({"conv1.weight": torch.zeros(1000)}, tmp_path / "whole.pth")
    whole = (tmp_path / "whole.pth").read_bytes()
    content = {"empty": b"", "text": b"Not found\n" * 9, "cut": whole[: len(whole) // 2], "noise": bytes(range(256))}
    objects: dict[str, Any] = {"list": [1], "nothing": {}, "numbers": {"conv1.weight": 3}, "code": {"a": Malicious()}}
    if kind in content:
        file.write_bytes(content[kind])
    elif kind in objects:
        torch.save(objects[kind], file)
    with pytest.raises(InputError, match=r"bad\.pth"):
        load_official(file)
    assert not (tmp_path / "executed").exists()


def test_the_public_weights_are_those_torchvision_names() -> None:
    assert PUBLIC.keys() == FAMILIES.keys()
    for name, weights in PUBLIC.items():
        assert weights.address == get_model_weights(name).KINETICS400_V1.url
        assert len(weights.sha256) == 8
        assert int(weights.sha256, 16)


def test_a_download_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    source = tmp_path / "published.pth"
    source.write_bytes(b"weights")
    digits = hashlib.sha256(b"weights").hexdigest()[:8]
    published = Weights(source.as_uri(), digits, "MIT")
    fetched = published.download()
    assert fetched.read_bytes() == b"weights"
    source.unlink()
    assert published.download() == fetched  # from the cache
    fetched.write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"does not start with .*delete the file"):
        published.download()
    with pytest.raises(InputError, match=r"cannot be fetched.*put the file at"):
        Weights((tmp_path / "gone.pth").as_uri(), digits, "MIT").download()


@pytest.mark.parametrize("name", ["r3d_18", "mc3_18", "r2plus1d_18", "s3d", "mvit_v2_s", "swin3d_t"])
def test_torchvisions_files_fill_its_networks(name: str) -> None:
    with torch.device("meta"):  # shapes are enough
        state: dict[str, Tensor] = get_model(name).state_dict()
        backbone = TorchvisionVideo(name)  # type: ignore[arg-type]
    parts = parts_of(state, name)
    own = backbone.state_dict()
    assert {key: value.shape for key, value in parts["backbone"].items()} == {k: v.shape for k, v in own.items()}
    if name == "mvit_v2_s":
        assert parts.keys() == {"backbone"}
    else:
        assert parts["action_head"]["weight"].shape == (400, backbone.dim)
        assert parts["action_head"].keys() == {"weight", "bias"}
