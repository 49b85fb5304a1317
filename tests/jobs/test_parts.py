"""Plans and parts: what belongs together is gone on with, and what does not is refused or begun anew."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sceneproof.errors import InputError
from sceneproof.jobs.parts import Parts, claim, clear
from sceneproof.jobs.working import TOLD, Failure, read_failures, told, try_some, work_through, write_failures
from tests.failing import failing


def parts(folder: Path, seed: int = 0, *, count: int = 2) -> Parts:
    return Parts(folder / "t.parts", count, {"seed": seed, "sizes": (1, 2)}, "labels")


def table(*values: int) -> pa.Table:
    return pa.table({"x": list(values)})


def test_a_plan_tells_the_first_setting_that_differs(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    plan: dict[str, Any] = {"settings": {"seed": 0, "size": (1, 2)}, "tables": {"manifest": "aa"}}
    claim(file, plan, "a world", more={"packages": {"numpy": "2"}})
    claim(file, plan, "a world", more={"packages": {"numpy": "3"}})
    assert json.loads(file.read_text())["packages"] == {"numpy": "2"}
    for other, said in (
        ({"settings": {"seed": 0, "size": (1, 3)}}, r"holds a world with size \[1, 2\], not \[1, 3\]; it was begun"),
        ({"tables": {"manifest": "bb"}}, "a world with SHA-256 of manifest aa, not bb"),
        ({"tables": {"manifest": "aa", "humans": "cc"}}, "SHA-256 of humans None, not cc"),
        ({"tables": {}}, "SHA-256 of manifest aa, not None"),
    ):
        with pytest.raises(InputError, match=said):
            claim(file, {**plan, **other}, "a world")


def test_parts_are_gone_on_with_by_their_own_plan_alone(tmp_path: Path) -> None:
    ours = parts(tmp_path)
    ours.begin()
    ours.write(1, table(3), {"note": [1]})
    again = parts(tmp_path)
    again.begin()
    assert again.missing() == [0]
    with pytest.raises(
        InputError, match=r"plan\.json: this folder holds labels with seed 0, not 1; it was begun other"
    ):
        parts(tmp_path, 1).begin()
    again.write(0, table(1, 2))
    assert [(rows["x"].to_pylist(), said) for rows, said in again.read()] == [([1, 2], None), ([3], {"note": [1]})]
    parts(tmp_path, 1).end()
    assert again.missing() == [], "another plan's folder is left alone"
    again.end()
    assert not list(tmp_path.iterdir())


def test_parts_of_another_plan_are_dropped_where_that_is_asked_for(tmp_path: Path) -> None:
    ours = parts(tmp_path)
    ours.begin(anew=True)
    ours.write(0, table(1))
    parts(tmp_path).begin(anew=True)
    assert ours.missing() == [1]
    other = parts(tmp_path, 1)
    other.begin(anew=True)
    assert other.missing() == [0, 1]
    with pytest.raises(InputError, match="with seed 1, not 0"):
        ours.write(1, table(2))


def test_what_a_killed_run_was_writing_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in (".v.123.tmp.mp4", "v.mp4", ".parts"):
        (tmp_path / "a" / name).touch()
    clear(tmp_path)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [".parts", "v.mp4"]


@pytest.mark.processes
def test_work_in_this_process_has_the_same_answers(capsys: pytest.CaptureFixture[str]) -> None:
    here, there = (
        [answer for _, answer in work_through(failing, ["a", "video", "b"], "working", workers=workers)]
        for workers in (0, 1)
    )
    assert here == there
    assert "3/3" in capsys.readouterr().err


def test_samples_are_spread_evenly_and_one_that_can_be_read_will_do() -> None:
    assert [task for task, _ in try_some(failing, ["a", "b", "c", "d", "video"], 3, "m")] == ["a", "c"]
    with pytest.raises(InputError, match="m: none of 2 sample videos can be read; the first: video: cut off"):
        try_some(failing, ["video", "video"], 2, "m")


def test_failures_are_a_table_and_lines(tmp_path: Path) -> None:
    file = tmp_path / "t.failures.parquet"
    assert read_failures(file) == []
    failures = [Failure(f"v{number}", f"{number}.mp4", "cut off") for number in range(TOLD + 3)]
    write_failures(file, failures, "t.parquet")
    assert read_failures(file) == failures
    lines = told(failures, file)
    assert (lines[0], lines[-1], len(lines)) == ("  0.mp4: cut off", f"  … and 3 more in {file}", TOLD + 1)
    write_failures(file, [], "t.parquet")
    assert not file.exists()
