from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from sceneproof.errors import InputError
from sceneproof.labelling.onnx_labeller import OnnxSceneLabeller
from sceneproof.labelling.pictures import read_picture, resize
from sceneproof.labelling.places365 import scene_is_indoor, scene_names
from tests.labelling.models import mean_colour_model, single_colour

RGB = ("red", "green", "blue")
E = np.e


def test_logits_become_probabilities(tmp_path: Path) -> None:
    labeller = OnnxSceneLabeller(mean_colour_model(tmp_path / "m.onnx", softmax=False), RGB, std=(10, 10, 10))
    assert labeller(single_colour((0, 10, 20)))[0] == pytest.approx(np.array([1, E, E * E]) / (1 + E + E * E))


def test_probabilities_are_left_alone(tmp_path: Path) -> None:
    path = mean_colour_model(tmp_path / "m.onnx", softmax=True)
    found = OnnxSceneLabeller(path, RGB, std=(10, 10, 10))(single_colour((0, 10, 20)))
    assert found[0] == pytest.approx(np.array([1, E, E * E]) / (1 + E + E * E))
    told = OnnxSceneLabeller(path, RGB, std=(10, 10, 10), output="probabilities")(single_colour((0, 10, 20)))
    assert np.array_equal(found, told)
    twice = OnnxSceneLabeller(path, RGB, std=(10, 10, 10), output="logits")(single_colour((0, 10, 20)))
    assert twice[0].max() < found[0].max() - 0.1


def test_mean_deviation_and_channel_order_are_applied(tmp_path: Path) -> None:
    path = mean_colour_model(tmp_path / "m.onnx", softmax=False)
    labeller = OnnxSceneLabeller(
        path, RGB, channels="bgr", mean=(1, 2, 3), std=(1, 2, 4), output="probabilities"
    )  # "probabilities" shows the raw answers
    # RGB (11, 12, 13) is BGR (13, 12, 11): (13 - 1) / 1, (12 - 2) / 2, (11 - 3) / 4
    assert labeller(single_colour((11, 12, 13)))[0].tolist() == [12, 5, 2]


@pytest.mark.parametrize("batch", ["b", 2])
def test_channels_last_bytes_and_a_fixed_batch(tmp_path: Path, batch: int | str) -> None:
    path = mean_colour_model(
        tmp_path / "m.onnx", softmax=False, shape=(batch, 4, 4, 3), pixels=TensorProto.UINT8, axes=(1, 2)
    )
    colours = [(1, 2, 3), (4, 5, 6), (7, 8, 9)]
    answers = OnnxSceneLabeller(path, RGB, output="probabilities")(single_colour(*colours))
    assert answers.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_a_model_that_leaves_its_size_open_needs_one(tmp_path: Path) -> None:
    path = mean_colour_model(tmp_path / "m.onnx", softmax=True, shape=("b", 3, "h", "w"))
    with pytest.raises(InputError, match="size open"):
        OnnxSceneLabeller(path, RGB)
    assert OnnxSceneLabeller(path, RGB, size=5)(single_colour((0, 0, 0)))[0] == pytest.approx([1 / 3] * 3)


def test_the_title_tells_the_file_and_its_contents(tmp_path: Path) -> None:
    one = OnnxSceneLabeller(mean_colour_model(tmp_path / "m.onnx", softmax=True), RGB).title
    other = OnnxSceneLabeller(mean_colour_model(tmp_path / "m.onnx", softmax=False), RGB).title
    assert one.startswith("m.onnx (sha256 ")
    assert one != other


def test_names_come_from_a_file(tmp_path: Path) -> None:
    path = mean_colour_model(tmp_path / "m.onnx", softmax=True)
    (tmp_path / "names.txt").write_text("beach\n\nattic\ncave\n")
    assert OnnxSceneLabeller(path, tmp_path / "names.txt").names == ["beach", "attic", "cave"]
    with pytest.raises(InputError, match=r"nowhere\.txt"):
        OnnxSceneLabeller(path, tmp_path / "nowhere.txt")


def test_bad_models_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.onnx: no such file"):
        OnnxSceneLabeller(tmp_path / "none.onnx")
    (tmp_path / "page.onnx").write_text("<html>moved</html>")
    with pytest.raises(InputError, match=r"page\.onnx: not an ONNX model"):
        OnnxSceneLabeller(tmp_path / "page.onnx")
    good = mean_colour_model(tmp_path / "good.onnx", softmax=True)
    with pytest.raises(InputError, match=r"3 outputs, but the list given names 2"):
        OnnxSceneLabeller(good, ("red", "green"))
    with pytest.raises(InputError, match=r"3 outputs, and not Places365's 365"):
        OnnxSceneLabeller(good)
    grey = mean_colour_model(tmp_path / "grey.onnx", softmax=True, shape=("b", 1, 4, 4))
    with pytest.raises(InputError, match=r"one input of pictures .* but has: picture"):
        OnnxSceneLabeller(grey, ("grey",))
    detector = mean_colour_model(tmp_path / "detector.onnx", softmax=False, axes=(3,))
    with pytest.raises(InputError, match=r"shape \(2, 3, 4\)"):
        OnnxSceneLabeller(detector, RGB)


def test_the_real_places365_network_tells_indoors_from_outdoors(shared_data: Path) -> None:
    labeller = OnnxSceneLabeller(shared_data / "weights" / "places365_squeezenet.onnx", threads=1)
    assert list(labeller.names) == scene_names()
    indoor = np.array(scene_is_indoor())
    for folder, best, low, high in (("s15_Bedroom", "bedroom", 0.8, 1.0), ("intel_sea", "ocean", 0.0, 0.2)):
        files = sorted((shared_data / "scenes" / folder).iterdir())
        frames = np.concatenate([resize(read_picture(path)[None], 227, 227) for path in files])
        posteriors = labeller(frames)
        assert posteriors.sum(axis=1) == pytest.approx(np.ones(len(files)), abs=1e-4)
        assert low <= posteriors[:, indoor].sum(axis=1).mean() <= high
        assert scene_names()[posteriors.mean(axis=0).argmax()] == best
