from pathlib import Path

import pytest

from sceneproof.errors import InputError
from sceneproof.outputs import output_files


def test_two_videos_of_one_name_do_not_share_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = output_files(out, tmp_path / "x" / "a.mp4", ("csv", "json"))
    assert first == [out / "a.csv", out / "a.json"]
    assert output_files(out, tmp_path / "x" / "a.mp4", ("csv", "json")) == first
    assert output_files(out, tmp_path / "y" / "b.mp4", ("csv",)) == [out / "b.csv"]
    for other in (tmp_path / "y" / "a.mp4", tmp_path / "x" / "a.avi"):
        with pytest.raises(
            InputError, match=r"a\.csv there is of another video of this name, .*x/a\.mp4: give another"
        ):
            output_files(out, other, ("csv", "json"))
