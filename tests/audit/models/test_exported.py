from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, load, numpy_helper, save
from torch import Tensor, nn

from sceneproof.audit.models.exported import OnnxModel, TorchScriptModel
from sceneproof.audit.models.inputs import InputSettings, Layout
from sceneproof.audit.subject import Pixels
from sceneproof.errors import InputError
from sceneproof.metrics.accuracy import softmax
from tests.audit.models.subjects import CLASSES, DEVICE, noise, onnx, torchscript


def coloured(clips: int, frames: int, height: int = 20, width: int = 30) -> Pixels:
    """Clips of one colour: red 51, green 102, blue 204."""
    return np.broadcast_to(np.array([51, 102, 204], np.uint8), (clips, frames, height, width, 3)).copy()


class Wrong(nn.Module):
    def forward(self, video: Tensor) -> list[Tensor]:
        return [video]


class Two(nn.Module):
    def forward(self, video: Tensor) -> Tensor:
        return video.mean((2, 3, 4))[:, :2]


class Picky(nn.Module):
    def forward(self, video: Tensor) -> Tensor:
        return video.reshape(-1, 3, 4, 8, 8).mean((2, 3, 4))


def test_scores_by_hand(tmp_path: Path) -> None:
    """Mean colours over 255 are 0.2, 0.4, 0.8; less the mean 0.2, over 0.5: 0, 0.4, 1.2."""
    inputs = InputSettings(frames=4, size=8, mean=(0.2, 0.2, 0.2), std=(0.5, 0.5, 0.5))
    expected = softmax([[0, 0.4, 1.2]])
    for subject in (
        TorchScriptModel(torchscript(tmp_path), CLASSES, inputs, device=DEVICE),
        OnnxModel(onnx(tmp_path), CLASSES, inputs),
    ):
        np.testing.assert_allclose(subject.answer(coloured(1, 4)).scores, expected, atol=1e-6)


@pytest.mark.parametrize(("shape", "layout"), [
    (("b", 3, 4, 6, 8), "BCTHW"), (("b", 4, 3, 6, 8), "BTCHW"), (("b", 4, 6, 8, 3), "BTHWC"),
])  # fmt: skip
def test_an_onnx_file_says_its_size_in_any_layout(tmp_path: Path, shape: tuple[int | str, ...], layout: Layout) -> None:
    file = onnx(tmp_path, shape, channels=layout.index("C"))
    subject = OnnxModel(file, CLASSES, InputSettings(layout=layout))
    assert subject.sampling.length == 4
    assert subject._inputs.shape == (6, 8)
    np.testing.assert_allclose(subject.answer(coloured(2, 4)).scores, softmax([[0.2, 0.4, 0.8]] * 2), atol=1e-6)


def test_a_fixed_batch_is_filled_up(tmp_path: Path) -> None:
    free, fixed = (OnnxModel(onnx(tmp_path, (b, 3, 4, 8, 8)), CLASSES, InputSettings()) for b in ("b", 2))
    assert (fixed.answer(noise(3, 4)).scores == free.answer(noise(3, 4)).scores).all()


def test_half_precision(tmp_path: Path) -> None:
    subject = OnnxModel(onnx(tmp_path, kind=TensorProto.FLOAT16), CLASSES, InputSettings())
    np.testing.assert_allclose(subject.answer(coloured(1, 4)).scores, softmax([[0.2, 0.4, 0.8]]), atol=1e-3)
    with pytest.raises(InputError, match=r"takes tensor\(int64\); only"):
        OnnxModel(onnx(tmp_path, kind=TensorProto.INT64), CLASSES, InputSettings())


@pytest.mark.parametrize(("shape", "inputs", "message"), [
    ((1, 3, 4, 8, 8), InputSettings(frames=8), "takes BCTHW of 1x3x4x8x8, and not --inputs.frames 8"),
    ((1, 3, 4, 8, 8), InputSettings(size=16), "and not --inputs.size 16"),
    ((1, 3, 4, 8, 8), InputSettings(size=8, width=9), "and not --inputs.width 9"),
    ((1, 4, 3, 8, 8), InputSettings(), "C of BCTHW is not 3: give --inputs.layout"),
    ((1, 3, 8, 8), InputSettings(), "where one video of five axes is needed"),
])  # fmt: skip
def test_what_does_not_fit_names_the_shape(
    tmp_path: Path, shape: tuple[int, ...], inputs: InputSettings, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        OnnxModel(onnx(tmp_path, shape), CLASSES, inputs)


def test_a_network_that_does_not_take_the_clip_is_told(tmp_path: Path) -> None:
    subject = TorchScriptModel(torchscript(tmp_path, Picky()), CLASSES, InputSettings(frames=3, size=8), device=DEVICE)
    with pytest.raises(InputError, match=r"does not take BCTHW of 1x3x3x8x8: .*--inputs\.frames"):
        subject.answer(noise(1, 3))
    many = TorchScriptModel(tmp_path / "model.pt", CLASSES, InputSettings(frames=4, size=16), device=DEVICE)
    with pytest.raises(InputError, match="gives scores of shape 4x3, where 1x3 are needed"):
        many.answer(noise(1, 4))


def test_wrong_scores_are_told(tmp_path: Path) -> None:
    inputs = InputSettings(frames=4, size=8)
    wrong = TorchScriptModel(torchscript(tmp_path, Wrong()), CLASSES, inputs, device=DEVICE)
    with pytest.raises(InputError, match="gives list, where a tensor"):
        wrong.answer(noise(1, 4))
    two = TorchScriptModel(torchscript(tmp_path, Two()), CLASSES, inputs, device=DEVICE)
    with pytest.raises(InputError, match="gives scores of shape 1x2, where 1x3 are needed"):
        two.answer(noise(1, 4))


def test_files_of_another_kind(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match="holds weights without their network"):
        TorchScriptModel(tmp_path / "weights.pt", CLASSES, InputSettings(), device=DEVICE)
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(InputError, match="not an ONNX model"):
        OnnxModel(tmp_path / "text.onnx", CLASSES, InputSettings())


def test_weights_and_settings_are_the_identity(tmp_path: Path) -> None:
    file = onnx(tmp_path)
    one, same, other = (OnnxModel(file, CLASSES, InputSettings(mean=(mean, 0, 0))).identity for mean in (0.0, 0.0, 0.1))
    assert one == same != other


class Linear(nn.Module):
    """Scores of mean colours, by a layer in any precision."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        nn.init.eye_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, video: Tensor) -> Tensor:
        return self.layer(video.mean((2, 3, 4)))  # type: ignore[no-any-return]


def test_torchscript_in_half_precision(tmp_path: Path) -> None:
    inputs = InputSettings(frames=4, size=8)
    subject = TorchScriptModel(torchscript(tmp_path, Linear().half()), CLASSES, inputs, device=DEVICE)
    np.testing.assert_allclose(subject.answer(coloured(1, 4)).scores, softmax([[0.2, 0.4, 0.8]]), atol=1e-3)


def test_torchscript_whose_weights_or_answers_are_not_finite(tmp_path: Path) -> None:
    inputs, network = InputSettings(frames=4, size=8), Linear()
    nn.init.constant_(network.layer.bias, float("nan"))
    with pytest.raises(InputError, match=r"'layer\.bias' holds values that are not finite"):
        TorchScriptModel(torchscript(tmp_path, network), CLASSES, inputs, device=DEVICE)
    nn.init.constant_(network.layer.bias, 3e38)
    nn.init.constant_(network.layer.weight, 3e38)
    subject = TorchScriptModel(torchscript(tmp_path, network), CLASSES, inputs, device=DEVICE)
    with pytest.raises(InputError, match="scores that are not finite numbers"):
        subject.answer(coloured(1, 4))


class Fixed(nn.Module):
    """As a trace writes it down: the number of clips is a number, not a size."""

    def forward(self, video: Tensor) -> Tensor:
        return video.reshape(2, 3, -1).mean(2)


@pytest.mark.parametrize("clips", [1, 2, 3])
def test_torchscript_traced_for_one_number_of_clips(clips: int, tmp_path: Path) -> None:
    inputs, file = InputSettings(frames=4, size=8), torchscript(tmp_path, Fixed())
    subject = TorchScriptModel(file, CLASSES, inputs, device=DEVICE, batch=2)
    np.testing.assert_allclose(subject.answer(coloured(clips, 4)).scores, softmax([[0.2, 0.4, 0.8]] * clips), atol=1e-6)
    with pytest.raises(InputError, match="--batch"):
        TorchScriptModel(file, CLASSES, inputs, device=DEVICE, batch=8).answer(coloured(clips if clips != 2 else 4, 4))


def test_an_onnx_files_own_size_comes_before_the_default(tmp_path: Path) -> None:
    """56 pixels can be cut from a short side of 64, the default size of 112 could not."""
    inputs = InputSettings(short_side=64)
    subject = OnnxModel(onnx(tmp_path, ("b", 3, 4, 56, 56)), CLASSES, inputs)
    np.testing.assert_allclose(subject.answer(coloured(1, 4)).scores, softmax([[0.2, 0.4, 0.8]]), atol=1e-6)
    for shape in (("b", 3, 4, 72, 72), ("b", 3, 4, "h", "w")):
        with pytest.raises(InputError, match=r"short_side: 64 given, of which .* cannot be cut"):
            OnnxModel(onnx(tmp_path, shape), CLASSES, inputs)
    with pytest.raises(InputError, match="short_side: 64 given, of which 112 x 112"):
        TorchScriptModel(torchscript(tmp_path), CLASSES, inputs, device=DEVICE)


def test_onnx_answers_that_are_not_finite(tmp_path: Path) -> None:
    subject = OnnxModel(onnx(tmp_path), CLASSES, InputSettings(scale=1e38, std=(1e-38, 1e-38, 1e-38)))
    with pytest.raises(InputError, match="scores that are not finite numbers"):
        subject.answer(coloured(1, 4))


def test_weights_beside_an_onnx_file_are_a_part_of_its_identity(tmp_path: Path) -> None:
    """As torch exports it; else answers of other weights would be taken for this model's."""
    model = load(str(onnx(tmp_path)))
    mean = numpy_helper.from_array(np.ones(3, np.float32), "weights")
    model.graph.initializer.append(mean)
    model.graph.node[-1].output[0] = "mean"
    model.graph.node.append(helper.make_node("Mul", ["mean", "weights"], ["s"]))
    file = tmp_path / "model.onnx"
    save(model, str(file), save_as_external_data=True, location="model.onnx.data", size_threshold=0)
    before = OnnxModel(file, CLASSES, InputSettings()).identity
    np.array([3, 2, 1], np.float32).tofile(tmp_path / "model.onnx.data")
    assert OnnxModel(file, CLASSES, InputSettings()).identity != before
