"""VGG-16 against the authors' own (reference_vgg.py), and by hand."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from sceneproof.backbones.vgg16 import VGG16
from sceneproof.backbones.weights import fill, load_official, parts_of
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.plain import Plain
from sceneproof.methods.sdn import SDN
from sceneproof.run import Run
from sceneproof.start import start_from
from tests.backbones import formula
from tests.backbones.reference_vgg import ACTIONS, NARROWER, SCENES, SIZE, weights
from tests.methods.batches import random_batch

THEIRS: dict[str, Any] = json.loads((Path(__file__).parent / "reference_vgg.json").read_text())
KEYS = {
    "backbone.layers.": "vgg.",
    "backbone.mlp.layers.": "mlp.",
    "action_head.": "fc.",
    "scene_head.last.": "place_mlp.p_last_fc.",
    "confusion_head.last.": "hm_mlp.hm_last_fc.",
    "scene_head.": "place_mlp.",
    "confusion_head.": "hm_mlp.",
}


def theirs(key: str) -> str:
    ours = next(start for start in KEYS if key.startswith(start))
    return KEYS[ours] + key.removeprefix(ours)


def official() -> SDN:
    """An SDN on VGG-16 filled with weights by formula, by way of the authors' file."""
    backbone = VGG16(width=64 // NARROWER, hidden=4096 // NARROWER)
    method = SDN(backbone, Facts(ACTIONS, SCENES), variant="released", head_batch_norm=False)
    parts = parts_of(weights({theirs(key): value for key, value in method.state_dict().items()}), "formula")
    assert parts.keys() == method.groups().keys()
    for name, part in method.named_children():
        fill(part, parts[name], name)
    return method


def test_outputs_are_the_authors() -> None:
    method = official().eval()
    assert method.scene_head is not None
    assert method.confusion_head is not None
    frames = formula.video(2, 3, SIZE, SIZE)
    video = frames.transpose(0, 1)[None]  # two frames of one video
    backbone = VGG16(width=64 // NARROWER)
    backbone.load_state_dict(dict(backbone.taken_from(method.backbone.state_dict())))
    with torch.no_grad():
        maps = backbone(video)
        features = method.backbone(video)[0, :, :, 0, 0].t()
        found = {
            "action": method.action_head(features),
            "scene": method.scene_head(features),
            "confusion": method.confusion_head(features),
        }
    assert list(maps[0].transpose(0, 1).shape) == THEIRS["map"]
    assert maps.sum(dim=(0, 1, 3, 4)).tolist() == pytest.approx(THEIRS["sums"], rel=1e-5)
    for name, logits in found.items():
        torch.testing.assert_close(logits, torch.tensor(THEIRS[name]), rtol=0, atol=1e-5)


def test_the_networks_have_as_many_parameters_as_published() -> None:
    with torch.device("meta"):
        reduced, classifier = VGG16(), Plain(VGG16(hidden=4096), Facts(200))
    # VGG-16's convolutions 14,714,688; fc6 3 x 3 x 512 x 1024 + 1024, fc7 1024 x 1024 + 1024
    assert sum(parameter.numel() for parameter in reduced.parameters()) == 14_714_688 + 4_719_616 + 1_049_600
    hidden = 49 * 1024 * 4096 + 4096 + 4096 * 4096 + 4096
    assert sum(parameter.numel() for parameter in classifier.parameters()) == 20_483_904 + hidden + 4096 * 200 + 200


@pytest.mark.parametrize(("size", "lower", "upper"), [(300, 38, 19), (160, 20, 10), (12, 2, 1)])
def test_maps_of_sizes(size: int, lower: int, upper: int) -> None:
    backbone = VGG16(width=1).eval()
    backbone.check(1, size, size)
    below = backbone.lower(torch.zeros(1, 3, 1, size, size))
    assert below.shape == (1, backbone.lower_dim, 1, lower, lower)
    assert backbone.upper(below).shape == (1, backbone.dim, 1, upper, upper)


@pytest.mark.parametrize("hidden", [0, 6])
def test_frames_are_seen_alone(hidden: int) -> None:
    torch.manual_seed(0)
    backbone, video = VGG16(width=2, hidden=hidden).eval(), torch.randn(2, 3, 3, 32, 48)
    whole = backbone(video)
    assert whole.shape[:3] == (2, backbone.dim, 3)
    for clip in range(2):
        for frame in range(3):
            one = backbone(video[clip : clip + 1, :, frame : frame + 1])
            torch.testing.assert_close(whole[clip : clip + 1, :, frame : frame + 1], one)


@pytest.mark.parametrize("settings", [{}, {"batch_norm": True}, {"hidden": 8}])
def test_sdn_trains_it_on_frames(settings: dict[str, Any]) -> None:
    torch.manual_seed(0)
    method = SDN(VGG16(width=2, **settings), Facts(5, 6), head_batch_norm=False).train()
    losses = method(random_batch(size=(2, 16, 16)))
    assert losses.keys() == {"L_CE", "L_Adv", "L_Ent"}
    torch.autograd.backward(torch.stack(list(losses.values())).sum())
    assert all(parameter.grad is not None for parameter in method.parameters())
    assert method.get_parameter("backbone.layers.0.weight").shape == (2, 3, 3, 3)


def test_detection_starts_from_a_run_with_hidden_layers(tmp_path: Path) -> None:
    trained = Plain(VGG16(width=2, hidden=8), Facts(2))
    run = Run(tmp_path / "run", {}, ["jump", "run"], [])
    run.begin()
    run.save_weights(trained)
    fresh = Plain(VGG16(width=2), Facts(3))
    assert start_from(fresh, run.path, ["a", "b", "c"]) == {"backbone"}
    for key, value in fresh.backbone.state_dict().items():
        assert torch.equal(value, trained.backbone.state_dict()[key])


def test_ssds_own_file() -> None:
    state = VGG16(width=2).layers.state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()}.keys() >= {"0.weight", "31.bias", "33.weight"}
    backbone = VGG16(width=2)
    fill(backbone, parts_of(state, "vgg16_reducedfc.pth")["backbone"], "x")
    assert torch.equal(backbone.layers.state_dict()["33.weight"], state["33.weight"])


def test_a_file_of_the_convolutions_alone_leaves_the_rest_new(tmp_path: Path) -> None:
    whole = VGG16(width=2).layers.state_dict()
    save_file(
        {key: value.half() for key, value in whole.items() if int(key.split(".")[0]) < 30}, tmp_path / "vgg.safetensors"
    )
    backbone = VGG16(width=2)
    before = {key: value.clone() for key, value in backbone.layers.state_dict().items()}
    fill(backbone, load_official(tmp_path / "vgg.safetensors", backbone)["backbone"], "vgg.safetensors")
    for key, value in backbone.layers.state_dict().items():
        if int(key.split(".")[0]) < 30:
            assert torch.equal(value, whole[key].half().float()), key
        else:
            assert torch.equal(value, before[key]), key


def test_weights_that_read_bgr_see_the_same_frames() -> None:
    torch.manual_seed(0)
    rgb, bgr = VGG16(width=2).eval(), VGG16(width=2, bgr=True).eval()
    bgr.load_state_dict(
        {key: value.flip(1) if key == "layers.0.weight" else value for key, value in rgb.state_dict().items()}
    )
    video = torch.randn(1, 3, 2, 32, 32)
    torch.testing.assert_close(bgr(video), rgb(video))


def test_the_stem_is_the_first_block() -> None:
    shapes = [tuple(p.shape) for part in VGG16(width=2).stem for p in part.parameters()]
    assert shapes == [(2, 3, 3, 3), (2,), (2, 2, 3, 3), (2,)]


def test_bad_settings() -> None:
    with pytest.raises(InputError, match="width must be at least 1"):
        VGG16(width=0)
    with pytest.raises(InputError, match="at least 12 x 12 pixels, not 8 x 300"):
        VGG16(width=1).check(1, 8, 300)
