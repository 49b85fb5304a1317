"""Columns of every table are held against what its kind declares, as it is read."""

import datetime
import unicodedata
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sceneproof.data.columns import KINDS, Column
from sceneproof.data.human_tables import HumanBoxes
from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from sceneproof.labelling.check.tables import LabelTable
from sceneproof.tabular.reading import read_sheet

ROWS = {"video": ["a", "b"], "path": ["a.mp4", "b.mp4"], "split": ["train", "test"], "action": ["run", "jump"]}
GOOD: dict[str, Any] = {"text": "x", "label": "x", "number": 1.5, "whole": 2, "numbers": [0.5, 0.5], "bytes": b"x"}
BAD: dict[str, list[Any]] = {
    "text": [7, 7.5, True, b"x", ["x"], {"a": "x"}, datetime.date(2024, 1, 1)],
    "label": [7.5, True, b"x", ["x"], {"a": "x"}, datetime.date(2024, 1, 1)],
    "number": ["1.5", "00:00:10", "0,2", "", True, b"1", [1.5], {"a": 1.5}, datetime.time(0, 0, 10),
               datetime.timedelta(seconds=3), datetime.datetime(2024, 1, 1)],
    "whole": ["2", 2.5, True, [2], {"a": 2}],
    "numbers": [0.5, "0.5", ["0.5"], [[0.5]], {"a": 0.5}, b"0.5", [0.5, None], [0.5, np.nan], [0.5, np.inf], [True]],
    "bytes": ["x", 7, ["x"]],
}  # fmt: skip


def written(file: Path, /, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), file)
    return file


def verb(name: str) -> str:
    return "are" if name in ("frames", "probabilities", "scores", "values", "videos") else "is"


@pytest.mark.parametrize("kind", KINDS)
def test_every_declared_column_of_every_kind_refuses_what_it_cannot_hold(kind: str, tmp_path: Path) -> None:
    rows = {name: [GOOD[column.holds]] * 2 for name, column in KINDS[kind].items()}
    read_table(written(tmp_path / "good.parquet", **rows), kind, list(rows))
    for name, column in KINDS[kind].items():
        for bad in BAD[column.holds]:
            values = [GOOD[column.holds], bad] if _alike(GOOD[column.holds], bad) else [None, bad]
            path = written(tmp_path / "bad.parquet", **{**rows, name: values})
            with pytest.raises(InputError, match=rf"bad\.parquet: row [01]: the {name} ") as said:
                read_table(path, kind, [])
            assert len(str(said.value)) < 600


def _alike(good: object, bad: object) -> bool:
    if bad is True or bad == [True] or isinstance(good, bytes):  # Arrow would make numbers of them, or bytes
        return False
    try:
        pa.array([good, bad])
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_cells_that_must_be_there_are_asked_for(kind: str, tmp_path: Path) -> None:
    rows = {name: [GOOD[column.holds]] * 2 for name, column in KINDS[kind].items()}
    for name, column in KINDS[kind].items():
        path = written(tmp_path / "t.parquet", **{**rows, name: [GOOD[column.holds], None]})
        if column.missing:
            read_table(path, kind, [])
            read_table(written(tmp_path / "all.parquet", **{**rows, name: [None, None]}), kind, [])
        else:
            with pytest.raises(InputError, match=f"row 1: the {name} {verb(name)} missing"):
                read_table(path, kind, [])


@pytest.mark.parametrize(
    ("value", "cure"),
    [
        ("00:00:10", "write seconds, here 10"),
        ("01:02.5", "write seconds, here 62.5"),
        ("1:00:02,5", "write seconds, here 3602.5"),
        ("0,2", "write 0.2, with a point"),
        ("12.5", "pandas: pd.to_numeric"),
        ("soon", "leave cells empty where there is none"),
    ],
)
def test_text_where_seconds_are_needed_says_what_to_do(value: str, cure: str, tmp_path: Path) -> None:
    path = written(tmp_path / "m.parquet", **ROWS, start=[None, value], end=["", None])
    with pytest.raises(InputError, match=rf"row 1: the start is '{value}'.*seconds.*{cure}.*index table"):
        Manifest.read(path)


def test_the_first_text_that_is_no_number_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 1: the end is '0:30'"):
        Manifest.read(written(tmp_path / "m.parquet", **ROWS, end=["12", "0:30"]))


def test_infinite_times_are_refused_but_where_they_are_mended(tmp_path: Path) -> None:
    path = written(tmp_path / "m.parquet", **ROWS, start=[0.0, 1.0], end=[np.inf, 2.0])
    with pytest.raises(InputError, match=r"row 0 \(a\): the end is inf: leave the cell empty"):
        Manifest.read(path)
    assert len(Manifest.read(path, endless=True)) == 2
    for name, value in (("rate", np.inf), ("frames", np.inf), ("width", -5), ("rate", -1.0), ("frames", 2.5)):
        with pytest.raises(InputError, match=f"row 1: the {name} {verb(name)}"):
            Manifest.read(written(tmp_path / "m.parquet", **ROWS, **{name: [1.0, float(value)]}))


def test_other_types_of_the_same_values_are_read(tmp_path: Path) -> None:
    path = written(
        tmp_path / "m.parquet",
        video=pa.array(["a", "b"], pa.large_string()),
        path=pa.array(["a", "b"]).dictionary_encode(),
        split=pa.array(["x", "y"], pa.string_view()),
        action=pa.array(["run", "run"]).dictionary_encode(),
        start=pa.array([Decimal("1.50"), None]),
        frames=pa.array([3, 4], pa.uint16()),
        group=[7, 8],
        scene=[1.0, None],
    )
    rows = Manifest.read(path).rows
    assert rows["start"].tolist()[:1] == [1.5]
    assert rows["group"].tolist() == ["7", "8"]
    assert rows["scene"].tolist()[:1] == ["1"]
    assert rows["action"].tolist() == ["run", "run"]
    assert isinstance(rows["action"].dtype, pd.StringDtype)


def test_a_column_that_pandas_kept_as_an_index_is_read(tmp_path: Path) -> None:
    pd.DataFrame(ROWS).set_index("video").to_parquet(tmp_path / "m.parquet")
    assert Manifest.read(tmp_path / "m.parquet").rows["video"].tolist() == ["a", "b"]


def test_bytes_that_are_not_utf_8_are_named(tmp_path: Path) -> None:
    raw = pa.array([b"run", b"caf\xe9"], pa.binary())
    broken = pa.StringArray.from_buffers(2, raw.buffers()[1], raw.buffers()[2])
    path = written(tmp_path / "m.parquet", **{**ROWS, "action": broken})
    with pytest.raises(InputError, match=r"row 1: the action 'caf\\\\xe9' is not UTF-8"):
        Manifest.read(path)


@pytest.mark.parametrize("name", ["", " ", "\t", "\u00a0"])
@pytest.mark.parametrize("column", ["video", "path", "split", "action"])
def test_a_name_of_nothing_is_refused(column: str, name: str, tmp_path: Path) -> None:
    path = written(tmp_path / "m.parquet", **{**ROWS, column: ["x", name]})
    with pytest.raises(InputError, match=f"row 1: the {column} is '.*', nothing that can be read"):
        Manifest.read(path)


def test_actions_that_differ_in_their_unicode_form_alone_are_refused(tmp_path: Path) -> None:
    forms = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    path = written(tmp_path / "m.parquet", **{**ROWS, "action": forms})
    with pytest.raises(InputError, match=r"the actions 'cafe\\u0301' and 'caf\\xe9' are both written 'café'"):
        Manifest.read(path)


@pytest.mark.parametrize("other", ["Run", "run ", " run", "RUN"])
def test_actions_that_are_nearly_alike_are_told(other: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Manifest.read(written(tmp_path / "m.parquet", **{**ROWS, "action": ["run", other]}))
    said = capsys.readouterr().err
    assert "warning: " in said
    assert f"{other!r}" in said
    assert "capitals or blanks alone, and count as two" in said


def test_a_manifest_in_memory_is_checked_alike() -> None:
    for name, values in {
        "start": ["0:10", None],
        "frames": [1, "many"],
        "end": [np.inf, 1],
        "rate": [True, False],
    }.items():
        with pytest.raises(InputError, match=f"the {name}"):
            Manifest(pd.DataFrame({**ROWS, name: values}), Path()).check()


def test_people_and_scenes_of_other_types_are_refused(tmp_path: Path) -> None:
    box = {"video": ["a"], "frame": [0], "x1": [0.0], "y1": [0.0], "x2": [4.0], "y2": [4.0], "score": [1.0]}
    for name, value in {"x1": "0,5", "frame": "7", "score": [0.5], "video": 7}.items():
        with pytest.raises(InputError, match=f"row 0: the {name}"):
            HumanBoxes.read(written(tmp_path / "b.parquet", **{**box, name: [value]}))
    for value in ("a lot", [["a"]], [None], [np.inf]):
        with pytest.raises(InputError, match="row 0: the probabilities"):
            SceneTable.read(written(tmp_path / "s.parquet", video=["a"], probabilities=[value]))


def test_a_split_that_is_missing_says_what_may_be_meant() -> None:
    rows = pd.DataFrame({**ROWS, "split": ["train", "val"]})
    with pytest.raises(InputError, match="is 'val' meant"):
        Manifest(rows, Path()).split("validation")
    with pytest.raises(InputError, match=r"no row of split 'validation'.*--validation-split null"):
        Manifest(pd.DataFrame(ROWS), Path()).split("validation")
    with pytest.raises(InputError, match="is 'train' meant"):
        Manifest(rows, Path()).split("Train")


def test_columns_are_declared_once() -> None:
    assert all(isinstance(column, Column) for columns in KINDS.values() for column in columns.values())


def test_two_columns_of_one_name_are_told(tmp_path: Path) -> None:
    rows = {**ROWS, "scene": ["x", "y"]}
    columns = [*map(pa.array, rows.values()), pa.array([1, 2])]
    pq.write_table(pa.Table.from_arrays(columns, [*rows, "scene"]), tmp_path / "m.parquet")
    said = r"m\.parquet: two columns are called 'scene': rename one of them, or leave it out"
    with pytest.raises(InputError, match=said):
        Manifest.read(tmp_path / "m.parquet")
    with pytest.raises(InputError, match=said):
        read_sheet(tmp_path / "m.parquet")
    with pytest.raises(InputError, match=said):
        LabelTable.open(tmp_path / "m.parquet", {"scenes": ["video"]})
    (tmp_path / "m.parquet").write_bytes((tmp_path / "m.parquet").read_bytes()[:-9])
    with pytest.raises(InputError, match=r"m\.parquet: not a readable Parquet file: "):
        read_sheet(tmp_path / "m.parquet")
