from functools import cache
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models.video import MViT
from torchvision.models.video.mvit import MSBlockConfig

from sceneproof.backbones.torchvision_video import FAMILIES, TorchvisionVideo, _mvit
from sceneproof.errors import InputError

NAMES = [name for name in FAMILIES if name not in ("swin3d_s", "swin3d_b")]  # as swin3d_t, but larger


@cache
def network(name: Any) -> TorchvisionVideo:
    torch.manual_seed(0)
    return TorchvisionVideo(name).eval()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [None, (8, 64, 64), (16, 112, 112)])
def test_features_keep_the_contract(name: str, size: tuple[int, int, int] | None) -> None:
    backbone = network(name)
    size = size or FAMILIES[name].least
    backbone.check(*size)
    with torch.no_grad():
        features = backbone(torch.ones(1, 3, *size))
    grid = [-(-length // stride) for length, stride in zip(size, backbone.stride, strict=True)]
    if name == "s3d" and size == (16, 112, 112):
        grid = [2, 3, 3]  # its last halving rounds down
    assert features.shape == (1, backbone.dim, *grid)
    assert torch.isfinite(features).all()


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_learns(name: str) -> None:
    backbone = network(name)
    backbone(torch.ones(1, 3, *FAMILIES[name].least)).square().sum().backward()
    assert [key for key, parameter in backbone.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("s3d", (4, 64, 64), "s3d: takes clips of at least 5 frames of 17 x 17 pixels, not 4 of 64 x 64"),
        ("s3d", (8, 16, 64), "not 8 of 16 x 64"),
        ("mvit_v2_s", (1, 112, 112), "at least 2 frames of 32 x 32 pixels"),
        ("swin3d_t", (8, 112, 31), "at least 2 frames of 32 x 32 pixels"),
    ],
)
def test_too_small_a_clip_is_refused(name: str, size: tuple[int, int, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        network(name).check(*size)


def test_s3ds_smallest_clip_is_the_smallest() -> None:
    for size in ((4, 17, 17), (5, 16, 17), (5, 17, 16)):
        with pytest.raises(RuntimeError, match="too small"):
            network("s3d")(torch.ones(1, 3, *size))


def test_statistics_are_of_pixels_to_255() -> None:
    assert network("r3d_18").mean == pytest.approx((110.2008, 100.63983, 95.99475), abs=1e-3)
    assert network("mvit_v2_s").std == pytest.approx((57.375, 57.375, 57.375))


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(InputError, match=r"'i3d'; known: r3d_18, mc3_18"):
        TorchvisionVideo("i3d")  # type: ignore[arg-type]


@pytest.mark.parametrize("relative", [False, True])
def test_mvits_tokens_are_torchvisions_at_its_own_size(relative: bool) -> None:
    theirs = tiny_mvit(relative).eval()
    seen: dict[str, torch.Tensor] = {}
    theirs.norm.register_forward_hook(lambda _, inputs, output: seen.update(tokens=output))
    video = torch.randn(2, 3, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs(video)
        ours = _mvit(theirs, video)
        assert ours.shape == (2, 16, 2, 4, 4)
        torch.testing.assert_close(ours.flatten(2).transpose(1, 2), seen["tokens"][:, 1:])
        assert _mvit(theirs, video[:, :, :, :, :24]).shape == (2, 16, 2, 4, 3)


def tiny_mvit(relative: bool) -> Any:
    def block(inputs: int, outputs: int, stride: list[int]) -> MSBlockConfig:
        kernel = [3, 3, 3] if stride else []
        return MSBlockConfig(1, inputs, outputs, kernel, [3, 3, 3], stride, [1, 2, 2])

    torch.manual_seed(0)
    made: nn.Module = MViT(
        (32, 32),
        4,
        [block(8, 16, []), block(16, 16, [1, 2, 2])],
        residual_pool=relative,
        residual_with_cls_embed=not relative,
        rel_pos_embed=relative,
        proj_after_attn=relative,
        num_classes=3,
    )
    return made
