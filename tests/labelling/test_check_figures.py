"""Figures of labels against numbers worked out by hand, with tables that are read a few rows at a time."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sceneproof.data.human_tables import HumanBoxes
from sceneproof.data.humans import from_masks, has_twin
from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.data.tables import KEY, write_table
from sceneproof.errors import InputError
from sceneproof.labelling.check import people as people_file
from sceneproof.labelling.check import tables
from sceneproof.labelling.check.figures import by_action, by_clip, figures, top_scenes
from sceneproof.labelling.check.people import PeopleFigures
from sceneproof.labelling.check.scenes import Scenes, entropies, indoor_scenes
from sceneproof.labelling.check.tables import LabelledClips
from tests.videos import make_masks

COLUMNS = ["video", "frame", "x1", "y1", "x2", "y2", "score", "track"]
ROWS = [
    *[("a", frame, 0, 0, 10, 10, 0.9, 0) for frame in range(8)],  # 8 of 10 frames: passes
    ("a", 3, 10, 0, 20, 10, 0.5, 1),  # two people in one frame
    ("a", 9, 0, 0, 10, 10, 0.2, 2),  # unlikely: not counted
    ("a", 8, 5, 5, 5, 9, 0.9, 3),  # no area: nobody
    ("b", 0, -10, 0, 20, 20, 0.9, 0),  # 1 of 4 frames; half of the picture once it is cut at the edge
    ("c", 2, 0, 0, 10, 10, 0.9, 0),  # before the segment
    ("c", 5, 0, 0, 10, 10, 0.9, 0),
    ("other", 0, 0, 0, 10, 10, 0.9, 0),  # not in the manifest
]  # fmt: skip


@pytest.fixture(params=[2, 2**16], ids=["pieces of two rows", "one piece"])
def pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many rows are read at a time: the figures must not depend on it."""
    whole = tables.LabelTable.pieces
    rows: int = request.param
    monkeypatch.setattr(
        tables.LabelTable, "pieces", lambda self, group, columns, **_: whole(self, group, columns, rows=rows)
    )


def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, Sequence[str]]]:
    """From now on, the row groups and columns that are read."""
    whole = tables.LabelTable.pieces
    read: list[tuple[int, Sequence[str]]] = []

    def pieces(
        self: tables.LabelTable, group: int, columns: Sequence[str], *, rows: int = 2**16
    ) -> Iterator[pa.RecordBatch]:
        read.append((group, columns))
        return whole(self, group, columns, rows=rows)

    monkeypatch.setattr(tables.LabelTable, "pieces", pieces)
    return read


def clips(tmp_path: Path) -> LabelledClips:
    """Four clips of 20 x 40: a of 10 frames, b of 4, c the frames 5 to 7 of its file, d without a frame count."""
    rows = pd.DataFrame(
        {
            "video": ["a", "b", "c", "d"],
            "path": ["a.mp4", "b.mp4", "c.mp4", "d.mp4"],
            "split": "train",
            "action": ["run", "run", "sit", "sit"],
            "start": [np.nan, np.nan, 0.5, np.nan],
            "end": [np.nan, np.nan, 0.8, np.nan],
            "rate": 10.0,
            "frames": [10, 4, 20, 0],
            "width": 40,
            "height": 20,
        }
    )
    return LabelledClips.of(Manifest(rows, tmp_path))


def write_boxes(
    path: Path, rows: Sequence[tuple[object, ...]], *, group: int = 3, columns: list[str] = COLUMNS
) -> Path:
    """A table of boxes with `group` rows in a row group."""
    table = pa.Table.from_pandas(pd.DataFrame(rows, columns=columns), preserve_index=False)
    table = table.replace_schema_metadata({KEY: b'{"kind": "boxes", "detector": "by hand"}'})
    pq.write_table(table, path, row_group_size=group)
    return path


def test_clips_know_their_frames(tmp_path: Path) -> None:
    found = clips(tmp_path)
    assert found.first.tolist() == [0, 0, 5, 0]
    assert found.length.tolist() == [10, 4, 3, 0]
    assert found.rows(pa.array(["c", "x", None, "a", "c"])).tolist() == [2, -1, -1, 0, 2]


@pytest.mark.usefixtures("pieces")
def test_people_in_numbers(tmp_path: Path) -> None:
    own = clips(tmp_path)
    people = PeopleFigures.read(write_boxes(tmp_path / "boxes.parquet", ROWS), own)
    assert people.frames.tolist() == [8, 1, 1, 0]
    assert people.detections.tolist() == [9, 1, 1, 0]
    assert people.tracks is not None
    assert people.tracks.tolist() == [2, 1, 1, 0]
    np.testing.assert_allclose(people.area, [9 * 100 / 800, 0.5, 100 / 800, 0])
    found = figures(by_clip(own, people, None), 0)["people"]
    assert found == {
        "videos_counted": 3,
        "videos_that_failed": 0,
        "videos_without_a_person": 1,
        "frames_with_a_person": pytest.approx(10 / 17),
        "videos_that_pass": pytest.approx(1 / 3),
        "boxes_in_a_frame_with_a_person": pytest.approx(11 / 10),
        "tracks_in_a_video": pytest.approx(4 / 3),
        "picture_covered_by_a_box": pytest.approx((9 * 100 / 800 + 0.5 + 100 / 800) / 11),
    }


@pytest.mark.usefixtures("pieces")
def test_the_rule_is_the_one_of_training(tmp_path: Path) -> None:
    own = clips(tmp_path)
    path = write_boxes(tmp_path / "boxes.parquet", ROWS)
    for score in (0.1, 0.3, 0.95):
        rows = by_clip(own, PeopleFigures.read(path, own, score=score), None)
        boxes = HumanBoxes.read(path, score_threshold=score)
        spans = list(zip("abc", own.length.tolist(), own.first.tolist(), strict=False))
        assert rows["share"].tolist()[:3] == [boxes.share(video, length, first=first) for video, length, first in spans]
        assert rows["passes"].tolist()[:3] == [has_twin(boxes, video, n, first=first) for video, n, first in spans]


def test_videos_that_failed_are_told_and_not_counted(tmp_path: Path) -> None:
    own = clips(tmp_path)
    path = write_boxes(tmp_path / "boxes.parquet", ROWS[:11])
    told = pd.DataFrame({"video": ["b", "x"], "path": ["b.mp4", "x.mp4"], "reason": ["no frames", "gone"]})
    write_table(tmp_path / "boxes.failures.parquet", told, "failures", table="boxes.parquet")
    people = PeopleFigures.read(path, own)
    assert people.failures == {1: "no frames"}
    found = figures(by_clip(own, people, None), 0)["people"]
    assert (found["videos_counted"], found["videos_that_failed"]) == (2, 1)
    assert found["videos_without_a_person"] == 2  # c and d; b was not looked at
    assert found["frames_with_a_person"] == pytest.approx(8 / 13)


def test_only_the_groups_of_the_videos_shown_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = clips(tmp_path)
    people = PeopleFigures.read(write_boxes(tmp_path / "boxes.parquet", ROWS), own)
    read = watched(monkeypatch)
    rows = people.rows(own, [1, 2])
    assert list(zip(rows["video"], rows["frame"], strict=True)) == [("b", 0), ("c", 2), ("c", 5)]
    assert [group for group, _ in read] == [3, 4]
    assert people.rows(own, [3]).empty
    assert list(people.rows(own, [3]).columns) == [*people_file.COLUMNS["boxes"], "track"]


def test_masks_are_counted_without_their_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = clips(tmp_path)
    masks, _ = from_masks([("a", make_masks(7, 20, 40)), ("b", make_masks(2, 20, 40))], "by hand")
    masks.write(tmp_path / "masks.parquet")
    read = watched(monkeypatch)
    people = PeopleFigures.read(tmp_path / "masks.parquet", own)
    assert {name for _, columns in read for name in columns} == {"video", "frame"}
    assert people.frames.tolist() == [7, 2, 0, 0]
    found = figures(by_clip(own, people, None), 0)["people"]
    assert found["videos_that_pass"] == pytest.approx(1 / 3)  # 7 of 10 frames are enough
    assert found["boxes_in_a_frame_with_a_person"] is None
    assert found["tracks_in_a_video"] is None
    assert found["picture_covered_by_a_box"] is None


def test_a_manifest_without_frame_counts_gives_no_shares(tmp_path: Path) -> None:
    rows = clips(tmp_path).manifest.rows[["video", "path", "split", "action"]]
    own = LabelledClips.of(Manifest(rows, tmp_path))
    people = PeopleFigures.read(write_boxes(tmp_path / "boxes.parquet", ROWS), own)
    found = figures(by_clip(own, people, None), 0)["people"]
    assert found["videos_counted"] == 0
    assert found["videos_that_pass"] is None
    assert found["frames_with_a_person"] is None
    assert found["picture_covered_by_a_box"] is None
    assert found["videos_without_a_person"] == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("b", 4, 0, 0, 9, 9, 0.9, 0)], "row 0: a person in frame 4 of 'b', which has 4 frames"),
        ([*ROWS[:2], ("a", 1, 9, 0, 0, 9, 0.9, 0)], "row 2 .*no box"),
        ([("a", -1, 0, 0, 9, 9, 0.9, 0)], "the frame is .*-1"),
        ([("x", 0, 0, 0, 9, 9, 0.9, 0)], "none of the manifest's 4 videos .* holds x, .* another data set"),
    ],
)  # fmt: skip
def test_tables_that_do_not_fit_are_refused(tmp_path: Path, rows: list[tuple[object, ...]], message: str) -> None:
    path = write_boxes(tmp_path / "boxes.parquet", rows)
    with pytest.raises(InputError, match=message):
        PeopleFigures.read(path, clips(tmp_path))


def test_tables_of_another_kind_are_refused(tmp_path: Path) -> None:
    own = clips(tmp_path)
    boxes = write_boxes(tmp_path / "boxes.parquet", ROWS)
    with pytest.raises(InputError, match="holds a boxes table, where a scenes table is needed"):
        Scenes.read(boxes, own)
    short = write_boxes(tmp_path / "short.parquet", [row[:6] for row in ROWS], columns=COLUMNS[:6])
    with pytest.raises(InputError, match="a boxes table needs the column 'score'"):
        PeopleFigures.read(short, own)
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        PeopleFigures.read(tmp_path / "text.parquet", own)
    with pytest.raises(InputError, match="no such file"):
        PeopleFigures.read(tmp_path / "none.parquet", own)


VECTORS: dict[str, list[float]] = {
    "b": [0.5, 0.5, 0, 0],
    "a": [1, 0, 0, 0],
    "other": [0, 0, 0, 1],
    "c": [0.25, 0.25, 0.25, 0.25],
}
NAMES = ["kitchen", "beach", "bar", "moon"]


def write_scenes(path: Path, vectors: Mapping[str, Sequence[float]], names: list[str]) -> Path:
    SceneTable(list(vectors), np.array(list(vectors.values()), np.float32), names, "by hand").write(path)
    return path


@pytest.mark.usefixtures("pieces")
def test_scenes_in_numbers(tmp_path: Path) -> None:
    own = clips(tmp_path)
    scenes = Scenes.read(write_scenes(tmp_path / "scenes.parquet", VECTORS, NAMES), own)
    np.testing.assert_allclose(scenes.entropy, [0, math.log(2), math.log(4), np.nan])
    assert scenes.labelled.tolist() == [True, True, True, False]
    assert scenes.top[:3].tolist() == [[0, 1, 2]] * 3
    np.testing.assert_allclose(scenes.mean, [1.75 / 3, 0.75 / 3, 0.25 / 3, 0.25 / 3])
    rows = by_clip(own, None, scenes)
    found = figures(rows, 4)["scenes"]
    assert found["entropy"] == pytest.approx(math.log(2))
    assert found["entropy_share"] == pytest.approx(0.5)
    assert found["entropy_quantiles"]["0.5"] == pytest.approx(math.log(2))
    assert (found["videos_labelled"], found["videos_without_a_label"]) == (3, 1)
    assert (found["top_scene"], found["top_scene_share"]) == ("kitchen", 1.0)
    assert found["indoors"] is None  # "moon" is no scene of Places365
    assert top_scenes(rows, scenes) == [
        {"scene": "kitchen", "videos": 3, "share": 1.0, "mean": pytest.approx(1.75 / 3)}
    ]  # fmt: skip


def test_indoors_by_the_scenes_of_places365(tmp_path: Path) -> None:
    own = clips(tmp_path)
    names = ["kitchen", "beach", "bar", "moon"]
    assert indoor_scenes(names) is None
    names[3] = "golf_course"
    inside = indoor_scenes(names)
    assert inside is not None
    assert inside.tolist() == [True, False, True, False]
    vectors = {"a": [0.3, 0.4, 0.3, 0], "b": [0, 0.6, 0.4, 0], "c": [0.5, 0.5, 0, 0]}
    scenes = Scenes.read(write_scenes(tmp_path / "scenes.parquet", vectors, names), own)
    found = figures(by_clip(own, None, scenes), 4)["scenes"]
    assert found["indoors"] == pytest.approx(1 / 3)  # more than half, not half


def test_entropy_of_certainty_is_zero_and_no_warning() -> None:
    with np.errstate(all="raise"):
        found = entropies(np.array([[1, 0], [0.5, 0.5]], np.float32))
    np.testing.assert_allclose(found, [0, math.log(2)])
    assert math.copysign(1, found[0]) == 1


def test_by_action(tmp_path: Path) -> None:
    own = clips(tmp_path)
    people = PeopleFigures.read(write_boxes(tmp_path / "boxes.parquet", ROWS), own)
    scenes = Scenes.read(write_scenes(tmp_path / "scenes.parquet", VECTORS, NAMES), own)
    found = by_action(by_clip(own, people, scenes), 4)
    assert list(found) == ["run", "sit"]
    assert found["run"]["people"]["videos_that_pass"] == 0.5
    assert found["run"]["people"]["frames_with_a_person"] == pytest.approx(9 / 14)
    assert found["run"]["scenes"]["entropy"] == pytest.approx(math.log(2) / 2)
    assert found["sit"]["people"]["videos_counted"] == 1
    assert found["sit"]["scenes"]["videos_without_a_label"] == 1


@pytest.mark.parametrize(
    ("vectors", "names", "message"),
    [
        ({"a": [0.5, 0.4, 0, 0]}, NAMES, r"row 0 \(a\): the values are no probabilities"),
        ({"a": [1, 0]}, NAMES, r"row 0 \(a\): 2 probabilities, but the table names 4 scenes"),
        ({"x": [1, 0, 0, 0]}, NAMES, "none of the manifest's 4 videos"),
        ({"a": [1, 0, 0, 0]}, [], "does not name its scenes"),
    ],
)
def test_scene_tables_that_do_not_fit_are_refused(
    tmp_path: Path, vectors: dict[str, list[float]], names: list[str], message: str
) -> None:
    path = write_scenes(tmp_path / "scenes.parquet", vectors, names)
    with pytest.raises(InputError, match=message):
        Scenes.read(path, clips(tmp_path))


def test_a_missing_vector_is_named(tmp_path: Path) -> None:
    frame = pd.DataFrame({"video": ["a", "b"], "probabilities": [[1.0, 0.0], None]})
    write_table(tmp_path / "scenes.parquet", frame, "scenes", names=["bar", "beach"])
    with pytest.raises(InputError, match=r"row 1 \(b\): 0 probabilities"):
        Scenes.read(tmp_path / "scenes.parquet", clips(tmp_path))
    with pytest.raises(InputError, match="row 1: the probabilities are missing"):
        SceneTable.read(tmp_path / "scenes.parquet")


def test_segments_of_a_variable_rate_are_where_they_are_shown(tmp_path: Path) -> None:
    columns = {"frames": 100, "rate": 16.0, "times": "ticks 1/1000 0.0 50x100 50x25", "start": 1.0, "end": 2.0}
    rows = pd.DataFrame({"video": ["a"], "path": "a.mp4", "split": "train", "action": "run", **columns})
    own = LabelledClips.of(Manifest(rows, tmp_path))
    assert (own.first.tolist(), own.length.tolist()) == ([10], [10])
