"""Folders of pictures become manifests, BAR's too; pictures among videos are named."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sceneproof.cli import main
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources import bar
from sceneproof.data.sources.bar import index_bar
from sceneproof.data.sources.folder import index_folder
from sceneproof.data.video import decode
from sceneproof.errors import InputError
from tests.videos import make_video, numbered

SMALL = {"climbing": (20, 3), "pole_vaulting": (10, 2)}


def make_picture(path: Path, number: int = 0, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (24, 32, 3), np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for number in range(20):
        for action in ("jump", "run"):
            make_picture(tmp_path / "own" / action / f"{number}.{'jpg' if number % 2 else 'png'}", number)
    return tmp_path / "own"


def test_a_folder_of_pictures_becomes_a_manifest(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "notes.txt").write_text("mine")
    make_video(pictures / "run" / "moving.jpg.mp4", numbered(3)).rename(pictures / "run" / "moving.jpg")
    make_picture(pictures / "run" / "cut.png", 99)
    (pictures / "run" / "cut.png").write_bytes((pictures / "run" / "cut.png").read_bytes()[:200])
    make_picture(pictures / "run" / "frames" / "1.jpg")
    main(["index", "folder", str(pictures), str(tmp_path / "out")])
    table = Manifest.read(tmp_path / "out" / "manifest.parquet")
    assert Counter(table.rows["frames"]) == {1: 40, 0: 1}
    assert Counter(table.rows["split"]) == {"train": 33, "validation": 4, "test": 4}
    read = table.rows[table.rows["frames"] == 1]
    assert (read[["width", "height", "rate", "duration"]] == [32, 24, 1.0, 1.0]).all(axis=None)
    assert decode(table.path(0)).shape == (1, 24, 32, 3)
    said = capsys.readouterr().out
    assert "videos among pictures: 1\n  run/moving.jpg" in said
    assert "run/cut.png: damaged or cut off" in said
    assert "are left out: run/frames/1.jpg; where they are the frames of videos" in said
    assert "no pictures by their names: 1 .txt, 1 .jpg" in said
    assert "each a clip of one frame (train with --task.clip.length 1)" in said


def test_pictures_among_videos_are_left_out_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(4):
        make_video(tmp_path / "own" / "run" / f"{number}.mp4", numbered(3))
    make_picture(tmp_path / "own" / "run" / "cover.png")
    make_picture(tmp_path / "own" / "run" / "strange.mp4", format="PNG")
    table = index_folder(tmp_path / "own", tmp_path / "out", validation=0, test=0)
    assert list(table.rows["video"]) == [f"run/{number}" for number in range(4)]
    said = capsys.readouterr().out
    assert "pictures were found (1 .png) and are left out: run/cover.png" in said
    assert "pictures among videos: 1\n  run/strange.mp4" in said


def test_a_folder_whose_videos_are_all_pictures_is_refused(tmp_path: Path) -> None:
    make_picture(tmp_path / "own" / "run" / "strange.mp4", format="PNG")
    with pytest.raises(InputError, match=r"a picture among videos by its content, such as run/strange\.mp4"):
        index_folder(tmp_path / "own", tmp_path / "out")


def test_a_network_learns_pictures_as_clips_of_one_frame_and_of_no_more(pictures: Path, tmp_path: Path) -> None:
    index_folder(pictures, tmp_path / "index", quiet=True)
    words = ["train", str(tmp_path / "index" / "manifest.parquet"), str(tmp_path / "run"), "--task.clip.size", "16"]
    small = ["--backbone", "ResNet3D", "--backbone.depth", "10", "--backbone.width", "4", "--optimisation.epochs", "1"]
    with pytest.raises(SystemExit):
        main([*words, *small])
    assert not (tmp_path / "run").exists()
    main([*words, *small, "--task.clip.length", "1", "--optimisation.batch", "8", "--quiet", "true"])
    main(["evaluate", str(tmp_path / "run"), words[1], "--quiet", "true"])
    predictions = pd.read_parquet(tmp_path / "run" / "evaluation" / "predictions.parquet")
    assert len(predictions) == 4
    assert (predictions["problem"] == "").all()
    assert np.isfinite(np.stack(predictions["scores"].to_list())).all()


@pytest.fixture(params=["flat", "folders"])
def small_bar(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """BAR with fewer pictures, as it is published and in a folder an action."""
    for place, (action, (train, test)) in enumerate(SMALL.items()):
        for number in range(train + test):
            folder = tmp_path / "bar" / ("train" if number < train else "test")
            folder = folder if request.param == "flat" else folder / action
            make_picture(folder / f"{action}_{number}.jpg", 100 * place + number)
    with patch.object(bar, "PUBLISHED", SMALL):
        yield tmp_path / "bar"


def test_bar_becomes_a_manifest_in_context_and_out_of_it(
    small_bar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (small_bar / "train" / "about.json").write_text("{}")
    main(["index", "bar", str(small_bar), str(tmp_path / "out")])
    rows = Manifest.read(tmp_path / "out" / "manifest.parquet").rows
    counts = Counter(rows[["split", "context"]].itertuples(index=False, name=None))
    assert counts == {("train", "in"): 24, ("validation", "in"): 3, ("test", "in"): 3, ("test_out", "out"): 5}
    outside = rows[rows["context"] == "out"]["video"]
    assert set(outside) == {"climbing_20", "climbing_21", "climbing_22", "pole_vaulting_10", "pole_vaulting_11"}
    assert set(rows["action"]) == set(SMALL)
    assert "BAR: 35 clips, 2 actions" in capsys.readouterr().out


def test_shares_of_bar_are_held_out_by_the_seed(small_bar: Path, tmp_path: Path) -> None:
    none = index_bar(small_bar, tmp_path / "none", validation=0.2, test=0, quiet=True).rows
    assert Counter(none["split"]) == {"train": 24, "validation": 6, "test_out": 5}
    first, again, other = (
        index_bar(small_bar, tmp_path / f"{place}", seed=seed, quiet=True).rows for place, seed in enumerate((0, 0, 1))
    )
    assert first["split"].tolist() == again["split"].tolist() != other["split"].tolist()
    with pytest.raises(InputError, match="leave a part to train on"):
        index_bar(small_bar, tmp_path / "no", validation=0.5, test=0.5)


def test_missing_pictures_of_bar_are_named(small_bar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in small_bar.rglob("climbing_7.jpg"):
        path.unlink()
    assert len(index_bar(small_bar, tmp_path / "out")) == 34
    assert "listed and missing, of 35 listed: 1\n  climbing: climbing_7" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "message"), [
    ("test/climbing_3.jpg", r"test/climbing_3\.jpg: BAR has no such picture in test, where it has climbing_20 to 22"),
    ("train/climbing_20.jpg", "BAR has no such picture in train, where it has climbing_0 to 19"),
    ("train/knitting_0.png", "sceneproof index folder"),
])  # fmt: skip
def test_folders_that_are_something_else_than_bar_are_refused(
    small_bar: Path, name: str, message: str, tmp_path: Path
) -> None:
    make_picture(small_bar / name)
    with pytest.raises(InputError, match=message):
        index_bar(small_bar, tmp_path / "out")


def test_bar_without_its_folders_is_refused(small_bar: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"own/train: no such folder: BAR's folders train and test come from"):
        index_bar(tmp_path / "own", tmp_path / "out")
    for path in small_bar.rglob("*.jpg"):
        path.unlink()
    with pytest.raises(InputError, match=r"no picture of the lists is here \(35 pictures"):
        index_bar(small_bar, tmp_path / "out")


def test_the_published_counts_are_those_of_the_paper() -> None:
    train, test = (sum(counts) for counts in zip(*bar.PUBLISHED.values(), strict=True))
    assert (train, test) == (1941, 654)


def test_the_real_bar(shared_data: Path, tmp_path: Path) -> None:
    rows = index_bar(shared_data / "bar", tmp_path / "out", quiet=True).rows
    assert Counter(rows["split"]) == {"train": 1551, "validation": 195, "test": 195, "test_out": 654}
    assert (rows["frames"] == 1).all()
    assert json.loads((tmp_path / "out" / "audit.json").read_text())["same_bytes"] == []
