"""Pictures of the Mall."""

from dataclasses import replace
from pathlib import Path

import cv2
from benchmarks.mall_pictures import contact_sheet, film_strips, time_sheet

from sceneproof.mall.untrimmed.plan import UntrimmedWorld


def test_sheets_are_pictures_of_the_size_that_follows_from_the_settings(tmp_path: Path) -> None:
    contact_sheet(tmp_path / "sheet.png", columns=4, height=48)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    # 16 scenes in 4 rows: 48 pixels and 18 for the name each, 4 between them
    assert sheet.shape == (4 * 66 + 3 * 4, 4 * 64 + 3 * 4, 3)
    film_strips(tmp_path / "strips.png", frames=3, height=48)
    strips = cv2.imread(str(tmp_path / "strips.png"))
    assert strips is not None
    assert strips.shape == (6 * 66 + 5 * 4, 2 * 3 * 48 + 4, 3)


def test_a_sheet_has_every_second_frame_with_a_foot(tmp_path: Path) -> None:
    world = replace(UntrimmedWorld(height=48, width=64, train=1), seconds=12.0)
    time_sheet(tmp_path / "sheet.png", world.videos()[0], world, every=2, columns=10)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    # 38 of 75 frames in 4 rows: 48 pixels and 14 for the foot each, 4 between them
    assert sheet.shape == (4 * 62 + 3 * 4, 10 * 64 + 9 * 4, 3)
