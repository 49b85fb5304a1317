"""Networks against the numbers that their authors' own gave on weights and clips by formula."""

import hashlib
import re
from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor, nn

from sceneproof.backbones import C3D, S3DG, Backbone, BNInception, InceptionV3
from sceneproof.backbones.c3d import pooled
from sceneproof.backbones.inception_parts import PictureInception
from sceneproof.backbones.weights import fill
from sceneproof.errors import InputError
from tests.backbones.published_numbers import PUBLISHED, agrees, clip, weights

# places of kylemin/S3D's one sequence, of the branches of its modules, and of the layers in them
PLACES = [
    "conv1", "", "conv_2b", "conv_2c", "", "mixed_3b", "mixed_3c", "", "mixed_4b", "mixed_4c", "mixed_4d", "mixed_4e",
    "mixed_4f", "", "mixed_5b", "mixed_5c",
]  # fmt: skip
INNER = {
    "conv_b0": "branch0.0", "conv_b1_a": "branch1.0", "conv_b1_b": "branch1.1", "conv_b2_a": "branch2.0",
    "conv_b2_b": "branch2.1", "conv_b3_b": "branch3.1",
}  # fmt: skip


def filled(network: Backbone, head: nn.Module, names: Callable[[str], str], last: str) -> Backbone:
    """A network and its last layer with weights by formula, by way of the authors' file."""
    own = {key: value for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")}
    theirs = weights({**{names(key): value for key, value in own.items()}, **_under(last, head)})
    known = network.published(theirs, "formula")
    assert known is not None
    counts = {key: torch.tensor(0) for key in network.state_dict() if key.endswith("num_batches_tracked")}
    fill(network, {**known, **counts}, "formula")
    head.load_state_dict({name: theirs[f"{last}.{name}"] for name in head.state_dict()})
    return network.eval()


def _under(last: str, head: nn.Module) -> Mapping[str, Tensor]:
    return {f"{last}.{name}": value for name, value in head.state_dict().items()}


def size(network: nn.Module, head: nn.Module) -> int:
    return sum(parameter.numel() for part in (network, head) for parameter in part.parameters())


@torch.no_grad()
def test_c3d_is_the_authors() -> None:
    network, head = C3D(features="fc7"), nn.Linear(4096, 487)
    filled(network, head, lambda key: key, "fc8")
    assert size(network, head) == PUBLISHED["C3D probabilities"]["params"]
    video = clip(1, 3, 16, 112, 112)
    before = network._of("conv5b")[0]
    seen: list[Tensor] = []
    before.register_forward_hook(lambda module, given, said: seen.append(said.clone()))
    features = network(video)
    agrees(seen[0], "C3D conv5b before ReLU")
    agrees(pooled(seen[0].relu()), "C3D pool5")
    assert features.shape == (1, 4096, 1, 1, 1)
    agrees(head(features.flatten(1)).softmax(dim=1), "C3D probabilities")


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "stem", "outputs"),
    [("S3D-G embedding", "space_to_depth", 512), ("S3D-G without space-to-depth", "joint", 400)],
)
def test_s3dg_is_howto100ms(name: str, stem: str, outputs: int) -> None:
    network, head = S3DG(stem=stem), nn.Linear(1024, outputs)  # type: ignore[arg-type]
    filled(network, head, lambda key: key, "fc")
    if stem == "space_to_depth":
        assert size(network, head) == PUBLISHED[name]["params"]
    maps = network(clip(1, 3, 16, 64, 64))
    if stem == "space_to_depth":
        agrees(maps, "S3D-G mixed_5c")
    agrees(head(maps.mean(dim=(2, 3, 4))), name)


def kylemins(key: str) -> str:
    """Our key under the name of kylemin/S3D, by hand."""
    part, *rest = key.split(".")
    place, separable = PLACES.index(part), bool(re.search(r"conv1$|conv_2c|_b1_b|_b2_b", ".".join([part, *rest[:-2]])))
    if rest[0] in INNER:
        rest[0] = INNER[rest[0]]
    kind, number = rest[-2][:-1].removesuffix("."), rest[-2][-1]
    rest[-2] = f"{kind}_{'s' if number == '1' else 't'}" if separable else kind
    return ".".join(["base", str(place), *rest])


@torch.no_grad()
def test_s3d_is_kylemins() -> None:
    network, head = S3DG(stem="separable"), nn.Linear(1024, 400)
    filled(network, head, kylemins, "fc.0")
    assert size(network, head) == PUBLISHED["S3D scores"]["params"]
    maps = network(clip(1, 3, 16, 224, 224))
    agrees(head(maps.mean(dim=(2, 3, 4))), "S3D scores")


@torch.no_grad()
def test_bn_inception_is_tsns_and_reads_rgb() -> None:
    network, head = BNInception(), nn.Linear(1024, 1000)

    def theirs(key: str) -> str:
        *module, kind, rest = key.split(".")
        return f"{'_'.join(module)}{'_bn' if kind == 'bn' else ''}.{rest}"

    filled(network, head, theirs, "fc")
    assert size(network, head) == PUBLISHED["BN-Inception scores"]["params"]
    frame = clip(1, 3, 224, 224)
    maps = network(frame.flip(1)[:, :, None])  # theirs are BGR
    agrees(maps.mean(dim=(2, 3, 4)), "BN-Inception pooled")
    agrees(head(maps.mean(dim=(2, 3, 4))), "BN-Inception scores")


def yjxiongs(key: str) -> str:
    """Our key of Inception-v3 under its authors' name, by hand."""
    *path, kind, rest = key.split(".")
    return f"{'_'.join(path)}_{'batchnorm' if kind == 'bn' else 'Conv2D'}.{rest}"


@torch.no_grad()
def test_inception_v3_is_ssns_and_reads_rgb() -> None:
    network, head = InceptionV3(), nn.Linear(2048, 1000)
    filled(network, head, yjxiongs, "top_cls_fc")
    names = [yjxiongs(key) for key in network.state_dict() if not key.endswith("num_batches_tracked")]
    names += ["top_cls_fc.weight", "top_cls_fc.bias"]
    theirs = PUBLISHED["Inception-v3 names"]
    assert len(names) == theirs["keys"]
    assert hashlib.sha256("\n".join(names).encode()).hexdigest() == theirs["sha256"]
    assert size(network, head) == PUBLISHED["Inception-v3 scores"]["params"]
    below = network.lower(clip(1, 3, 299, 299).flip(1)[:, :, None])  # theirs are BGR
    agrees(below, "Inception-v3 mixed_8")
    pooled_maps = network.upper(below).mean(dim=(2, 3, 4))
    agrees(pooled_maps, "Inception-v3 pooled")
    agrees(head(pooled_maps), "Inception-v3 scores")
    agrees(network(clip(1, 3, 101, 70).flip(1)[:, :, None]), "Inception-v3 mixed_10 of 101 x 70")  # poolings round up


@pytest.mark.parametrize(
    ("make", "last", "name"),
    [(BNInception, "fc", "inception_3a_1x1_bn.weight"), (InceptionV3, "top_cls_fc", "mixed_conv_batchnorm.weight")],
)
def test_files_of_old_pytorch_and_of_ssn_are_read(make: type[PictureInception], last: str, name: str) -> None:
    network = make()
    ours = network.state_dict()
    theirs = {
        f"module.base_model.{network._theirs(key)}": value[None] if value.ndim == 1 else value
        for key, value in ours.items()
        if not key.endswith("num_batches_tracked")
    }
    assert theirs[f"module.base_model.{name}"].shape == (1, 64)
    heads = {f"module.{part}_fc.weight": torch.zeros(3, 9) for part in ("activity", "completeness", "regressor")}
    named = network.published({**theirs, **heads, f"{last}.bias": torch.zeros(5)}, "ssn.pth.tar")
    fill(network, {**named, **{key: value for key, value in ours.items() if key not in named}}, "ssn.pth.tar")
    assert named.keys() == {key for key in ours if not key.endswith("num_batches_tracked")}


@pytest.mark.parametrize(
    ("make", "shape", "lower", "upper"),
    [
        (lambda: C3D(width=4), (16, 112, 112), (32, 4, 14, 14), (32, 2, 7, 7)),
        (lambda: C3D(width=4, batch_norm=True), (8, 64, 64), (32, 2, 8, 8), (32, 1, 4, 4)),
        (lambda: C3D(width=4, hidden=8, features="fc6"), (16, 112, 112), (32, 4, 14, 14), (8, 1, 1, 1)),
        (S3DG, (8, 64, 64), (832, 2, 4, 4), (1024, 1, 2, 2)),
        (lambda: S3DG(stem="separable", gates=True), (7, 60, 60), (832, 2, 4, 4), (1024, 1, 2, 2)),
        (BNInception, (3, 64, 96), (1056, 3, 2, 3), (1024, 3, 2, 3)),
        (InceptionV3, (3, 69, 101), (1280, 3, 1, 2), (2048, 3, 1, 2)),
    ],
)
def test_parts_make_the_whole_and_say_their_sizes(
    make: Callable[[], Backbone], shape: tuple[int, ...], lower: tuple[int, ...], upper: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    network, video = make().eval(), torch.randn(2, 3, *shape)
    network.check(*shape)
    with torch.no_grad():
        below = network.lower(video)
        features = network.upper(below)
        torch.testing.assert_close(network(video), features)
    assert tuple(below.shape[1:]) == lower
    assert tuple(features.shape[1:]) == upper
    assert (network.dim, network.lower_dim) == (upper[0], lower[0])
    assert all(part in list(network.modules()) for part in [*network.lower_parts, *network.stem])
    below_keys = {id(value) for part in network.lower_parts for value in part.parameters()}
    network(video).sum().backward()
    assert below_keys < {id(value) for value in network.parameters()}
    assert all(value.grad is not None for value in network.parameters())


def test_mmactions_c3d_has_other_names_for_the_same() -> None:
    network = C3D(width=2, hidden=4)
    ours = network.state_dict()
    theirs = {}
    for key, value in ours.items():
        part, rest = key.split(".")
        theirs[f"backbone.{ {'conv1': 'conv1a', 'conv2': 'conv2a'}.get(part, part) }.conv.{rest}"] = value + 1
    theirs |= {"backbone.fc6.weight": torch.zeros(4, 256), "cls_head.fc_cls.weight": torch.zeros(5, 4)}
    named = network.published(theirs, "file")
    taken = network.taken_from(named)
    assert taken.keys() == ours.keys()
    assert all(torch.equal(taken[key], ours[key] + 1) for key in ours)


def test_clips_that_do_not_fit_are_refused_with_what_does() -> None:
    with pytest.raises(InputError, match=r"fc6 takes clips of 16 x 112 x 112, not 16 x 128 x 128"):
        C3D(width=2, features="fc6").check(16, 128, 128)
    with pytest.raises(InputError, match="at least 8 x 16 x 16"):
        C3D(width=2).check(4, 112, 112)
    with pytest.raises(InputError, match="even number of frames"):
        S3DG().check(7, 64, 64)
    with pytest.raises(InputError, match="at least 32 x 32"):
        BNInception().check(3, 24, 24)
    with pytest.raises(InputError, match="InceptionV3: takes frames of at least 69 x 69 pixels, not 68 x 80"):
        InceptionV3().check(3, 68, 80)
    with pytest.raises(InputError, match="features is one of"):
        C3D(features="fc8")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="unknown stem"):
        S3DG(stem="slim")  # type: ignore[arg-type]
    flow = {"base_model.conv1_7x7_s2.weight": torch.zeros(64, 10, 7, 7)}
    with pytest.raises(InputError, match=r"flow\.pth: its first convolution reads 10 channels"):
        BNInception().published(flow, "flow.pth")
    with pytest.raises(InputError, match=r"google\.pth: timm's or torchvision's .*--backbone ImageNetwork"):
        InceptionV3().published({"Conv2d_1a_3x3.conv.weight": torch.zeros(32, 3, 3, 3)}, "google.pth")


def test_a_gate_weighs_channels_by_the_whole_clip() -> None:
    from sceneproof.backbones.s3dg import FeatureGate

    gate = FeatureGate(2)
    with torch.no_grad():
        gate.fc.weight.copy_(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
        gate.fc.bias.copy_(torch.tensor([0.0, 100.0]))
        maps = torch.tensor([1.0, 2.0]).reshape(1, 2, 1, 1, 1).expand(1, 2, 1, 1, 3).clone()
        maps[0, 1] = torch.tensor([1.0, 2.0, 3.0])
        weighed = gate(maps)
    share = 1 / (1 + 2.718281828**-2)  # sigmoid of the second channel's mean
    torch.testing.assert_close(weighed[0, 0, 0, 0], torch.full((3,), share))
    torch.testing.assert_close(weighed[0, 1], maps[0, 1])
