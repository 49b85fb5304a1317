import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sceneproof.data import tables
from sceneproof.data.manifest import Manifest, refuse_out_of_context
from sceneproof.errors import InputError


def manifest(**columns: list[Any]) -> Manifest:
    rows = {"video": ["a", "b"], "path": ["a.mp4", "b.mp4"], "split": ["train", "test"], "action": ["run", "jump"]}
    return Manifest(pd.DataFrame(rows).assign(**columns), Path())


def test_text_in_every_cell_is_fine() -> None:
    table = manifest()
    table.check()
    assert table.actions == ["jump", "run"]


@pytest.mark.parametrize("column", ["video", "path", "split", "action"])
@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA])
def test_an_empty_cell_is_named(column: str, nothing: object) -> None:
    with pytest.raises(InputError, match=f"row 1: the {column} is missing"):
        manifest(**{column: ["x", nothing]}).check()


@pytest.mark.parametrize("column", ["video", "path", "split", "action"])
def test_numbers_are_named_and_not_converted(column: str) -> None:
    with pytest.raises(InputError, match=f"row 0: the {column} 7 is not text"):
        manifest(**{column: [7, 8]}).check()


def test_videos_out_of_context_choose_nothing() -> None:
    refuse_out_of_context(manifest())
    refuse_out_of_context(manifest(context=["in", None]))
    with pytest.raises(InputError, match=r"the split 'test' holds videos out of context, such as 'b'.*keep last"):
        refuse_out_of_context(manifest(context=["in", "out"]))


@pytest.mark.parametrize("written", ["Out", " out", "OUT_OF_CONTEXT", "out of context"])
def test_contexts_are_in_and_out_and_nothing_like_them(written: str) -> None:
    """Else what lies out of context would be in no figure, and could choose weights."""
    with pytest.raises(InputError, match=f"row 1: the context is '{written}': write 'out'"):
        manifest(context=["in", written]).check()
    with pytest.raises(InputError, match="row 0: the context is 'In': write 'in'"):
        manifest(context=["In", None]).check()
    manifest(context=["in", "control"]).check()


def test_the_first_row_that_is_wrong_is_named() -> None:
    with pytest.raises(InputError, match=r"the id 'a' stands in more than one row \(row 2\)"):
        Manifest(
            pd.DataFrame({"video": ["a", "b", "a", "b"], "path": "c", "split": "d", "action": "e"}), Path()
        ).check()
    with pytest.raises(InputError, match=r"row 1: the path '\.\./b' leaves"):
        manifest(path=["a", "../b"]).check()
    with pytest.raises(InputError, match=r"row 1 \(b\): unknown action 'jump'; known: run, walk"):
        manifest().action_numbers(["run", "walk"])
    assert manifest().action_numbers(["walk", "run", "jump"]) == [1, 2]


def test_text_that_is_read_stays_in_arrows_memory(tmp_path: Path) -> None:
    manifest().write(tmp_path / "m.parquet")
    table = Manifest.read(tmp_path / "m.parquet")
    kinds = {name: getattr(table.rows[name].dtype, "storage", None) for name in table.rows}
    assert set(kinds.values()) == {"pyarrow"}, kinds
    assert table.split("train").rows["video"].tolist() == ["a"]
    assert table.splits == ["train", "test"]


def test_hashes_do_not_depend_on_how_many_are_made_together(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, numbers = pd.Series(["a", "b", "a", "ä", "b"]), pd.Series([1.0, np.nan, 2.5, 1.0, np.nan])
    whole = tables.hashes(texts), tables.hashes(numbers)
    monkeypatch.setattr(tables, "HASHED", 2)
    np.testing.assert_array_equal(tables.hashes(texts), whole[0])
    np.testing.assert_array_equal(tables.hashes(numbers), whole[1])
    assert (whole[0] == whole[0][0]).tolist() == [True, False, True, False, False]
    assert hashlib.sha256(whole[0].tobytes()).hexdigest()[:16] == "688d263c8a87c816"
