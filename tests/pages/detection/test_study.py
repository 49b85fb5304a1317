"""Detectors on common ground."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from sceneproof.data.tables import write_table
from sceneproof.errors import InputError
from sceneproof.run import Run
from sceneproof.studies.detection import DetectionStudy
from sceneproof.tasks.detection.scoring import NOTHING
from tests.pages.detection.fake import (
    BLIND,
    KINDS,
    MOC,
    PERFECT,
    SSD,
    Kind,
    exact,
    make_detector,
    make_detectors,
    people,
    truth,
)
from tests.pages.fake import ACTIONS, make_run
from tests.pages.fake import KINDS as CLASSIFIERS


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_detectors(tmp_path_factory.mktemp("detectors"), seeds=2, there=truth(3))


def test_each_detector_is_compared_with_its_own_kind_on_a_plain_backbone(runs: list[Path]) -> None:
    study = DetectionStudy.of(runs)
    assert [recipe.name for recipe in study.recipes] == list(KINDS)
    others = [study.reference(recipe) for recipe in study.recipes]
    assert [other and other.name for other in others] == [None, "ssd-from-plain", None, "moc-from-plain"]
    assert study.lead.name == "ssd-from-sdn"
    assert study.recipes[1].method.text == "SSD, backbone: SDN: L_CE + L_Adv + L_Ent"
    assert [recipe.seeds for recipe in study.recipes] == [[0, 1]] * 4
    assert study.reading == "act"


def test_a_baseline_that_is_named_is_everybodys(runs: list[Path]) -> None:
    study = DetectionStudy.of(runs, baseline="moc-from-plain", debiased="moc-from-sdn")
    others = [study.reference(recipe) for recipe in study.recipes]
    assert [other and other.name for other in others] == ["moc-from-plain", "moc-from-plain", None, "moc-from-plain"]
    assert [recipe.name for recipe in study.models()] == ["moc-from-plain", "moc-from-sdn"]
    with pytest.raises(InputError, match="no runs are called 'nobody'"):
        DetectionStudy.of(runs, baseline="nobody")


def test_a_start_that_is_gone_is_known_by_its_name(tmp_path: Path) -> None:
    kinds = {"a": Kind(MOC, "plain", 1, 1), "b": Kind(MOC, "sdn", 1, 1)}
    paths = [make_detector(tmp_path / name, kind, 0, starts=tmp_path / "gone") for name, kind in kinds.items()]
    study = DetectionStudy.of(paths)
    assert [recipe.method.text for recipe in study.recipes] == ["MOC, from plain", "MOC, from sdn"]
    assert study.lead.name == "b"
    alone = DetectionStudy.of([make_detector(tmp_path / "scratch", kinds["a"], 0)])
    assert alone.recipes[0].method.text == "MOC, from scratch"
    assert alone.reference(alone.lead) is None


def test_slices_are_contexts_or_all(tmp_path: Path) -> None:
    there = truth(3)
    study = DetectionStudy.of([make_detector(tmp_path / "one", PERFECT, 0, there=there)])
    assert {on: part["video"].nunique() for on, part in study.slices.items()} == {"in context": 4, "out of context": 4}
    assert study.last == "out of context"
    plain = DetectionStudy.of([make_detector(tmp_path / "two", PERFECT, 0, there=there.assign(context=""))])
    assert list(plain.slices) == ["test"]
    inside = DetectionStudy.of([tmp_path / "one"], splits=["test"])
    assert list(inside.slices) == ["in context"]


def test_only_what_all_were_tested_on_counts(tmp_path: Path) -> None:
    there = truth(4)
    first = make_detector(tmp_path / "a", PERFECT, 0, there=there, starts=tmp_path)
    second = make_detector(tmp_path / "b", BLIND, 0, there=there[there["video"] != "test_001"], starts=tmp_path)
    study = DetectionStudy.of([first, second])
    assert study.notes == ["Left out of all figures: 1 video that not every run was tested on."]
    tested = [one for recipe in study.recipes for one in recipe.tested]
    for table in (study.truth, *(one.boxes for one in tested), *(one.tubes for one in tested)):
        assert "test_001" not in set(table["video"])
        assert "test_002" in set(table["video"])


def test_a_video_that_could_not_be_read_is_told(tmp_path: Path) -> None:
    there = truth(3)
    there.loc[there["video"] == "test_out_001", "problem"] = "no video stream"
    study = DetectionStudy.of([make_detector(tmp_path / "a", PERFECT, 0, there=there)])
    assert study.notes == ["a could not read 1 video: the boxes there count as missed."]


def test_bad_studies_are_refused(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no runs given"):
        DetectionStudy.of([])
    with pytest.raises(InputError, match="reading: must be act or voc, not 'coco'"):
        DetectionStudy.of(runs, reading="coco")
    with pytest.raises(InputError, match="a run of classification; make its page apart from those of detection"):
        DetectionStudy.of([make_run(tmp_path / "classifier", CLASSIFIERS["plain"], 0)])
    with pytest.raises(InputError, match="one configuration and seed"):
        DetectionStudy.of([runs[0], runs[0]])
    with pytest.raises(InputError, match="no test of split 'nothing'; tested were: test, test_out"):
        DetectionStudy.of(runs, splits=["nothing"])
    there = truth()
    nothing = there[there["action"] == NOTHING]
    with pytest.raises(InputError, match="hold no box of the run's actions"):
        DetectionStudy.of([make_detector(tmp_path / "nothing", PERFECT, 0, there=nothing, made=exact(there.iloc[:0]))])


@pytest.mark.parametrize("file", ["predictions.parquet", "tubes.parquet"])
def test_a_run_that_was_not_tested_to_the_end_is_refused(tmp_path: Path, file: str) -> None:
    path = make_detector(tmp_path / "untested", PERFECT, 0)
    (path / "evaluation" / file).unlink()
    with pytest.raises(InputError, match=rf"has not been tested \({path}/evaluation/{file} is missing\)"):
        DetectionStudy.of([path])


def test_runs_of_other_actions_are_refused(tmp_path: Path) -> None:
    paths = [make_detector(tmp_path / name, kind, 0) for name, kind in (("a", PERFECT), ("b", Kind(MOC, "sdn", 1, 1)))]
    run = Run.open(paths[1])
    shutil.rmtree(tmp_path / "b")
    Run(paths[1], run.config, [*ACTIONS, "swim"], []).begin()
    shutil.copytree(paths[0] / "evaluation", paths[1] / "evaluation")
    with pytest.raises(InputError, match=r"/b and .*/a name different actions: make one page for each data set"):
        DetectionStudy.of(paths)


@pytest.mark.parametrize("file", ["predictions", "tubes"])
def test_found_boxes_of_an_unknown_action_are_refused(tmp_path: Path, file: str) -> None:
    path = make_detector(tmp_path / "a", PERFECT, 0)
    made = exact(truth())
    table = made.boxes if file == "predictions" else made.tubes
    kind = "found boxes" if file == "predictions" else "found tubes"
    write_table(path / "evaluation" / f"{file}.parquet", table.assign(action="swim"), kind, actions=ACTIONS)
    with pytest.raises(InputError, match=rf"{file}.parquet: holds the action 'swim', which the run .*/a does not know"):
        DetectionStudy.of([path])


def moved(there: pd.DataFrame) -> pd.DataFrame:
    return there.assign(x2=there["x2"].where(there.index != 0, there["x2"] + 1))


def renumbered(there: pd.DataFrame) -> pd.DataFrame:
    return there.assign(track=there["track"] + 1)


def shortened(there: pd.DataFrame) -> pd.DataFrame:
    last: int = people(there).index[-1]
    return there[there.index != last]


@pytest.mark.parametrize("change", [moved, renumbered, shortened])
def test_runs_tested_on_other_boxes_are_refused(tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    first = make_detector(tmp_path / "a", PERFECT, 0, there=truth(3))
    second = make_detector(tmp_path / "b", Kind(SSD, "sdn", 1, 1), 1, there=change(truth(3)))
    with pytest.raises(InputError, match="were tested on different annotations of the same videos"):
        DetectionStudy.of([first, second])
