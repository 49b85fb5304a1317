from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.temporal_matching import first_hits, recall_at
from sceneproof.metrics.temporal_segments import Detections, TrueSegments
from tests.metrics.temporal_cases import detections, formula, segments

OFFICIAL = np.linspace(0.5, 0.95, 10)


class Curve(NamedTuple):
    """Average numbers of proposals a video, (100,), and the recall at each threshold, (K, 100)."""

    proposals: NDArray[np.float64]
    recall: NDArray[np.float64]


def official_curve(
    truth: TrueSegments, proposals: Detections, thresholds: ArrayLike, *, a_video: float | None = None
) -> Curve:
    """ActivityNet's curve, made of our `first_hits`: each video gives the same share of its proposals."""
    videos = np.unique(truth.video)
    most = a_video or len(proposals) / len(videos)
    ratio = most * len(videos) / len(proposals)
    of_video = np.bincount(proposals.video, minlength=truth.videos)[videos]
    used = np.minimum((of_video * ratio).astype(np.int64), of_video)
    shares = np.arange(1, 100 + 1) / 100 * (most * len(videos) / used.sum())
    limits = np.zeros((truth.videos, 100), np.int64)
    limits[videos] = np.minimum((used[:, None] * shares).astype(np.int64), used[:, None])
    ranks = first_hits(truth, proposals, thresholds)
    recall = np.stack([(rank[:, None] < limits[truth.video]).mean(axis=0) for rank in ranks])
    return Curve(shares * (used.sum() / len(videos)), recall)


@pytest.mark.parametrize(
    ("a_video", "average", "proposals", "area"),
    [
        (None, [0, 0.46, 0.6133333333333333, 0.6583333333333333],
         [2 / 3, 22.666666666666668, 44.66666666666667, 66.66666666666667], 0.486975),
        (20.0, [0, 0.23666666666666664, 0.33833333333333326, 0.4133333333333333], [0.2, 6.8, 13.4, 20],
         0.25721666666666665),
        (200.0, [0.05166666666666667, 0.6583333333333333, 0.6583333333333333, 0.6583333333333333],
         [2, 68, 134, 200], 0.6006666666666667),
    ],
)  # fmt: skip
def test_activitynets_own_evaluation(
    a_video: float | None, average: list[float], proposals: list[float], area: float
) -> None:
    # activitynet/ActivityNet at 82304fa9f4a7219421df13dae6347a445c4cf5bc: Evaluation/eval_proposal.py,
    # average_recall_vs_avg_nr_proposals, made to run under Python 3 by 2to3; points 0, 33, 66 and 99
    curve = official_curve(*formula(), OFFICIAL, a_video=a_video)
    assert curve.recall.shape == (10, 100)
    average_of_ours = curve.recall.mean(axis=0)
    assert average_of_ours[::33] == pytest.approx(average, abs=1e-12)
    assert curve.proposals[::33] == pytest.approx(proposals)
    assert np.trapezoid(average_of_ours, curve.proposals) / curve.proposals[-1] == pytest.approx(area, abs=1e-12)


def test_recall_at_by_hand() -> None:
    # the best of the first video finds its first segment (tIoU .8), the second best both loosely; nothing elsewhere
    truth = segments((0, 0, 0, 10), (0, 1, 5, 15), (1, 0, 0, 10))
    proposals = detections((0, 3, 0, 8, 0.9), (0, 0, 2, 13, 0.5), (0, 0, 5, 15, 0.1))
    found = recall_at(truth, proposals, [0.5, 0.75, 0.9], counts=[1, 2, 3, 50])
    assert found.tolist() == pytest.approx(np.array([[1, 2, 2, 2], [1, 1, 2, 2], [0, 0, 1, 1]]) / 3)


def test_near_copies_of_the_best_do_not_take_places_where_they_want_suppression() -> None:
    truth = segments((0, 0, 0, 10), (0, 0, 20, 30))
    # the copies have tIoU .9 and .8 with the best: at .5 (suppressed above .4) both go, at .95 (above .85) the first
    proposals = detections((0, 0, 0, 10, 0.9), (0, 0, 0, 9, 0.8), (0, 0, 0, 8, 0.7), (0, 0, 20, 30, 0.6))
    as_they_are = recall_at(truth, proposals, [0.5, 0.95], counts=[1, 2, 3, 4])
    assert as_they_are.tolist() == [[0.5, 0.5, 0.5, 1], [0.5, 0.5, 0.5, 1]]
    left = recall_at(truth, proposals, [0.5, 0.95], counts=[1, 2, 3, 4], nms_by_threshold=True)
    assert left.tolist() == [[0.5, 1, 1, 1], [0.5, 0.5, 1, 1]]
    # of another action none is a copy
    other = detections((0, 0, 0, 10, 0.9), (0, 1, 0, 9, 0.8), (0, 0, 20, 30, 0.6))
    truth = segments((0, 0, 0, 10), (0, 0, 20, 30), (0, 1, 50, 60))
    assert recall_at(truth, other, [0.5], counts=[2, 3], nms_by_threshold=True).tolist() == [[1 / 3, 2 / 3]]


def test_the_threshold_itself_is_enough() -> None:
    truth, proposals = segments((0, 0, 0, 10), (1, 0, 0, 10)), detections((0, 0, 0, 5, 0.9))  # a video without any
    assert recall_at(truth, proposals, [0.5, 0.51], counts=[1]).tolist() == [[0.5], [0]]


def test_a_video_without_segments_does_not_count() -> None:
    proposals = detections((0, 0, 0, 10, 0.9), (1, 0, 0, 10, 0.8), (1, 0, 0, 10, 0.7))
    curve = official_curve(segments((0, 0, 0, 10), videos=2), proposals, [0.5], a_video=3)
    assert curve.proposals[-1] == pytest.approx(3)
    assert curve.recall[0, -1] == 1
