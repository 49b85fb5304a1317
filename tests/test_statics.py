"""SCUBA, SCUFO, ConflFG and contrasted accuracy of runs, by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sceneproof.data.tables import write_table
from sceneproof.errors import InputError
from sceneproof.studies.statics import FOLDER, figures, flags, measure

ACTIONS = ["a", "b"]
VARIANTS = ["", "scuba_photograph", "scuba_texture", "scuba_sinusoid", "scufo_photograph", "scufo_texture",
            "scufo_sinusoid", "conflict_sinusoid"]  # fmt: skip
TRUTH = {"v": "a", "w@1": "b", "x": "a"}
ANSWERS = {"v": "aaabbbba", "w@1": "bbbbabab", "x": "baaaaaa-"}
"""What is named in each variant; "-" is no answer."""


def made(folder: Path, answers: dict[str, str]) -> Path:
    rows = [
        {
            "video": f"{video}@{variant}" if variant else video,
            "split": f"test_{variant}" if variant else "test",
            "action": TRUTH[video],
            "scores": None if answer == "-" else np.eye(2)["ab".index(answer)],
        }
        for video, said in answers.items()
        for variant, answer in zip(VARIANTS, said, strict=True)
    ]
    rows.append({"video": "y", "split": "test", "action": "a", "scores": np.array([1.0, 0.0])})  # has no variants
    (folder / FOLDER).mkdir(parents=True)
    table = pd.DataFrame(rows).sample(frac=1, random_state=0)  # the order of the rows is no matter
    write_table(folder / FOLDER / "predictions.parquet", table, "predictions", actions=ACTIONS)
    return folder


def test_each_column_by_hand(tmp_path: Path) -> None:
    said = flags(made(tmp_path, ANSWERS) / FOLDER)
    assert said["iid"].tolist() == [1, 1, 0]
    assert said["scuba"].tolist() == pytest.approx([2 / 3, 1, 1])
    assert said["scufo"].tolist() == pytest.approx([0, 1 / 3, 1])
    assert said["conflfg"].tolist() == [1, 1, 0]
    assert said["contrasted"].tolist() == pytest.approx([2 / 3, 2 / 3, 0])


def test_gains_are_paired_over_seeds_and_videos(tmp_path: Path) -> None:
    better = {**ANSWERS, "x": "aaaabbba"}
    runs = {
        "plain": {seed: made(tmp_path / f"plain-seed{seed}", ANSWERS) for seed in (0, 1)},
        "Better": {seed: made(tmp_path / f"Better-seed{seed}", better) for seed in (0, 1, 2)},
    }
    measures = measure(runs, "plain")
    assert measures["plain"]["scuba"].gain is None
    assert measures["Better"]["iid"].mean == pytest.approx(1.0)
    gain = measures["Better"]["contrasted"].gain
    assert gain is not None
    assert gain.value == pytest.approx(1 / 3)
    assert {(figure.path, figure.seed) for figure in figures(measures["Better"])} >= {
        ("static/contrasted", "2"), ("static/contrasted/gain", "all"), ("static/scufo", "0"),
    }  # fmt: skip


def test_a_still_that_could_not_be_read_does_not_flatter(tmp_path: Path) -> None:
    """Wrong on stills is good, and a file that is gone is not wrong."""
    said = flags(made(tmp_path, {**ANSWERS, "v": "aaab--ba"}) / FOLDER)
    assert said["scuba"]["v"] == pytest.approx(2 / 3)
    assert said["scufo"]["v"] == pytest.approx(2 / 3)
    assert said["contrasted"]["v"] == 0


def test_tests_of_other_videos_are_refused(tmp_path: Path) -> None:
    """As many, so that only their names tell."""
    other = {"v": ANSWERS["v"], "x": ANSWERS["x"]}, {"v": ANSWERS["v"], "w@1": ANSWERS["w@1"]}
    runs = {"plain": {0: made(tmp_path / "plain", other[0])}, "SDN": {0: made(tmp_path / "sdn", other[1])}}
    with pytest.raises(InputError, match=r"sdn.static: tested on other videos than plain"):
        measure(runs, "plain")
