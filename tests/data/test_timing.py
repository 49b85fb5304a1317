"""What a manifest tells of its frames' times, and what happens where the files say something else."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sceneproof.data import timing
from sceneproof.data.dataset import Videos
from sceneproof.data.manifest import LONG, Manifest
from sceneproof.data.sources.folder import index_folder
from sceneproof.data.sources.survey import survey
from sceneproof.data.timing import Timing
from sceneproof.data.video import VideoError, VideoInfo, probe
from sceneproof.errors import InputError
from tests.timed import make_timed
from tests.videos import make_video, numbered, numbers_of

VARIABLE = [100 * n for n in range(20)] + [2000 + 25 * n for n in range(40)]


def table(folder: Path, path: str, **columns: Any) -> Manifest:
    rows = pd.DataFrame({"video": ["a"], "path": [path], "split": "train", "action": "run"}).assign(**columns)
    return Manifest(rows, folder)


def facts_of(folder: Path) -> dict[str, Any]:
    """What an index says of a.mkv."""
    facts, _ = survey(folder, ["a.mkv"], quiet=True)
    return {str(name): value for name, value in facts.iloc[0].items()}


def test_an_index_keeps_what_times_need(tmp_path: Path) -> None:
    make_video(tmp_path / "in" / "run" / "even.mp4", numbered(50))
    make_timed(tmp_path / "in" / "run" / "variable.mkv", VARIABLE)
    made = index_folder(tmp_path / "in", tmp_path / "out", validation=0, test=0, quiet=True)
    rows = Manifest.read(tmp_path / "out" / "manifest.parquet").rows
    assert list(rows["times"]) == list(made.rows["times"])
    texts = dict(zip(rows["video"], rows["times"], strict=True))
    assert texts["run/even"] == "even 50 25.0 0.0 2.0"
    assert texts["run/variable"].startswith("ticks 1/1000 0.0 20x100 39x25 1x")
    assert dict(zip(rows["video"], rows["duration"], strict=True))["run/even"] == 2.0


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_training_is_given_the_frames_of_a_segment(memory: bool, known: bool, tmp_path: Path) -> None:
    make_timed(tmp_path / "a.mkv", VARIABLE)
    facts = facts_of(tmp_path) if known else {}
    videos = Videos(table(tmp_path, "a.mkv", start=1.0, end=2.2, **facts), memory=memory)
    assert videos.length(0) == 18
    assert numbers_of(videos.frames(0, np.arange(18))) == list(range(10, 28))
    ended = Videos(table(tmp_path, "a.mkv", start=math.nan, end=2.2, **facts), memory=memory)
    assert ended.length(0) == 28
    assert len(ended.frames(0, np.arange(28))) == 28


def test_what_is_known_is_not_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_timed(tmp_path / "a.mkv", VARIABLE)
    facts = facts_of(tmp_path)
    given: list[VideoInfo | None] = []

    def probing(path: Path, known: VideoInfo | None) -> VideoInfo:
        given.append(known)
        return probe(path, known)

    monkeypatch.setattr(timing, "probe", probing)
    infos = Timing(table(tmp_path, "a.mkv", **facts)), Timing(table(tmp_path, "a.mkv"))
    assert [float(one.info(0).clock.seconds(25)) for one in infos] == [2.125, 2.125]
    assert given[0] is not None
    assert given[1] is None
    for one in infos:
        one.info(0)
    assert len(given) == 2, "each file once"


@pytest.mark.parametrize("memory", [False, True])
def test_a_manifest_of_another_file_is_refused(memory: bool, tmp_path: Path) -> None:
    make_video(tmp_path / "a.mp4", numbered(50))
    videos = Videos(table(tmp_path, "a.mp4", frames=40, rate=25.0), memory=memory)
    with pytest.raises(VideoError, match="the manifest says 40 frames, the file has 50: index it again"):
        videos.length(0)
    wrong_rate = Videos(table(tmp_path, "a.mp4", frames=50, rate=30.0, start=0.0, end=1.0))
    with pytest.raises(VideoError, match="the manifest says 30 frames a second, the file has 25"):
        wrong_rate.length(0)


def test_times_of_another_file_are_refused(tmp_path: Path) -> None:
    make_timed(tmp_path / "a.mkv", VARIABLE)
    facts = facts_of(tmp_path)
    make_timed(tmp_path / "a.mkv", [3 * time for time in VARIABLE])
    with pytest.raises(VideoError, match=r"the file is 8\.\d+ s long, the manifest says 3\.\d+ s"):
        Timing(table(tmp_path, "a.mkv", **facts)).info(0)


def test_texts_that_are_no_times_are_refused_by_row(tmp_path: Path) -> None:
    make_video(tmp_path / "a.mp4", numbered(5))
    with pytest.raises(InputError, match=r"row 0 \(a\): its times 'soon' are none"):
        Timing(table(tmp_path, "a.mp4", times="soon")).info(0)


def test_long_times_are_written_once_a_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    make_timed(tmp_path / "a.mkv", np.cumsum(rng.integers(20, 60, 200)).tolist())
    facts = facts_of(tmp_path)
    assert len(facts["times"]) > LONG
    rows = pd.DataFrame([{"video": f"v{row}", "path": "a.mkv", "split": "train", "action": "run", **facts}
                         for row in range(3)])  # fmt: skip
    Manifest(rows, tmp_path).write(tmp_path / "m.parquet")
    back = Manifest.read(tmp_path / "m.parquet")
    assert back.rows["times"].tolist() == [facts["times"], "", ""]
    texts = {Timing(back).known(row) for row in range(3)}
    assert {known.times.text() for known in texts if known is not None and known.times is not None} == {facts["times"]}
    assert rows["times"].tolist() == [facts["times"]] * 3, "what was given is left alone"
