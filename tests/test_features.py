"""Features kept once give the training that videos give, and are refused where they are of something else."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from sceneproof.backbones import ResNet3D
from sceneproof.cli import main
from sceneproof.data.batches import collate, to_batch
from sceneproof.data.dataset import ClipSettings, Labelled, TrainingClips
from sceneproof.data.humans import read_humans
from sceneproof.data.kept import KeptFeatures
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import read_table, write_table
from sceneproof.data.transforms import standardise
from sceneproof.engine import _Loop
from sceneproof.errors import DamagedError, InputError
from sceneproof.evaluate import evaluate
from sceneproof.features import features
from sceneproof.methods import (
    ALBAR,
    CDN,
    DEVIAS,
    JTT,
    SDN,
    GroupDRO,
    LfF,
    Method,
    PlaceSwap,
    Plain,
    ReBias,
    RUBi,
    VideoMix,
)
from sceneproof.methods.placeswap import SOFT_EDGE, softened
from sceneproof.run import Run
from sceneproof.study import study
from sceneproof.types import Batch, Kept
from tests.test_study import RECIPE
from tests.training import SMALL, Small, Unlike

CLIP = ClipSettings(8, 1, 32)


def kept(small: Small, out: Path, **more: Any) -> KeptFeatures:
    settings = {"backbone": SMALL, "humans": small.boxes, "clip": CLIP, "precision": "fp32", "quiet": True, **more}
    made = features(small.manifest, out, **settings)
    assert made is not None
    return made


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small.make(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def start(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose lower stages are kept: training above random ones, never normalised, goes as chance has it."""
    return small.train(tmp_path_factory.mktemp("start") / "run").path


@pytest.fixture(scope="module")
def folder(small: Small, start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(small, tmp_path_factory.mktemp("kept") / "features", weights=start).folder


FP32 = {"precision": "fp32", "keep": "last"}


def test_training_on_features_is_training_on_videos_to_rounding(
    small: Small, start: Path, folder: Path, tmp_path: Path
) -> None:
    """With a draw an epoch, of the same seed; half precision rounds to 2^-11."""
    videos = small.train(tmp_path / "videos", weights=start, freeze="lower", optimisation=FP32)
    quick = small.train(tmp_path / "quick", weights=start, features=folder, optimisation=FP32)
    for told, same in zip(videos.history(), quick.history(), strict=True):
        assert told.keys() == same.keys()
        np.testing.assert_allclose(
            [told[name] for name in told], [same[name] for name in told], rtol=0.02, atol=0.02, err_msg=str(told)
        )
    first, second = (load_file(run.path / "weights.safetensors") for run in (videos, quick))
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=0.05, atol=0.02)
        if name.startswith(("backbone.conv1", "backbone.layer3")):
            assert torch.equal(first[name], second[name]), name
    before = load_file(start / "weights.safetensors")
    assert torch.equal(first["backbone.layer3.0.conv1.weight"], before["backbone.layer3.0.conv1.weight"])
    assert not torch.equal(first["backbone.layer4.0.conv1.weight"], before["backbone.layer4.0.conv1.weight"])


def test_a_run_on_features_is_tested_alike_on_videos_and_on_features(
    small: Small, start: Path, folder: Path, tmp_path: Path
) -> None:
    run = small.train(tmp_path / "run", weights=start, features=folder, optimisation=FP32)
    settings: dict[str, Any] = {"splits": ["test"], "humans": small.boxes, "clips": 1, "quiet": True}
    videos = evaluate(run.path, small.manifest, out=tmp_path / "videos", **settings)
    quick = evaluate(run.path, small.manifest, out=tmp_path / "quick", features=folder, **settings)
    for name in ("scores", "scores_without_humans", "features"):
        first, second = (np.stack(made.predictions[name].to_list()) for made in (videos, quick))
        np.testing.assert_allclose(first, second, rtol=0.01, atol=0.01)
    assert quick.metrics["tables"]["features"]


def test_a_killed_training_on_features_goes_on_to_the_same_bits(
    small: Small, start: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unbroken = small.train(tmp_path / "unbroken", weights=start, features=folder)
    take = _Loop.step

    def step_and_die(self: _Loop, batch: Batch | None) -> None:
        take(self, batch)
        if self.progress.step == 6:
            raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(_Loop, "step", step_and_die)
        with pytest.raises(SystemExit):
            small.train(tmp_path / "killed", weights=start, features=folder)
    resumed = small.train(tmp_path / "killed", weights=start, features=folder)
    assert resumed.history() == unbroken.history()
    first, second = (load_file(run.path / "weights.safetensors") for run in (unbroken, resumed))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_study_trains_and_tests_every_recipe_on_features(
    small: Small, start: Path, folder: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "plain.yaml"
    recipe.write_text(RECIPE.replace("METHOD", "Plain") + "freeze: lower\n")
    words: dict[str, Any] = {"weights": start, "features": folder, "clips": 1, "quiet": True}
    page = study([recipe], small.manifest, tmp_path / "out", **words)
    run = Run.open(tmp_path / "out" / "plain-seed0")
    assert run.config["features"] == str(folder)
    assert run.config["weights"] == str(start)
    assert page.exists()
    tested = run.path / "evaluation" / "metrics.json"
    before = tested.stat().st_mtime_ns
    study([recipe], small.manifest, tmp_path / "out", **words)
    assert tested.stat().st_mtime_ns == before, "what was tested is not tested again"
    with pytest.raises(InputError, match="--weights, --starts"):
        study([recipe], small.manifest, tmp_path / "out", weights=start, starts=[start], quiet=True)


@pytest.mark.parametrize(
    "method",
    [
        Plain,
        partial(Plain, masked_weight=1.0),
        GroupDRO,
        LfF,
        JTT,
        partial(DEVIAS, mask="none"),
        partial(SDN, labels="hard"),
        partial(ALBAR, still="masked"),
        partial(ReBias, bias="without_humans"),
    ],
)
def test_methods_train_on_features_as_they_are(
    method: Callable[..., Any], small: Small, start: Path, folder: Path, tmp_path: Path
) -> None:
    run = small.train(tmp_path / "run", weights=start, features=folder, method=method, optimisation={"epochs": 2})
    assert run.done


def test_the_next_epochs_meet_other_draws_and_then_the_first_again(small: Small, folder: Path) -> None:
    split = KeptFeatures.open(folder).split("train", training=True)
    draws = [split.clip(3, draw) for draw in range(4)]
    assert all(isinstance(draw, Kept) and draw.twin is not None for draw in draws)
    values = [draw.clip for draw in draws if isinstance(draw, Kept)]
    assert values[0].dtype == np.float16
    assert len({value.tobytes() for value in values}) == 4


def test_shards_that_are_missing_or_damaged_are_made_again_to_the_same_bytes(small: Small, tmp_path: Path) -> None:
    """Rows of a shard do not depend on what was there before."""
    made = kept(small, tmp_path / "features")
    shards = sorted(tmp_path.glob("features/*.safetensors"))
    before = {path.name: path.read_bytes() for path in shards}
    shards[0].unlink()
    damaged = bytearray(shards[1].read_bytes())
    damaged[-20] ^= 1
    shards[1].write_bytes(damaged)
    with pytest.raises(InputError, match="start the same"):
        KeptFeatures.open(made.folder)
    kept(small, tmp_path / "features")
    assert {path.name: path.read_bytes() for path in sorted(tmp_path.glob("features/*.safetensors"))} == before


def test_shards_without_the_plan_that_they_follow_from_are_refused(small: Small, tmp_path: Path) -> None:
    """Those of another seed have the same names and shapes."""
    made = kept(small, tmp_path / "features", draws=1)
    (made.folder / "plan.json").unlink()
    with pytest.raises(InputError, match=r"safetensors: is there, and no plan\.json"):
        kept(small, tmp_path / "features", draws=1, seed=1)


def test_a_method_whose_answer_makes_stills_is_not_asked_about_kept_features(
    small: Small, start: Path, folder: Path, tmp_path: Path
) -> None:
    """A place in time of a feature map is no frame."""
    run = small.train(tmp_path / "run", weights=start, freeze="lower", method=CDN, optimisation={**FP32, "epochs": 1})
    with pytest.raises(InputError, match="CDN makes still clips of what it is asked about"):
        evaluate(run.path, small.manifest, splits=["test"], clips=1, features=folder, quiet=True)


def test_a_damaged_shard_stops_training_by_name(small: Small, tmp_path: Path) -> None:
    made = kept(small, tmp_path / "features", draws=1)
    path = made.folder / next(iter(made.shards("train")))[1]
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 4
    path.write_bytes(damaged)
    with pytest.raises(DamagedError, match=path.name):
        small.train(tmp_path / "run", features=made.folder)


def test_composites_are_kept_of_each_draw_and_are_what_placeswap_composes(small: Small, tmp_path: Path) -> None:
    """By hand: the people of a clip, in the place of the clip that its circle names, through the lower stages."""
    network = small.train(tmp_path / "start").trained(Method).backbone.eval()
    made = kept(small, tmp_path / "features", weights=tmp_path / "start", swaps=True, draws=2)
    assert made.swaps
    split, part = made.split("train", training=True), Manifest.read(small.manifest).split("train")
    clips = TrainingClips(Labelled.gather(part, part.actions, humans=read_humans(small.boxes)), CLIP, 0)
    for draw in range(2):
        circle = np.random.default_rng((0, draw)).permutation(len(part))
        place = int(circle[(int(np.flatnonzero(circle == 3)[0]) - 1) % len(part)])
        own, other = (
            to_batch(collate([clips[draw, row]], 0), 32, torch.device("cpu"), needs=["people", "without_humans"])
            for row in (3, place)
        )
        assert own.video is not None
        assert own.people is not None
        assert other.without_humans is not None
        matte = softened(own.people, SOFT_EDGE)[:, None]
        composite = matte * own.video + (1 - matte) * other.without_humans
        with torch.no_grad():
            expected = network.lower(standardise(composite, network.mean, network.std))
        clip = split.clip(3, draw)
        assert isinstance(clip, Kept)
        assert clip.swapped is not None
        torch.testing.assert_close(torch.from_numpy(clip.swapped), expected[0].half(), rtol=2e-3, atol=2e-3)
        assert not np.array_equal(clip.swapped, clip.clip)


def test_placeswap_trains_on_composites_that_were_kept(
    small: Small, start: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    method = partial(PlaceSwap, composites="kept", confusion_weight=0.1)
    words: dict[str, Any] = {"weights": start, "method": method}
    made = kept(small, tmp_path / "features", weights=start, swaps=True)
    run = small.train(tmp_path / "run", features=made.folder, quiet=False, **words)
    assert {"train/L_CE", "train/L_Swapped", "train/L_Ent"} <= set(run.history()[0])
    assert "16 of 16 training videos have people in another place" in capsys.readouterr().err
    with pytest.raises(InputError, match="holds no composites"):
        small.train(tmp_path / "without", features=folder, **words)
    with pytest.raises(InputError, match="give --features FOLDER, made with --swaps"):
        small.train(tmp_path / "videos", **words)
    with pytest.raises(InputError, match="PlaceSwap needs people"):
        small.train(tmp_path / "drawn", features=made.folder, weights=start, method=PlaceSwap)
    with pytest.raises(InputError, match="--swaps: composites show the people"):
        kept(small, tmp_path / "nobody", swaps=True, humans=None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"weights": None}, "other weights"),
        ({"backbone": partial(ResNet3D, depth=10, width=8), "weights": None}, r"width 4.* not of .*width 8"),
        ({"clip": ClipSettings(8, 1, 40)}, "clip.size 32, not 40"),
        ({"validation_clips": 3}, "--task.validation-clips 1"),
        ({"train_split": "test"}, "keeps test clips"),
        ({"method": VideoMix}, "VideoMix mixes clips as pixels"),
        ({"method": partial(RUBi, bias="still")}, "RUBi mixes clips as pixels"),
    ],
)
def test_features_of_something_else_are_refused(
    given: dict[str, Any], said: str, small: Small, start: Path, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        small.train(tmp_path / "run", **{"weights": start, "features": folder, **given})
    assert not (tmp_path / "run").exists()


def test_features_of_other_rows_or_people_are_refused(small: Small, start: Path, folder: Path, tmp_path: Path) -> None:
    table = Manifest.read(small.manifest)
    table.rows.loc[table.rows["split"] == "train", "action"] = table.rows["action"].iloc[::-1].to_numpy()[:16]
    other = Manifest(table.rows, small.folder)
    other.write(small.folder / "other.parquet")
    with pytest.raises(InputError, match=r"other tables.*action in split train"):
        small.train(tmp_path / "run", weights=start, features=folder, manifest=small.folder / "other.parquet")
    boxes, said = read_table(small.boxes, "boxes", ())
    write_table(tmp_path / "boxes.parquet", boxes.assign(x2=boxes["x2"] + 1), "boxes", detector=said["detector"])
    with pytest.raises(InputError, match=r"other tables.*humans: x2"):
        small.train(tmp_path / "run", weights=start, features=folder, humans=tmp_path / "boxes.parquet")


def test_a_folder_begun_with_other_settings_is_not_gone_on_with(small: Small, start: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="draws 4, not 2"):
        kept(small, folder, weights=start, draws=2)
    with pytest.raises(InputError, match="holds no features"):
        KeptFeatures.open(small.folder)


def test_a_network_whose_parts_are_not_the_whole_is_refused(small: Small, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Unlike: its `upper` of its `lower`"):
        kept(small, tmp_path / "features", backbone=Unlike)


def test_a_video_that_cannot_be_read_is_left_out_and_told(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Manifest.read(small.manifest)
    table.rows.loc[0, "path"] = "videos/missing.mp4"
    Manifest(table.rows, small.folder).write(small.folder / "missing.parquet")
    made = features(
        small.folder / "missing.parquet",
        tmp_path / "features",
        backbone=SMALL,
        humans=small.boxes,
        clip=CLIP,
        quiet=True,
    )
    assert made is not None
    assert "1 video could not be read" in capsys.readouterr().out
    run = small.train(tmp_path / "run", features=made.folder, manifest=small.folder / "missing.parquet")
    assert run.done
    assert "1 of 16 training videos could not be read" in capsys.readouterr().err


def test_a_split_without_known_people_is_kept_without_twins(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes, said = read_table(small.boxes, "boxes", ())
    own = boxes[~boxes["video"].str.contains("_test_")]
    write_table(tmp_path / "boxes.parquet", own, "boxes", detector=said["detector"])
    made = kept(small, tmp_path / "features", humans=tmp_path / "boxes.parquet")
    assert "nobody is known of the videos of the split 'test'" in capsys.readouterr().err
    assert not made.split("test", training=False).has_twin(0)
    assert made.split("validation", training=False).has_twin(0)


def test_the_command_says_how_much_it_will_write(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["features", str(small.manifest), str(tmp_path / "features"), "--backbone", "ResNet3D", "--dry-run"]
    main([*words, "--backbone.depth", "10", "--backbone.width", "4", "--clip.length", "8", "--clip.size", "32"])
    # 16 training clips of 4 draws, 16 of each other split: 96 clips of 16 features at 1 x 4 x 4 places, 2 bytes each
    assert "96 clips" in capsys.readouterr().out
    assert not (tmp_path / "features").exists()


def test_shards_tell_whose_clips_they_hold(small: Small, folder: Path) -> None:
    split = KeptFeatures.open(folder).split("test", training=False)
    rows = pd.read_parquet(small.manifest)
    assert len(list(split.kept.shards("test"))) == 1
    assert int((rows["split"] == "test").sum()) == 16
    assert isinstance(split.clip(15, 0), Kept)
    with pytest.raises(KeyError):
        split.clip(16, 0)
