"""Tubes drawn on clips."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from sceneproof.errors import InputError
from sceneproof.pages.examples import GAP, RIGHT, SIDE, STILLS, WRONG, shown_clips
from sceneproof.pages.kit import Card, Picture
from sceneproof.pages.pictures import WHITE
from sceneproof.pages.study import Sources
from sceneproof.studies.detection import DetectionStudy
from sceneproof.tasks.detection.detecting import DetectedBoxes
from tests.pages.detection.fake import AFTER, PERFECT, elsewhere, found, make_detector, truth
from tests.squares import FRAMES, make_squares
from tests.squares import SIDE as SIDE_OF_VIDEO

ACTION = {"0": "jump", "1": "run"}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_squares(tmp_path_factory.mktemp("squares"), train=2, test=2)


@pytest.fixture(scope="module")
def there(manifest: Path) -> pd.DataFrame:
    """Who is where in the tested squares' videos."""
    rows, boxes = pd.read_parquet(manifest), pd.read_parquet(manifest.parent / "boxes.parquet")
    known = rows[rows["split"].str.startswith("test")][["video", "split", "context", "scene"]]
    joined = known.merge(boxes.drop(columns="score"), on="video")
    return joined.assign(action=joined["video"].str[-1].map(ACTION), track=0, problem="")


def study_of(folder: Path, there: pd.DataFrame, made: DetectedBoxes) -> DetectionStudy:
    return DetectionStudy.of([make_detector(folder / "own", PERFECT, 0, there=there, made=made)])


def cards(study: DetectionStudy, manifest: Path | None, *, videos: int = 4) -> Sequence[Card]:
    clips = shown_clips(study, Sources(manifest), videos=videos).clips
    return () if clips is None else clips.cards


def strips(study: DetectionStudy, manifest: Path) -> dict[str, Picture]:
    return {clip.asides[-1]: clip.pictures[0] for clip in cards(study, manifest)}


def answer(strip: Picture) -> tuple[bool | None, str]:
    """What is said below a strip, and whether it is right."""
    _, line = strip.lines
    return line.right, line.text.replace("\N{NO-BREAK SPACE}", " ")


def stills(strip: Picture) -> list[NDArray[np.int64]]:
    """The frames of a strip."""
    head, data = strip.held.split(",")
    assert head == "data:image/webp;base64"
    whole = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(np.int64)
    assert whole.shape[:2] == (strip.height, strip.width) == (SIDE, STILLS * SIDE + (STILLS - 1) * GAP)
    return [whole[:, start : start + SIDE] for start in range(0, strip.width, SIDE + GAP)]


def near(picture: NDArray[np.int64], colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    far: NDArray[np.int64] = np.abs(picture - colour).max(axis=2)
    return far < 60


def test_the_best_tube_is_drawn_over_who_was_there(tmp_path: Path, manifest: Path, there: pd.DataFrame) -> None:
    sure = there.assign(score=0.75, x1=there["x1"] + 4, x2=there["x2"] + 4)  # 20 of 28 pixels
    weak = there.assign(score=0.5, track=1, action=there["action"].map(AFTER))
    study = study_of(tmp_path, there, found(pd.concat([weak, sure])))
    clips = cards(study, manifest)
    assert sorted(clip.asides[-1] for clip in clips) == ["test_out0", "test_out1"]
    assert {clip.title for clip in clips} == {"jump", "run"}
    assert {clip.asides[0] for clip in clips} == {"in hall"}
    for clip in clips:
        (strip,) = clip.pictures
        assert answer(strip) == (True, f"{clip.title}, 75.0 %")
        assert strip.alt.startswith(f"4 frames of {clip.asides[-1]}: the true box in white, the best tube of own: ")
        shown = np.linspace(0, FRAMES - 1, STILLS).round()
        for picture, frame in zip(stills(strip), shown, strict=True):
            row = there[(there["video"] == clip.asides[-1]) & (there["frame"] == frame)]
            left, right = (float(row[name].iat[0]) * SIDE / SIDE_OF_VIDEO for name in ("x1", "x2"))
            white, colour = (np.flatnonzero(near(picture, ink).any(axis=0)) for ink in (WHITE, RIGHT))
            assert white.min() == pytest.approx(left, abs=3)
            assert colour.min() == pytest.approx(left + 10, abs=3)
            assert colour.max() == pytest.approx(min(SIDE, right + 10), abs=3)


def test_another_action_and_another_place_are_wrong(tmp_path: Path, manifest: Path, there: pd.DataFrame) -> None:
    made = there.assign(score=0.5)
    named = made["video"] == "test_out0"
    made = pd.concat([made[named].assign(action="wave"), elsewhere(made[~named], 12.0)])  # 12 of 36 pixels
    shown = strips(study_of(tmp_path, there, found(made)), manifest)
    assert answer(shown["test_out0"])[1].startswith("wave")
    assert answer(shown["test_out1"])[1].startswith("run")
    for strip in shown.values():
        assert not answer(strip)[0]
        assert near(stills(strip)[0], WRONG).sum() > 50
        assert near(stills(strip)[0], RIGHT).sum() == 0


def test_what_has_no_tube_says_so(tmp_path: Path, manifest: Path, there: pd.DataFrame) -> None:
    study = study_of(tmp_path, there, found(there[there["video"] == "test_out0"].assign(score=0.5)))
    shown = strips(study, manifest)
    assert answer(shown["test_out1"]) == (False, "no tube (wrong)")
    assert near(stills(shown["test_out1"])[0], WHITE).any()
    assert answer(shown["test_out0"])[0]


def test_only_what_can_be_read_is_shown(tmp_path: Path, manifest: Path, there: pd.DataFrame) -> None:
    unread = there.assign(problem=np.where(there["video"] == "test_out0", "no video stream", ""))
    study = study_of(tmp_path, unread, found(there.assign(score=0.5)))
    assert list(strips(study, manifest)) == ["test_out1"]
    assert not cards(study, manifest, videos=0)
    assert not cards(study, None)
    other = study_of(tmp_path / "other", truth(2), found(there.iloc[:0].assign(score=0.5)))
    with pytest.raises(InputError, match="none of the tested videos is in this manifest: is it of another data set"):
        cards(other, manifest)
