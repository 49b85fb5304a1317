from typing import Any

import pytest
import torch

from sceneproof.backbones.resnet3d import Depth, PaddedShortcut, ResNet3D, Shortcut
from sceneproof.backbones.weights import fill, parts_of
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.plain import Plain
from sceneproof.methods.sdn import SDN
from tests.backbones import formula
from tests.backbones.numbers import NUMBERS
from tests.backbones.reference import ACTIONS, PAPER, SCENES, SMALL


def official_sdn(depth: Depth, shortcut: Shortcut | None = None, **settings: Any) -> SDN:
    """An SDN filled with weights by formula, by way of the authors' key names."""
    backbone = ResNet3D(depth, shortcut=shortcut, **settings)
    method = SDN(backbone, Facts(ACTIONS, SCENES), variant="released", scene_weight=0.5)
    parts = parts_of(formula.official(method), "formula")
    assert parts.keys() == method.groups().keys()
    for name, part in method.named_children():
        fill(part, parts[name], name)
    return method


@pytest.mark.parametrize(
    ("depth", "shortcut", "shape", "name"),
    [
        (10, "A", SMALL, "10A"),
        (18, "A", SMALL, "18A"),
        (18, "B", SMALL, "18B"),
        (34, "A", SMALL, "34A"),
        (50, "B", SMALL, "50B"),
        (18, "A", PAPER, "18A paper"),
    ],
)
def test_outputs_are_the_authors(depth: Depth, shortcut: Shortcut, shape: tuple[int, ...], name: str) -> None:
    method = official_sdn(depth, shortcut).eval()
    assert method.scene_head is not None
    assert method.confusion_head is not None
    with torch.no_grad():
        grid = method.backbone(formula.video(*shape))
        features = grid.mean(dim=(2, 3, 4))
        found = {
            "action": method.action_head(features),
            "scene": method.scene_head(features),
            "confusion": method.confusion_head(features),
        }
    theirs = NUMBERS["sdn"][name]
    assert list(grid.shape) == theirs["map"]
    torch.testing.assert_close(features[:, :4], torch.tensor(theirs["features"]), rtol=0, atol=1e-4)
    assert float(features.sum()) == pytest.approx(theirs["features_sum"], rel=1e-5)
    for head, logits in found.items():
        torch.testing.assert_close(logits, torch.tensor(theirs[head]), rtol=0, atol=1e-4)
    if shape == SMALL:  # the other repository's second generation, with the same keys
        expected = torch.tensor(NUMBERS["hara"][name]["action"])
        torch.testing.assert_close(found["action"], expected, rtol=0, atol=1e-4)


def test_the_papers_network_has_33_million_parameters() -> None:
    with torch.device("meta"):
        method = Plain(ResNet3D(18), Facts(400))
    # convolutions: stem 65,856, stages 442,368 + 1,548,288 + 6,193,152 + 24,772,608; batch norm 7,808; head 205,200
    assert sum(parameter.numel() for parameter in method.parameters()) == 33_235_280


@pytest.mark.parametrize("depth", [18, 50])
def test_shortcuts_follow_the_depth(depth: Depth) -> None:
    with torch.device("meta"):
        keys = ResNet3D(depth).state_dict()
    assert any("downsample" in key for key in keys) == (depth == 50)


@pytest.mark.parametrize("size", [(1, 1, 1), (8, 64, 64), (16, 112, 112), (5, 33, 47)])
def test_features_cover_the_clip(size: tuple[int, int, int]) -> None:
    backbone = ResNet3D(10, width=2).eval()
    backbone.check(*size)
    expected = tuple(-(-length // stride) for length, stride in zip(size, backbone.stride, strict=True))
    assert backbone(torch.zeros(1, 3, *size)).shape == (1, backbone.dim, *expected)
    assert backbone.dim == 16


def test_without_max_pool_strides_are_halved() -> None:
    backbone = ResNet3D(10, width=2, max_pool=False, stem_frames=3).eval()
    assert backbone(torch.zeros(1, 3, 16, 64, 64)).shape == (1, 16, 2, 4, 4)
    assert backbone.stride == (8, 16, 16)
    assert backbone.conv1.kernel_size == (3, 7, 7)


def test_a_detached_shortcut_changes_gradients_only() -> None:
    video = formula.video(2, 3, 8, 32, 32)
    outputs, gradients = [], []
    for detached in (False, True):
        torch.manual_seed(0)
        backbone = ResNet3D(10, width=4, detached_shortcut=detached).eval()
        features = backbone(video)
        features.square().sum().backward()
        outputs.append(features.detach())
        gradients.append(dict(backbone.named_parameters())["conv1.weight"].grad)
    assert torch.equal(outputs[0], outputs[1])
    assert gradients[0] is not None
    assert gradients[1] is not None
    assert not torch.allclose(gradients[0], gradients[1])


def test_a_detached_shortcut_lets_no_gradient_through() -> None:
    for detached, expected in ((True, 0.0), (False, 8.0)):
        shortcut = PaddedShortcut(2, 2, detached=detached)
        x = torch.ones(1, 2, 4, 4, 4, requires_grad=True)
        out = shortcut(x)
        assert out.shape == (1, 4, 2, 2, 2)
        assert out[:, 2:].abs().sum() == 0
        (out.sum() + 0 * x.sum()).backward()
        assert x.grad is not None
        assert x.grad[:, 0].sum() == expected


@pytest.mark.parametrize("settings", [{"depth": 20}, {"shortcut": "C"}])
def test_an_unknown_network_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"depths: 10, 18, 34, 50, 101, 152, 200; shortcuts: A, B"):
        ResNet3D(**settings)
