"""Localizers on common ground, and their figures."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sceneproof.errors import InputError
from sceneproof.metrics.temporal_diagnosis import SegmentKind as Mistake
from sceneproof.pages.localization import headline
from sceneproof.studies.localization import AVERAGE, COUNTS, LocalizationStudy, measure, segments_of
from sceneproof.tasks.localization.scoring import (
    THRESHOLDS,
    average_precisions,
    detections,
    map_figures,
    true_segments,
)
from tests.pages.fake import ACTIONS, KINDS, make_run
from tests.pages.localization.fake import RC3D, Kind, make_localizer, make_localizers, truth

PERFECT, BLIND = Kind(RC3D, "sdn", 1, 1), Kind(RC3D, "plain", 0, 0)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_localizers(tmp_path_factory.mktemp("localizers"), seeds=2)


def exact(there: pd.DataFrame, *, wrong: bool = False) -> pd.DataFrame:
    """Every segment as it is, or named as the next action."""
    table = segments_of(there)[["video", "split", "action", "start", "end"]].assign(score=0.9)
    following = dict(zip(ACTIONS, [*ACTIONS[1:], ACTIONS[0]], strict=True))
    return table.assign(action=table["action"].map(following)) if wrong else table


def test_each_localizer_is_compared_with_its_own_kind_on_a_plain_backbone(runs: list[Path]) -> None:
    study = LocalizationStudy.of(runs)
    names = [recipe.name for recipe in study.recipes]
    assert names == ["rc3d-from-plain", "rc3d-from-sdn", "former-from-plain", "former-from-sdn"]
    others = [study.reference(recipe) for recipe in study.recipes]
    assert [other and other.name for other in others] == [None, "rc3d-from-plain", None, "former-from-plain"]
    assert study.lead.name == "rc3d-from-sdn"
    assert study.recipes[1].method.text == "RC3D, backbone: SDN: L_CE + L_Adv + L_Ent"
    assert [recipe.seeds for recipe in study.recipes] == [[0, 1]] * 4


def test_a_baseline_that_is_named_is_everybodys(runs: list[Path]) -> None:
    study = LocalizationStudy.of(runs, baseline="former-from-plain", debiased="former-from-sdn")
    others = [study.reference(recipe) for recipe in study.recipes]
    assert [other and other.name for other in others] == [
        "former-from-plain",
        "former-from-plain",
        None,
        "former-from-plain",
    ]
    assert [recipe.name for recipe in study.models()] == ["former-from-plain", "former-from-sdn"]
    with pytest.raises(InputError, match="no runs are called 'nobody'"):
        LocalizationStudy.of(runs, baseline="nobody")


def test_a_start_that_is_gone_is_known_by_its_name(tmp_path: Path) -> None:
    kinds = {"a": Kind(RC3D, "plain", 1, 1), "b": Kind(RC3D, "sdn", 1, 1)}
    paths = [make_localizer(tmp_path / name, kind, 0, starts=tmp_path / "gone") for name, kind in kinds.items()]
    study = LocalizationStudy.of(paths)
    assert [recipe.method.text for recipe in study.recipes] == ["RC3D, from plain", "RC3D, from sdn"]
    assert study.lead.name == "b"
    alone = LocalizationStudy.of([make_localizer(tmp_path / "scratch", kinds["a"], 0)])
    assert alone.recipes[0].method.text == "RC3D, from scratch"
    assert alone.reference(alone.lead) is None


def test_slices_are_contexts_or_all(tmp_path: Path) -> None:
    there = truth(3)
    study = LocalizationStudy.of([make_localizer(tmp_path / "one", PERFECT, 0, there=there)])
    assert {on: part["video"].nunique() for on, part in study.slices.items()} == {"in context": 4, "out of context": 4}
    assert study.last == "out of context"
    plain = LocalizationStudy.of([make_localizer(tmp_path / "two", PERFECT, 0, there=there.assign(context=""))])
    assert list(plain.slices) == ["test"]
    inside = LocalizationStudy.of([tmp_path / "one"], splits=["test"])
    assert list(inside.slices) == ["in context"]


def test_only_what_all_were_tested_on_counts(tmp_path: Path) -> None:
    there = truth(4)
    most = there[there["video"] != "test_001"]
    first = make_localizer(tmp_path / "a", PERFECT, 0, there=there, starts=tmp_path)
    second = make_localizer(tmp_path / "b", BLIND, 0, there=most, starts=tmp_path)
    study = LocalizationStudy.of([first, second])
    assert study.notes == ["Left out of all figures: 1 video that not every run was tested on."]
    assert "test_001" not in set(study.truth["video"])
    assert all("test_001" not in set(one.detections["video"]) for recipe in study.recipes for one in recipe.tested)


def test_bad_studies_are_refused(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no runs given"):
        LocalizationStudy.of([])
    with pytest.raises(InputError, match="a run of classification"):
        LocalizationStudy.of([make_run(tmp_path / "classifier", KINDS["plain"], 0)])
    with pytest.raises(InputError, match="one configuration and seed"):
        LocalizationStudy.of([runs[0], runs[0]])
    with pytest.raises(InputError, match="no test of split 'nothing'; tested were: test, test_out"):
        LocalizationStudy.of(runs, splits=["nothing"])
    untested = make_localizer(tmp_path / "untested", PERFECT, 0)
    (untested / "evaluation" / "predictions.parquet").unlink()
    with pytest.raises(InputError, match="has not been tested"):
        LocalizationStudy.of([untested])
    moved = truth()
    moved.loc[0, "end"] = 14.0
    other = make_localizer(tmp_path / "moved", BLIND, 0, there=moved)
    with pytest.raises(InputError, match="different annotations of the same videos"):
        LocalizationStudy.of([runs[0], other])
    there = truth()
    nothing = there[there["action"] == "background"]
    with pytest.raises(InputError, match="hold no segment of the run's actions"):
        LocalizationStudy.of([make_localizer(tmp_path / "nothing", PERFECT, 0, there=nothing)])


def test_what_is_found_exactly_and_what_is_named_wrongly(tmp_path: Path) -> None:
    """By hand: all is right, and all has another name: mAP 1 and 0, so the gain is 1 in every resample."""
    there = truth(6)
    names = {"right": (Kind(RC3D, "sdn", 1, 1), False), "wrong": (Kind(RC3D, "plain", 1, 1), True)}
    paths = [
        make_localizer(
            tmp_path / f"{name}-seed{seed}", kind, seed, there=there, found=exact(there, wrong=wrong),
            starts=tmp_path / "gone",
        )
        for name, (kind, wrong) in names.items()
        for seed in (0, 1)
    ]  # fmt: skip
    study = LocalizationStudy.of(paths)
    measures = measure(study)
    right, wrong = study.recipes
    for on in study.slices:
        best, worst = (measures.find(recipe, AVERAGE, on) for recipe in (right, wrong))
        assert best is not None
        assert worst is not None
        assert (best.mean, best.std, worst.mean, worst.gain) == (1, 0, 0, None)
        assert best.gain is not None
        assert (best.gain.value, best.gain.low, best.gain.high) == (1, 1, 1)
        found = measures.details[on]
        assert found["right"].kinds[Mistake.TRUE_POSITIVE] == found["right"].kinds.sum() == 2 * 18
        assert found["wrong"].kinds[Mistake.WRONG_LABEL] == found["wrong"].kinds.sum() == 2 * 18
        # three equally sure ones a video: the first finds a third of the segments, of whichever name
        np.testing.assert_allclose(found["wrong"].recall, [[1 / 3, 2 / 3, *[1] * (len(COUNTS) - 2)]] * 2)
    assert "right reaches a mean average precision of 100.0\N{NO-BREAK SPACE}%" in headline(study, measures)[0]
    assert "100.0 points more (95 % interval 100.0 to 100.0" in headline(study, measures)[0]


def test_figures_are_those_that_evaluate_takes(runs: list[Path]) -> None:
    study = LocalizationStudy.of(runs)
    measures = measure(study)
    for recipe in study.recipes:
        one = recipe.tested[1]
        part = study.slices["out of context"]
        there, videos = true_segments(part, study.actions)
        made = detections(one.detections[one.detections["split"] == "test_out"], videos, study.actions)
        values = average_precisions(there, made, nms_by_threshold=one.nms_by_threshold)
        expected = map_figures(values["activitynet"], THRESHOLDS)
        for threshold in (*THRESHOLDS, "average"):
            name = AVERAGE if threshold == "average" else f"mAP@{threshold:g}"
            found = measures.find(recipe, name, "out of context")
            assert found is not None
            assert found.values[1] == pytest.approx(expected[str(threshold)])
        other = measures.find(recipe, "mAP, thumos reading", "out of context")
        assert other is not None
        assert other.values[1] == pytest.approx(map_figures(values["thumos"], THRESHOLDS)["average"])
    turned = measure(LocalizationStudy.of(runs, reading="thumos"))
    first = turned.find(study.recipes[0], AVERAGE, "in context")
    again = measures.find(study.recipes[0], "mAP, thumos reading", "in context")
    assert first is not None
    assert again is not None
    assert first.values == pytest.approx(again.values)


def test_a_localizer_that_finds_nothing_has_zeros(tmp_path: Path) -> None:
    there = truth(2)
    nothing = exact(there).iloc[:0]
    study = LocalizationStudy.of([make_localizer(tmp_path / "none", PERFECT, 0, there=there, found=nothing)])
    measures = measure(study)
    found = measures.find(study.recipes[0], AVERAGE, "in context")
    assert found is not None
    assert found.mean == 0
    assert measures.details["in context"]["none"].kinds.sum() == 0
    assert (measures.details["in context"]["none"].recall == 0).all()
