from pathlib import Path

import pytest

from sceneproof.errors import InputError
from sceneproof.outputs import output_files


def test_two_videos_of_one_name_do_not_share_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name in ("x/a.mp4", "x/a.avi", "y/a.mp4", "y/b.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    first = output_files(out, tmp_path / "x" / "a.mp4", ("csv", "json"))
    assert first == [out / "a.csv", out / "a.json"]
    assert output_files(out, tmp_path / "x" / "a.mp4", ("csv", "json")) == first
    assert output_files(out, tmp_path / "y" / "b.mp4", ("csv",)) == [out / "b.csv"]
    for other in (tmp_path / "y" / "a.mp4", tmp_path / "x" / "a.avi"):
        with pytest.raises(
            InputError, match=r"a\.csv there is of another video of this name, .*x/a\.mp4: give another"
        ):
            output_files(out, other, ("csv", "json"))


def test_a_video_that_is_not_there_leaves_no_trace(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.mp4: no such file"):
        output_files(tmp_path / "out", tmp_path / "a.mp4", ("csv",))
    assert not (tmp_path / "out").exists()
