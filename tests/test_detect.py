import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sceneproof.data.times import FrameTimes
from sceneproof.data.video import probe
from sceneproof.detect import tube_rows, write_tubes
from sceneproof.pages.pictures import write_video
from sceneproof.tasks.detection.tubes import Tube, make_tube
from tests.videos import numbered

ABOUT = {"video": "a.mp4", "rate": None}


def tube(first: int, frames: int) -> Tube:
    boxes = np.tile([1.04, 2.0, 3.0, 4.06], (frames, 1))
    return make_tube(0, 1, first, boxes, np.full(frames, 0.5))


@pytest.mark.parametrize("lengths", [(), (1,), (3, 2)])
def test_each_tube_is_a_line_of_json_with_its_boxes(lengths: tuple[int, ...], tmp_path: Path) -> None:
    tubes = [tube(10, frames) for frames in lengths]
    table = tube_rows(tubes, ["walk", "run"], rate=float("nan"))
    write_tubes(tmp_path / "a.json", tubes, table, about=ABOUT)
    told = json.loads((tmp_path / "a.json").read_text())
    assert {name: told[name] for name in ABOUT} == ABOUT
    assert [one["boxes"] for one in told["tubes"]] == [[[1.0, 2.0, 3.0, 4.1]] * frames for frames in lengths]
    assert [one["scores"] for one in told["tubes"]] == [[0.5] * frames for frames in lengths]
    assert [(one["action"], one["first"], one["last"], one["start"]) for one in told["tubes"]] == [
        ("run", 10, 9 + frames, None) for frames in lengths
    ]
    lines = (tmp_path / "a.json").read_text().splitlines()
    assert sum('"boxes"' in line for line in lines) == len(lengths)


def test_tubes_are_told_in_the_seconds_of_their_frames() -> None:
    times = FrameTimes.of_stamps([0, *range(10_000, 10_800, 40)], 40, Fraction(1, 1000), None, [25.0])
    table = tube_rows([tube(0, 2), tube(5, 3)], ["walk", "run"], times.rate, times)
    assert table[["start", "end"]].to_numpy().round(3).tolist() == [[0, 10.04], [10.16, 10.28]]


def test_the_annotated_video_shows_each_frame_when_it_is_shown(tmp_path: Path) -> None:
    times = FrameTimes.of_stamps([0, *range(1000, 1400, 40)], 40, Fraction(1, 1000), None, [25.0])
    write_video(tmp_path / "a.mp4", numbered(11), times.rate, times)
    shown = probe(tmp_path / "a.mp4").clock.seconds(np.arange(11))
    assert np.abs(shown - times.seconds(np.arange(11))).max() < 1e-3
