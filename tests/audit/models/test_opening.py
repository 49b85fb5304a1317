from pathlib import Path
from typing import Any

import pytest

from sceneproof.audit.models import hugging_face, torchvision_model
from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.models.opening import open_subject
from sceneproof.errors import InputError
from tests.audit.models.subjects import make, names, onnx, torchscript


@pytest.mark.parametrize(("kind", "expected"), [
    ("run", "RunModel"), ("torchscript", "TorchScriptModel"), ("onnx", "OnnxModel"), ("callable", "CallableModel"),
    ("videomae", "HuggingFaceModel"), ("r3d_18", "TorchvisionModel"),
])  # fmt: skip
def test_the_kind_follows_from_the_word(kind: str, expected: str, tmp_path: Path) -> None:
    assert type(make(kind, tmp_path, batch=1)).__name__ == expected


@pytest.mark.parametrize(("word", "expected"), [
    ("torchvision:mvit_v2_s", "mvit_v2_s"), ("s3d", "s3d"), ("hf:MCG-NJU/videomae-base", "MCG-NJU/videomae-base"),
    ("facebook/timesformer-base.k400", "facebook/timesformer-base.k400"),
])  # fmt: skip
def test_names_without_files(word: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Asked:
        def __init__(self, name: str, **_: Any) -> None:
            self.name = name

    monkeypatch.setattr(torchvision_model, "TorchvisionModel", Asked)
    monkeypatch.setattr(hugging_face, "HuggingFaceModel", Asked)
    assert vars(open_subject(word)) == {"name": expected}


@pytest.mark.parametrize(("word", "message"), [
    ("r3d_19", r"r3d_19: no such model \(torchvision has r3d_18.*\); a model is one of:\n  runs/sdn"),
    ("torchvision:resnet50", "torchvision has no such video model; it has: .*swin3d_t"),
    ("runs/none", "runs/none: no such model"), ("none.onnx", r"none\.onnx: no such file"),
    ("zoo/none.pt", "no such file"),
    ("weights.pth", "weights without their network"), ("", "neither"),
])  # fmt: skip
def test_what_is_no_model_is_told_what_may_be(
    word: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()  # so that runs/none is a path, and no name on the Hub
    with pytest.raises(InputError, match=message):
        open_subject(word)


def test_other_folders_and_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"neither config\.yaml .* nor config\.json"):
        open_subject(str(tmp_path))
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(InputError, match=r"a file of a kind that is not known \(\.mp4\)"):
        open_subject(str(tmp_path / "clip.mp4"))


@pytest.mark.parametrize("export", [onnx, torchscript])
def test_exported_files_need_names(export: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give --names FILE"):
        open_subject(str(export(tmp_path)))


def test_what_does_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--weights goes with a model of torchvision"):
        open_subject(str(onnx(tmp_path)), weights="x.pth")
    make("run", tmp_path, batch=1)
    for given in ({"names": names(tmp_path)}, {"inputs": InputSettings(frames=3)}):
        with pytest.raises(InputError, match="a run knows its classes and its clips"):
            open_subject(str(tmp_path / "run"), **given)
