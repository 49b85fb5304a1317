"""Late fusion of what localizers and detectors found, by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sceneproof.data.human_tables import CORNERS
from sceneproof.data.tables import read_table, write_table
from sceneproof.errors import InputError
from sceneproof.files import read_json
from sceneproof.fuse import fuse
from sceneproof.report import report
from tests.tasks.made_up import ACTIONS, detector, localizer

RGB = [("a", "jump", 1.0, 3.0, 0.8), ("a", "jump", 6.0, 8.0, 0.5), ("a", "run", 1.0, 3.0, 0.4)]
FLOW = [("a", "jump", 1.5, 3.0, 0.6), ("b", "run", 0.0, 4.0, 1.0), ("a", "jump", 6.0, 7.0, 0.2)]
SQUARE, NEAR, FAR = (0, 0, 10, 10), (0, 0, 10, 8), (20, 0, 30, 10)
TRUE_BOXES = [("a", frame, "jump", SQUARE) for frame in range(3)] + [("b", 0, "run", FAR)]


def test_scores_of_the_same_segments_are_averaged_and_their_times_are_the_first_runs(tmp_path: Path) -> None:
    runs = [localizer(tmp_path / "rgb", RGB), localizer(tmp_path / "flow", FLOW, wants=True)]
    joint = fuse(runs, tmp_path / "both", shares=[1, 3], quiet=True)
    rows = joint.predictions[["video", "action", "start", "end", "score"]].itertuples(index=False, name=None)
    assert [(*row[:4], round(row[4], 6)) for row in rows] == [
        ("a", "jump", 1.0, 3.0, 0.65),  # 1/4 of .8 and 3/4 of .6: an IoU of 3/4
        ("a", "jump", 6.0, 8.0, 0.275),  # 1/4 of .5 and 3/4 of .2: half is enough
        ("a", "run", 1.0, 3.0, 0.1),  # frames alone
        ("b", "run", 0.0, 4.0, 0.75),  # flow alone
    ]
    figures = joint.metrics["splits"]["test"]
    assert (figures["videos"], figures["segments"], figures["missed"]) == (2, 2, 0)
    assert figures["mAP"]["activitynet"] == {"0.3": 1.0, "0.5": 1.0, "average": 1.0}, "of the first run's tIoUs"
    assert read_json(tmp_path / "both" / "metrics.json", dict)["shares"] == [0.25, 0.75]


def test_scores_of_the_same_boxes_are_averaged_and_linked_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rgb = [("a", 0, "jump", SQUARE, 0.8), ("a", 1, "jump", SQUARE, 0.6), ("a", 0, "jump", FAR, 0.1)]
    flow = [("a", 0, "jump", NEAR, 0.4), ("a", 0, "run", SQUARE, 0.9), ("a", 2, "jump", NEAR, 1.0)]
    runs = [detector(tmp_path / name, rows, true=TRUE_BOXES) for name, rows in (("rgb", rgb), ("flow", flow))]
    joint = fuse(runs, tmp_path / "both")
    rows = joint.predictions[["frame", "action", *CORNERS, "score"]].itertuples(index=False, name=None)
    assert [(*row[:2], tuple(map(int, row[2:6])), round(row[6], 6)) for row in rows] == [
        (0, "jump", SQUARE, 0.6),  # the mean, in the box of frames
        (0, "run", SQUARE, 0.45),  # no other action's
        (0, "jump", FAR, 0.05),
        (1, "jump", SQUARE, 0.3),
        (2, "jump", NEAR, 0.5),
    ]
    tubes = joint.tables["tubes"]
    best = tubes[(tubes["tube"] == 0) & (tubes["action"] == "jump")]
    assert best["frame"].tolist() == [0, 1, 2]
    assert best["frame_score"].tolist() == pytest.approx([0.6, 0.3, 0.5])
    assert best["y2"].tolist() == [10, 10, 8]
    assert best["score"].iat[0] == pytest.approx((0.6 + 0.3 + 0.5) / 3)
    assert joint.metrics["splits"]["test"]["frame_mAP"]["act"]["0.5"] == pytest.approx(0.5)  # nothing of run is right
    assert joint.metrics["splits"]["test"]["boxes"] == 4
    assert "test: rgb 50.0%, flow 50.0%; together 50.0% of 2 videos (frame_mAP/act/0.5)" in capsys.readouterr().out


def test_a_video_that_one_of_them_could_not_read_is_missed(tmp_path: Path) -> None:
    runs = [localizer(tmp_path / "rgb", RGB), localizer(tmp_path / "flow", [], problems="a")]
    joint = fuse(runs, tmp_path / "both", quiet=True)
    assert joint.predictions.empty
    assert joint.metrics["splits"]["test"]["missed"] == 1
    assert joint.tables["truth"].set_index("video")["problem"].to_dict() == {"a": "unreadable", "b": ""}


def test_a_video_whose_length_one_of_them_does_not_know_is_missed(tmp_path: Path) -> None:
    """As `evaluate` tells of one that it cannot open: no duration, and no end where the annotation has none."""
    runs = [localizer(tmp_path / "rgb", RGB), localizer(tmp_path / "flow", [], problems="a")]
    file = runs[1] / "evaluation" / "truth.parquet"
    truth, _ = read_table(file, "truth", ())
    truth = truth.astype({"end": float})
    truth.loc[truth["video"] == "a", ["end", "duration"]] = np.nan
    write_table(file, truth, "truth", actions=ACTIONS, run="flow")
    for number, order in enumerate((runs, runs[::-1])):
        figures = fuse(order, tmp_path / str(number), quiet=True).metrics["splits"]["test"]
        assert (figures["missed"], figures["segments"]) == (1, 2)
    truth["problem"] = ""
    write_table(file, truth, "truth", actions=ACTIONS, run="flow")
    with pytest.raises(InputError, match=r"was tested on other videos than .*column 'end'"):
        fuse(runs, tmp_path / "both")


def test_another_order_of_the_videos_is_the_same(tmp_path: Path) -> None:
    true = [("b", "run", 0.0, 4.0), ("a", "jump", 1.0, 3.0)]
    runs = [localizer(tmp_path / "rgb", RGB), localizer(tmp_path / "flow", FLOW[::-1], true=true)]
    straight = [runs[0], localizer(tmp_path / "straight", FLOW)]
    one, other = (fuse(both, tmp_path / both[1].name / "both", quiet=True) for both in (runs, straight))
    assert one.predictions.equals(other.predictions)
    assert one.metrics["splits"] == other.metrics["splits"]


def test_the_page_of_a_task_reads_what_was_joined(tmp_path: Path) -> None:
    """As a run beside the two that it is made of; and runs that were joined can be joined again."""
    runs = [localizer(tmp_path / name, rows) for name, rows in (("rgb", RGB), ("flow", FLOW))]
    fuse(runs, tmp_path / "both-seed0", shares=[3, 1], quiet=True)
    page = report([*runs[:1], tmp_path / "both-seed0"], tmp_path / "page.html", quiet=True).read_text()
    assert "late fusion of rgb (75%) and flow (25%)" in page
    again = fuse([tmp_path / "both-seed0", *runs[:1]], tmp_path / "again", quiet=True)
    assert len(again.predictions) == 4
    flow = detector(tmp_path / "boxes", [("a", 0, "jump", NEAR, 0.4)], true=TRUE_BOXES)
    fuse([flow, flow], tmp_path / "twice", quiet=True)
    assert "late fusion of" in report([tmp_path / "twice"], tmp_path / "boxes.html", quiet=True).read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"actions": ["jump", "walk"]}, "knows other actions than"),
        ({"true": [("a", "jump", 1, 3)]}, r"was tested on other videos than .*\(1 and 2; column 'split'\)"),
        ({"true": [("a", "jump", 1, 3), ("b", "run", 0, 5)]}, r"was tested on other videos than .*column 'end'"),
        ({"known": {"context": "out"}}, r"was tested on other videos than .*column 'context'"),
        ({"known": {"scene": "street"}}, r"was tested on other videos than .*column 'scene'"),
    ],
)
def test_what_cannot_be_joined_is_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    runs = [localizer(tmp_path / "rgb", RGB), localizer(tmp_path / "flow", [], **change)]
    with pytest.raises(InputError, match=message):
        fuse(runs, tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_what_one_of_them_does_not_know_of_the_scenes_is_no_difference(tmp_path: Path) -> None:
    runs = [localizer(tmp_path / "rgb", RGB), localizer(tmp_path / "flow", FLOW, known={"context": "", "scene": ""})]
    assert len(fuse(runs, tmp_path / "both", quiet=True).predictions) == 4


def test_boxes_on_frames_of_another_size_other_tasks_and_runs_in_the_way_are_refused(tmp_path: Path) -> None:
    large = [("a", frame, "jump", tuple(2 * edge for edge in SQUARE)) for frame in range(3)] + TRUE_BOXES[3:]
    boxes = detector(tmp_path / "boxes", [], true=TRUE_BOXES)
    with pytest.raises(InputError, match=r"was tested on other videos than .*column 'x2'"):
        fuse([boxes, detector(tmp_path / "large", [], true=large)], tmp_path / "both")
    times = localizer(tmp_path / "times", RGB)
    with pytest.raises(InputError, match=r"a run of localization, and .* of detection: only runs of one task"):
        fuse([boxes, times], tmp_path / "both")
    with pytest.raises(InputError, match="holds a run: choose another folder"):
        fuse([times, times], times)
