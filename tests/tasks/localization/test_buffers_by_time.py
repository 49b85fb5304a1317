"""Buffers sample a video by when its frames are shown, whatever its rate is and however it varies."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from sceneproof.data.manifest import Manifest
from sceneproof.data.video import VideoInfo, probe
from sceneproof.errors import InputError
from sceneproof.tasks.localization.buffers import BufferSettings, Timeline
from sceneproof.tasks.localization.detecting import localize_video, stream
from sceneproof.tasks.localization.footage import TrainingBuffers, UntrimmedVideos
from sceneproof.tasks.localization.scoring import truth_table
from sceneproof.types import Segments
from tests.timed import make_timed
from tests.videos import numbers_of

VARIABLE = [100 * n for n in range(20)] + [2000 + 25 * n for n in range(80)]  # 2 s at 10 a second, 2 s at 40


def table(folder: Path, path: str, start: float, end: float, **columns: object) -> Manifest:
    row = {"video": "a0", "path": path, "group": "a", "action": "run", "split": "train", "start": start, "end": end}
    return Manifest(pd.DataFrame([{**row, **columns}]), folder)


def shown(times: list[int], rate: float, count: int) -> list[int]:
    """Which frame is shown in the middle of each of a buffer's frames: in whole milliseconds, one by one."""
    moments = [(number + Fraction(1, 2)) / Fraction(rate) * 1000 for number in range(count)]
    return [max([number for number, time in enumerate(times) if time <= moment], default=0) for moment in moments]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("rate", [5.0, 10.0, 25.0, None])
def test_frames_are_sampled_by_time(suffix: str, rate: float | None, tmp_path: Path) -> None:
    path = make_timed(tmp_path / f"a{suffix}", VARIABLE, height=64)
    timeline = Timeline.of(probe(path), rate)
    assert timeline.seconds == pytest.approx(4.0, abs=0.02)
    assert timeline.rate == pytest.approx(rate or 25.0, rel=0.01)
    wanted = shown(VARIABLE, timeline.rate, len(timeline))
    assert timeline.frames(np.arange(len(timeline))).tolist() == wanted
    settings = BufferSettings(length=16, step=8, test_step=16, rate=rate, size=64, scales=(1.0,))
    for cut in stream(path, timeline, settings):
        assert numbers_of(cut.frames[: cut.real]) == wanted[cut.start : cut.start + cut.real]


def test_a_buffer_of_training_holds_what_its_segment_shows(tmp_path: Path) -> None:
    make_timed(tmp_path / "a.mp4", VARIABLE, height=64)
    footage = UntrimmedVideos.gather(table(tmp_path, "a.mp4", 2.5, 3.5), 20.0, check=True)
    settings = BufferSettings(length=80, step=80, test_step=80, rate=20.0, size=64, augment=False)
    buffers = TrainingBuffers.cut(footage, settings, 0, ["run"])
    assert buffers.times[0].tolist() == [[50, 70]]
    assert numbers_of(buffers[0, 0].clip.frames)[50:70] == list(range(41, 81, 2)), "shown from 2.5 s to 3.5 s"


def test_a_late_track_is_a_late_track(tmp_path: Path) -> None:
    path = make_timed(tmp_path / "a.mp4", [1000 + 100 * n for n in range(20)], sound=True)
    timeline = Timeline.of(probe(path), 10.0)
    assert len(timeline) == 30
    assert timeline.frames(np.arange(30)).tolist() == [0] * 10 + list(range(20))
    footage = UntrimmedVideos.gather(table(tmp_path, "a.mp4", 2.5, 3.0), 10.0, check=True)
    assert truth_table(footage, nothing="background")["duration"].tolist() == [3.0]


def test_a_segment_without_an_end_lasts_as_long_as_its_video(tmp_path: Path) -> None:
    make_timed(tmp_path / "a.mp4", VARIABLE)
    footage = UntrimmedVideos.gather(table(tmp_path, "a.mp4", 1.0, np.nan, frames=100, rate=40.0), None)
    truth = truth_table(footage, nothing="background")
    assert truth[["start", "end", "duration"]].to_numpy()[0] == pytest.approx([1.0, 4.0, 4.0], abs=0.02)


def test_segments_are_held_against_the_files_own_length(tmp_path: Path) -> None:
    make_timed(tmp_path / "a.mp4", [0, *(10_000 + 40 * n for n in range(20))])
    right = table(tmp_path, "a.mp4", 10.0, 10.8)
    assert UntrimmedVideos.gather(right, 25.0, check=True).videos[0].times.tolist() == [[10.0, 10.8]]
    with pytest.raises(InputError, match=r"outside its video of 10\.8 s: 10 to 20 s"):
        UntrimmedVideos.gather(table(tmp_path, "a.mp4", 10.0, 20.0), 25.0, check=True)


def test_a_manifest_of_another_file_is_a_problem(tmp_path: Path) -> None:
    make_timed(tmp_path / "a.mp4", VARIABLE)
    footage = UntrimmedVideos.gather(
        table(tmp_path, "a.mp4", 1.0, 2.0, frames=90, rate=25.0, width=64, height=48), 25.0
    )
    assert footage.problems == {"a": "the manifest says 90 frames, the file has 100: index it again"}


class Seer:
    """Finds one segment: the frames of the buffer in which the picture's number is from 40 to 79."""

    def __init__(self) -> None:
        self.backbone = type("Backbone", (), {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)})()

    def detect(self, video: torch.Tensor, real: torch.Tensor) -> list[Segments]:
        pictures = (video[0].permute(1, 2, 3, 0).numpy()).round().astype(np.uint8)
        inside = np.array([40 <= number < 80 for number in numbers_of(pictures)])[: int(real[0])]
        ends = np.flatnonzero(inside)
        return [Segments(np.array([[ends[0], ends[-1] + 1.0]]), np.zeros(1, np.int64), np.ones(1))]

    def suppress(self, segments: Segments) -> Segments:
        return segments


def test_what_is_found_is_told_in_the_seconds_of_the_video(tmp_path: Path) -> None:
    path = make_timed(tmp_path / "a.mp4", VARIABLE, height=64)
    timeline = Timeline.of(probe(path), 40.0)
    settings = BufferSettings(length=200, step=200, test_step=200, rate=40.0, size=64)
    found = localize_video(Seer(), path, timeline, settings, torch.device("cpu"))  # type: ignore[arg-type]
    assert found.times.tolist() == [[2.5, 3.5]], "frame 40 is shown at 2.5 s, frame 80 at 3.5 s"


def test_without_a_rate_there_are_no_seconds() -> None:
    with pytest.raises(Exception, match="does not say its frame rate"):
        Timeline.of(VideoInfo(10, 64, 48, float("nan")), None)
