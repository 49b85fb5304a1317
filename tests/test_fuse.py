"""Late fusion by hand, from what two runs said when they were tested."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sceneproof.cli import main
from sceneproof.data.tables import read_table, write_table
from sceneproof.errors import InputError
from sceneproof.evaluate import evaluate
from sceneproof.files import read_json
from sceneproof.fuse import fuse
from sceneproof.report import report
from sceneproof.run import Run
from tests.training import Small


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small.make(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def runs(small: Small, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Two tested runs."""
    folder = tmp_path_factory.mktemp("runs")
    made = [small.train(folder / name, seed=seed, optimisation={"epochs": 1}) for seed, name in enumerate("ab")]
    for run in made:
        evaluate(run.path, small.manifest, splits=["validation", "test"], clips=1, quiet=True)
    return made


def said(run: Run) -> pd.DataFrame:
    rows, _ = read_table(run.path / "evaluation" / "predictions.parquet", "predictions", ())
    return rows.sort_values(["split", "video"]).reset_index(drop=True)


def test_probabilities_are_averaged_by_their_shares(
    runs: list[Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*map(str, (run.path for run in runs))]
    main(["fuse", *words, str(tmp_path / "both"), "--shares", "1", "3", "--results", str(tmp_path / "results.csv")])
    rows, about = read_table(tmp_path / "both" / "predictions.parquet", "predictions", ())
    rows = rows.sort_values(["split", "video"], ignore_index=True)
    first, second = (np.stack(said(run)["scores"].to_list()) for run in runs)
    np.testing.assert_allclose(np.stack(rows["scores"].to_list()), 0.25 * first + 0.75 * second, atol=1e-6)
    assert about["run"] == "a+b"
    lines = (tmp_path / "results.csv").read_text().splitlines()
    assert any(line.startswith("fused/both,") and ",test/top1," in line for line in lines)
    metrics = read_json(tmp_path / "both" / "metrics.json", dict)
    assert metrics["shares"] == [0.25, 0.75]
    for split, figures in metrics["splits"].items():
        part = (rows["split"] == split).to_numpy()
        names = np.array(runs[0].actions)[np.stack(rows["scores"].to_list())[part].argmax(axis=1)]
        assert figures["top1"] == pytest.approx((names == rows["action"][part]).mean())
        assert figures["videos"] == 16
    printed = capsys.readouterr().out
    assert "test: a " in printed
    assert "together" in printed
    assert printed.endswith(f"written: {tmp_path / 'both'}\n")


def test_the_page_of_classifiers_reads_what_was_joined(runs: list[Run], tmp_path: Path) -> None:
    joint = fuse([run.path for run in runs], tmp_path / "both", quiet=True)
    page = report([runs[0].path, tmp_path / "both"], tmp_path / "page.html", quiet=True)
    assert "late fusion of a (50%) and b (50%)" in page.read_text()
    measures = read_json(page.with_suffix(".json"), dict)["measures"]
    shown = {each["metric"]: each["mean"] for each in measures if each["recipe"] == "both"}
    figures = joint.metrics["splits"]["test"]
    assert (shown["top-1"], shown["entropy"]) == pytest.approx((figures["top1"], figures["entropy"]))


def test_one_that_is_sure_and_right_wins_over_one_that_is_not(runs: list[Run], tmp_path: Path) -> None:
    """By hand: p = (.4, .6) and (.9, .1) give (.65, .35): right where the first action is true."""
    copies = []
    for run, scores in zip(runs, ([0.4, 0.6], [0.9, 0.1]), strict=True):
        rows = said(run)
        rows["scores"] = pd.Series([np.array(scores, np.float32)] * 32, dtype=object)
        rows.loc[0, "problem"], rows.at[0, "scores"] = "unreadable", None
        copies.append(_copied(run, tmp_path, rows))
    joint = fuse(copies, tmp_path / "out", quiet=True)
    assert joint.predictions["scores"][5] == pytest.approx([0.65, 0.35])
    assert joint.metrics["splits"]["validation"]["top1"] == 8 / 16
    test = joint.metrics["splits"]["test"]
    assert (test["missed"], test["top1"]) == (
        1,
        pytest.approx(7 / 16 if joint.predictions["action"][0] == "jump" else 8 / 16),
    )


def test_each_video_keeps_its_own_scores_whatever_the_order_of_the_rows(runs: list[Run], tmp_path: Path) -> None:
    """Both runs are right everywhere, and stay so; names of videos and splits stand in no order."""
    copies = []
    for run, step in zip(runs, (1, -1), strict=True):
        rows = said(run).sample(frac=1, random_state=3).iloc[::step].reset_index(drop=True)
        true = np.array([runs[0].actions.index(action) for action in rows["action"]])
        rows["scores"] = list(np.where(np.arange(2) == true[:, None], 0.8, 0.2).astype(np.float32))
        copies.append(_copied(run, tmp_path, rows))
    joint = fuse(copies, tmp_path / "out", quiet=True)
    assert {split: figures["top1"] for split, figures in joint.metrics["splits"].items()} == {
        "validation": 1.0,
        "test": 1.0,
    }


def _copied(run: Run, folder: Path, rows: pd.DataFrame) -> Path:
    """A copy of a run that said these rows when it was tested."""
    copy = folder / run.name
    copy.mkdir()
    for file in run.path.iterdir():
        if file.is_file():
            (copy / file.name).write_bytes(file.read_bytes())
    write_table(copy / "evaluation" / "predictions.parquet", rows, "predictions", actions=run.actions, run=run.name)
    return copy


def test_what_cannot_be_joined_is_refused(runs: list[Run], small: Small, tmp_path: Path) -> None:
    paths = [run.path for run in runs]
    with pytest.raises(InputError, match="give two runs or more"):
        fuse(paths[:1], tmp_path / "out")
    with pytest.raises(InputError, match="--shares: give a number above 0 for each of the 2 runs"):
        fuse(paths, tmp_path / "out", shares=[1.0])
    with pytest.raises(InputError, match="--shares"):
        fuse(paths, tmp_path / "out", shares=[1.0, 0.0])
    fresh = small.train(tmp_path / "fresh", optimisation={"epochs": 1})
    with pytest.raises(InputError, match="was not tested"):
        fuse([paths[0], fresh.path], tmp_path / "out")
    evaluate(fresh.path, small.manifest, splits=["test"], clips=1, quiet=True)
    with pytest.raises(InputError, match=r"was tested on other videos than .* \(16 and 32"):
        fuse([paths[0], fresh.path], tmp_path / "out")
    assert not (tmp_path / "out" / "metrics.json").exists()
