import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import get_model, get_model_weights

from sceneproof.audit.models import torchvision_model as module
from sceneproof.audit.models.cam import class_activation_map
from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.models.torchvision_model import NAMES, TorchvisionModel
from sceneproof.backbones.torchvision_video import FAMILIES
from sceneproof.backbones.weights import PUBLIC, Weights
from sceneproof.errors import InputError
from tests.audit.models.subjects import CLASSES, DEVICE, noise, torchvision_weights
from tests.test_downloading import server


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return torchvision_weights(tmp_path_factory.mktemp("weights"), "r3d_18")


def small(file: Path) -> TorchvisionModel:
    return TorchvisionModel("r3d_18", weights=file, names=CLASSES, inputs=InputSettings(frames=4), device=DEVICE)


def test_every_model_of_torchvision_is_known() -> None:
    assert set(NAMES) == set(FAMILIES)
    assert {name[:3] for name in NAMES} == set(module.FAMILIES)


@pytest.mark.parametrize("name", NAMES)
def test_clips_are_those_of_training(name: str) -> None:
    """torchvision states them in words, with rates; videos have about 30 frames a second."""
    said = get_model_weights(name).DEFAULT.meta["_docs"]
    family = module.FAMILIES[name[:3]]
    assert f"`clip_len={family.frames}`" in said
    assert f"`frame_rate={30 / family.stride:g}`" in said


def test_scores_are_torchvisions_own(file: Path) -> None:
    clips = noise(1, 4)
    network = get_model("r3d_18", weights=None, num_classes=3).eval()
    network.load_state_dict(torch.load(file, weights_only=True))
    preset = get_model_weights("r3d_18").DEFAULT.transforms()
    with torch.no_grad():
        theirs = network(preset(torch.from_numpy(clips[0]).permute(0, 3, 1, 2))[None]).softmax(1)
    np.testing.assert_allclose(small(file).answer(clips).scores, theirs, atol=1e-6)


def test_of_a_convolution_the_map_is_the_class_activation_map(file: Path) -> None:
    subject, clips = small(file), noise(1, 4)
    with torch.no_grad():
        video = subject._preset(torch.from_numpy(clips).permute(0, 1, 4, 2, 3).contiguous())
        stages = subject._network
        features = stages.layer4(stages.layer3(stages.layer2(stages.layer1(stages.stem(video)))))
        expected = class_activation_map(features, stages.fc.weight[[2]], tuple(features.shape[2:]))
    found = subject.maps(clips, np.array([2])).activation
    assert features.shape[2] == 1  # one map for all four frames
    np.testing.assert_allclose(found / found.max(), expected.expand(1, 4, -1, -1), atol=1e-4)


def test_published_weights_are_fetched_once_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torch.manual_seed(0)
    torch.save(get_model("s3d", weights=None).state_dict(), tmp_path / "made.pth")
    content = (tmp_path / "made.pth").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    with server(content) as address:
        monkeypatch.setitem(PUBLIC, "s3d", Weights(address, digest[:8], ""))
        subject = TorchvisionModel("s3d", device=DEVICE)
    assert digest in subject.identity
    assert len(subject.actions) == 400
    assert subject.actions[0] == "abseiling"
    # the server is gone: the file is there; by its name, too
    assert TorchvisionModel("s3d", weights="KINETICS400_V1", device=DEVICE).identity == subject.identity
    monkeypatch.setitem(PUBLIC, "s3d", Weights(address, "0" * 8, ""))
    with pytest.raises(InputError, match="SHA-256"):
        TorchvisionModel("s3d", device=DEVICE)


def test_other_published_weights_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Weights] = []

    def download(weights: Weights) -> Path:
        asked.append(weights)
        return tmp_path / "none"

    monkeypatch.setattr(Weights, "download", download)
    module._file("swin3d_b", "KINETICS400_IMAGENET22K_V1")
    assert asked[0].address == "https://download.pytorch.org/models/swin3d_b_22k-7c6ae6fa.pth"
    assert asked[0].sha256 == "7c6ae6fa"


def test_weights_that_do_not_exist_or_fit(file: Path) -> None:
    with pytest.raises(InputError, match=r"--weights best: no such file, nor weights of r3d_18's, .*KINETICS400_V1"):
        TorchvisionModel("r3d_18", weights="best", device=DEVICE)
    with pytest.raises(
        InputError, match=r"400 classes; other ones: --names FILE.*\(3, 512\), the model needs \(400, 512\)"
    ):
        TorchvisionModel("r3d_18", weights=file, device=DEVICE)
