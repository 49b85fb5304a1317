import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sceneproof.errors import InputError
from sceneproof.tasks.localization.formats import (
    Truth,
    read_activitynet,
    read_csv,
    read_truth,
    write_activitynet,
    write_csv,
    write_truth,
)

FOUND = pd.DataFrame(
    {
        "video": ["b", "a", "b"],
        "action": ["Diving", "High, jump", "Diving"],
        "start": [0.1, 12.0, 3.25],
        "end": [4.0, 13.5, 3.25],
        "score": [0.3, 0.5, 0.9],
    }
)


def test_detections_as_the_official_evaluator_reads_them(tmp_path: Path) -> None:
    write_activitynet(tmp_path / "found.json", FOUND)
    # ANETdetection in activitynet/ActivityNet at 82304fa asks for these three, and label, score and segment in each
    assert json.loads((tmp_path / "found.json").read_text()) == {
        "version": "VERSION 1.3",
        "external_data": {},
        "results": {
            "b": [
                {"label": "Diving", "score": 0.9, "segment": [3.25, 3.25]},
                {"label": "Diving", "score": 0.3, "segment": [0.1, 4.0]},
            ],
            "a": [{"label": "High, jump", "score": 0.5, "segment": [12.0, 13.5]}],
        },
    }


def test_detections_come_back(tmp_path: Path) -> None:
    write_activitynet(tmp_path / "found.json", FOUND)
    best_first = FOUND.iloc[[2, 0, 1]].reset_index(drop=True)
    pd.testing.assert_frame_equal(read_activitynet(tmp_path / "found.json"), best_first, check_dtype=False)
    write_csv(tmp_path / "found.csv", FOUND)
    pd.testing.assert_frame_equal(read_csv(tmp_path / "found.csv"), FOUND, check_dtype=False)
    assert (tmp_path / "found.csv").read_text().splitlines()[:2] == [
        "video,action,start,end,score",
        "b,Diving,0.1,4.0,0.3",
    ]


def test_names_that_look_like_something_else_stay_text(tmp_path: Path) -> None:
    table = FOUND.assign(video=["007", "NA", "1e3"])
    write_csv(tmp_path / "found.csv", table)
    assert read_csv(tmp_path / "found.csv")["video"].tolist() == ["007", "NA", "1e3"]


def test_no_detections(tmp_path: Path) -> None:
    write_activitynet(tmp_path / "found.json", FOUND[:0])
    assert read_activitynet(tmp_path / "found.json").columns.tolist() == FOUND.columns.tolist()
    write_csv(tmp_path / "found.csv", FOUND[:0])
    assert read_csv(tmp_path / "found.csv").empty


def test_truth_comes_back_with_videos_in_which_nothing_is_done(tmp_path: Path) -> None:
    truth = Truth(
        pd.DataFrame({"video": ["a", "b", "c"], "subset": ["test", "test", "training"], "duration": [20.0, 9.5, None]}),
        FOUND.drop(columns="score"),
    )
    write_truth(tmp_path / "true.json", truth)
    database = json.loads((tmp_path / "true.json").read_text())["database"]
    assert database["a"] == {
        "subset": "test",
        "duration": 20.0,
        "annotations": [{"label": "High, jump", "segment": [12.0, 13.5]}],
    }
    assert database["c"] == {"subset": "training", "annotations": []}
    back = read_truth(tmp_path / "true.json")
    pd.testing.assert_frame_equal(back.videos, truth.videos, check_dtype=False)
    assert sorted(back.segments.itertuples(index=False)) == sorted(truth.segments.itertuples(index=False))


ONE = {"label": "Diving", "score": 0.5, "segment": [1, 2]}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"version": ""}, "has no 'results'; it has: version"),
        ([], "must be an object, not"),
        ({"results": []}, "'results': must be an object"),
        ({"results": {"a": {}}}, "results of 'a': must be a list"),
        ({"results": {"a": [ONE, {"label": "Diving"}]}}, "detection 1 of 'a': has no 'segment'; it has: label"),
        ({"results": {"a": [{**ONE, "segment": [1, "2"]}]}}, "'segment' must be two numbers"),
        ({"results": {"a": [{**ONE, "segment": [1]}]}}, "'segment' must be two numbers"),
        ({"results": {"a": [{**ONE, "score": "0.5"}]}}, "detection 0 of 'a': 'score': must be a number, not '0.5'"),
        ({"results": {"a": [{**ONE, "label": 3}]}}, "'label': must be text, not '3'"),
        ({"results": {"a": [ONE, {**ONE, "segment": [3, 2]}]}}, r"row 1 \(a, Diving\): start 3.0, end 2.0, score 0.5"),
    ],
)
def test_bad_detections_are_named(tmp_path: Path, content: Any, says: str) -> None:
    (tmp_path / "found.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=says) as error:
        read_activitynet(tmp_path / "found.json")
    assert "found.json" in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not CSV"),
        ("video,action,start,end\na,b,1,2\n", "needs the column 'score'; the columns here are: video, action"),
        ("video,action,start,end,score\na,b,1,2,x\n", r"row 0 \(a, b\): start 1, end 2, score x: these must be finite"),
        ("video,action,start,end,score\na,b,1,inf,1\n", "must be finite"),
        ("video,action,start,end,score\na,b,2,1,1\n", "the end not before the start"),
    ],
)
def test_bad_csv_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "found.csv").write_text(text)
    with pytest.raises(InputError, match=says):
        read_csv(tmp_path / "found.csv")


def test_missing_files(tmp_path: Path) -> None:
    for read in (read_csv, read_activitynet, read_truth):
        with pytest.raises(InputError, match="no such file"):
            read(tmp_path / "none")


def test_what_is_written_is_checked_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="finite numbers"):
        write_activitynet(tmp_path / "found.json", FOUND.assign(score=float("nan")))
    with pytest.raises(InputError, match="needs the column 'score'"):
        write_csv(tmp_path / "found.csv", FOUND.drop(columns="score"))
    videos = pd.DataFrame({"video": ["a"], "subset": ["test"], "duration": [20.0]})
    with pytest.raises(InputError, match="'b' has a segment but is not in the table of videos"):
        write_truth(tmp_path / "true.json", Truth(videos, FOUND))
    assert list(tmp_path.iterdir()) == []
