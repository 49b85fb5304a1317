from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sceneproof.backbones.vgg16 import VGG16
from sceneproof.data.video import VideoError
from sceneproof.methods.base import Facts
from sceneproof.tasks.detection.clips import BoxClipSettings, clip_around
from sceneproof.tasks.detection.detector import Detector
from sceneproof.tasks.detection.linking import TubeSettings, link
from sceneproof.tasks.detection.looking import FrameBoxes, clip_starts, look
from sceneproof.types import Tubelets
from tests.videos import make_video, numbered

CPU = torch.device("cpu")


class Telling(Detector):
    """Finds in each clip one box of action 0, whose score is a hundredth of the clip's number, and one without area."""

    def __init__(self, frames: int) -> None:
        super().__init__(VGG16(width=1), Facts(1))
        self.frames, self.seen = frames, 0

    def detect(self, video: Tensor) -> list[Tubelets]:
        found = []
        for clip in video:
            length = self.frames if self.frames > 1 else clip.shape[1]
            assert clip.shape[1] == self.frames
            boxes = np.tile([[2.0, 2, 8, 8], [5, 5, 5, 9]], (length, 1, 1)).transpose(1, 0, 2)
            score = np.array([0.01, 0.9]) * [self.seen + 1, 1]
            found.append(Tubelets(np.zeros(2, np.int64), boxes, np.zeros(2, np.int64), score))
            self.seen += 1
        return found


@pytest.mark.parametrize(
    ("frames", "length", "step", "starts"),
    [
        (5, 1, 1, [0, 1, 2, 3, 4]),
        (10, 4, 3, [0, 3, 6]),
        (10, 4, 4, [0, 4, 6]),
        (3, 4, 1, [0]),
        (4, 4, 9, [0]),
        (9, 4, 9, [0, 4, 5]),
    ],
)
def test_clips_cover_each_frame_and_end_with_the_video(frames: int, length: int, step: int, starts: list[int]) -> None:
    assert clip_starts(frames, length, step) == starts


@pytest.mark.parametrize("at_once", [1, 3, 8])
@pytest.mark.parametrize(("frames", "length"), [(10, 1), (10, 4), (3, 4), (9, 4)])
def test_each_frame_is_told_once_in_order_in_pixels_of_the_video(
    frames: int, length: int, at_once: int, tmp_path: Path
) -> None:
    path = make_video(tmp_path / "a.mp4", numbered(frames, 48, 64))
    found = list(look(Telling(length), path, range(frames), BoxClipSettings(length, 16, 4), CPU, at_once=at_once))
    assert [one.frame for one in found] == list(range(frames))
    for one in found:
        assert one.boxes.tolist() == [[8, 6, 32, 24]], "64 x 48 pixels for 16 x 16; what has no area is left out"
    # of two clips that see a frame the later one is surer, and suppresses the other's box
    starts = clip_starts(frames, length, 4)
    last = [max(place for place, start in enumerate(starts) if start <= frame) for frame in range(frames)]
    assert [one.score[0] for one in found] == pytest.approx([0.01 * (place + 1) for place in last])


def test_a_part_of_a_file_keeps_the_files_numbers(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", numbered(12, 48, 64))
    found = list(look(Telling(1), path, range(5, 9), BoxClipSettings(1, 16), CPU))
    assert [one.frame for one in found] == [5, 6, 7, 8]
    with pytest.raises(VideoError, match="asked for frame"):
        list(look(Telling(1), path, range(20), BoxClipSettings(1, 16), CPU))


def frames_of(boxes: list[list[list[float]]]) -> list[FrameBoxes]:
    return [
        FrameBoxes(number, np.array(some, float).reshape(-1, 4), np.zeros(len(some), np.int64), np.full(len(some), 0.5))
        for number, some in enumerate(boxes)
    ]


@pytest.mark.parametrize("way", ["online", "offline"])
def test_a_box_that_moves_slowly_becomes_one_tube(way: str) -> None:
    seen = frames_of([[[number, 0, number + 10, 10]] for number in range(12)])
    tubes = link(seen, TubeSettings(way=way, switch_cost=None, least_frames=5))  # type: ignore[arg-type]  # the table's
    assert [(tube.first, len(tube.boxes)) for tube in tubes] == [(0, 12)]
    assert tubes[0].boxes[3].tolist() == [3, 0, 13, 10]


def test_frames_without_a_box_are_bridged_or_end_the_tube() -> None:
    box = [0.0, 0, 10, 10]
    short, long = (frames_of([[box]] * 6 + [[]] * gap + [[box]] * 6) for gap in (2, 8))
    settings = TubeSettings(switch_cost=None, least_frames=5)
    assert [(tube.first, len(tube.boxes)) for tube in link(short, settings)] == [(0, 14)]
    assert [(tube.first, len(tube.boxes)) for tube in link(long, settings)] == [(0, 6), (14, 6)]


def test_a_clip_of_training_shows_someone_in_its_middle() -> None:
    shown = np.zeros(20, bool)
    shown[[6, 15]] = True
    rng = np.random.default_rng(0)
    middles = {int(clip_around(shown, 5, rng)[2]) for _ in range(50)}
    assert middles == {6, 15}
    ends = np.zeros(20, bool)
    ends[0] = True
    assert clip_around(ends, 5, rng).tolist() == [0, 0, 0, 1, 2], "the end is repeated"
    assert clip_around(np.ones(3, bool), 5, rng).tolist() == [0, 1, 2, 2, 2], "so is that of a short video"
