"""A world's files."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from sceneproof.files import read_json, write_json
from sceneproof.mall import making
from sceneproof.mall.plan import SPLITS, World
from sceneproof.mall.world import make_world, mall
from sceneproof.metrics.representation_bias import linear_probe

COUNTS: dict[str, Any] = dict.fromkeys(SPLITS, 2)
TINY = replace(World(pictures=1, test_pictures=0, height=48, width=64, frames=4, crf=30), **COUNTS)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mall")
    make_world(out, TINY, workers=1, quiet=True)
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.processes
def test_two_workers_write_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    make_world(tmp_path, TINY, workers=2, quiet=True)
    assert contents(tmp_path) == contents(tiny)


def test_nothing_is_left_beside_the_promised_files(tiny: Path) -> None:
    names = {path.name for path in tiny.iterdir()}
    assert names == {"manifest.parquet", "masks.parquet", "boxes.parquet", "world.json", "videos", "scenes"}
    assert len(list((tiny / "scenes" / "train").rglob("*.png"))) == 16


def test_an_interrupted_world_is_continued(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = making._make_film
    drawn: list[str] = []

    def stop_after_five(job: Any) -> None:
        if len(drawn) == 5:
            raise KeyboardInterrupt
        make(job)
        drawn.append(job.film.video)

    monkeypatch.setattr(making, "_make_film", stop_after_five)
    with pytest.raises(KeyboardInterrupt):
        make_world(tmp_path, TINY, workers=1, quiet=True)
    (tmp_path / "videos/train" / ".half.1.tmp.mp4").touch()

    def note(job: Any) -> None:
        assert job.film.video not in drawn, "a finished video was drawn again"
        make(job)

    monkeypatch.setattr(making, "_make_film", note)
    make_world(tmp_path, TINY, workers=1, quiet=True)
    (tmp_path / "videos/train" / ".half.1.tmp.mp4").unlink(missing_ok=True)
    assert contents(tmp_path) == contents(tiny)


def test_a_lost_video_is_drawn_again_alike(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny, tmp_path / "copy")
    lost = next((tmp_path / "copy" / "videos").rglob("*.mp4"))
    lost.unlink()
    make_world(tmp_path / "copy", TINY, workers=1, quiet=True)
    assert contents(tmp_path / "copy") == contents(tiny)


def test_masks_and_boxes_agree(tiny: Path) -> None:
    masks, facts = read_table(tiny / "masks.parquet", "masks", ("video", "frame", "png"))
    boxes, _ = read_table(tiny / "boxes.parquet", "boxes", ("video", "frame", "x1", "y1", "x2", "y2", "score"))
    assert "exact" in facts["detector"]
    assert len(masks) == len(boxes) == len(TINY.films()) * TINY.frames
    both = masks.merge(boxes, on=["video", "frame"], validate="1:1")
    corners = both[["x1", "y1", "x2", "y2"]].to_numpy()
    for png, box in zip(both["png"], corners, strict=True):
        mask = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert mask is not None
        assert mask.shape == (TINY.height, TINY.width)
        rows, columns = np.nonzero(mask)
        assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_the_manifest_says_what_the_files_are(tiny: Path) -> None:
    manifest = Manifest.read(tiny / "manifest.parquet")
    assert manifest.splits == list(SPLITS)
    assert all(manifest.path(row).is_file() for row in range(len(manifest)))
    assert len(set(manifest.rows["path"])) == len(manifest)
    outside = manifest.rows["split"].str.endswith("_out")
    assert (manifest.rows["context"][outside] == "out").all()


def test_another_world_in_the_folder_is_refused(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"world\.json: this folder holds a world with seed 0, not 1"):
        make_world(tiny, replace(TINY, seed=1), workers=1, quiet=True)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file"):
        make_world(tmp_path / "file", TINY, workers=1, quiet=True)


def test_a_world_without_people_has_the_same_videos_and_tells_of_nobody(tiny: Path, tmp_path: Path) -> None:
    empty = make_world(tmp_path, replace(TINY, people=False), workers=1, quiet=True)
    assert list(empty.rows["path"]) == list(Manifest.read(tiny / "manifest.parquet").rows["path"])
    assert read_table(tmp_path / "boxes.parquet", "boxes", ("video", "frame"))[0].empty
    with pytest.raises(InputError, match="people False, not True"):
        make_world(tmp_path, TINY, workers=1, quiet=True)


def test_an_unbiased_world_shows_all_in_all_places_and_is_tested_on_the_same_videos() -> None:
    plain, unbiased = World(), World(unbiased=True)
    assert unbiased.bayes_accuracy("train") == pytest.approx(1 / 8)
    assert unbiased.bayes_accuracy("transfer_train") == plain.bayes_accuracy("transfer_train")
    tested = [[film for film in world.films() if film.split != "train"] for world in (plain, unbiased)]
    assert tested[0] == tested[1]
    trained = pd.DataFrame([vars(film) for film in unbiased.films() if film.split == "train"])
    counts = trained.groupby(["action", "scene"]).size()
    assert len(counts) == 8 * 16
    assert counts.max() - counts.min() <= 1


def test_a_world_from_before_there_was_a_choice_of_people_is_gone_on_with(tmp_path: Path) -> None:
    make_world(tmp_path, TINY, workers=1, quiet=True)
    said = read_json(tmp_path / "world.json", dict)
    del said["settings"]["people"]
    write_json(tmp_path / "world.json", said)
    make_world(tmp_path, TINY, workers=1, quiet=True)
    with pytest.raises(InputError, match="people None, not False"):
        make_world(tmp_path, replace(TINY, people=False), workers=1, quiet=True)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"width": 171}, "width: 171"),
        ({"strength": 1.5}, "strength: 1.5"),
        ({"train": -1}, "train: -1"),
        ({"frames": 0}, "frames"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        World(**wrong)


def test_the_command_makes_a_world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mall(tmp_path, videos=0.001, height=48, width=64, frames=2, pictures=0, test_pictures=0, workers=1, quiet=False)
    assert "names the action 65.0%" in capsys.readouterr().out


def planned(world: World) -> pd.DataFrame:
    return pd.DataFrame([vars(film) for film in world.films()])


def test_five_thousand_videos_each_with_its_own_seed() -> None:
    films = planned(World())
    assert len(films) == 5000
    assert films["seed"].is_unique  # a backdrop is painted from its video's seed alone
    assert films["video"].is_unique


def test_test_out_shows_known_scenes_with_actions_never_seen_there() -> None:
    films = planned(World())
    train = set(films[films.split == "train"][["action", "scene"]].itertuples(index=False, name=None))
    for split in ("validation_out", "test_out"):
        outside = set(films[films.split == split][["action", "scene"]].itertuples(index=False, name=None))
        assert not outside & train
        assert {scene for _, scene in outside} <= {scene for _, scene in train}
        for action in {action for action, _ in train}:
            assert len([pair for pair in outside if pair[0] == action]) >= 4
    transfer = films[films.split == "transfer_test"]
    assert (transfer.context == "out").mean() == pytest.approx(0.5, abs=0.03)


def test_a_probe_on_the_true_scene_reaches_the_designed_accuracy() -> None:
    world = World()
    films = planned(world)
    features = pd.get_dummies(films.scene).to_numpy(float)
    train, test = ((films.split == split).to_numpy() for split in ("train", "test"))
    found = linear_probe(features[train], films.action[train], features[test], films.action[test])
    assert found == pytest.approx(world.bayes_accuracy(), abs=0.02)


def test_fewer_videos_keep_the_other_settings() -> None:
    world = World(seed=3).scaled(0.1)
    assert (world.train, world.test_out, world.seed, world.pictures) == (200, 100, 3, World.pictures)
