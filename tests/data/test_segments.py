from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sceneproof.data.manifest import Manifest
from sceneproof.data.segments import untrimmed
from sceneproof.errors import InputError


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
