import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sceneproof.metrics.average_precision import mean_average_precision
from sceneproof.metrics.temporal_matching import Reading, match, temporal_average_precision
from sceneproof.metrics.temporal_segments import Detections, TrueSegments, temporal_iou
from tests.metrics.temporal_cases import cases, detections, formula, segments

READINGS: tuple[Reading, ...] = ("thumos", "activitynet")
both = pytest.mark.parametrize("reading", READINGS)


def ap(truth: TrueSegments, found: Detections, threshold: float, reading: Reading) -> list[float]:
    values: list[float] = temporal_average_precision(truth, found, [threshold], reading=reading)[0].tolist()
    return values


def test_temporal_iou_by_hand() -> None:
    # 5 of 15; the same; apart; touching; within: 2 of 10; nothing of nothing
    a = [[0, 10], [3, 4], [0, 1], [0, 1], [0, 10], [2, 2]]
    b = [[5, 15], [3, 4], [2, 3], [1, 2], [4, 6], [2, 2]]
    assert temporal_iou(a, b).tolist() == pytest.approx([1 / 3, 1, 0, 0, 0.2, 0])
    assert temporal_iou(np.array([[0, 10]]), np.array(b)[:, None]).shape == (6, 1)


@both
def test_by_hand(reading: Reading) -> None:
    # by score: right, double, right, false; precision at the right ones 1 and 2/3, of two segments
    truth = segments((0, 0, 0, 10), (0, 0, 10, 20))
    found = detections((0, 0, 0, 10, 0.9), (0, 0, 1, 9, 0.8), (0, 0, 10, 16, 0.7), (0, 0, 30, 40, 0.6))
    assert ap(truth, found, 0.5, reading) == pytest.approx([(1 + 2 / 3) / 2])
    assert ap(truth, found, 0.65, reading) == pytest.approx([1 / 2])  # 6 of 10 are too few


def test_interpolation_by_hand() -> None:
    # false, right, right: precision 1/2 and 2/3; ActivityNet takes 2/3, the best from there on, for both
    truth = segments((0, 0, 0, 10), (1, 0, 10, 20))
    found = detections((0, 0, 50, 60, 0.9), (0, 0, 0, 10, 0.8), (1, 0, 10, 20, 0.7))
    assert ap(truth, found, 0.5, "thumos") == pytest.approx([(1 / 2 + 2 / 3) / 2])
    assert ap(truth, found, 0.5, "activitynet") == pytest.approx([2 / 3])


def test_the_readings_choose_differently() -> None:
    # a surer detection at tIoU .6 before one at 1: THUMOS' segment takes the second, ActivityNet's first takes it
    truth = segments((0, 0, 0, 10))
    found = detections((0, 0, 0, 6, 0.9), (0, 0, 0, 10, 0.8))
    assert ap(truth, found, 0.5, "thumos") == pytest.approx([1 / 2])
    assert ap(truth, found, 0.5, "activitynet") == [1]


def test_thumos_lets_segments_take_turns() -> None:
    # both segments overlap the first detection most; the first segment takes it and leaves the other, at 2 of 10
    truth = segments((0, 0, 0, 10), (0, 0, 4, 14))
    found = detections((0, 0, 2, 12, 0.9), (0, 0, 12, 14, 0.8))
    assert ap(truth, found, 0.15, "thumos") == [1]
    assert ap(truth, found, 0.25, "thumos") == [0.5]
    # one after the other: the first takes the sure one, and the second, which wanted it too, its next best
    found = detections((0, 0, 3, 11, 0.9), (0, 0, 9, 17, 0.8))
    assert match(truth, found, [0.3], reading="thumos").right.tolist() == [[True, True]]


def test_the_threshold_itself_is_enough_for_activitynet_alone() -> None:
    truth, found = segments((0, 0, 0, 10)), detections((0, 0, 0, 5, 1.0))
    assert ap(truth, found, 0.5, "thumos") == [0]
    assert ap(truth, found, 0.5, "activitynet") == [1]


def test_ambiguous_segments_excuse_in_thumos_alone() -> None:
    # by score: touches the ambiguous segment, only borders on it, right; without the first, precision is 1/2
    truth = segments((0, 0, 0, 10), ambiguous=[(0, 20, 30)])
    found = detections((0, 0, 29, 40, 0.9), (0, 0, 30, 40, 0.8), (0, 0, 0, 10, 0.7))
    assert ap(truth, found, 0.5, "thumos") == [1 / 2]
    assert ap(truth, found, 0.5, "activitynet") == pytest.approx([1 / 3])
    # what found a segment is right also where it touches an ambiguous one
    assert ap(segments((0, 0, 0, 10), ambiguous=[(0, 9, 30)]), detections((0, 0, 0, 10, 0.9)), 0.5, "thumos") == [1]


@both
def test_classes_and_videos_are_apart(reading: Reading) -> None:
    truth = segments((0, 0, 0, 10), (1, 1, 0, 10), (1, 3, 0, 10), actions=5)
    found = detections((1, 0, 0, 10, 0.9), (1, 1, 0, 10, 0.8), (0, 1, 0, 10, 0.7), (0, 2, 0, 10, 0.6))
    values = temporal_average_precision(truth, found, [0.5], reading=reading)
    # another video's; right; no segment of the class, so nothing is said; no detection; neither
    assert values[0].tolist() == pytest.approx([0, 1, np.nan, 0, np.nan], nan_ok=True)
    assert mean_average_precision(values).tolist() == pytest.approx([1 / 3])


@both
def test_nothing_found_and_nothing_to_find(reading: Reading) -> None:
    assert ap(segments((0, 0, 0, 10)), detections(), 0.5, reading) == [0]
    nothing = temporal_average_precision(segments(), detections((0, 0, 0, 10, 0.9)), [0.5, 0.7], reading=reading)
    assert np.isnan(nothing).all()
    assert np.isnan(mean_average_precision(nothing)).all()


@both
def test_suppression_goes_with_the_threshold(reading: Reading) -> None:
    # the twin at tIoU .8 goes at .5 and .8 (above .4 and .7) and stays at .95: it costs precision there alone
    truth = segments((0, 0, 0, 10), (0, 0, 20, 30))
    found = detections((0, 0, 0, 10, 0.9), (0, 0, 0, 8, 0.8), (0, 0, 20, 30, 0.7))
    values = temporal_average_precision(truth, found, [0.5, 0.8, 0.95], reading=reading, nms_by_threshold=True)
    assert values[:, 0].tolist() == pytest.approx([1, 1, (1 + 2 / 3) / 2])


def test_equal_scores() -> None:
    # ActivityNet's order is from the last to the first; THUMOS' goes by video, then by place
    truth = segments((0, 0, 0, 10), videos=2)
    found = detections((0, 0, 0, 10, 0.5), (1, 0, 0, 10, 0.5))
    assert ap(truth, found, 0.5, "activitynet") == [1 / 2]
    assert ap(truth, found, 0.5, "thumos") == [1]
    turned = found.take(np.array([1, 0]))
    assert ap(truth, turned, 0.5, "activitynet") == [1]
    assert ap(truth, turned, 0.5, "thumos") == [1]


def test_equal_overlaps() -> None:
    # 5 of 15 with both segments: it takes the last, and leaves the first to who overlaps that alone
    truth = segments((0, 0, 0, 10), (0, 0, 10, 20))
    assert ap(truth, detections((0, 0, 5, 15, 0.9), (0, 0, 0, 6, 0.8)), 0.3, "activitynet") == [1]
    assert ap(truth, detections((0, 0, 5, 15, 0.9), (0, 0, 14, 20, 0.8)), 0.3, "activitynet") == [1 / 2]
    # 5 of 15 with both detections: the segment takes the better one
    found = detections((0, 0, 0, 10, 0.8), (0, 0, 10, 20, 0.9))
    assert match(segments((0, 0, 5, 15)), found, [0.3], reading="thumos").right.tolist() == [[True, False]]


def test_activitynets_own_evaluation() -> None:
    # activitynet/ActivityNet at 82304fa9f4a7219421df13dae6347a445c4cf5bc: Evaluation/eval_detection.py,
    # compute_average_precision_detection, made to run under Python 3 by 2to3
    official = [
        [0.7447811571838389, 0.6126820625610949, 0.7664060733505178, 0.5420227920227919],
        [0.7392571672848489, 0.3915858322895378, 0.7324735720085963, 0.49643874643874647],
        [0.4270714769503696, 0.10883475958402086, 0.2784783578759482, 0.0821712400659769],
    ]
    values = temporal_average_precision(*formula(), [0.3, 0.5, 0.7], reading="activitynet")
    assert values == pytest.approx(np.array(official), abs=1e-12)


def test_what_does_not_fit_is_refused() -> None:
    truth, found = formula()
    with pytest.raises(ValueError, match="reading 'coco': must be thumos or activitynet"):
        match(truth, found, [0.5], reading="coco")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="video numbers from 9 to 9, where 0 to 0 are known"):
        ap(segments((0, 0, 0, 1)), detections((9, 0, 0, 1, 1.0)), 0.5, "thumos")
    with pytest.raises(ValueError, match="action numbers from 1 to 1, where 0 to 0 are known"):
        segments((0, 1, 0, 1), actions=1)
    with pytest.raises(ValueError, match="score of detection 1 is not a number"):
        detections((0, 0, 0, 1, 0.5), (0, 0, 0, 1, np.nan))
    with pytest.raises(ValueError, match=r"score has the shape \(3,\) where times has \(400, 2\)"):
        Detections(found.video, found.action, found.times, found.score[:3])


@both
@given(case=cases(), place=st.integers(0, 99))
@settings(max_examples=60)
def test_properties(reading: Reading, case: tuple[TrueSegments, Detections], place: int) -> None:
    truth, found = case
    values = ap(truth, found, 0.4, reading)
    known = [value for value in values if not np.isnan(value)]
    assert all(0 <= value <= 1 + 1e-12 for value in known)
    # no two scores are equal, so the order of the detections plays no part
    order = np.random.default_rng(place).permutation(len(found))
    assert ap(truth, found.take(order), 0.4, reading) == pytest.approx(values, nan_ok=True)
    # a false detection, wherever it ranks, never helps; the least sure one changes nothing
    for score, same in ((place / 100 + 0.0051, False), (-1.0, True)):
        false = Detections(np.array([0]), np.array([0]), np.array([[900.0, 901.0]]), np.array([score]))
        more = Detections(*(np.concatenate([getattr(found, name), getattr(false, name)]) for name in
                            ("video", "action", "times", "score")))  # fmt: skip
        now = np.nan_to_num(ap(truth, more, 0.4, reading))
        assert (now <= np.nan_to_num(values) + 1e-12).all()
        assert not same or now == pytest.approx(np.nan_to_num(values))
    # the truth itself, told with any confidence, is all right
    itself = Detections(truth.video, truth.action, truth.times, np.linspace(1, 0, len(truth.video)))
    assert np.nan_to_num(ap(truth, itself, 0.99, reading), nan=1.0) == pytest.approx(1)
