"""ImageNetwork against efficientnet-lite-pytorch itself (reference_image.py), and by hand."""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import get_model

from sceneproof.backbones.image_network import ImageNetwork
from sceneproof.backbones.image_time import Clips, InflatedConv, shifted
from sceneproof.backbones.weights import fill, load_official
from sceneproof.errors import InputError
from tests.backbones.image_pictures import SCENES, WEIGHTS, by_formula, lite, photograph, sine

timm = pytest.importorskip("timm", reason="pip install 'sceneproof[image]'")

THEIRS: dict[str, Any] = json.loads((Path(__file__).parent / "reference_image.json").read_text())
SMALL = "test_resnet"  # timm's own, for tests: 0.5 million weights


@cache
def built(model: str, time: Any = "mean") -> ImageNetwork:
    torch.manual_seed(0)
    return ImageNetwork(model, time=time).eval()


def formula() -> dict[str, Tensor]:
    """EfficientNet-Lite0 with its classifier, by formula, under efficientnet-lite-pytorch's names."""
    with torch.device("meta"):
        return by_formula(lite(timm.create_model("tf_efficientnet_lite0").state_dict()))


def filled(file: Path) -> ImageNetwork:
    network = ImageNetwork().eval()
    fill(network, network.taken_from(load_official(file, network)["backbone"]), str(file))
    return network


def checked(network: ImageNetwork, head: tuple[Tensor, Tensor], picture: Tensor, theirs: dict[str, Any]) -> None:
    """Compares features and scores of a picture (1, 3, H, W) with efficientnet-lite-pytorch's, to 1e-4."""
    with torch.inference_mode():
        features = network(picture[:, :, None])[0, :, 0]
        scores = functional.linear(features.mean((1, 2)), *head)
    assert list(features.shape) == theirs["shape"]
    corners = features[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(0)
    for ours, key in ((features.mean((1, 2))[::160], "means"), (corners, "corners"), (scores[::100], "scores")):
        torch.testing.assert_close(ours, torch.tensor(theirs[key]), rtol=1e-4, atol=1e-4)
    assert scores.topk(5).indices.tolist() == theirs["top"]


def test_features_and_scores_are_those_of_efficientnet_lite_pytorch_on_weights_by_formula(tmp_path: Path) -> None:
    state = formula()
    save_file(state, tmp_path / "lite.safetensors")
    checked(filled(tmp_path / "lite.safetensors"), (state["_fc.weight"], state["_fc.bias"]), sine(), THEIRS["formula"])


@pytest.mark.parametrize("name", ["sine", *SCENES])
def test_imagenets_answers_are_those_of_efficientnet_lite_pytorch(shared_data: Path, name: str) -> None:
    file = shared_data / "weights" / WEIGHTS
    if not file.is_file():
        pytest.skip(f"needs {file}")
    network, state = filled(file), load_file(file)
    if name == "sine":
        picture = sine()
    else:
        mean, std = (torch.tensor(values)[:, None, None] for values in (network.mean, network.std))
        picture = (photograph(shared_data / "scenes" / name) - mean) / std
    checked(network, (state["_fc.weight"].float(), state["_fc.bias"].float()), picture, THEIRS[name])


@pytest.mark.parametrize(
    ("model", "dim", "lower_dim", "lower_stride", "stages"),
    [
        ("tf_efficientnet_lite0", 1280, 192, 32, 7),
        ("resnet18", 512, 256, 16, 4),
        ("mobilenetv3_small_100", 576, 48, 16, 5),  # its second convolution of the head stands behind the pooling
        ("convnext_atto", 320, 160, 16, 4),
        ("mambaout_femto", 288, 192, 16, 4),  # its channels are innermost
        ("regnetx_002", 368, 152, 16, 4),
        ("torchvision:resnet18", 512, 256, 16, 4),
        ("torchvision:efficientnet_b0", 1280, 192, 32, 7),
    ],
)
def test_networks_of_many_families_are_cut_before_their_last_stage(
    model: str, dim: int, lower_dim: int, lower_stride: int, stages: int
) -> None:
    backbone = built(model)
    assert (backbone.dim, backbone.stride) == (dim, (1, 32, 32))
    assert (backbone.lower_dim, backbone.lower_stride) == (lower_dim, (1, lower_stride, lower_stride))
    video = torch.rand(2, 3, 3, 64, 96)
    with torch.no_grad():
        lower, features = backbone.lower(video), backbone(video)
        assert torch.equal(backbone.upper(lower), features)
        alone = backbone(video[1:, :, 2:])
    torch.testing.assert_close(features[1:, :, 2:], alone, rtol=1e-3, atol=1e-4)  # frames know nothing of each other
    assert lower.shape == (2, lower_dim, 3, 64 // lower_stride, 96 // lower_stride)
    assert features.shape == (2, dim, 3, 2, 3)
    with pytest.raises(InputError, match=f"{model} has {stages} stages: split is from 0 to that, not {stages + 1}"):
        ImageNetwork(model, split=stages + 1)


@pytest.mark.parametrize("time", ["mean", "shift", "inflate"])
@pytest.mark.parametrize("model", ["tf_efficientnet_lite0", SMALL])
def test_features_are_what_the_network_itself_pools(model: str, time: Any) -> None:
    backbone = ImageNetwork(model, time=time, split=2).eval()
    with torch.no_grad():
        for size in ((1, 32, 32), (3, 33, 47), (2, 1, 1)):
            backbone.check(*size)
            video = torch.rand(2, 3, *size)
            features = backbone(video)
            assert torch.equal(backbone.upper(backbone.lower(video)), features)
            grid = [-(-length // stride) for length, stride in zip(size, backbone.stride, strict=True)]
            assert list(features.shape) == [2, backbone.dim, *grid]


@pytest.mark.parametrize(("model", "others"), [("test_vit", 1), ("deit_tiny_distilled_patch16_224", 2)])
def test_vision_transformers_keep_their_class_token_beside_every_patch(model: str, others: int, tmp_path: Path) -> None:
    theirs = timm.create_model(model).eval()
    torch.save(theirs.state_dict(), tmp_path / "vit.pth")
    backbone = ImageNetwork(model, split=2).eval()
    parts = load_official(tmp_path / "vit.pth", backbone)
    fill(backbone, backbone.taken_from(parts["backbone"]), "vit.pth")
    size = theirs.pretrained_cfg["input_size"][1]
    video = torch.rand(1, 3, 2, size, size)
    with torch.no_grad():
        pooled = theirs.forward_features(video[:, :, 1])[:, others:].mean(1)
        lower, features = backbone.lower(video), backbone(video)
        assert torch.equal(backbone.upper(lower), features)
        assert backbone(video[..., : size - 32]).shape == (1, backbone.dim, 2, size // 16, size // 16 - 2)
    torch.testing.assert_close(features[:, :, 1].mean((2, 3)), pooled, rtol=1e-4, atol=1e-4)
    assert (backbone.lower_dim, backbone.stride) == ((1 + others) * backbone.dim, (1, 16, 16))
    learns = {id(value) for part in backbone.lower_parts for value in part.parameters()}
    upper = {name.split(".")[2] for name, value in backbone.named_parameters() if id(value) not in learns}
    depth = len(theirs.blocks)
    assert upper == {str(depth - 2), str(depth - 1), "module"}  # two blocks, and the last normalisation
    with pytest.raises(InputError, match=f"{model}: takes no pictures of {size} x {size - 1} pixels"):
        backbone.check(1, size, size - 1)
    for time in ("shift", "inflate"):
        with pytest.raises(InputError, match=f"{model} has no .* to inflate|{model} has no residual blocks"):
            ImageNetwork(model, time=time)


def test_the_lower_parts_hold_all_that_lower_needs_and_nothing_of_upper() -> None:
    for split in (0, 1, 2, 4):
        backbone = ImageNetwork("resnet18", split=split).eval()
        lower = {id(value) for part in backbone.lower_parts for value in part.parameters()}
        upper = [name for name, value in backbone.named_parameters() if id(value) not in lower]
        assert {name.split(".")[1] for name in upper} == {f"layer{number}" for number in range(5 - split, 5)}
        assert len(backbone.lower_parts) == 8 - split
        backbone.lower(torch.rand(1, 3, 1, 32, 32)).sum().backward()  # type: ignore[no-untyped-call]
        reached = {name for name, value in backbone.named_parameters() if value.grad is not None}
        assert reached.isdisjoint(upper)
        assert len(reached) + len(upper) == len(list(backbone.parameters()))


def test_of_efficientnet_lite0_the_last_stage_and_the_heads_convolution_lie_in_upper() -> None:
    backbone = ImageNetwork()
    lower = {id(value) for part in backbone.lower_parts for value in part.parameters()}
    upper = {".".join(name.split(".")[1:3]) for name, value in backbone.named_parameters() if id(value) not in lower}
    assert upper == {"blocks.6", "conv_head.weight", "bn2.weight", "bn2.bias"}
    assert [type(part).__name__ for part in backbone.stem] == ["Conv2dSame", "BatchNormAct2d"]
    assert (backbone.mean, backbone.std) == ((127.5,) * 3, (127.5,) * 3)


def test_the_stride_is_a_power_of_two_where_the_models_own_size_is_no_multiple_of_it() -> None:
    assert built("tf_efficientnet_lite2").stride == (1, 32, 32)  # of 260 x 260 pixels, with features of 9 x 9


def test_statistics_are_the_models_own_of_pixels_to_255() -> None:
    for model in ("resnet18", "torchvision:resnet18"):
        assert built(model).mean == pytest.approx((123.675, 116.28, 103.53))
        assert built(model).std == pytest.approx((58.395, 57.12, 57.375))


@pytest.mark.parametrize("time", ["mean", "shift", "inflate"])
def test_all_of_it_learns(time: Any) -> None:
    backbone = ImageNetwork(time=time)
    backbone(torch.rand(2, 3, 3, 64, 64)).square().mean().backward()
    assert [key for key, value in backbone.named_parameters() if value.grad is None or not value.grad.any()] == []


def test_channels_are_shifted_as_by_hand() -> None:
    # two clips of three frames, 16 channels: 0 and 1 from the frame behind, 2 and 3 from the frame before
    features = torch.arange(6.0)[:, None].expand(6, 16) + 1
    moved = shifted(features, 3)
    assert moved[:, 0].tolist() == moved[:, 1].tolist() == [2, 3, 0, 5, 6, 0]
    assert moved[:, 2].tolist() == moved[:, 3].tolist() == [0, 1, 2, 0, 4, 5]
    assert all(moved[:, channel].tolist() == [1, 2, 3, 4, 5, 6] for channel in range(4, 16))
    assert shifted(features, 1)[:, :4].abs().sum() == 0  # there is no other frame


def test_the_shift_is_in_the_branch_and_not_in_the_shortcut() -> None:
    backbone = built(SMALL, "shift")
    block: Any = next(module for module in backbone.modules() if type(module).__name__ == "BasicBlock")
    backbone.clips.frames = 2
    features = torch.rand(2, block.conv1.in_channels, 8, 8)
    plain: Any = next(module for module in built(SMALL).modules() if type(module).__name__ == "BasicBlock")
    plain.load_state_dict(block.state_dict())
    with torch.no_grad():
        branch = plain.bn2(plain.conv2(plain.act1(plain.bn1(plain.conv1(shifted(features, 2))))))
        shortcut = features if plain.downsample is None else plain.downsample(features)
        torch.testing.assert_close(block(features), torch.relu(branch + shortcut))


@pytest.mark.parametrize(("time", "reaches"), [("mean", False), ("shift", True), ("inflate", True)])
def test_only_with_shift_or_inflate_a_frame_reaches_the_next(time: Any, reaches: bool) -> None:
    backbone = built("tf_efficientnet_lite0", time)
    video = torch.rand(1, 3, 4, 64, 64, requires_grad=True)
    backbone(video)[:, :, 1].sum().backward()
    assert video.grad is not None
    assert video.grad[:, :, 1].any()
    assert bool(video.grad[:, :, 2].any()) == reaches


@pytest.mark.parametrize("model", ["tf_efficientnet_lite0", SMALL, "test_convnext"])
def test_inflated_a_video_of_a_single_frame_repeated_gives_the_answers_of_the_picture(model: str) -> None:
    flat, deep = built(model), ImageNetwork(model, time="inflate").eval()
    fill(deep, deep.taken_from(flat.state_dict()), "flat")
    assert any(isinstance(module, InflatedConv) for module in deep.modules())
    picture = torch.rand(2, 3, 1, 65, 70)
    with torch.no_grad():
        alone, repeated = flat(picture), deep(picture.expand(-1, -1, 5, -1, -1))
    torch.testing.assert_close(repeated, alone.expand_as(repeated), rtol=1e-4, atol=1e-4 * alone.abs().max().item())


def test_an_inflated_convolution_is_the_mean_over_three_frames() -> None:
    flat = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)
    frames = torch.rand(4, 4, 9, 9)
    with torch.no_grad():
        made = InflatedConv(flat, Clips(4))(frames)
        alone = flat(frames)
    for moment, (before, after) in enumerate([(0, 1), (0, 2), (1, 3), (2, 3)]):
        torch.testing.assert_close(made[moment], (alone[before] + alone[moment] + alone[after]) / 3)


def test_what_cannot_be_had_is_refused_with_the_reason() -> None:
    for model, message in {
        "resnet9999": r"timm \S+ has no network 'resnet9999'",
        "hf-hub:someone/resnet": "has no network 'hf-hub:someone/resnet'",
        "resnet18.unknown": "timm makes no resnet18.unknown: ",
        "torchvision:r3d_18": "torchvision has no classifier 'r3d_18'",
        "beit_base_patch16_224": "is no sequence of stages that give features .*take another network",
        "torchvision:mobilenet_v2": "is no sequence of stages",
        "torchvision:swin_t": r"is no sequence of stages .*\(a stage gives \(H, W, D\)\)",
        "hrnet_w18_small": "is no sequence of stages",
    }.items():
        with pytest.raises(InputError, match=message):
            ImageNetwork(model)
    with pytest.raises(InputError, match="unknown time 'sum'; known: mean, shift, inflate"):
        ImageNetwork(SMALL, time="sum")  # type: ignore[arg-type]  # as a configuration may have it
    with pytest.raises(InputError, match="densenet121 has no residual blocks whose channels could be shifted"):
        ImageNetwork("densenet121", time="shift")
    with pytest.raises(InputError, match=r"nf_resnet26 has convolutions \(ScaledStdConv2d\) that cannot be inflated"):
        ImageNetwork("nf_resnet26", time="inflate")
    with pytest.raises(InputError, match=r"tf_efficientnet_b0: takes no pictures of 0 x 0 pixels"):
        built("tf_efficientnet_b0").check(1, 0, 0)


def test_without_timm_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=r"tf_efficientnet_lite0 needs timm: pip install 'sceneproof\[image\]'"):
        ImageNetwork()
    assert ImageNetwork("torchvision:resnet18").dim == 512


@pytest.mark.parametrize(
    ("model", "time"),
    [
        ("tf_efficientnet_lite0", "mean"),
        ("tf_efficientnet_lite0", "inflate"),
        ("mobilenetv3_small_100", "mean"),
        ("convnext_atto", "mean"),
        ("torchvision:resnet18", "mean"),
    ],
)
def test_the_publishers_own_file_fills_it_without_its_classifier(model: str, time: Any, tmp_path: Path) -> None:
    file = tmp_path / "model.pth"
    bare = model.removeprefix("torchvision:")
    theirs = get_model(bare) if bare != model else timm.create_model(model)
    torch.save(theirs.state_dict(), file)
    backbone = ImageNetwork(model, time=time).eval()
    parts = load_official(file, backbone)
    assert parts.keys() == {"backbone"}
    fill(backbone, backbone.taken_from(parts["backbone"]), str(file))
    theirs.eval()
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        pooled = theirs.forward_features(picture) if bare == model else _layers(theirs, picture)
        ours = backbone(picture[:, :, None].expand(-1, -1, 2, -1, -1))
    torch.testing.assert_close(ours[:, :, 0], pooled, rtol=1e-4, atol=1e-4 * pooled.abs().max().item())


def _layers(network: Any, picture: Tensor) -> Tensor:
    stem = network.maxpool(network.relu(network.bn1(network.conv1(picture))))
    return torch.as_tensor(network.layer4(network.layer3(network.layer2(network.layer1(stem)))))


def test_weights_of_another_network_are_refused_by_name(tmp_path: Path) -> None:
    def refused(backbone: ImageNetwork, state: dict[str, Tensor], message: str) -> None:
        file = tmp_path / "weights.pth"
        torch.save(state, file)
        with pytest.raises(InputError, match=message):
            fill(backbone, backbone.taken_from(load_official(file, backbone)["backbone"]), str(file))

    lite0 = built("tf_efficientnet_lite0")
    resnet = timm.create_model("resnet18").state_dict()
    refused(lite0, resnet, r"lacks 'network.conv_stem.weight', which ImageNetwork has.*It has 'network.conv1.weight'")
    refused(built("resnet18"), formula(), "weights of efficientnet-lite-pytorch, for timm's tf_efficientnet_lite, not")
    missing = formula()
    del missing["_blocks.3._expand_conv.weight"]
    refused(lite0, missing, r"lacks 'network\.blocks\.2\.0\.")
    refused(lite0, {**formula(), "_blocks.16._bn1.bias": torch.ones(1)}, r"has no 'network\._blocks\.16\._bn1\.bias'")
    refused(lite0, {**formula(), "_bn7.bias": torch.ones(1)}, r"has no 'network\._bn7\.bias'")
    wide = timm.create_model("tf_efficientnet_lite1").state_dict()
    refused(lite0, wide, r"has no 'network\.blocks\.1\.2\.")
    torch.save(wide, tmp_path / "lite1.pth")
    with pytest.raises(InputError, match=r"unknown key 'conv_stem.weight'.* are for --backbone ImageNetwork"):
        load_official(tmp_path / "lite1.pth")
