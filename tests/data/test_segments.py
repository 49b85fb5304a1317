from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sceneproof.cli import main
from sceneproof.data.manifest import Manifest
from sceneproof.data.segments import lengths, problems, repaired, untrimmed
from sceneproof.data.segments_command import index_check
from sceneproof.data.sources.survey import survey
from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from tests.timed import make_timed


def table(*rows: tuple[Any, ...], **columns: Any) -> Manifest:
    """Rows of path, action, start, end; further columns as they are given."""
    frame = pd.DataFrame(rows, columns=["path", "action", "start", "end"]).assign(split="test", **columns)
    frame["video"] = [f"id{row}" for row in range(len(frame))]
    return Manifest(frame, Path("/films"), "m.parquet")


def test_rows_of_one_group_are_one_video() -> None:
    manifest = table(
        ("a.mp4", "run", 1, 2),
        ("b.mp4", "jump", 0, 5),
        ("a.mp4", "jump", 3.5, 4),
        group=["A", "B", "A"],
        context=["in", "out", "in"],
        scene=["hall", None, "hall"],
    )
    first, second = untrimmed(manifest)
    assert (first.name, first.path, first.split, first.context, first.scene) == (
        "A",
        Path("/films/a.mp4"),
        "test",
        "in",
        "hall",
    )
    assert first.rows.tolist() == [0, 2]
    assert first.times.tolist() == [[1, 2], [3.5, 4]]
    assert first.actions == ["run", "jump"]
    assert (second.name, second.context, second.scene, second.times.tolist()) == ("B", "out", "", [[0, 5]])


def test_without_a_group_one_path_is_one_video() -> None:
    rows = (("a.mp4", "run", 1, 2), ("b.mp4", "run", 1, 2), ("a.mp4", "run", 4, 5))
    assert [video.name for video in untrimmed(table(*rows))] == ["a.mp4", "b.mp4"]
    assert [video.rows.tolist() for video in untrimmed(table(*rows, group=[None, "B", None]))] == [[0, 2], [1]]


def test_background_makes_a_video_known_and_is_no_segment() -> None:
    manifest = table(
        ("a.mp4", "background", None, None),
        ("b.mp4", "run", 1, 2),
        ("b.mp4", "background", 2, 9),
        ("b.mp4", "run", 9, 11),
    )
    first, second = untrimmed(manifest)
    assert first.times.shape == (0, 2)
    assert first.times.dtype == np.float64
    assert first.actions == []
    assert first.rows.tolist() == [0]
    assert second.times.tolist() == [[1, 2], [9, 11]]
    assert second.rows.tolist() == [1, 2, 3]


def test_missing_times_are_the_whole_video() -> None:
    manifest = table(("a.mp4", "run", None, None), ("b.mp4", "run", 3, None), frames=[50, 0], rate=[25.0, np.nan])
    assert [video.times.tolist() for video in untrimmed(manifest)] == [[[0, 2]], [[3, np.inf]]]


def test_one_video_has_one_file_and_one_split() -> None:
    rows = (("a.mp4", "run", 1, 2), ("b.mp4", "run", 1, 2))
    with pytest.raises(
        InputError, match=r"m\.parquet: row 0: .*'A' name more than one path, such as 'a.mp4' and 'b.mp4'"
    ):
        untrimmed(table(*rows, group="A"))
    manifest = table(("b.mp4", "run", 0, 1), ("a.mp4", "run", 1, 2), ("a.mp4", "run", 1, 2))
    manifest.rows["split"] = ["test", "test", "train"]
    with pytest.raises(InputError, match=r"row 1: .*'a\.mp4' name more than one split"):
        untrimmed(manifest)


def said(manifest: Manifest, **options: Any) -> list[tuple[int, str, str]]:
    found = problems(manifest, **options)
    return list(zip(found["row"], found["reason"], found["repair"], strict=True))


def test_every_problem_and_its_repair() -> None:
    manifest = table(
        ("a.mp4", "run", 1, 2),
        ("a.mp4", "run", 9, 7),  # backwards
        ("a.mp4", "run", 5, 5),  # empty
        ("a.mp4", "swim", 3, 4),  # unknown
        ("a.mp4", "jump", -2, 3),  # before its video
        ("a.mp4", "jump", 19, 20.6),  # behind it
        ("a.mp4", "jump", 18, 20.5),  # no more than half a second behind it
        ("a.mp4", "jump", 21, 30),  # wholly outside
        ("a.mp4", "run", 1, 2),  # twice
        ("a.mp4", "run", 1, 2.05),  # nearly
        ("a.mp4", "jump", 1, 2),  # of another class
        ("a.mp4", "run", 10, np.inf),
        ("b.mp4", "run", 1, 900),  # no length is known
        ("b.mp4", "run", 1, 2),
        frames=[500] * 12 + [0] * 2,
        rate=25.0,
    )
    assert said(manifest, actions=["run", "jump"]) == [
        (3, "unknown class 'swim'", "row dropped"),
        (11, "endless: 10 to inf s", "row dropped"),
        (1, "ends before it starts: 9 to 7 s", "start and end swapped"),
        (2, "empty: 5 to 5 s", "row dropped"),
        (4, "outside its video of 20 s: -2 to 3 s", "cut to 0 to 3 s"),
        (5, "outside its video of 20 s: 19 to 20.6 s", "cut to 19 to 20 s"),
        (7, "outside its video of 20 s: 21 to 30 s", "row dropped"),
        (8, "the same segment as row 0: 1 to 2 s", "row dropped"),
        (
            9,
            "1 to 2.05 s overlaps row 0 of its class, 1 to 2 s, with a tIoU of 0.95",
            "row 0 made 1 to 2.05 s, row dropped",
        ),
    ]
    mended, done = repaired(manifest, actions=["run", "jump"])
    assert len(done) == 9
    assert mended.rows["video"].tolist() == ["id0", "id1", "id4", "id5", "id6", "id10", "id12", "id13"]
    assert mended.rows["start"].tolist() == [1, 7, 0, 19, 18, 1, 1, 1]
    assert mended.rows["end"].tolist() == [2.05, 9, 3, 20, 20.5, 2, 900, 2]
    assert said(mended) == []
    assert len(manifest) == 14
    assert manifest.rows["start"].tolist()[1] == 9


def test_classes_are_those_of_training() -> None:
    manifest = table(("a.mp4", "run", 1, 2), ("b.mp4", "jump", 1, 2), ("c.mp4", "background", None, None))
    assert said(manifest) == []
    manifest.rows["split"] = ["train", "test", "test"]
    assert said(manifest) == [(1, "unknown class 'jump'", "row dropped, the last of its video")]
    assert said(manifest, actions=["run", "jump"]) == []


def test_a_segment_that_grew_finds_its_next_twin() -> None:
    # 0-10 and 0-10.6 make 0-10.6; 0-11.5 is no twin of 0-10 (.87) and is one of that (.92)
    manifest = table(("a.mp4", "run", 0, 10), ("a.mp4", "run", 0, 11.5), ("a.mp4", "run", 0, 10.6))
    mended, done = repaired(manifest)
    assert mended.rows[["start", "end"]].values.tolist() == [[0, 11.5]]
    assert len(done) == 2


def test_whole_videos_and_background() -> None:
    manifest = table(
        ("a.mp4", "background", None, None), ("a.mp4", "background", None, None), ("b.mp4", "run", None, None),
        ("b.mp4", "run", None, None), ("c.mp4", "background", 9, 3),
    )  # fmt: skip
    assert [row for row, _, _ in said(manifest)] == [4, 3]
    mended, _ = repaired(manifest)
    assert mended.rows["video"].tolist() == ["id0", "id1", "id2", "id4"]
    assert mended.rows["start"].isna().tolist() == [True, True, True, False]


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["run", "jump", "background"]), st.integers(-3, 25),
                  st.integers(-3, 25)),
        min_size=1, max_size=12,
    )
)  # fmt: skip
@settings(max_examples=60)
def test_what_is_repaired_has_no_problem(rows: list[tuple[str, str, int, int]]) -> None:
    mended, _ = repaired(table(*rows, frames=500, rate=25.0))
    assert said(mended) == []
    times = mended.rows[["start", "end"]].to_numpy(dtype=float)
    assert (times[:, 0] < times[:, 1]).all()
    for video in untrimmed(mended, check=True) if len(mended) else []:
        assert (video.times <= 20.5).all()


def test_checked_videos_are_refused_with_their_problems() -> None:
    manifest = table(*(("a.mp4", "run", start, start - 1) for start in range(1, 60, 10)))
    assert len(untrimmed(manifest)) == 1
    with pytest.raises(
        InputError, match=r"6 problems .*: row 0 \(a\.mp4\): ends before it starts: 1 to 0 s;.* 3 more\."
    ):
        untrimmed(manifest, check=True)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = table(("a.mp4", "run", 1, 2), ("a.mp4", "run", 9, 7))
    manifest.write(tmp_path / "m.parquet", source="ours")
    words = ["index", "check", str(tmp_path / "m.parquet")]
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    told = capsys.readouterr()
    assert "row 1 (a.mp4): ends before it starts: 9 to 7 s: a repair: start and end swapped" in told.out
    assert "2 rows, 1 video, problems: 1" in told.out
    assert "1 problem: --repair OUT" in told.err
    main([*words, "--repair", str(tmp_path / "mended.parquet")])
    assert "start and end swapped" in capsys.readouterr().out
    main(["index", "check", str(tmp_path / "mended.parquet")])
    assert "problems: 0" in capsys.readouterr().out
    assert read_table(tmp_path / "mended.parquet", "manifest", ())[1] == {"kind": "manifest", "source": "ours"}
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--repair", str(tmp_path / "elsewhere" / "mended.parquet"), "--quiet"])
    assert stopped.value.code == 2
    assert "write the copy there" in capsys.readouterr().err


def times_of(manifest: Manifest) -> list[list[float]]:
    return manifest.rows[["start", "end"]].to_numpy(dtype=float).tolist()


def test_a_video_is_as_long_as_its_time_stamps_say(tmp_path: Path) -> None:
    make_timed(tmp_path / "late.mp4", [500 + 40 * n for n in range(50)], sound=True)  # shown to 2.5 s
    make_timed(tmp_path / "still.mp4", [0, *(10_000 + 40 * n for n in range(20))])  # to 10.8 s
    rows = [("late.mp4", "run", 2.2, 2.5), ("still.mp4", "run", 10, 10.8), ("still.mp4", "run", 10.5, 20)]
    columns = {"frames": [50, 21, 21], "rate": 25.0}  # as if evenly spaced: 2 s, and .84 s
    manifest = replace(table(*rows, **columns), root=tmp_path)
    assert [row for row, _, _ in said(manifest)] == [2], "frames / rate alone condemn no segment"
    manifest.write(tmp_path / "m.parquet")
    mended = index_check(tmp_path / "m.parquet", repair=tmp_path / "mended.parquet", quiet=True)
    assert times_of(mended) == [[2.2, 2.5], [10, 10.8], [10.5, 10.8]]
    facts, _ = survey(tmp_path, manifest.rows["path"].tolist(), quiet=True)
    indexed = replace(manifest, rows=manifest.rows.assign(**facts))
    assert times_of(repaired(indexed)[0]) == times_of(mended), "what was stored at indexing is enough"


def test_segments_that_nothing_bounds_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_timed(tmp_path / "a.mp4", [40 * n for n in range(25)])
    manifest = replace(table(("a.mp4", "run", 0, 5), ("gone.mp4", "run", 0, 5)), root=tmp_path)
    manifest.write(tmp_path / "m.parquet")
    with pytest.raises(InputError, match="1 problem:"):
        index_check(tmp_path / "m.parquet")
    told = capsys.readouterr().out
    assert "row 0 (a.mp4): outside its video of 1 s: 0 to 5 s" in told
    assert "1 segment of videos of unknown length, such as gone.mp4" in told
    index_check(tmp_path / "m.parquet", probe=False)
    assert "2 segments of videos of unknown length" in capsys.readouterr().out


def test_lengths_of_a_large_manifest_open_no_file() -> None:
    count = 200_000
    rows = pd.DataFrame({"path": "a.mp4", "duration": 9.5, "frames": 21, "rate": 25.0}, index=range(count))
    rows.loc[: count // 2, "duration"] = np.nan
    assert set(np.round(lengths(rows), 2)) == {9.5, 0.84}
