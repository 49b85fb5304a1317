"""The figures of detectors."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sceneproof.metrics.boxes import FoundBoxes, TrueBoxes
from sceneproof.metrics.frame_diagnosis import BoxKind as Mistake
from sceneproof.studies.detection import (
    FRAME,
    LOT,
    MEAN_VIDEO,
    METRICS,
    DetectionDetail,
    DetectionStudy,
    Recipe,
    by_lot,
    in_reading,
    measure,
)
from sceneproof.studies.measures import Measure, StudyMeasures
from sceneproof.tasks.detection.detecting import DetectedBoxes
from sceneproof.tasks.detection.scoring import figures
from tests.pages.detection.fake import (
    AFTER,
    BLIND,
    LENGTH,
    MOC,
    PERFECT,
    Kind,
    detections,
    elsewhere,
    exact,
    found,
    make_detector,
    make_detectors,
    people,
    truth,
)
from tests.pages.fake import ACTIONS


def told(measures: StudyMeasures[DetectionDetail], recipe: Recipe, metric: str, on: str) -> Measure:
    one = measures.find(recipe, metric, on)
    assert one is not None
    return one


def alone(
    folder: Path, there: pd.DataFrame, made: DetectedBoxes
) -> tuple[DetectionStudy, StudyMeasures[DetectionDetail]]:
    study = DetectionStudy.of([make_detector(folder / "alone", PERFECT, 0, there=there, made=made)])
    return study, measure(study)


def test_what_is_found_exactly_and_what_has_another_name(tmp_path: Path) -> None:
    """By hand: all is right, and all has another name: mAP 1 and 0, so the gain is 1 in every resample."""
    there = truth(6, pairs=False)
    paths = [
        make_detector(
            tmp_path / f"{name}-seed{seed}", kind, seed, there=there, made=exact(there, wrong=kind is BLIND),
            starts=tmp_path / "gone",
        )
        for name, kind in (("right", PERFECT), ("wrong", BLIND))
        for seed in (0, 1)
    ]  # fmt: skip
    study = DetectionStudy.of(paths)
    measures = measure(study)
    right, wrong = study.recipes
    for on in study.slices:
        for metric in (in_reading(one, reading, study) for reading in ("act", "voc") for one in METRICS):
            best, worst = (told(measures, recipe, metric, on) for recipe in (right, wrong))
            assert (best.mean, best.std, worst.mean, worst.gain) == (1, 0, 0, None)
            assert best.gain is not None
            assert (best.gain.value, best.gain.low, best.gain.high) == (1, 1, 1)
            assert (best.detail, best.videos) == ("gain over wrong", 7)
        best_found, worst_found = (measures.details[on][recipe.name] for recipe in (right, wrong))
        assert best_found.areas.tolist() == [1, 0, 0, 0, 0, 0]
        assert worst_found.areas.tolist() == [0, 0, 0, 0, 0, 1]
        assert best_found.by_class.tolist() == [1] * 6
        assert best_found.by_threshold.tolist() == [1] * 11
    turned = measure(DetectionStudy.of(paths, baseline="right", debiased="wrong"))
    loss = told(turned, wrong, MEAN_VIDEO, "out of context").gain
    assert loss is not None
    assert (loss.value, loss.low, loss.high) == (-1, -1, -1)


def test_gains_are_paired_over_the_seeds_that_both_have(tmp_path: Path) -> None:
    kinds = {"plain": Kind(MOC, "plain", 0.9, 0.4, shaky=4), "sdn": Kind(MOC, "sdn", 0.9, 0.8, shaky=4)}
    paths = make_detectors(tmp_path, seeds=3, kinds=kinds, there=truth(8))
    study = DetectionStudy.of([path for path in paths if path.name != "plain-seed1"])
    measures = measure(study)
    plain, sdn = study.recipes
    assert (plain.seeds, sdn.seeds) == ([0, 2], [0, 1, 2])
    for metric in METRICS:
        ours, theirs = (told(measures, recipe, metric, "out of context") for recipe in (sdn, plain))
        assert ours.gain is not None
        expected = (ours.values[0] - theirs.values[0] + ours.values[2] - theirs.values[1]) / 2
        assert ours.gain.value == pytest.approx(expected)
        assert 0 < ours.gain.low < ours.gain.value < ours.gain.high
        assert theirs.gain is None


def test_figures_are_those_that_evaluate_takes(tmp_path: Path) -> None:
    there, kind = truth(12), Kind(MOC, "sdn", 0.8, 0.6, late=0.3, astray=0.2, shaky=3)
    made = detections(there, kind, 3)
    path = make_detector(tmp_path / "one", kind, 3, there=there, made=made)
    outside = there["split"] == "test_out"
    boxes, tubes = (table[table["split"] == "test_out"] for table in (made.boxes, made.tubes))
    expected = figures(there[outside], boxes, tubes, ACTIONS)
    for own in ("act", "voc"):
        study = DetectionStudy.of([path], reading=own)
        measures = measure(study)
        for reading in ("act", "voc"):
            named = {f"frame-mAP@{at}": value for at, value in expected["frame_mAP"][reading].items()}
            named |= {f"video-mAP@{at}": value for at, value in expected["video_mAP"][reading].items()}
            assert set(named) == set(METRICS)
            for metric, value in named.items():
                one = told(measures, study.recipes[0], in_reading(metric, reading, study), "out of context")
                assert one.mean == pytest.approx(value)
                assert value is not None
                assert 0 < value < 1
        by_class = measures.details["out of context"]["one"].by_class
        assert np.nanmean(by_class) == pytest.approx(expected["frame_mAP"][own]["0.5"])


@pytest.mark.parametrize("mistake", [Mistake.LOCALIZATION, Mistake.CLASSIFICATION, Mistake.TIME, Mistake.OTHER])
def test_where_average_precision_goes_by_hand(tmp_path: Path, mistake: Mistake) -> None:
    """Each action has n boxes and, surer of themselves, n false ones of one kind.

    Where the i-th right one is found, the share of right ones rises from (i - 1) / (n + i - 1) to i / (n + i), that of
    the others falls from n / (n + i - 1) to n / (n + i).
    """
    there = truth(6, pairs=False)
    right = people(there).assign(score=0.4)
    sure = right.assign(score=0.8)
    false = {
        Mistake.LOCALIZATION: elsewhere(sure, 15.0),
        Mistake.CLASSIFICATION: sure.assign(action=sure["action"].map(AFTER)),
        Mistake.TIME: sure.assign(frame=sure["frame"] + LENGTH),
        Mistake.OTHER: elsewhere(sure, 15.0).assign(action=sure["action"].map(AFTER)),
    }[mistake]
    made = found(pd.concat([right, false.assign(track=1)]))
    _, measures = alone(tmp_path, there, made)
    i = np.arange(1, LENGTH + 1)
    expected = np.zeros(6)
    expected[Mistake.RIGHT] = (((i - 1) / (LENGTH + i - 1) + i / (LENGTH + i)) / 2).mean()
    expected[mistake] = ((LENGTH / (LENGTH + i - 1) + LENGTH / (LENGTH + i)) / 2).mean()
    for parts in measures.details.values():
        assert parts["alone"].areas == pytest.approx(expected)
        assert parts["alone"].areas.sum() == pytest.approx(1)


def test_kinds_of_mistakes_sum_to_all(tmp_path: Path) -> None:
    study = DetectionStudy.of(make_detectors(tmp_path, seeds=2, there=truth(6)))
    measures = measure(study)
    for on, parts in measures.details.items():
        for recipe in study.recipes:
            areas = parts[recipe.name].areas
            assert areas.sum() == pytest.approx(1)
            assert areas[Mistake.RIGHT] == pytest.approx(told(measures, recipe, FRAME, on).mean)
            assert (areas >= 0).all()


def test_a_detector_that_finds_nothing_has_zeros(tmp_path: Path) -> None:
    there = truth(2)
    study, measures = alone(tmp_path, there, exact(there.iloc[:0]))
    for metric in (*METRICS, LOT):
        assert told(measures, study.recipes[0], metric, "in context").mean == 0
    assert measures.details["in context"]["alone"].areas.tolist() == [0, 0, 0, 0, 0, 1]


def test_boxes_of_a_video_where_nobody_is_count_as_false(tmp_path: Path) -> None:
    """By hand: a surer false box before every action's n right ones; act takes the mean of before and after."""
    there = truth(6, pairs=False)
    first = people(there).groupby("action").head(1)
    right = people(there).assign(score=0.4)
    false = first.assign(score=0.8)
    nowhere = false.assign(video=false["split"] + "_none")
    assert set(nowhere["video"]) <= set(there["video"])
    study, measures = alone(tmp_path, there, found(pd.concat([right, nowhere])))
    i = np.arange(1, LENGTH + 1)
    on = "in context"  # the first of each action is in the split test
    assert told(measures, study.recipes[0], FRAME, on).mean == pytest.approx(
        (((i - 1) / i + i / (i + 1)) / 2).mean()
    )  # fmt: skip
    assert told(measures, study.recipes[0], FRAME, "out of context").mean == 1
    assert measures.details[on]["alone"].areas[Mistake.OTHER] == pytest.approx(((1 / i + 1 / (i + 1)) / 2).mean())


def test_by_lot_exchanges_the_names_of_each_video_and_nothing_else() -> None:
    videos, actions = 200, 4
    video, action = (part.ravel() for part in np.indices((videos, actions)))
    corners = np.arange(4.0 * videos * actions).reshape(-1, 4)
    score = np.linspace(0, 1, videos * actions)
    made = FoundBoxes(video, action, action, corners, score)
    nobody = np.zeros(0, np.int64)
    lot = by_lot(made, TrueBoxes(nobody, nobody, nobody, np.zeros((0, 4)), videos, actions))
    for name in ("video", "frame", "boxes", "score"):
        np.testing.assert_array_equal(getattr(lot, name), getattr(made, name))
    table = lot.action.reshape(videos, actions)
    assert (np.sort(table, axis=1) == np.arange(actions)).all()
    counts = np.stack([np.bincount(column, minlength=actions) for column in table.T]) / videos
    assert counts == pytest.approx(np.full((actions, actions), 1 / actions), abs=0.12)  # four deviations


def test_the_floor_is_what_names_by_lot_reach(tmp_path: Path) -> None:
    """By hand: a perfect detector's names are right in about a sixth of the videos; all else about the boxes is."""
    there = truth(120, pairs=False)
    study, measures = alone(tmp_path, there, exact(there))
    for on in study.slices:
        floor = told(measures, study.recipes[0], LOT, on)
        assert 0.01 < floor.mean < 0.12  # precision of a sixth, for a sixth of the boxes; ties aside
        above = measures.details[on]["alone"].above_lot
        assert above is not None
        assert above.value == pytest.approx(1 - floor.mean)
        assert above.low > 0
