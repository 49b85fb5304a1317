from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sceneproof.correction import Remedy
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import read_table
from sceneproof.downloading import checked
from sceneproof.errors import InputError
from sceneproof.evaluate import evaluate, settings_of
from sceneproof.figures import read_figures
from sceneproof.files import read_json
from sceneproof.metrics.accuracy import top_k
from sceneproof.run import Run
from tests.training import Small
from tests.videos import BROKEN


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small.make(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def run(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return small.train(tmp_path_factory.mktemp("runs") / "run")


def test_predictions_and_figures_agree_and_lie_in_the_run(small: Small, run: Run) -> None:
    done = evaluate(run.path, small.manifest, humans=small.boxes, scenes=small.scenes, probe_split="train", quiet=True)
    table, metadata = read_table(run.path / "evaluation" / "predictions.parquet", "predictions", ("scores",))
    assert metadata["actions"] == ["jump", "run"]
    assert list(table["video"]) == list(done.predictions["video"])
    scores = np.array(table["scores"].tolist())
    assert scores.shape == (16, 2)
    assert np.allclose(scores.sum(1), 1, atol=1e-5)
    figures = read_json(run.path / "evaluation" / "metrics.json")
    truth = [["jump", "run"].index(action) for action in table["action"]]
    assert figures["splits"]["test"]["top1"] == top_k(scores, truth)
    assert figures["splits"]["test"]["without_humans"]["videos"] == 16
    assert 0 < figures["splits"]["test"]["without_humans"]["entropy"] <= np.log(2) + 1e-6
    # a scene an action: the action names the scene, and the labels name the action
    assert figures["scene_leakage"]["test"]["from_action"] == 1
    assert figures["representation_bias"]["test"]["bias"] == pytest.approx(np.log(2))


def test_a_probe_is_not_tested_on_what_it_is_trained_on(small: Small, run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--probe-split: 'test' is tested, too"):
        evaluate(run.path, small.manifest, scenes=small.scenes, probe_split="test", quiet=True, out=tmp_path / "test")


def test_a_probe_learns_scenes_by_the_names_that_it_is_tested_by(small: Small, run: Run, tmp_path: Path) -> None:
    """True scenes that are known of the training videos alone have other names than the labels of the test videos."""
    table = Manifest.read(small.manifest)
    train = table.rows["split"] == "train"
    known = replace(table, rows=table.rows.assign(scene=table.rows["action"].where(train)))
    known.write(small.folder / "known.parquet")
    said = [
        evaluate(run.path, manifest, scenes=small.scenes, probe_split="train", quiet=True, out=tmp_path / name)
        for name, manifest in (("both", small.manifest), ("one", small.folder / "known.parquet"))
    ]
    both, one = (done.metrics["scene_leakage"]["test"] for done in said)
    assert one == both
    assert one["from_action"] == 1


def test_a_clip_is_judged_alike_alone_and_among_others(small: Small, run: Run, tmp_path: Path) -> None:
    table = pd.DataFrame(evaluate(run.path, small.manifest, quiet=True, out=tmp_path / "all").predictions)
    workers = evaluate(run.path, small.manifest, quiet=True, out=tmp_path / "two", workers=2).predictions
    assert np.allclose(np.array(table["scores"].tolist()), np.array(workers["scores"].tolist()), atol=1e-6)


def test_an_unreadable_video_counts_as_missed_and_is_named(small: Small, run: Run, tmp_path: Path) -> None:
    other = Small.make(tmp_path)
    BROKEN["truncated"](tmp_path / "videos" / "run" / "run_test_0.mp4")
    done = evaluate(run.path, other.manifest, quiet=True, out=tmp_path / "evaluation", humans=other.boxes)
    figures = done.metrics["splits"]["test"]
    assert figures["videos"] == 16
    assert figures["missed"] == 1
    assert figures["without_humans"]["videos"] == 15
    row = done.predictions.set_index("video").loc["run_test_0"]
    assert row["problem"]
    assert row["scores"] is None
    whole = evaluate(run.path, small.manifest, quiet=True, out=tmp_path / "whole").predictions.set_index("video")
    right = sum(
        np.argmax(whole["scores"][video]) == (video[:3] == "run") for video in whole.index if video != "run_test_0"
    )
    assert figures["top1"] == right / 16


def test_a_correction_of_this_run_is_tested_beside_its_answers(small: Small, run: Run, tmp_path: Path) -> None:
    weights = checked(run.path / "weights.safetensors")
    Remedy(0.5, tuple(run.actions), weights, "human_filled", 0.01).write(tmp_path / "remedy.json")
    done = evaluate(
        run.path, small.manifest, humans=small.boxes, quiet=True, out=tmp_path / "out", remedy=tmp_path / "remedy.json"
    )
    assert done.metrics["tables"]["remedy"] == checked(tmp_path / "remedy.json"), "a study tests again by another one"
    table, found = done.predictions, done.metrics["splits"]["test"]["corrected"]
    scores, scene = (np.array(table[name].tolist(), np.float64) for name in ("scores", "scores_without_humans"))
    best = (np.log(np.maximum(scores, 5e-6)) - 0.5 * np.log(np.maximum(scene, 5e-6))).argmax(1)
    assert found["top1"] == np.mean([run.actions[place] for place in best] == table["action"])
    assert found["top1_as_it_is"] == done.metrics["splits"]["test"]["top1"]
    kept = {(figure.slice, figure.metric): figure for figure in read_figures(tmp_path / "out" / "figures.parquet")}
    assert kept["test", "corrected/top1"].value == found["top1"]
    assert kept["test", "corrected/top1"].n == 16
    with pytest.raises(InputError, match="give --humans"):
        evaluate(run.path, small.manifest, quiet=True, remedy=tmp_path / "remedy.json")
    for bad, why in (("", "human_inpainted"), ("another", "human_filled")):
        Remedy(0.5, tuple(run.actions), bad, why, 0.01).write(tmp_path / "remedy.json")
        with pytest.raises(InputError, match="other weights" if bad else "--scene human_filled"):
            evaluate(run.path, small.manifest, humans=small.boxes, quiet=True, remedy=tmp_path / "remedy.json")


def test_bad_input_is_named(small: Small, run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        evaluate(run.path, tmp_path / "nothing.parquet")
    with pytest.raises(InputError, match="not a run folder"):
        evaluate(tmp_path, small.manifest)
    rows = pd.DataFrame(small_rows(small))
    rows.loc[rows["split"] == "test", "action"] = "swim"
    other = small.folder / "swim.parquet"
    rows.to_parquet(other)
    with pytest.raises(InputError, match=r"row 0 \(jump_test_0\): unknown action 'swim'; known: jump, run"):
        evaluate(run.path, other)


def test_a_table_of_another_data_set_is_refused(small: Small, run: Run, tmp_path: Path) -> None:
    table, _ = read_table(small.boxes, "boxes", ("video",))
    table["video"] = "other_" + table["video"]
    table.to_parquet(tmp_path / "boxes.parquet")
    with pytest.raises(InputError, match="of another data set"):
        evaluate(run.path, small.manifest, humans=tmp_path / "boxes.parquet", quiet=True)


def test_corrupt_weights_are_named(small: Small, tmp_path: Path) -> None:
    run = small.train(tmp_path / "run", optimisation={"epochs": 1})
    weights = run.path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"weights\.safetensors: corrupt"):
        evaluate(run.path, small.manifest, quiet=True)


def test_what_was_tested_is_kept_with_the_figures(small: Small, run: Run, tmp_path: Path) -> None:
    done = evaluate(run.path, small.manifest, clips=1, quiet=True, out=tmp_path / "out")
    figures = read_json(tmp_path / "out" / "metrics.json")
    assert figures["settings"] == done.metrics["settings"] == settings_of(run.task, manifest=small.manifest, clips=1)
    assert figures["settings"] != settings_of(run.task, manifest=small.manifest, clips=2)
    assert figures["settings"] != settings_of(run.task, manifest=small.manifest, clips=1, splits=["validation"])


def test_a_split_named_twice_is_refused(small: Small, run: Run) -> None:
    with pytest.raises(InputError, match="'test' is named 2 times"):
        evaluate(run.path, small.manifest, splits=["test", "test"])


def test_a_device_that_is_not_there_is_refused(small: Small, run: Run) -> None:
    with pytest.raises(InputError, match="--device foo"):
        evaluate(run.path, small.manifest, device="foo")
    with pytest.raises(InputError, match="--device cuda:99"):
        evaluate(run.path, small.manifest, device="cuda:99")


def small_rows(small: Small) -> pd.DataFrame:
    return read_table(small.manifest, "manifest", ("video",))[0]
