import numpy as np
import pytest
from hypothesis import given, settings

from sceneproof.metrics import tubes as tubes_module
from sceneproof.metrics.boxes import FoundBoxes, TrueBoxes
from sceneproof.metrics.frame_map import Reading, frame_average_precision
from sceneproof.metrics.tubes import FoundTubes, TrueTubes, Tubes, tube_iou, tube_nms
from sceneproof.metrics.video_map import THRESHOLDS, match_tubes, video_average_precision
from tests.metrics.box_cases import as_tubes, cases, formula

READINGS: tuple[Reading, ...] = ("act", "voc")
both = pytest.mark.parametrize("reading", READINGS)
WHOLE, HALF = np.array([0.0, 0, 10, 10]), np.array([0.0, 0, 10, 5])


def still(first: int, length: int, box: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = WHOLE) -> Tubes:
    return Tubes.stacked([first], [np.tile(box, (length, 1))])


def overlap(a: Tubes, b: Tubes, least_shared: int = 1) -> float:
    zero = np.zeros(1, np.int64)
    return float(tube_iou(a, zero, b, zero, least_shared=least_shared)[0])


def one(tubes: Tubes) -> tuple[TrueTubes, FoundTubes]:
    zero = np.zeros(len(tubes), np.int64)
    return TrueTubes(zero, zero, tubes, 1, 1), FoundTubes(zero, zero, tubes, np.linspace(1, 0.5, len(tubes)))


def test_tube_iou_by_hand() -> None:
    # 5 frames shared of 15; in them half of the box; apart; side by side in time; the same
    assert overlap(still(0, 10), still(5, 10)) == pytest.approx(5 / 15)
    assert overlap(still(0, 10), still(5, 10, HALF)) == pytest.approx(5 / 15 / 2)
    assert overlap(still(0, 10), still(20, 10)) == 0
    assert overlap(still(0, 10), still(10, 10)) == 0
    assert overlap(still(3, 7), still(3, 7)) == 1
    # one shared frame of 19
    assert overlap(still(0, 10), still(9, 10)) == pytest.approx(1 / 19)
    assert overlap(still(0, 10), still(9, 10), least_shared=2) == 0
    # two of three shared frames agree, in one there is half: 2.5 of 4 frames
    moving = Tubes.stacked([1], [np.stack([WHOLE, HALF, WHOLE])])
    assert overlap(still(0, 4), moving) == pytest.approx(2.5 / 4)


def test_pairs_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, found = formula()
    of_a, of_b = (axis.ravel() for axis in np.meshgrid(np.arange(240), np.arange(40)))
    whole = tube_iou(found.tubes, of_a, truth.tubes, of_b)
    monkeypatch.setattr(tubes_module, "ROWS", 50)
    assert tube_iou(found.tubes, of_a, truth.tubes, of_b).tolist() == whole.tolist()


def test_taking_tubes() -> None:
    found = formula()[1]
    back = np.arange(len(found) - 1, -1, -1)
    turned, last = found.take(back).tubes, int(found.tubes.length[-1])
    assert turned.boxes[:last].tolist() == found.tubes.boxes[-last:].tolist()
    assert turned.take(back).boxes.tolist() == found.tubes.boxes.tolist()
    assert len(found.take(found.score > 2).tubes.boxes) == 0


def test_the_readings_differ_at_the_threshold_and_at_one_shared_frame() -> None:
    truth, _ = one(still(0, 10))
    _, half = one(still(0, 5))  # tube IoU .5
    assert video_average_precision(truth, half, [0.5], reading="act").tolist() == [[1]]
    assert video_average_precision(truth, half, [0.5], reading="voc").tolist() == [[0]]
    _, brief = one(still(0, 1))  # one frame of ten
    assert video_average_precision(truth, brief, [0.05], reading="act").tolist() == [[1]]
    assert video_average_precision(truth, brief, [0.05], reading="voc").tolist() == [[0]]


def test_suppression_by_hand() -> None:
    # tube IoU .8 goes, .25 stays; what was dropped drops nothing
    tubes = Tubes.stacked([0, 0, 6], [np.tile(WHOLE, (10, 1)), np.tile(WHOLE, (8, 1)), np.tile(WHOLE, (10, 1))])
    _, found = one(tubes)
    assert tube_nms(found, 0.3).tolist() == [True, False, True]
    assert tube_nms(found, 0.2).tolist() == [True, False, False]


def test_the_authors_own_evaluations() -> None:
    truth, found = formula()
    # MCG-NJU/MOC-Detector at 45c3fd0c5e4ca455e7e739f3ad80b2c91813df35: src/ACT.py, videoAP (ACT's under Python 3), with
    # x2 - 1 and y2 - 1; curves kept in float64; with its suppression at .3 and without
    suppressed = [
        [0.8997081201626655, 0.9067991352082262, 0.9860625485625485, 1.0],
        [0.738943778178228, 0.8304588088678999, 0.8770828708328708, 1.0],
        [0.0, 0.16949035812672175, 0.16237373737373734, 0.16666666666666666],
    ]
    act = [
        [0.8997081201626655, 0.8808790325835781, 0.9288675444925445, 1.0],
        [0.7536690654223123, 0.8599221814636835, 0.816528379028379, 1.0],
        [0.04316784913942386, 0.2452199207795262, 0.2517316119889521, 0.22858450851605008],
    ]
    # gurkirt/realtime-action-detection at 9dd8e1b5642c7cb3170a31cc3ec5a3c586a3b261: online-tubes/eval/get_PR_curve.m in
    # Octave 7.3
    voc = [
        [0.939393939393939, 0.889831759149941, 0.935606060606061, 1],
        [0.773896103896104, 0.868998425816608, 0.85515873015873, 1],
        [0.070829450139795, 0.268002686968204, 0.274332553122826, 0.247712418300654],
    ]
    kept = found.take(tube_nms(found, 0.3))
    assert np.bincount(kept.action).tolist() == [20, 22, 19, 13]
    for detections, reading, official in ((kept, "act", suppressed), (found, "act", act), (found, "voc", voc)):
        values = video_average_precision(truth, detections, [0.2, 0.4, 0.6], reading=reading)  # type: ignore[arg-type]
        assert values == pytest.approx(np.array(official), abs=1e-12)


@both
@given(case=cases())
@settings(max_examples=60)
def test_tubes_of_still_boxes_are_boxes(reading: Reading, case: tuple[TrueBoxes, FoundBoxes]) -> None:
    truth, found = case
    tubes = TrueTubes(truth.video, truth.action, as_tubes(truth), truth.videos, truth.actions)
    detected = FoundTubes(found.video, found.action, as_tubes(found), found.score)
    for threshold in (0.37, 0.61):  # no overlap here is exactly this, where the readings differ
        ours = video_average_precision(tubes, detected, [threshold], reading=reading)[0].tolist()
        frames = frame_average_precision(truth, found, [threshold], reading=reading)[0].tolist()
        assert ours == pytest.approx(frames, nan_ok=True)


@both
def test_thresholds_go_down_and_the_truth_finds_itself(reading: Reading) -> None:
    truth, found = formula()
    matches = match_tubes(truth, found, reading=reading)
    assert matches.right.shape == (len(THRESHOLDS), 240)
    assert (np.diff(matches.right.sum(axis=1)) <= 0).all()
    itself = FoundTubes(truth.video, truth.action, truth.tubes, np.linspace(0, 1, 40))
    assert (video_average_precision(truth, itself, reading=reading) == 1).all()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="tubes of 0 frames and more, from frame 0 on"):
        still(0, 0)
    with pytest.raises(ValueError, match=r"boxes has the shape \(3, 4\), not \(2, 4\)"):
        Tubes(np.array([0]), np.array([2]), np.zeros((3, 4)))
    truth, found = formula()
    with pytest.raises(ValueError, match="reading 'coco': must be act or voc"):
        match_tubes(truth, found, reading="coco")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="video numbers from 2 to 9, where 0 to 8 are known"):
        match_tubes(truth, FoundTubes(found.video + 2, found.action, found.tubes, found.score), reading="act")
    with pytest.raises(ValueError, match=r"score has the shape \(1,\) where tubes has \(240,\)"):
        FoundTubes(found.video, found.action, found.tubes, found.score[:1])


def moving_still(generator: np.random.Generator, count: int, length: int) -> Tubes:
    corner = generator.random((count, 2)) * 60
    boxes = np.repeat(np.concatenate([corner, corner + 60], axis=1), length, axis=0)
    return Tubes(np.zeros(count, np.int64), np.full(count, length), boxes)
