"""Which videos an untrimmed world has, and what happens when."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sceneproof.errors import InputError
from sceneproof.mall.motions import ACTIONS
from sceneproof.mall.plan import World
from sceneproof.mall.scenery import SCENES
from sceneproof.mall.untrimmed.making import manifest_rows, scene_accuracy
from sceneproof.mall.untrimmed.plan import (
    BACKGROUND,
    PASSING,
    SETTLED,
    SPLITS,
    UntrimmedWorld,
    draw_course,
    least_seconds,
)

WORLD = UntrimmedWorld()


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return manifest_rows(WORLD.videos(), WORLD)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("seconds", [least_seconds(3.0), 30.0, 400.0])
def test_whoever_does_something_stands_before_and_after(seconds: float, seed: int) -> None:
    course = draw_course(seconds, (3.0, 14.0), (3.0, 14.0), np.random.default_rng(seed))
    assert course.segments
    for start, end in course.segments:
        assert 3.0 - 0.011 < end - start < 14.0 + 0.011
        assert any(come + PASSING + SETTLED - 0.01 < start and end < gone - PASSING - SETTLED + 0.01
                   for come, gone in course.stays)  # fmt: skip
    edges = np.array(course.stays).ravel()
    assert (np.diff(edges) > 0).all()
    assert course.segments[-1][1] <= seconds - SETTLED + 0.01
    gaps = [after[0] - before[1] for before, after in zip(course.segments, course.segments[1:], strict=False)]
    assert min(gaps, default=3.0) >= 3.0 - 0.02


def test_a_video_has_one_to_six_segments_and_something_is_done_about_half_of_the_time(rows: pd.DataFrame) -> None:
    segments = rows[rows.action != BACKGROUND]
    counts = segments.groupby("group").size()
    assert counts.between(1, 6).all()
    assert segments.groupby("group").action.nunique().mean() > 2
    share = (segments.end - segments.start).sum() / (counts.size * WORLD.seconds)
    assert share == pytest.approx(WORLD.activity, abs=0.05)


def test_someone_is_there_most_of_the_time_but_not_always() -> None:
    here = [
        sum(min(gone, WORLD.seconds) - max(come, 0) for come, gone in video.stays) / WORLD.seconds
        for video in WORLD.videos()
    ]
    assert 0.8 < np.mean(here) < 0.93


def test_the_manifest_has_one_row_a_segment_and_one_a_video_without(rows: pd.DataFrame) -> None:
    assert rows.video.is_unique
    assert list(rows.split.unique()) == list(SPLITS)
    assert rows.groupby("split").group.nunique().to_dict() == {split: getattr(WORLD, split) for split in SPLITS}
    assert rows.groupby("group").path.nunique().max() == 1
    assert rows.path.nunique() == rows.group.nunique()
    idle = rows[rows.action == BACKGROUND]
    assert not set(idle.group) & set(rows.group[rows.action != BACKGROUND])
    assert idle.groupby("split").size().to_dict() == {split: getattr(WORLD, split) * 0.05 for split in SPLITS}
    assert (idle.start == 0).all()
    assert (idle.end == 64).all()
    assert (rows.frames == 400).all()


def test_in_context_actions_belong_to_the_scene_and_out_of_context_none_does(rows: pd.DataFrame) -> None:
    segments = rows[rows.action != BACKGROUND]
    may = World().shares("train") > 0  # the trimmed Mall's table of who is shown where, (A, S)
    actions, scenes = list(ACTIONS), list(SCENES)
    pairs = zip(segments.action, segments.scene, strict=True)
    belongs = [bool(may[actions.index(action), scenes.index(scene)]) for action, scene in pairs]
    assert (np.array(belongs) == (segments.context == "in")).all()
    assert (segments.context == np.where(segments.split.str.endswith("_out"), "out", "in")).all()
    assert set(rows.scene[rows.split == "train"]) == set(scenes)  # no scene is out of context for its own sake


def test_the_scene_names_the_action_as_often_as_in_the_trimmed_mall(rows: pd.DataFrame) -> None:
    assert WORLD.bayes_accuracy() == pytest.approx(World().bayes_accuracy())
    found = scene_accuracy(rows, WORLD)
    for split in ("train", "validation", "test"):
        assert found[split] == pytest.approx(0.65, abs=0.03)
    assert found["test_out"] == found["validation_out"] == 0
    weak = replace(WORLD, strength=0.0)
    assert scene_accuracy(manifest_rows(weak.videos(), weak), weak)["train"] == pytest.approx(0.25, abs=0.03)


def test_actions_are_about_equally_frequent(rows: pd.DataFrame) -> None:
    counts = rows[(rows.split == "train") & (rows.action != BACKGROUND)].action.value_counts()
    assert len(counts) == 8
    assert counts.max() < 1.6 * counts.min()


def test_fewer_videos_are_the_same_videos() -> None:
    assert replace(WORLD, test=3).videos()[0] == WORLD.videos()[0]
    assert WORLD.scaled(0.1).test_out == 8


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"width": 97}, "width: 97"),
        ({"strength": 1.5}, "strength: 1.5"),
        ({"idle": -0.1}, "idle: -0.1"),
        ({"train": -1}, "train: -1"),
        ({"rate": 0.0}, "rate, crf"),
        ({"shortest": 0.5}, "shortest, longest: 0.5"),
        ({"shortest": 15.0}, "shortest, longest: 15.0"),
        ({"seconds": 5.0}, r"seconds: 5\.0: an action of 3 s, and who comes to do it, need at least 7\.2 s"),
        ({"seconds": float("nan")}, "seconds: nan"),
        ({"seconds": float("inf")}, "seconds: inf"),
        ({"activity": 1.0}, "activity: 1.0"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        UntrimmedWorld(**wrong)
