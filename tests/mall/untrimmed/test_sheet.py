"""Pictures of untrimmed videos."""

from dataclasses import replace
from pathlib import Path

import cv2

from sceneproof.mall.untrimmed.plan import UntrimmedWorld
from sceneproof.mall.untrimmed.sheet import time_sheet


def test_a_sheet_has_every_second_frame_with_a_foot(tmp_path: Path) -> None:
    world = replace(UntrimmedWorld(height=48, width=64, train=1), seconds=12.0)
    time_sheet(tmp_path / "sheet.png", world.videos()[0], world, every=2, columns=10)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    # 38 of 75 frames in 4 rows: 48 pixels and 14 for the foot each, 4 between them
    assert sheet.shape == (4 * 62 + 3 * 4, 10 * 64 + 9 * 4, 3)
