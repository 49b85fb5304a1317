"""YOLOX on a network whose answers are known, letterboxing, and the real thing on a real video."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from sceneproof.data.video import decode
from sceneproof.errors import InputError
from sceneproof.labelling.contracts import DecodedClip
from sceneproof.labelling.humans import BoxLabelling
from sceneproof.labelling.yolox import YOLOX, letterbox
from sceneproof.metrics.boxes import box_iou
from tests.labelling.models import bright_cell_yolox, mean_colour_model

OPEN = ("b", 3, 64, 64)


@pytest.mark.parametrize("in_pixels", [False, True])
@pytest.mark.parametrize("batch", ["b", 1, 2])
def test_boxes_come_back_where_they_are_in_the_frame(tmp_path: Path, batch: int | str, in_pixels: bool) -> None:
    path = bright_cell_yolox(tmp_path / "m.onnx", shape=(batch, 3, 64, 64), in_pixels=in_pixels)
    frames = np.zeros((3, 64, 128, 3), np.uint8)  # letterboxed to 32 rows and 64 columns: half as large
    frames[0, 16:32, 32:48, 2] = 255  # the cell of stride 8 in row 1, column 2
    frames[2, 0:32, 96:128, 2] = 204  # a cell of stride 16, and the four in it,
    frames[2, 0:16, 96:112, 2] = 255  # of which one is brighter
    first, second, third = YOLOX(path, score=0.6)(frames)
    np.testing.assert_allclose(first, [(32, 16, 48, 32, 1)], atol=1e-4)
    assert second.shape == (0, 5)
    np.testing.assert_allclose(third[:2], [(96, 0, 112, 16, 1), (96, 0, 128, 32, 0.85)], atol=1e-4)
    np.testing.assert_allclose(third[2:, 4], [0.8] * 3, atol=1e-4)
    # the brightest overlaps the larger one by a quarter
    assert YOLOX(path, score=0.6, overlap=0.2)(frames)[2][:, 2].tolist() == [112, 128, 112, 128]


def test_padding_is_grey_and_pixels_are_bgr(tmp_path: Path) -> None:
    path = bright_cell_yolox(tmp_path / "m.onnx")
    frame = np.zeros((1, 32, 64, 3), np.uint8)
    frame[..., 0] = 255  # red is the last channel of BGR
    (found,) = YOLOX(path, score=0.4)(frame)
    assert (found[:, 1] >= 32).all()  # nothing but the padding below, which the caller clips away
    np.testing.assert_allclose(found[:, 4], 114 / 255, atol=1e-4)


def test_the_person_class_can_be_another(tmp_path: Path) -> None:
    path = bright_cell_yolox(tmp_path / "m.onnx")
    white = np.full((1, 64, 64, 3), 255, np.uint8)
    assert len(YOLOX(path)(white)[0])
    assert not len(YOLOX(path, person=1)(white)[0])


def test_a_size_left_open_must_be_given(tmp_path: Path) -> None:
    path = bright_cell_yolox(tmp_path / "m.onnx", shape=("b", 3, "h", "w"))
    with pytest.raises(InputError, match="size open"):
        YOLOX(path)
    with pytest.raises(InputError, match=r"50x50; its sides must be multiples of 32"):
        YOLOX(path, size=50)
    assert YOLOX(path, size=64).short_side == 64


def test_other_models_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.onnx: no such file \(expected a YOLOX"):
        YOLOX(tmp_path / "none.onnx")
    classifier = mean_colour_model(tmp_path / "c.onnx", softmax=True, shape=OPEN)
    with pytest.raises(InputError, match=r"not a YOLOX: the first output has the shape \(1, 3\)"):
        YOLOX(classifier)
    grey = mean_colour_model(tmp_path / "g.onnx", softmax=True, shape=("b", 1, 64, 64))
    with pytest.raises(InputError, match="one input of pictures"):
        YOLOX(grey)
    with pytest.raises(InputError, match=r"\(1, 84, 8 or more\)"):
        YOLOX(bright_cell_yolox(tmp_path / "m.onnx"), person=2)


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([(64, 64), (32, 96)]))
def test_a_letterboxed_frame_is_whole_and_its_corners_come_back(rows: int, columns: int, size: tuple[int, int]) -> None:
    picture, (across, down) = letterbox(np.full((rows, columns, 3), 7, np.uint8), *size)
    assert picture.shape == (*size, 3)
    width, height = round(columns * across), round(rows * down)
    assert (picture[:height, :width] == 7).all()
    assert (picture[height:] == 114).all()
    assert (picture[:, width:] == 114).all()
    assert width == size[1] or height == size[0]
    # the shape is kept to half a pixel of the picture
    assert abs(width - columns * min(size[0] / rows, size[1] / columns)) <= 1


def test_the_real_network_finds_a_real_golfer(shared_data: Path) -> None:
    video = min((shared_data / "jhmdb" / "golf").glob("*.mp4"))
    detector = YOLOX(shared_data / "weights" / "yolox_nano.onnx", threads=1)
    with np.load(shared_data / "jhmdb_masks" / "golf.npz") as clips:
        masks = np.unpackbits(clips[video.stem], axis=-1).astype(np.bool_)
    numbers = [0, len(masks) // 2, len(masks) - 1]
    for found, mask in zip(detector(decode(video, numbers)), masks[numbers], strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        actor = np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], np.float32)
        assert found[0, 4] > 0.5
        assert box_iou(found[0, :4], actor[0]) > 0.5


def test_answers_that_are_not_finite_are_not_nobody(tmp_path: Path) -> None:
    """No score that is no number is at least as high as the lowest that counts."""
    path = bright_cell_yolox(tmp_path / "m.onnx")
    model = onnx.load(str(path))
    for constant in model.graph.initializer:
        if constant.name == "nothing":  # which all answers are added to, by their brightness
            constant.CopyFrom(numpy_helper.from_array(np.array(np.nan, np.float32), "nothing"))
    onnx.save(model, str(path))
    looked = DecodedClip("dive", np.arange(1), 0, 1, 64, 64, np.full((1, 64, 64, 3), 255, np.uint8))
    with pytest.raises(InputError, match=r"dive: m\.onnx .*: gives boxes that are not finite numbers"):
        BoxLabelling(YOLOX(path))([looked])


def test_weights_beside_the_file_are_a_part_of_the_title(tmp_path: Path) -> None:
    """As torch exports it: what the graph is made of stands in another file."""
    model = onnx.load(str(bright_cell_yolox(tmp_path / "m.onnx")))
    onnx.save(model, str(tmp_path / "n.onnx"), save_as_external_data=True, location="n.data", size_threshold=100)
    before = YOLOX(tmp_path / "n.onnx").title
    weights = np.fromfile(tmp_path / "n.data", np.uint8)
    weights[-1] ^= 1
    weights.tofile(tmp_path / "n.data")
    assert YOLOX(tmp_path / "n.onnx").title != before
