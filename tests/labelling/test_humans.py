"""Labellings of people: which frames they look at, and the rows they make of what is found there."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sceneproof.data.human_tables import HumanBoxes, HumanMasks
from sceneproof.data.humans import read_humans
from sceneproof.errors import InputError
from sceneproof.labelling.contracts import DecodedClip, PersonDetector, PersonSegmenter
from sceneproof.labelling.humans import BoxLabelling, MaskLabelling


class RedBoxes(PersonDetector):
    """Finds the box around all pure red pixels, as likely as their blue says, and counts its calls."""

    title = "red boxes"
    short_side = 20

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        self.calls.append(len(frames))
        return [self._box(frame) for frame in frames]

    def _box(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        y, x = np.nonzero(frame[..., 0] == 255)
        if not len(x):
            return np.zeros((0, 5), np.float32)
        score = frame[y[0], x[0], 2] / 100
        return np.array([(x.min() - 1, y.min() - 1, x.max() + 1, y.max() + 1, score)], np.float32)


class RedPixels(PersonSegmenter):
    """Calls red pixels people."""

    title = "red pixels"
    short_side = None

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return np.asarray(frames[..., 0] == 255)


def looked(video: str, numbers: list[int], *, first: int = 0, height: int = 20, width: int = 30) -> DecodedClip:
    """Frames of 20 x 30, black, of a file that may be larger."""
    frames = np.zeros((len(numbers), 20, 30, 3), np.uint8)
    return DecodedClip(video, np.array(numbers, np.int64), first, numbers[-1] - first + 1, height, width, frames)


def paint(one: DecodedClip, place: int, left: int, *, score: float = 0.9) -> None:
    """A red block of 10 x 8 pixels from row 4 on."""
    one.frames[place, 4:14, left : left + 8] = (255, 0, round(100 * score))


def test_frames_looked_at_hold_the_first_and_the_last() -> None:
    labelling = BoxLabelling(RedBoxes(), every=4)
    assert labelling.numbers(10, 25.0).tolist() == [0, 4, 8, 9]
    assert labelling.numbers(9, 25.0).tolist() == [0, 4, 8]
    assert labelling.numbers(1, 25.0).tolist() == [0]
    a_second = BoxLabelling(RedBoxes(), per_second=5)
    assert a_second.numbers(12, 25.0).tolist() == [0, 5, 10, 11]
    assert a_second.numbers(9, float("nan")).tolist() == [0, 4, 8]  # the rate is unknown: every fourth
    assert a_second.numbers(3, 2.0).tolist() == [0, 1, 2]
    assert MaskLabelling(RedPixels()).numbers(3, 25.0).tolist() == [0, 1, 2]


@given(st.integers(1, 200), st.integers(1, 50))
def test_no_gap_is_longer_than_asked_for(length: int, every: int) -> None:
    numbers = BoxLabelling(RedBoxes(), every=every).numbers(length, 25.0)
    assert numbers[0] == 0
    assert numbers[-1] == length - 1
    assert ((np.diff(numbers) >= 1) & (np.diff(numbers) <= every)).all()


def test_rows_are_of_every_frame_in_pixels_of_the_file(tmp_path: Path) -> None:
    one = looked("a", [8, 12], first=8, height=40, width=60)  # a file twice as large; the clip begins at frame 8
    paint(one, 0, 4, score=0.8)
    paint(one, 1, 8, score=0.6)
    table = BoxLabelling(RedBoxes())([one])
    assert table.column_names == ["video", "frame", "x1", "y1", "x2", "y2", "score", "track"]
    rows = table.to_pandas()
    assert rows["frame"].tolist() == [8, 9, 10, 11, 12]
    # columns 4 to 11 in the shrunk frame, and a pixel to the left: 3 to 12, and twice that
    np.testing.assert_allclose(rows["x1"], [6, 8, 10, 12, 14])
    np.testing.assert_allclose(rows["x2"], [24, 26, 28, 30, 32])
    np.testing.assert_allclose(rows["y1"], [6] * 5)
    np.testing.assert_allclose(rows["score"], [0.8, 0.6, 0.6, 0.6, 0.6], atol=1e-6)
    assert rows["track"].tolist() == [0] * 5
    HumanBoxes(rows, detector="red").write(tmp_path / "boxes.parquet")
    again = HumanBoxes.read(tmp_path / "boxes.parquet")
    assert again.share("a", 5, first=8) == 1
    assert again.rows["track"].dtype == np.int32
    again.write(tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == (tmp_path / "boxes.parquet").read_bytes()


def test_boxes_are_cut_at_the_picture() -> None:
    one = looked("a", [0])
    paint(one, 0, 0)  # the detector adds a pixel to the left: -1
    assert BoxLabelling(RedBoxes())([one]).to_pandas()[["x1", "x2"]].to_numpy().tolist() == [[0, 8]]


def test_videos_of_one_size_are_looked_at_together_and_keep_their_boxes() -> None:
    first, nobody, last = looked("a", [0, 4]), looked("b", [0]), looked("c", [0, 1])
    paint(first, 0, 2)
    paint(last, 1, 20)
    narrow = DecodedClip("d", np.array([0]), 0, 1, 20, 10, np.zeros((1, 20, 10, 3), np.uint8))
    detector = RedBoxes()
    rows = BoxLabelling(detector)([first, nobody, last, narrow]).to_pandas()
    assert detector.calls == [5, 1]
    assert rows[["video", "frame", "x1"]].to_numpy().tolist() == [["a", 0, 1], ["c", 1, 19]]


def test_nobody_anywhere_gives_an_empty_table_of_the_same_columns() -> None:
    for labelling in (BoxLabelling(RedBoxes()), MaskLabelling(RedPixels())):
        for videos in ([], [looked("a", [0, 1])]):
            table = labelling(videos)
            assert isinstance(table, pa.Table)
            assert table.schema == labelling.schema
            assert len(table) == 0


def test_masks_have_the_size_of_the_file_and_frames_without_people_no_row(tmp_path: Path) -> None:
    same, larger = looked("a", [0, 1, 2]), looked("b", [5], first=5, height=40, width=60)
    paint(same, 1, 3)
    paint(larger, 0, 3)
    rows = MaskLabelling(RedPixels())([same, larger]).to_pandas()
    assert rows["frame"].tolist() == [1, 5]
    HumanMasks(rows, detector="red").write(tmp_path / "masks.parquet")
    masks = read_humans(tmp_path / "masks.parquet")
    np.testing.assert_array_equal(masks.regions("a", [0, 1, 2], 20, 30), same.frames[..., 0] == 255)
    want = (larger.frames[..., 0] == 255).repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(masks.regions("b", [5], 40, 60), want)


def test_the_table_tells_all_that_the_boxes_depend_on() -> None:
    assert BoxLabelling(RedBoxes(), every=2).metadata == {
        "detector": "red boxes",
        "every": 2,
        "per_second": None,
        "least_overlap": 0.3,
        "gap": 1,
    }
    assert MaskLabelling(RedPixels()).metadata == {"detector": "red pixels"}


@pytest.mark.parametrize("wrong", [{"every": 0}, {"gap": -1}, {"least_overlap": 0.0}, {"per_second": 0.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="human boxes"):
        BoxLabelling(RedBoxes(), **wrong)  # type: ignore[arg-type]


def test_a_detector_that_answers_something_else_is_named() -> None:
    class NoScore(RedBoxes):
        def __call__(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
            return [boxes[:, :4] for boxes in super().__call__(frames)]

    class FirstOnly(RedBoxes):
        def __call__(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
            return super().__call__(frames[:1])

    with pytest.raises(InputError, match=r"red boxes: answered 2 arrays \(\(0, 4\), \(0, 4\), …\) to 2 frames"):
        BoxLabelling(NoScore())([looked("a", [0, 1])])
    with pytest.raises(InputError, match="answered 1 arrays"):
        BoxLabelling(FirstOnly())([looked("a", [0, 1])])


def test_boxes_need_no_torch() -> None:
    code = "import sys, sceneproof.labelling.humans_command; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
