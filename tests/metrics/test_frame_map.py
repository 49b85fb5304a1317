import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from sceneproof.metrics.average_precision import mean_average_precision
from sceneproof.metrics.boxes import FoundBoxes, TrueBoxes, box_iou, box_nms
from sceneproof.metrics.frame_map import Reading, frame_average_precision, match_boxes
from sceneproof.metrics.map_bootstrap import paired_map_interval
from tests.metrics.box_cases import cases, formula, found_boxes, in_frames, true_boxes

READINGS: tuple[Reading, ...] = ("act", "voc")
both = pytest.mark.parametrize("reading", READINGS)
WHOLE = (0, 0, 10, 10)


def ap(truth: TrueBoxes, found: FoundBoxes, reading: Reading, threshold: float = 0.5) -> list[float]:
    values: list[float] = frame_average_precision(truth, found, [threshold], reading=reading)[0].tolist()
    return values


def test_iou_by_hand() -> None:
    # a quarter each: 25 of 175; the same; touching; corners the wrong way round; within: 1 of 100; nothing of nothing
    a = [WHOLE, (3, 3, 4, 4), WHOLE, (4, 4, 0, 0), WHOLE, (2, 2, 2, 2)]
    b = [(5, 5, 15, 15), (3, 3, 4, 4), (10, 0, 20, 10), (0, 0, 4, 4), (4, 4, 5, 5), (2, 2, 2, 2)]
    assert box_iou(a, b).tolist() == pytest.approx([25 / 175, 1, 0, 0, 0.01, 0])
    assert box_iou(np.array([WHOLE]), np.array(b)[:, None]).shape == (6, 1)


def test_both_areas_by_hand() -> None:
    # of two boxes, by score: false, right, false, right: precision 0, 1/2, 1/3, 1/2
    truth = true_boxes((0, 0, 0, *WHOLE), (0, 1, 0, *WHOLE))
    found = found_boxes(
        (0, 5, 0, *WHOLE, 0.9), (0, 0, 0, *WHOLE, 0.8), (0, 0, 0, *WHOLE, 0.7), (0, 1, 0, *WHOLE, 0.6)
    )  # fmt: skip
    assert ap(truth, found, "act") == pytest.approx([((0 + 1 / 2) / 2 + (1 / 3 + 1 / 2) / 2) / 2])
    assert ap(truth, found, "voc") == pytest.approx([(1 / 2 + 1 / 2) / 2])


@both
def test_the_first_detection_starts_at_precision_1(reading: Reading) -> None:
    truth = true_boxes((0, 0, 0, *WHOLE), (0, 1, 0, *WHOLE))
    assert ap(truth, found_boxes((0, 0, 0, *WHOLE, 0.9)), reading) == [1 / 2]


@both
def test_the_threshold_itself_is_enough(reading: Reading) -> None:
    assert ap(true_boxes((0, 0, 0, *WHOLE)), found_boxes((0, 0, 0, 0, 0, 10, 5, 0.9)), reading) == [1]
    assert ap(true_boxes((0, 0, 0, *WHOLE)), found_boxes((0, 0, 0, 0, 0, 10, 4.9, 0.9)), reading) == [0]


@both
def test_each_takes_the_free_one_it_overlaps_most(reading: Reading) -> None:
    # the first overlaps both by .5 or more and takes the nearer; the second gets the other
    truth = true_boxes((0, 0, 0, *WHOLE), (0, 0, 0, 0, 2, 10, 12))
    found = found_boxes((0, 0, 0, 0, 2, 10, 12, 0.9), (0, 0, 0, 0, 2, 10, 12, 0.8), (0, 0, 0, 0, 2, 10, 12, 0.7))
    assert match_boxes(truth, found, [0.5], reading=reading).right.tolist() == [[True, True, False]]
    # of equal overlaps the first: the box that is left, 8 of 12, is not that of the second detection
    between = found_boxes((0, 0, 0, 0, 1, 10, 11, 0.9), (0, 0, 0, *WHOLE, 0.8))
    assert match_boxes(truth, between, [0.7], reading=reading).right.tolist() == [[True, False]]


@both
def test_classes_frames_and_videos_are_apart(reading: Reading) -> None:
    truth = true_boxes((0, 0, 0, *WHOLE), (1, 0, 1, *WHOLE), (1, 1, 3, *WHOLE), videos=3, actions=5)
    found = found_boxes(
        (0, 1, 0, *WHOLE, 0.9), (1, 0, 0, *WHOLE, 0.8), (1, 0, 1, *WHOLE, 0.7), (2, 0, 2, *WHOLE, 0.6)
    )  # fmt: skip
    values = frame_average_precision(truth, found, [0.5], reading=reading)
    # another frame's and another video's; right; nothing of the class to find; nothing found; neither
    assert values[0].tolist() == pytest.approx([0, 1, np.nan, 0, np.nan], nan_ok=True)
    assert mean_average_precision(values).tolist() == pytest.approx([1 / 3])


@both
def test_nothing_found_and_nothing_to_find(reading: Reading) -> None:
    assert ap(true_boxes((0, 0, 0, *WHOLE)), found_boxes(), reading) == [0]
    assert np.isnan(ap(true_boxes(), found_boxes((0, 0, 0, *WHOLE, 0.9)), reading)).all()


def test_suppression_by_hand() -> None:
    # the twin at 8 of 10 goes; another class, frame or video stays; at the threshold itself, 5 of 10, it stays
    found = found_boxes(
        (0, 0, 0, *WHOLE, 0.9), (0, 0, 0, 0, 0, 10, 8, 0.8), (0, 0, 1, *WHOLE, 0.7), (0, 1, 0, *WHOLE, 0.6),
        (1, 0, 0, *WHOLE, 0.5), (0, 0, 0, 0, 0, 10, 5, 0.4),
    )  # fmt: skip
    assert box_nms(found, 0.5).tolist() == [True, False, True, True, True, True]
    assert box_nms(found, 0.3).tolist() == [True, False, True, True, True, False]
    assert box_nms(found_boxes(), 0.3).tolist() == []


def test_the_authors_own_evaluations() -> None:
    truth, found = in_frames(*formula())
    # MCG-NJU/MOC-Detector at 45c3fd0c5e4ca455e7e739f3ad80b2c91813df35: src/ACT.py, frameAP (ACT's under Python 3), with
    # x2 - 1 and y2 - 1, as its corners are both inside; curves kept in float64
    act = [
        [0.48121332907959735, 0.4765221626889778, 0.47259037883562965, 0.4374422522734424],
        [0.4422192621857355, 0.4751897884665194, 0.45186316807194765, 0.4272796569533188],
        [0.1570052915110672, 0.3401088468964327, 0.35886750372622434, 0.23067531925736695],
    ]
    # gurkirt/realtime-action-detection at 9dd8e1b5642c7cb3170a31cc3ec5a3c586a3b261: utils/evaluation.py
    voc = [
        [0.492647395739875, 0.4954341657928256, 0.47896330887365157, 0.47124088170941236],
        [0.45448527541309813, 0.49407939609565454, 0.457359642210484, 0.46113585446396677],
        [0.16345867259875504, 0.3579346637468941, 0.3866577927262267, 0.24633485962133164],
    ]
    for reading, official in zip(READINGS, (act, voc), strict=True):
        values = frame_average_precision(truth, found, [0.3, 0.5, 0.7], reading=reading)
        assert values == pytest.approx(np.array(official), abs=1e-12)


def test_what_does_not_fit_is_refused() -> None:
    truth, found = true_boxes((0, 0, 0, *WHOLE)), found_boxes((0, 0, 0, *WHOLE, 0.9))
    with pytest.raises(ValueError, match="reading 'coco': must be act or voc"):
        match_boxes(truth, found, [0.5], reading="coco")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="video numbers from 9 to 9, where 0 to 0 are known"):
        ap(truth, found_boxes((9, 0, 0, *WHOLE, 0.9)), "act")
    with pytest.raises(ValueError, match="action numbers from 3 to 3, where 0 to 0 are known"):
        true_boxes((0, 0, 3, *WHOLE), actions=1)
    with pytest.raises(ValueError, match="frame numbers from -1: they start from 0"):
        found_boxes((0, -1, 0, *WHOLE, 0.9))
    with pytest.raises(ValueError, match="score of detection 0 is not a number"):
        found_boxes((0, 0, 0, *WHOLE, np.nan))
    with pytest.raises(ValueError, match=r"boxes has the shape \(1, 2\), not \(N, 4\)"):
        TrueBoxes(truth.video, truth.frame, truth.action, truth.boxes[:, :2], 1, 1)


@both
@given(case=cases())
@settings(max_examples=60)
def test_properties(reading: Reading, case: tuple[TrueBoxes, FoundBoxes]) -> None:
    truth, found = case
    values = ap(truth, found, reading, 0.4)
    assert all(0 <= value <= 1 + 1e-12 for value in values if not np.isnan(value))
    # no two scores are equal, so the order of the detections plays no part; nor do the scores' own values
    order = np.random.default_rng(len(found)).permutation(len(found))
    other = FoundBoxes(found.video, found.frame, found.action, found.boxes, found.score**3 - 5).take(order)
    assert ap(truth, other, reading, 0.4) == pytest.approx(values, nan_ok=True)
    # the least sure detection, a false one, changes nothing; the truth itself, with any confidence, is all right
    video, frame, action = (np.append(getattr(found, name), 0) for name in ("video", "frame", "action"))
    boxes = np.append(found.boxes, [[90, 90, 91, 91]], axis=0)
    false = FoundBoxes(video, frame, action, boxes, np.append(found.score, -1.0))
    assert ap(truth, false, reading, 0.4) == pytest.approx(values, nan_ok=True)
    itself = FoundBoxes(truth.video, truth.frame, truth.action, truth.boxes, np.linspace(1, 0, len(truth.video)))
    assert np.nan_to_num(ap(truth, itself, reading, 0.99), nan=1.0) == pytest.approx(1)


@given(case=cases())
@settings(max_examples=60)
def test_taking_turns_in_plain_loops(case: tuple[TrueBoxes, FoundBoxes]) -> None:
    truth, found = case
    free = np.ones(len(truth.video), np.bool_)
    right = np.zeros(len(found), np.bool_)
    for n in np.argsort(-found.score):
        own = (
            (truth.video == found.video[n]) & (truth.frame == found.frame[n]) & (truth.action == found.action[n]) & free
        )
        overlap: NDArray[np.float64] = np.where(own, box_iou(truth.boxes, found.boxes[n]), -1)
        if len(overlap) and overlap.max() >= 0.4:
            free[overlap.argmax()] = False
            right[n] = True
    matches = match_boxes(truth, found, [0.4], reading="act")
    assert matches.right[0].tolist() == right[matches.order].tolist()


@both
def test_intervals_over_videos(reading: Reading) -> None:
    # found in one video of two: the difference is 0, 1/2 or 1 with chances 1/4, 1/2, 1/4
    truth = true_boxes((0, 0, 0, *WHOLE), (1, 0, 0, *WHOLE))
    one = match_boxes(truth, found_boxes((0, 0, 0, *WHOLE, 0.5)), [0.5], reading=reading)
    none = match_boxes(truth, found_boxes(), [0.5], reading=reading)
    interval = paired_map_interval([one], [none], level=0.6)[1]
    assert (interval.value, interval.low, interval.high) == (0.5, 0, 1)
