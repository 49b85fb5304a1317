"""An untrimmed world's files."""

import signal
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest

from sceneproof import cli
from sceneproof.data.human_tables import HumanBoxes, HumanMasks
from sceneproof.data.manifest import Manifest
from sceneproof.errors import InputError
from sceneproof.mall.making import Shoot
from sceneproof.mall.untrimmed import UntrimmedWorld, make_untrimmed_world
from sceneproof.mall.untrimmed.making import _make_video
from sceneproof.mall.untrimmed.plan import SPLITS
from tests.mall.test_world import contents

TINY = replace(UntrimmedWorld(seconds=12.0, longest=6.0, height=48, width=64, idle=0.5), **dict.fromkeys(SPLITS, 2))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("untrimmed")
    make_untrimmed_world(out, TINY, workers=1, quiet=True)
    return out


def test_nothing_is_left_beside_the_promised_files(tiny: Path) -> None:
    names = {path.name for path in tiny.iterdir()}
    assert names == {"manifest.parquet", "masks.parquet", "boxes.parquet", "world.json", "videos"}
    manifest = Manifest.read(tiny / "manifest.parquet")
    assert sorted(str(path.relative_to(tiny)) for path in tiny.rglob("*.mp4")) == sorted(set(manifest.rows["path"]))


@pytest.mark.slow
def test_killed_at_any_time_it_goes_on_to_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom sceneproof.mall.untrimmed import UntrimmedWorld, make_untrimmed_world\n"
        f"if __name__ == '__main__': make_untrimmed_world(sys.argv[1], {TINY!r}, workers=2, quiet=True)\n"
    )
    script = tmp_path / "make.py"
    script.write_text(code)
    out = tmp_path / "world"
    for films in (1, 5):
        process = subprocess.Popen([sys.executable, str(script), str(out)])
        while process.poll() is None and len(list(out.glob("videos/*/[!.]*.mp4"))) < films:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (out / "manifest.parquet").exists(), "it was done before it was killed"
    subprocess.run([sys.executable, str(script), str(out)], check=True)
    assert contents(out) == contents(tiny)


def test_a_lost_video_is_drawn_again_alike(tiny: Path) -> None:
    before = contents(tiny)
    next(tiny.rglob("*.mp4")).unlink()
    make_untrimmed_world(tiny, TINY, workers=1, quiet=True)
    assert contents(tiny) == before


def test_the_files_are_what_the_manifest_says(tiny: Path) -> None:
    manifest = Manifest.read(tiny / "manifest.parquet")
    assert manifest.splits == list(SPLITS)
    row = manifest.rows.iloc[0]
    with av.open(str(manifest.path(0))) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == Fraction(25, 4)
        assert sum(1 for _ in container.decode(stream)) == row["frames"] == 75
        assert (stream.width, stream.height) == (row["width"], row["height"]) == (64, 48)
    assert (manifest.rows["end"] <= 12).all()


def test_masks_and_boxes_go_by_the_untrimmed_videos_names(tiny: Path) -> None:
    manifest = Manifest.read(tiny / "manifest.parquet")
    masks, boxes = HumanMasks.read(tiny / "masks.parquet"), HumanBoxes.read(tiny / "boxes.parquet")
    names = list(manifest.rows["group"].unique())
    assert masks.videos == boxes.videos == names
    for name in names[:3]:
        boxes.check_fit(pd.DataFrame({"width": 64, "height": 48, "frames": 75}, index=[name]))
        shapes = masks.regions(name, range(75), 48, 64)
        around = boxes.regions(name, range(75), 48, 64)
        assert (shapes <= around).all()
        assert (shapes.any((1, 2)) == around.any((1, 2))).all()


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    """Of what Python and NumPy hold; the largest person, who may come late, takes a little more."""

    def peak(seconds: float) -> int:
        world = replace(TINY, seconds=seconds)
        shoot = Shoot(world.videos()[0], world.format, tmp_path / f"{seconds}.mp4", tmp_path / f"{seconds}.parquet")
        tracemalloc.start()
        try:
            _make_video(shoot)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(8.0)  # what is loaded once
    assert peak(48.0) < 1.25 * peak(12.0)


def test_another_world_in_the_folder_is_refused(tiny: Path) -> None:
    with pytest.raises(InputError, match=r"world\.json: this folder holds a world with seed 0, not 1"):
        make_untrimmed_world(tiny, replace(TINY, seed=1), workers=1, quiet=True)


def test_the_command_makes_a_world_and_says_what_the_scene_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--videos=0.02", "--seconds=8", "--height=32", "--width=32", "--workers=1"]
    cli.main(["mall", "untrimmed", str(tmp_path / "out"), *words])
    told = capsys.readouterr().out
    assert "10 videos with" in told
    assert "65.0% of the time in context" in told
    assert "test_out 0.0%" in told
    rows = pd.read_parquet(tmp_path / "out" / "manifest.parquet")
    assert np.isfinite(rows[["start", "end"]].to_numpy()).all()


def test_the_trimmed_mall_keeps_its_command(tmp_path: Path) -> None:
    words = ["--videos=0.001", "--height=32", "--width=32", "--frames=2", "--pictures=0", "--test_pictures=0"]
    cli.main(["mall", str(tmp_path / "out"), *words, "--workers=1", "--quiet"])
    assert (tmp_path / "out" / "manifest.parquet").is_file()
