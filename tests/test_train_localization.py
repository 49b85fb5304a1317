import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

from sceneproof import cli
from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import read_table
from sceneproof.engine import _Loop
from sceneproof.errors import InputError
from sceneproof.evaluate import evaluate
from sceneproof.files import read_json
from sceneproof.methods import Method
from sceneproof.optimisation import Optimisation
from sceneproof.run import Run
from sceneproof.tasks import Localization
from sceneproof.tasks.localization import Localizer
from sceneproof.tasks.localization.actionformer import ActionFormer
from sceneproof.tasks.localization.buffers import BufferSettings
from sceneproof.tasks.localization.cdc import CDC
from sceneproof.tasks.localization.feeding import Known
from sceneproof.tasks.localization.per_frame import PerFrame
from sceneproof.tasks.localization.rc3d import RC3D
from sceneproof.tasks.localization.scoring import TRUTH
from sceneproof.tasks.localization.ssn import SSN
from sceneproof.tasks.localization.talnet import TALNet
from sceneproof.train import train
from tests.training import Small
from tests.untrimmed import SECONDS, make_untrimmed
from tests.videos import BROKEN

BACKBONE = partial(ResNet3D, depth=10, width=4)
BUFFER = BufferSettings(length=48, step=16, test_step=16, rate=None, size=32, scales=(1.0,))
METHODS = {
    "RC3D": partial(RC3D, anchor_scales=(1, 2, 3, 4), proposal_width=16, proposals_drawn=16),
    "ActionFormer": partial(ActionFormer, dim=16, levels=2, window=5, first_positives=5.0),
    "PerFrame": PerFrame,
    "SSN": partial(SSN, smoothing=0.0),
    "TALNet": partial(TALNet, anchor_scales=(1, 2, 3, 4), width=8, hidden=8, proposals_drawn=16),
    "CDC": partial(CDC, width=8, places=1),
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_untrimmed(tmp_path_factory.mktemp("untrimmed"))


def trained(videos: Path, out: Path, **more: Any) -> Run:
    settings = {
        "epochs": 2, "batch": 2, "optimizer": "adamw", "lr": 1e-3, "schedule": "cosine", "checkpoint_every": 3,
        "log_every": 2, "trackers": (), "freeze_batch_norm": True, **more.pop("optimisation", {}),
    }  # fmt: skip
    arguments: dict[str, Any] = {
        "backbone": BACKBONE, "method": METHODS["RC3D"], "quiet": True,
        "task": Localization(buffer=more.pop("buffer", BUFFER)), **more,
    }  # fmt: skip
    return train(videos, out, optimisation=Optimisation(**settings), **arguments)


def same(one: Run, other: Run) -> bool:
    weights, others = (load_file(run.path / "weights.safetensors") for run in (one, other))
    return all(weights[key].equal(others[key]) for key in weights) and one.history() == other.history()


@pytest.mark.parametrize("method", METHODS)
def test_an_interrupted_training_ends_with_the_same_bits(
    method: str, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(videos, tmp_path / "whole", method=METHODS[method])
    before = _Loop.step

    def step(self: _Loop, batch: Any) -> None:
        before(self, batch)
        if self.progress.step == 4:
            raise ZeroDivisionError  # as a kill: no checkpoint is written

    with monkeypatch.context() as patch:
        patch.setattr(_Loop, "step", step)
        with pytest.raises(ZeroDivisionError):
            trained(videos, tmp_path / "run", method=METHODS[method])
    again = trained(videos, tmp_path / "run", method=METHODS[method], workers=1, memory=True)
    assert again.done
    assert same(again, whole)
    assert whole.history()[-1]["step"] == 2 * Run.open(whole.path).known.steps, (
        "its network was told how many there are"
    )
    assert 0 <= whole.history()[-1]["validation/mAP"] <= 1


RECIPE = """
task: localization
backbone: {class_path: ResNet3D, init_args: {depth: 10, width: WIDTH}}
method: {class_path: sceneproof.tasks.localization.METHOD}
validation_split: null
buffer: {length: 64, step: 32, test_step: 32, rate: null, size: 32, scales: [1.0], augment: false}
optimisation: {FITTED, optimizer: adamw, trackers: [], freeze_batch_norm: true}
"""


@pytest.mark.parametrize(
    ("method", "width", "fitted"),
    [
        ("PerFrame", 8, "epochs: 25, batch: 4, lr: 0.01"),
        ("SSN, init_args: {smoothing: 0.0, dropout: 0.0, drawn: [4, 24, 4]}", 4, "epochs: 20, batch: 2, lr: 0.005"),
    ],
    ids=["PerFrame", "SSN"],
)
def test_from_the_command_line(
    method: str, width: int, fitted: str, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.replace("METHOD", method).replace("WIDTH", str(width)).replace("FITTED", fitted))
    run = tmp_path / "run"
    cli.main(["train", str(videos), str(run), "--config", str(recipe), "--memory", "--quiet"])
    cli.main(["evaluate", str(run), str(videos), "--splits", "test", "test_out", "--quiet"])
    figures = read_json(run / "evaluation" / "metrics.json")["splits"]
    assert figures["test"]["videos"] == 3
    assert figures["test"]["segments"] == 4
    for reading in ("thumos", "activitynet"):
        assert figures["test"]["mAP"][reading]["0.3"] > 0.7, "a lit square is easily found"
    assert figures["test_out"]["AR"]["10"] > 0.3
    found, facts = read_table(run / "evaluation" / "predictions.parquet", "detections", ("video", "score"))
    assert facts["nms_by_threshold"] is (method == "PerFrame")
    assert found["score"].between(0, 1).all()
    truth, _ = read_table(run / "evaluation" / "truth.parquet", "truth", ("video", "duration"))
    assert sorted(truth["video"].unique()) == [
        f"{split}{number}" for split in ("test", "test_out") for number in range(3)
    ]
    assert np.allclose(truth["duration"], SECONDS)
    capsys.readouterr()
    out = tmp_path / "found"
    cli.main(["localize", str(run), str(videos.parent / "videos" / "test0.mp4"), "--out", str(out)])
    told = capsys.readouterr().out
    assert "left" in told
    assert "written:" in told
    table = pd.read_csv(out / "test0.csv")
    assert (table["score"].to_numpy()[:-1] >= table["score"].to_numpy()[1:]).all()
    assert json.loads((out / "test0.json").read_text())["results"]["test0.mp4"]
    assert (out / "test0.png").read_bytes().startswith(b"\x89PNG")


def test_a_localizer_starts_from_a_classifier(videos: Path, tmp_path: Path) -> None:
    small = Small.make(tmp_path / "small")
    start = small.train(tmp_path / "start", optimisation={"epochs": 1})
    run = trained(videos, tmp_path / "run", weights=start.path, freeze_backbone=True, optimisation={"epochs": 1})
    ours, theirs = (load_file(one.path / "weights.safetensors") for one in (run, start))
    shared = [key for key in ours if key.startswith("backbone.")]
    assert shared
    assert all(ours[key].equal(theirs[key]) for key in shared), "frozen: the backbone is the classifier's"
    with pytest.raises(InputError, match="a run of localization, where one of classification is needed"):
        run.trained(Method)
    with pytest.raises(InputError, match="a run of classification, where one of localization is needed"):
        start.trained(Localizer)


def test_one_look_of_a_frozen_backbone_is_as_good_as_many(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = replace(BUFFER, augment=False)
    exact = {"precision": "fp32"}
    kept = trained(videos, tmp_path / "kept", buffer=still, freeze_backbone=True, optimisation=exact)
    monkeypatch.setattr(Known, "look", lambda clips, *arguments, **more: clips)
    looked = trained(videos, tmp_path / "looked", buffer=still, freeze_backbone=True, optimisation=exact)
    for one, other in zip(kept.history(), looked.history(), strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5)


def test_a_video_that_cannot_be_read_is_missed(videos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(videos.parent, folder)
    for name in ("train0", "test0"):
        (folder / "videos" / f"{name}.mp4").unlink()
        BROKEN["not a video"](folder / "videos" / f"{name}.mp4")
    run = trained(folder / "manifest.parquet", tmp_path / "run", optimisation={"epochs": 1})
    metrics = evaluate(run.path, folder / "manifest.parquet", quiet=True)
    assert metrics.metrics["splits"]["test"]["missed"] == 1
    assert metrics.metrics["splits"]["test"]["segments"] == 4, "they count, and are not found"
    assert set(metrics.tables["truth"].loc[metrics.tables["truth"]["problem"] != "", "video"]) == {"test0"}
    assert "test0" not in set(metrics.predictions["video"])


def test_ambiguous_segments_count_in_one_reading_alone(videos: Path, tmp_path: Path) -> None:
    run = trained(videos, tmp_path / "run", optimisation={"epochs": 1})
    table = Manifest.read(videos)
    rows = table.rows[table.rows["split"] == "test"].drop_duplicates("group")
    rows = rows.assign(start=0.0, end=SECONDS, action="Ambiguous", video=rows["group"] + "_ambiguous")
    Manifest(rows.reset_index(drop=True), videos.parent).write(videos.parent / "ambiguous.parquet")
    plain = evaluate(run.path, videos, quiet=True).metrics["splits"]["test"]["mAP"]
    unclear = evaluate(run.path, videos, ambiguous=videos.parent / "ambiguous.parquet", quiet=True)
    figures = unclear.metrics["splits"]["test"]["mAP"]
    assert figures["activitynet"] == plain["activitynet"]
    assert figures["thumos"]["average"] >= plain["thumos"]["average"]
    assert (unclear.tables["truth"]["action"] == "Ambiguous").sum() == 3
    open_end = rows.assign(end=np.nan).reset_index(drop=True)
    Manifest(open_end, videos.parent).write(videos.parent / "open.parquet")
    unclear = evaluate(run.path, videos, ambiguous=videos.parent / "open.parquet", quiet=True)
    assert unclear.metrics["splits"]["test"]["mAP"] == figures
    read_table(run.path / "evaluation" / "truth.parquet", "truth", TRUTH)
    Manifest(rows.assign(group="z").reset_index(drop=True), videos.parent).write(videos.parent / "other.parquet")
    for wrong, message in (
        ("manifest", "holds segments of 'left', an action"),
        ("other", "has no segment in a video of"),
    ):
        with pytest.raises(InputError, match=f"--ambiguous: .* {message}"):
            evaluate(run.path, videos, ambiguous=videos.parent / f"{wrong}.parquet", quiet=True)


def test_wrong_annotations_are_refused_with_the_way_to_mend_them(videos: Path, tmp_path: Path) -> None:
    table = Manifest.read(videos)
    rows = table.rows.copy()
    rows.loc[0, ["start", "end"]] = 3.0, 1.0
    Manifest(rows, videos.parent).write(videos.parent / "wrong.parquet")
    with pytest.raises(InputError, match=r"ends before it starts.*index check .*--repair"):
        trained(videos.parent / "wrong.parquet", tmp_path / "run")


def test_a_schedule_by_plateau_is_refused(videos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give cosine or constant"):
        trained(videos, tmp_path / "run", optimisation={"schedule": "plateau"})


def test_validation_out_of_context_may_not_choose(videos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="out of context"):
        trained(videos, tmp_path / "run", validation_split="test_out")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["localize", "RUN", "missing.mp4"], "no such file"),
        (["localize", "RUN", "VIDEO", "--nms", "2"], "--nms: must be from 0 to 1"),
        (["evaluate", "RUN", "MANIFEST", "--splits", "nowhere"], "no row of split 'nowhere'"),
        (["evaluate", "RUN", "MANIFEST", "--thresholds", "0"], "--thresholds"),
        (["train", "MANIFEST", "OUT", "--task", "dancing"], "no task 'dancing'"),
    ],
)
def test_bad_words_are_told(
    words: list[str], message: str, videos: Path, tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("words")
    monkeypatch.chdir(folder)  # where results go that are given no other folder
    run = trained(videos, folder / "run", optimisation={"epochs": 1}, validation_split=None)
    names = {"RUN": run.path, "VIDEO": videos.parent / "videos" / "test0.mp4", "MANIFEST": videos, "OUT": folder / "o"}
    with pytest.raises(SystemExit) as stop:
        cli.main([str(names.get(word, word)) for word in words])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_what_one_run_makes_of_buffers_serves_the_next(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = replace(BUFFER, augment=False)
    settings = {"method": METHODS["ActionFormer"], "buffer": still, "freeze": "lower"}
    plain = trained(videos, tmp_path / "plain", **settings)
    first = trained(videos, tmp_path / "first", features=tmp_path / "kept", **settings)
    figures = [evaluate(plain.path, videos, quiet=True).metrics["splits"]]
    figures.append(evaluate(first.path, videos, features=tmp_path / "kept", quiet=True).metrics["splits"])
    files = len(list((tmp_path / "kept").iterdir()))
    monkeypatch.setattr(ResNet3D, "lower", None)  # nothing is looked at any more
    again = trained(videos, tmp_path / "again", features=tmp_path / "kept", **settings)
    figures.append(evaluate(again.path, videos, features=tmp_path / "kept", quiet=True).metrics["splits"])
    assert same(first, plain)
    assert same(again, plain)
    assert figures[1:] == figures[:1] * 2
    assert len(list((tmp_path / "kept").iterdir())) == files > 0
    with pytest.raises(InputError, match="cropped at random"):
        trained(videos, tmp_path / "other", features=tmp_path / "kept")


def test_of_a_frozen_backbone_moments_alone_are_kept_and_teach_the_same(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"method": METHODS["PerFrame"], "buffer": replace(BUFFER, augment=False), "freeze_backbone": True}
    quick = trained(videos, tmp_path / "quick", **settings)
    monkeypatch.setattr(PerFrame, "sees_moments", False)
    slow = trained(videos, tmp_path / "slow", **settings)
    losses, others = ([row["train/L_CE"] for row in run.history() if "train/L_CE" in row] for run in (quick, slow))
    assert len(losses) > 2
    np.testing.assert_allclose(losses, others, rtol=1e-3)  # their weights alone may differ: Adam makes much of rounding
    monkeypatch.setattr(PerFrame, "sees_moments", True)
    monkeypatch.setattr(ResNet3D, "upper", None)  # once in a look is all
    with pytest.raises(TypeError, match="NoneType"):
        trained(videos, tmp_path / "never", **settings)
