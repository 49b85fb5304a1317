from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sceneproof.cli import main
from sceneproof.data.box_checks import repaired_boxes
from sceneproof.data.human_tables import HumanBoxes
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import write_table

COLUMNS = ["video", "frame", "x1", "y1", "x2", "y2", "score"]


def films(**frames: float | None) -> Manifest:
    """Videos of 100x80 pixels with so many frames."""
    rows = pd.DataFrame({"video": list(frames), "frames": list(frames.values())}, dtype=object)
    rows = rows.assign(path=rows["video"] + ".mp4", split="train", action="run", width=100, height=80)
    return Manifest(rows, Path("/films"), "m.parquet")


def table(*rows: tuple[Any, ...], track: list[float] | None = None) -> pd.DataFrame:
    """Rows of video, frame, x1, y1, x2, y2, score."""
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame if track is None else frame.assign(track=track)


def still(video: str, *frames: int, x: float = 10, score: float = 1.0) -> list[tuple[Any, ...]]:
    return [(video, frame, x, 10, x + 20, 50, score) for frame in frames]


def said(boxes: pd.DataFrame, manifest: Manifest) -> list[tuple[Any, ...]]:
    _, found = repaired_boxes(boxes, manifest)
    return [tuple(None if pd.isna(cell) else cell for cell in row) for row in found.itertuples(index=False, name=None)]


def test_nothing_is_wrong() -> None:
    boxes, manifest = table(*still("a", 0, 1, 2)), films(a=3)
    assert said(boxes, manifest) == []
    pd.testing.assert_frame_equal(repaired_boxes(boxes, manifest)[0], boxes, check_dtype=False)


def test_wrong_rows_by_hand() -> None:
    boxes = table(
        *still("a", 0, 1),
        *still("stranger", 0),
        ("a", 2, 30, 10, 10, 50, 1.0),
        ("a", 3, 10, 10, 10, 50, 1.0),
        ("a", 3, 100, 10, 120, 50, 1.0),
        ("a", 3, -5, 10, 20, 90, 1.0),
        ("a", 4, 10, 10, np.nan, 50, 1.0),
        *still("a", 4, 5, 7),
        ("a", 1, 10, 10, 30, 50, 0.3),
        ("a", 0.5, 10, 10, 30, 50, 0.3),
    )
    mended, done = repaired_boxes(boxes, films(a=6))
    assert [(row.row, row.reason, row.repair) for row in done.itertuples()] == [
        (2, "its video is not in the manifest", "row dropped"),
        (12, "the frame 0.5 is no whole number from 0", "row dropped"),
        (7, "not finite: 10, 10, nan, 50 with the score 1", "row dropped"),
        (10, "its video has 6 frames, up to 5", "row dropped"),
        (3, "corners the wrong way round: 30, 10, 10, 50", "corners swapped"),
        (4, "without any area: 10, 10, 10, 50", "row dropped"),
        (5, "outside its 100x80 pixels: 100, 10, 120, 50", "row dropped"),
        (6, "reaches outside its 100x80 pixels: -5, 10, 20, 90", "cut to 0, 10, 20, 80"),
        (11, "told twice: 10, 10, 30, 50", "row dropped"),
    ]
    assert mended["frame"].tolist() == [0, 1, 2, 3, 4, 5]
    assert mended[["x1", "y1", "x2", "y2"]].values.tolist()[2:4] == [[10, 10, 30, 50], [0, 10, 20, 80]]
    assert "track" not in mended


def test_several_people_get_tracks() -> None:
    boxes = table(*still("a", 0, 1, 2), *still("a", 0, 2, x=60), *still("b", 0))
    mended, done = repaired_boxes(boxes, films(a=3, b=1))
    assert said(boxes, films(a=3, b=1)) == [
        (None, "a", None, "2 people in a frame: who is who is not told", "tracks made by overlap"),
        (None, "a", 1, "no box in frame 1, between two of one person", "1 row filled in"),
    ]
    assert len(done) == 2
    assert mended["track"].tolist() == [0, 0, 0, 1, 1, 0, 1]
    assert mended.iloc[-1][["frame", "x1"]].tolist() == [1, 60]


def test_tracks_that_are_told_are_kept() -> None:
    manifest = films(a=2)
    crossing = table(*still("a", 0, 1), *still("a", 0, 1, x=15), track=[4, 7, 7, 4])
    assert said(crossing, manifest) == []
    # of two boxes of one track in one frame the surer stays
    twice = table(*still("a", 0, 1), *still("a", 1, x=15, score=0.5), *still("a", 1, x=50), track=[4, 4, 4, 2])
    assert [row[0] for row in said(twice, manifest)] == [2]
    # some are missing: all of this video are made anew
    holes = table(*still("a", 0, 1), *still("a", 0, 1, x=60), track=[4, np.nan, 7, 7])
    assert said(holes, manifest)[0][3] == "1 box without a track: who is who is not told"
    assert repaired_boxes(holes, manifest)[0]["track"].tolist() == [0, 0, 1, 1]


def test_short_runs_are_filled_and_long_ones_told() -> None:
    boxes = table(*still("a", 0), ("a", 3, 40, 10, 60, 50, 0.4), ("a", 12, 40, 10, 60, 50, 0.4))
    mended, _ = repaired_boxes(boxes, films(a=15))
    assert mended[["frame", "x1", "score"]].values[3:].tolist() == [[1, 20, 0.4], [2, 30, 0.4]]
    assert said(boxes, films(a=15)) == [
        (None, "a", 1, "no box in frames 1 to 2, between two of one person", "2 rows filled in"),
        (None, "a", 4, "no box in frames 4 to 11", ""),
        (None, "a", 13, "no box in frames 13 to 14", ""),
    ]
    assert len(repaired_boxes(boxes, films(a=15), gap=1)[0]) == 3


def test_videos_without_boxes_and_unknown_lengths_are_told() -> None:
    assert said(table(*still("a", 0, 7)[:1]), films(a=None, b=4, c=2)) == [
        (None, "a", None, "size or frames not known: not checked against the boxes", ""),
        (None, "b", None, "no box in the whole video", ""),
        (None, "c", None, "no box in the whole video", ""),
    ]
    manifest = films(a=9)
    manifest = replace(manifest, rows=manifest.rows.drop(columns=["width", "frames"]))
    far = table(("a", 99, 500, 10, 510, 90, 1.0))
    assert [row[4] for row in said(far, manifest)] == ["cut to 500, 10, 510, 80", ""]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(-1, 12), st.integers(-10, 110), st.integers(-10, 90),
                  st.integers(-10, 110), st.integers(-10, 90), st.sampled_from([0.5, 1.0])),
        min_size=1, max_size=14,
    ),
    st.booleans(),
)  # fmt: skip
@settings(max_examples=50)
def test_what_is_repaired_has_no_problem(rows: list[tuple[Any, ...]], tracked: bool) -> None:
    track = [float(place % 3) if place % 5 else np.nan for place in range(len(rows))] if tracked else None
    manifest = films(a=10, b=8)
    mended, _ = repaired_boxes(table(*rows, track=track), manifest)
    assert [row for row in said(mended, manifest) if row[4]] == []
    HumanBoxes(mended)
    corners = mended[COLUMNS[2:6]].to_numpy(dtype=float)
    assert (corners[:, 2:] > corners[:, :2]).all()
    assert ((corners >= 0) & (corners <= [100, 80, 100, 80])).all()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films(a=4, b=2).write(tmp_path / "m.parquet")
    write_table(tmp_path / "boxes.parquet", table(*still("a", 0, 1), *still("a", 9)), "boxes", detector="ours")
    words = ["index", "check", str(tmp_path / "m.parquet"), "--boxes", str(tmp_path / "boxes.parquet")]
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    told = capsys.readouterr()
    assert "row 2 (a, frame 9): its video has 4 frames, up to 3: a repair: row dropped" in told.out
    assert "(b): no box in the whole video\n" in told.out
    assert "3 rows, 1 video, problems: 1, told: 2" in told.out
    assert "1 problem: --repair OUT" in told.err
    (tmp_path / "elsewhere").mkdir()
    mended = tmp_path / "elsewhere" / "mended.parquet"
    main([*words, "--repair", str(mended)])
    assert "wrote" in capsys.readouterr().out
    assert HumanBoxes.read(mended).detector == "ours"
    main([*words[:-1], str(mended)])
    assert "problems: 0, told: 2" in capsys.readouterr().out
