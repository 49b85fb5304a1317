import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sceneproof.metrics.average_precision import average_precision, mean_average_precision
from sceneproof.metrics.bootstrap import Interval, resampled
from sceneproof.metrics.map_bootstrap import curve, paired_map_interval, weighted_map
from sceneproof.metrics.matching import Matches
from sceneproof.metrics.temporal_matching import Reading, match
from sceneproof.metrics.temporal_segments import Detections, TrueSegments
from tests.metrics.temporal_cases import cases, detections, formula, segments


def repeated(case: tuple[TrueSegments, Detections], times: list[int]) -> tuple[TrueSegments, Detections]:
    """The same with each video there so many times, as videos of their own."""
    truth, found = case
    videos = np.repeat(np.arange(truth.videos), times)
    rows, which = np.nonzero(videos[:, None] == truth.video)
    apart, unclear = np.nonzero(videos[:, None] == truth.ambiguous_video)
    copies, what = np.nonzero(videos[:, None] == found.video)
    return (
        TrueSegments(
            rows, truth.action[which], truth.times[which], max(len(videos), 1), truth.actions,
            apart, truth.ambiguous_times[unclear],
        ),
        Detections(copies, found.action[what], found.times[what], found.score[what]),
    )  # fmt: skip


def mean(matches: Matches) -> float:
    return float(mean_average_precision(average_precision(matches))[0])


@given(cases(), st.lists(st.integers(0, 3), min_size=3, max_size=3))
@settings(max_examples=60)
def test_a_weight_is_a_number_of_copies(case: tuple[TrueSegments, Detections], times: list[int]) -> None:
    truth, found = case
    times = times[: truth.videos]
    # an interpolated precision is that after the last of equal detections; without interpolation only for 0 and 1
    readings: list[tuple[Reading, list[int]]] = [("activitynet", times), ("thumos", [min(one, 1) for one in times])]
    for reading, weights in readings:
        one = curve(match(truth, found, [0.4], reading=reading), 0)
        value = weighted_map(one, np.array([weights, [1] * truth.videos], dtype=np.float64))
        again = match(*repeated(case, weights), [0.4], reading=reading)
        assert value[0] == pytest.approx(mean(again), nan_ok=True)
        assert value[1] == pytest.approx(mean(match(truth, found, [0.4], reading=reading)), nan_ok=True)


def test_all_against_nothing() -> None:
    truth = segments((0, 0, 0, 10), (1, 0, 0, 10), (2, 0, 0, 10))
    every = match(truth, detections(*((video, 0, 0, 10, 0.5) for video in range(3))), [0.5, 0.7], reading="thumos")
    none = match(truth, detections(), [0.5, 0.7], reading="thumos")
    each, average = paired_map_interval([every], [none], draws=50)
    assert each == [Interval(1, 1, 1)] * 2
    assert average == Interval(1, 1, 1)
    assert paired_map_interval([every], [every], draws=50)[1] == Interval(0, 0, 0)


def test_by_hand_with_two_videos() -> None:
    # found in one video of two: the difference is 0, 1/2 or 1 with chances 1/4, 1/2, 1/4
    truth = segments((0, 0, 0, 10), (1, 0, 0, 10))
    one = match(truth, detections((0, 0, 0, 10, 0.5)), [0.5], reading="activitynet")
    none = match(truth, detections(), [0.5], reading="activitynet")
    assert paired_map_interval([one], [none], level=0.4)[1] == Interval(0.5, 0.5, 0.5)
    assert paired_map_interval([one], [none], level=0.6)[1] == Interval(0.5, 0, 1)


def test_seeds_are_resampled_as_well() -> None:
    # one seed finds all and the other nothing, against the other way round: the mean of two draws is -1, 0 or 1
    truth = segments((0, 0, 0, 10), (1, 0, 0, 10))
    every = match(truth, detections((0, 0, 0, 10, 0.5), (1, 0, 0, 10, 0.5)), [0.5], reading="activitynet")
    none = match(truth, detections(), [0.5], reading="activitynet")
    assert paired_map_interval([every, none], [none, every], level=0.4)[1] == Interval(0, 0, 0)
    assert paired_map_interval([every, none], [none, every], level=0.6)[1] == Interval(0, -1, 1)


def test_the_interval_is_that_of_resampled_videos() -> None:
    truth, found = formula()
    worse = Detections(found.video, found.action, found.times + 0.4, found.score)
    a, b = (match(truth, one, [0.5], reading="activitynet") for one in (found, worse))
    _, interval = paired_map_interval([a], [b], draws=60, seed=5)
    generator = np.random.default_rng(5)
    resampled(generator, 60, 1)
    gains = []
    for weights in resampled(generator, 60, truth.videos).astype(int).tolist():
        again = [match(*repeated((truth, one), weights), [0.5], reading="activitynet") for one in (found, worse)]
        gains.append(mean(again[0]) - mean(again[1]))
    low, high = np.quantile(gains, [0.025, 0.975])
    assert (interval.value, interval.low, interval.high) == pytest.approx((mean(a) - mean(b), low, high))


def test_swapping_mirrors_and_what_does_not_fit_is_refused() -> None:
    truth, found = formula()
    a = match(truth, found, [0.5, 0.7], reading="thumos")
    b = match(truth, found.take(np.arange(0, 400, 2)), [0.5, 0.7], reading="thumos")
    forth, back = (paired_map_interval(*pair, draws=200)[1] for pair in (([a], [b]), ([b], [a])))
    assert (back.value, back.low, back.high) == pytest.approx((-forth.value, -forth.high, -forth.low))
    with pytest.raises(ValueError, match="the same seeds, one or more, not 1 and 2"):
        paired_map_interval([a], [b, b])
    with pytest.raises(ValueError, match="of the same truth at the same thresholds"):
        paired_map_interval([a], [match(truth, found, [0.5], reading="thumos")])
