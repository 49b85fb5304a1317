"""Places365's ResNets, with random weights in files of the authors' layout."""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models import resnet18, resnet50
from torchvision.transforms import v2

from sceneproof.backbones.weights import Weights
from sceneproof.errors import InputError
from sceneproof.labelling import places365_resnet
from sceneproof.labelling.places365 import scene_names
from sceneproof.labelling.places365_resnet import PUBLIC, Places365ResNet, middle
from tests.labelling.python2 import save_as_places365
from tests.test_downloading import server

NAME = "resnet18_places365.pth.tar"
FRAMES = np.random.default_rng(0).integers(0, 256, (3, 300, 400, 3), np.uint8)


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    made: torch.nn.Module = resnet18(num_classes=365)
    with torch.no_grad():
        made(torch.randn(4, 3, 64, 64))  # running means other than 0
        made.get_parameter("fc.weight").normal_(std=0.2)  # answers that tell pictures apart
    made.eval()
    return made


@pytest.fixture(scope="module")
def file(network: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / NAME
    return save_as_places365(network.state_dict(), path, arch="resnet18")


def test_a_file_of_the_authors_layout_answers_as_torchvision_does(network: torch.nn.Module, file: Path) -> None:
    labeller = Places365ResNet(file, depth=18, device="cpu")
    assert list(labeller.names) == scene_names()
    assert labeller.title == f"Places365 ResNet-18 ({NAME}, sha256 {hashlib.sha256(file.read_bytes()).hexdigest()})"
    assert labeller.short_side == 256
    authors = v2.Compose(
        [
            v2.Resize(256, antialias=True),
            v2.CenterCrop(224),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    smooth = np.stack([np.kron(frame[:6, :8], np.ones((50, 50, 1), np.uint8)) for frame in FRAMES])
    with torch.inference_mode():
        truth = network(authors(torch.from_numpy(smooth).permute(0, 3, 1, 2))).softmax(dim=1).numpy()
    found = labeller(smooth)
    assert found.dtype == np.float32
    assert abs(truth[0] - truth[1]).max() > 0.01
    np.testing.assert_allclose(found, truth, atol=1e-4)


def test_more_frames_than_go_in_at_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labeller = Places365ResNet(file, depth=18, device="cpu")
    whole = labeller(FRAMES)
    monkeypatch.setattr(places365_resnet, "BATCH", 2)
    np.testing.assert_allclose(labeller(FRAMES), whole, atol=1e-5)


@pytest.mark.parametrize("shape", [(256, 341), (341, 256), (100, 100), (720, 1280), (37, 500), (224, 224)])
def test_the_middle_of_a_frame(shape: tuple[int, int]) -> None:
    height, width = shape
    frame = np.zeros((1, height, width, 3), np.uint8)
    frame[..., 0] = np.linspace(0, 255, height)[:, None]
    frame[..., 1] = np.linspace(0, 255, width)[None]
    found = middle(frame)
    assert found.shape == (1, 224, 224, 3)
    for channel in (0, 1):  # as much left out on one side as on the other
        assert found[0, ..., channel].mean() == pytest.approx(127.5, abs=2)


def test_resnet50_and_no_other_network(file: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = save_as_places365(resnet50(num_classes=365).state_dict(), tmp_path / "fifty.pth.tar", arch="resnet50")
    labeller = Places365ResNet(path, device="cpu")
    assert labeller(FRAMES[:1]).sum() == pytest.approx(1, abs=1e-5)
    assert labeller.title.startswith("Places365 ResNet-50 (fifty.pth.tar, sha256 ")
    with pytest.raises(InputError, match=r"fifty\.pth\.tar: 'layer1\.0\.conv1\.weight' has the shape"):
        Places365ResNet(path, depth=18)
    with pytest.raises(InputError, match=r"resnet18_places365\.pth\.tar: .*'layer1"):
        Places365ResNet(file)


def test_the_sha256_can_be_asked_for(file: Path) -> None:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert digest in Places365ResNet(file, depth=18, sha256=digest, device="cpu").title
    with pytest.raises(InputError, match=rf"SHA-256 {digest} does not start with 2f47"):
        Places365ResNet(file, depth=18, sha256="2f47")


class Malicious:
    def __reduce__(self) -> Any:
        return os.mkdir, ("executed",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_with_code_in_it_is_refused(zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {"module.fc.bias": Malicious()}}, NAME, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=rf"{NAME}: holds objects of Python besides tensors \((posix|nt)\.mkdir\)"):
        Places365ResNet(NAME, depth=18)
    assert not Path("executed").exists()


def test_weights_are_fetched_when_asked_and_once(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    with server(file.read_bytes()) as address:
        monkeypatch.setitem(PUBLIC, 18, Weights(address, digest, "CC BY"))
        with pytest.raises(InputError, match=r"give the weights' file, or ask for the download: http://127"):
            Places365ResNet(depth=18)
        assert not list(tmp_path.iterdir())
        assert digest in Places365ResNet(depth=18, download=True, device="cpu").title
    assert digest in Places365ResNet(depth=18, download=True, device="cpu").title  # the server is gone
    fetched = tmp_path / "checkpoints" / "weights.pth"
    assert fetched.read_bytes() == file.read_bytes()
    with pytest.raises(InputError, match="does not start with 00"):
        Places365ResNet(depth=18, download=True, sha256="00")
    fetched.unlink()
    with server(b"<html>moved</html>") as address:
        monkeypatch.setitem(PUBLIC, 18, Weights(address, digest, "CC BY"))
        with pytest.raises(InputError, match="nothing was kept"):
            Places365ResNet(depth=18, download=True)
        assert not fetched.exists()


def test_what_is_published_has_address_digest_and_licence() -> None:
    for depth, weights in PUBLIC.items():
        assert weights.address == f"http://places2.csail.mit.edu/models_places365/resnet{depth}_places365.pth.tar"
        assert len(bytes.fromhex(weights.sha256)) == 32
        assert weights.licence.startswith("CC BY")
    with pytest.raises(InputError, match=r"nowhere\.pth\.tar: no such file"):
        Places365ResNet("nowhere.pth.tar")
