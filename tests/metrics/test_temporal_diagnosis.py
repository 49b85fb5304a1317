import numpy as np

from sceneproof.metrics.temporal_diagnosis import SegmentKind, kind_counts, kinds
from sceneproof.metrics.temporal_matching import match
from tests.metrics.temporal_cases import detections, formula, segments


def test_every_kind_by_hand() -> None:
    truth = segments((0, 0, 0, 10), (0, 1, 20, 30), videos=2)
    found = detections(
        (0, 0, 0, 9, 0.9),  # right
        (0, 0, 0, 10, 0.8),  # taken already
        (0, 0, 20, 30, 0.7),  # the other's
        (0, 0, 0, 4, 0.6),  # 4 of 10
        (0, 0, 20, 24, 0.5),  # 4 of 10 of the other's
        (0, 0, 9.5, 20.5, 0.4),  # .5 of 20.5 of both
        (1, 0, 0, 10, 0.3),  # nothing is there
        (0, 1, 40, 50, 0.2),
        (0, 1, 0, 5, 0.1),  # 5 of 10 are enough to be taken for the other's
    )
    matches = match(truth, found, [0.3, 0.5], reading="activitynet")
    assert kinds(truth, found, matches, 0.5, k=1).tolist() == [0, 1, 2, 3, 4, 5, 5, 5, 2]
    # at .3 those at .4 are double and wrong
    assert kinds(truth, found, matches, 0.3).tolist() == [0, 1, 2, 1, 2, 5, 5, 5, 2]
    of = kinds(truth, found, matches, 0.5, k=1)
    counts = kind_counts(of, matches, slices=3)
    # one segment a class: the best of each, the second of each, the third of the first class
    assert counts.tolist() == [[1, 0, 0, 0, 0, 1], [0, 1, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0]]
    assert counts.cumsum(axis=0)[-1, SegmentKind.WRONG_LABEL] == 2


def test_of_equal_overlaps_the_first_segment_tells() -> None:
    truth = segments((0, 0, 0, 10), (0, 1, 10, 20))
    found = detections((0, 0, 5, 15, 0.9), (0, 1, 5, 15, 0.8))  # 5 of 15 with both
    assert kinds(truth, found, match(truth, found, [0.5], reading="activitynet"), 0.5).tolist() == [
        SegmentKind.LOCALIZATION,
        SegmentKind.CONFUSION,
    ]


def test_a_class_without_segments_has_no_best() -> None:
    truth = segments((0, 0, 0, 10), actions=2)
    found = detections((0, 1, 0, 10, 0.9), (0, 0, 50, 60, 0.8))
    matches = match(truth, found, [0.5], reading="activitynet")
    of = kinds(truth, found, matches, 0.5)
    assert of.tolist() == [SegmentKind.WRONG_LABEL, SegmentKind.BACKGROUND]
    assert kind_counts(of, matches).sum(axis=0).tolist() == [0, 0, 0, 0, 0, 1]


def test_the_authors_own_counts() -> None:
    # HumamAlwassel/DETAD at 24f7d9509214d08989efaa0276b91e85fb9591cb: src/action_detector_diagnosis.py,
    # analyze_fp_error_types at .5, and the slices of src/false_positive_analysis.py. Detections in the video without
    # segments are left out: there the code goes by the segments of the video before.
    truth, found = formula()
    found = found.take(found.video < 6)
    matches = match(truth, found, [0.5], reading="activitynet")
    of = kinds(truth, found, matches, 0.5)
    assert np.bincount(of).tolist() == [58, 202, 40, 64, 21, 9]
    assert kind_counts(of, matches, slices=4).tolist() == [
        [31, 14, 4, 8, 3, 0],
        [10, 31, 4, 10, 3, 2],
        [13, 28, 5, 10, 3, 1],
        [2, 41, 6, 8, 2, 1],
    ]
