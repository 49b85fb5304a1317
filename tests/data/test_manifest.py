from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

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
