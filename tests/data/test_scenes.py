"""Scene tables that cannot be right: two vectors for one video, names that are one text."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sceneproof.data.scenes import SceneTable
from sceneproof.data.tables import write_table
from sceneproof.errors import InputError

VECTORS = np.array([[0.5, 0.5], [1, 0], [0, 1]], np.float32)


def written(path: Path, videos: list[str], names: object) -> Path:
    write_table(path, pd.DataFrame({"video": videos, "probabilities": list(VECTORS)}), "scenes", names=names)
    return path


def test_a_second_row_for_a_video_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "scenes.parquet", ["a", "b", "a"], ["pool", "gym"])
    with pytest.raises(InputError, match=r"scenes\.parquet: row 2: a second row for the video 'a' \(1 rows are such\)"):
        SceneTable.read(path)
    with pytest.raises(InputError, match="a second row for the video 'b'"):
        SceneTable(["a", "b", "b"], VECTORS, ["pool", "gym"], "by hand")


@pytest.mark.parametrize("names", ["ab", {"pool": 0, "gym": 1}, [1, 2], None])
def test_names_are_a_list_of_texts(names: object, tmp_path: Path) -> None:
    path = written(tmp_path / "scenes.parquet", ["a", "b", "c"], names)
    with pytest.raises(InputError, match=r"scenes\.parquet: .*names: expected a list of texts"):
        SceneTable.read(path)


def test_lists_and_whole_numbers_will_do() -> None:
    table = SceneTable(["a", "b"], [[0, 1], [1, 0]], ("pool", "gym"), "by hand")  # type: ignore[arg-type]
    assert table.probabilities.dtype == np.float32
