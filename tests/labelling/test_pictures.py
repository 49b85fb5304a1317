from pathlib import Path

import cv2
import numpy as np
import pytest

from sceneproof.errors import InputError
from sceneproof.labelling.pictures import categories, read_pictures, resize
from tests.labelling.models import single_colour


def write(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, picture)[1].tobytes())


def test_resize_averages_where_it_shrinks_and_keeps_the_whole_frame() -> None:
    frame = np.zeros((1, 4, 8, 3), np.uint8)
    frame[:, :, 4:] = 200
    small = resize(frame, 1, 1)
    assert small.shape == (1, 1, 1, 3)
    assert abs(int(small[0, 0, 0, 0]) - 100) <= 1
    assert resize(frame, 4, 8) is frame


def test_reads_rgb_and_grey_pictures_by_category(tmp_path: Path) -> None:
    write(tmp_path / "beach" / "b.png", single_colour((30, 20, 10))[0])  # OpenCV writes BGR: this is RGB (10, 20, 30)
    write(tmp_path / "beach" / "a.JPG", np.full((9, 5), 77, np.uint8))
    write(tmp_path / "attic" / "c.png", single_colour((0, 0, 255))[0])
    (tmp_path / "beach" / "notes.txt").write_text("not a picture")
    (tmp_path / "empty").mkdir()
    names = categories(tmp_path)
    assert names == ["attic", "beach"]
    pixels, labels, paths = read_pictures(tmp_path, names, size=4)
    assert pixels.shape == (3, 4, 4, 3)
    assert labels.tolist() == [0, 1, 1]
    assert [path.name for path in paths] == ["c.png", "a.JPG", "b.png"]
    assert pixels[:, 0, 0].tolist() == [[255, 0, 0], [77, 77, 77], [10, 20, 30]]


def test_what_is_wrong_with_a_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        categories(tmp_path / "nowhere")
    write(tmp_path / "beach" / "a.png", single_colour((1, 2, 3))[0])
    with pytest.raises(InputError, match="at least 2"):
        categories(tmp_path)
    (tmp_path / "attic").mkdir()
    (tmp_path / "attic" / "broken.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"broken\.png: not a picture"):
        read_pictures(tmp_path, ["attic", "beach"], size=4)
    with pytest.raises(InputError, match="'attic' is not among those known: beach"):
        read_pictures(tmp_path, ["beach"], size=4)
