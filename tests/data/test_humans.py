"""People's pixels: boxes and masks, the 70 % rule, the fill colour, and tables that do not fit."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sceneproof.data.human_tables import decoded_mask, encode_mask
from sceneproof.data.humans import (
    HumanBoxes,
    HumanMasks,
    check_humans,
    from_masks,
    has_twin,
    mean_colour,
    read_humans,
)
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import write_table
from sceneproof.errors import InputError
from sceneproof.prepare import _resized_masks
from sceneproof.rewriting import Rewritten
from tests.videos import make_masks


def boxes(*rows: tuple[object, ...], score_threshold: float = 0.3) -> HumanBoxes:
    """One box a row: video, frame, x1, y1, x2, y2, score."""
    columns = ["video", "frame", "x1", "y1", "x2", "y2", "score"]
    return HumanBoxes(pd.DataFrame(list(rows), columns=columns), score_threshold=score_threshold)


def test_boxes_cover_the_pixels_whose_centres_they_hold() -> None:
    humans = boxes(("a", 1, 1.0, 2.0, 3.0, 4.0, 0.9), ("a", 1, 3.5, 0.4, 4.6, 1.5, 0.9))
    want = np.zeros((2, 5, 6), np.bool_)
    want[0, 2:4, 1:3] = True
    want[0, 0:1, 3:5] = True  # centres at 3.5 and 4.5; 1.5 is the bottom edge, outside
    np.testing.assert_array_equal(humans.regions("a", [1, 0], 5, 6), want)


def test_boxes_are_clipped_and_those_without_area_show_nobody() -> None:
    humans = boxes(("a", 0, -5, -5, 2, 2, 0.9), ("a", 0, 4, 3, 99, 99, 0.9), ("a", 1, 2, 2, 2, 4, 0.9))
    regions = humans.regions("a", [0, 1], 5, 6)
    assert regions[0].sum() == 4 + 4
    assert not regions[1].any()
    assert humans.share("a", 2) == 0.5


def test_the_papers_threshold_is_inclusive_and_can_be_set() -> None:
    row = ("a", 0, 0, 0, 2, 2, 0.3)
    assert boxes(row).share("a", 1) == 1
    assert boxes(row, score_threshold=0.31).share("a", 1) == 0
    assert "a" not in boxes(row, score_threshold=0.31)


def test_share_counts_frames_not_boxes_and_keeps_to_the_segment() -> None:
    humans = boxes(*[("a", frame, 0, 0, 2, 2, 0.9) for frame in (0, 0, 1, 5, 6)])
    assert humans.share("a", 8) == 4 / 8
    assert humans.share("a", 2, first=5) == 1.0
    assert humans.share("a", 3, first=2) == 0.0
    assert humans.share("b", 8) == 0.0
    assert humans.share("a", 0) == 0.0


@pytest.mark.parametrize(("people", "twin"), [(6, False), (7, True), (10, True)])
def test_a_twin_needs_people_in_seven_frames_of_ten(people: int, twin: bool) -> None:
    humans = boxes(*[("a", frame, 0, 0, 2, 2, 0.9) for frame in range(people)])
    assert has_twin(humans, "a", 10) is twin
    assert not has_twin(humans, "b", 10)


def test_both_tables_come_back_as_written(tmp_path: Path) -> None:
    shapes = {"a": make_masks(4), "b": make_masks(3, 24, 30)}
    shapes["b"][1] = False
    masks, around = from_masks(shapes.items(), "by hand")
    masks.write(tmp_path / "masks.parquet")
    around.write(tmp_path / "boxes.parquet")
    for humans in (read_humans(tmp_path / "masks.parquet"), read_humans(tmp_path / "boxes.parquet")):
        assert humans.videos == ["a", "b"]
        assert humans.share("b", 3) == 2 / 3
        for video, shape in shapes.items():  # the shapes are squares: the box around one is the same
            np.testing.assert_array_equal(humans.regions(video, range(len(shape)), *shape.shape[1:]), shape)
    assert read_humans(tmp_path / "masks.parquet").detector == "by hand"


@given(arrays(np.bool_, st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 20))))
def test_any_mask_survives_its_picture_and_lies_in_its_box(shape: np.ndarray) -> None:
    masks, around = from_masks([("a", shape)], "by hand")
    np.testing.assert_array_equal(masks.regions("a", range(len(shape)), *shape.shape[1:]), shape)
    inside = around.regions("a", range(len(shape)), *shape.shape[1:])
    assert (inside >= shape).all()
    np.testing.assert_array_equal(inside.any((1, 2)), shape.any((1, 2)))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("a", 0, 3, 0, 1, 2, 0.9), "row 1 .a, frame 0.: no box: x1, y1, x2, y2, score are 3, 0, 1, 2, 0.9"),
        (("a", 0, 0, float("nan"), 1, 2, 0.9), "row 1 .* must be finite"),
        (("a", -1, 0, 0, 1, 2, 0.9), "row 1 .a.: the frame is .*whole numbers from 0"),
    ],
)
def test_rows_that_are_no_boxes_are_named(row: tuple[object, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        boxes(("a", 0, 0, 0, 1, 2, 0.9), row)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    with pytest.raises(InputError, match="no such file"):
        read_humans(path)
    path.write_text("video,frame\n")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_humans(path)
    write_table(path, pd.DataFrame({"video": ["a"], "probabilities": [[1.0]]}), "scenes")
    with pytest.raises(InputError, match="holds a scenes table"):
        read_humans(path)
    write_table(path, pd.DataFrame({"video": ["a"], "frame": [0]}), "boxes")
    with pytest.raises(InputError, match="needs the column 'x1'"):
        read_humans(path)


def test_tracks_that_are_missing_or_large_come_back(tmp_path: Path) -> None:
    for tracks in ([1.0, np.nan], [0, 2**31 + 5]):
        columns = {"video": ["a", "a"], "frame": [0, 1], "score": 1.0, "track": tracks}
        rows = pd.DataFrame({**columns, **dict.fromkeys(("x1", "y1"), 1.0), **dict.fromkeys(("x2", "y2"), 5.0)})
        HumanBoxes(rows).write(tmp_path / "boxes.parquet")
        np.testing.assert_array_equal(HumanBoxes.read(tmp_path / "boxes.parquet").rows["track"], tracks)


def test_masks_that_are_no_pictures_or_of_another_size_are_named() -> None:
    good = encode_mask(make_masks(1)[0])
    masks = HumanMasks(pd.DataFrame({"video": ["a", "a"], "frame": [0, 1], "png": [good, b"junk"]}))
    with pytest.raises(InputError, match="frame 1 of 'a' is no PNG"):
        masks.regions("a", [1], 48, 64)
    with pytest.raises(InputError, match="frame 0 of 'a' is 64x48, but the video is 32x24"):
        masks.regions("a", [0], 24, 32)
    with pytest.raises(InputError, match="a second mask for frame 0 of 'a'"):
        HumanMasks(pd.DataFrame({"video": ["a", "a"], "frame": [0, 0], "png": [good, good]}))


def numbered_people(kind: str) -> bytes:
    """A mask in which the person of `make_masks` is number 3, as programs that number people write it."""
    three = make_masks(1)[0].astype(np.uint16) * 3
    black = np.zeros_like(three)
    pictures = {
        "16 bits": three,
        "8 bits": three.astype(np.uint8),
        "blue": np.dstack([three, black, black]).astype(np.uint8),
        "red of 16 bits": np.dstack([black, black, three]),
        "opaque": np.dstack([three, black, black, black + 255]).astype(np.uint8),
    }
    return cv2.imencode(".png", pictures[kind])[1].tobytes()


@pytest.mark.parametrize("kind", ["16 bits", "8 bits", "blue", "red of 16 bits", "opaque"])
def test_people_who_are_numbered_are_people_in_every_form_of_picture(kind: str) -> None:
    """As greys of 8 bits such masks are black, and would show nobody."""
    png, here = numbered_people(kind), make_masks(1)[0]
    masks = HumanMasks(pd.DataFrame({"video": ["a"], "frame": [0], "png": [png]}))
    np.testing.assert_array_equal(masks.regions("a", [0], *here.shape)[0], here)
    assert masks.share("a", 1) == 1
    height, width = here.shape
    same = Rewritten(1, 1, 0, height, width, None, height, width, 0, 0.0)
    np.testing.assert_array_equal(decoded_mask(next(_resized_masks(pd.Series([png]), [same]))), here)


def manifest(frames: int = 4, width: int = 64, video: str = "a") -> Manifest:
    rows = {"video": [video], "path": ["a.mp4"], "split": ["train"], "action": ["run"]}
    return Manifest(pd.DataFrame({**rows, "frames": [frames], "width": [width], "height": [48]}), Path())


def test_tables_of_other_data_are_refused_before_training() -> None:
    masks, around = from_masks([("a", make_masks(4))], "by hand")
    for humans in (masks, around):
        check_humans(humans, manifest())
        check_humans(humans, manifest(frames=0, width=0))  # an unreadable video is not the table's fault
        with pytest.raises(InputError, match=r"no video that is asked for \(1 video\) .*another data set"):
            check_humans(humans, manifest(video="b"))
        with pytest.raises(InputError, match="frame 3 of 'a', which has 3 frames"):
            check_humans(humans, manifest(frames=3))
    with pytest.raises(InputError, match="64x48, but the video is 32x48"):
        check_humans(masks, manifest(width=32))
    with pytest.raises(InputError, match="outside its 5x48 pixels"):
        check_humans(around, manifest(width=5))


def test_mean_colour_is_each_frames_own_rounded_half_up() -> None:
    frames = np.zeros((2, 1, 2, 3), np.uint8)
    frames[0, 0] = [(0, 10, 255), (1, 20, 255)]
    frames[1, 0] = [(7, 0, 0), (7, 0, 3)]
    np.testing.assert_array_equal(mean_colour(frames), [(1, 15, 255), (7, 0, 2)])
    assert mean_colour(frames[:0]).shape == (0, 3)
