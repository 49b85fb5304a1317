from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sceneproof.metrics.boxes import box_iou
from sceneproof.tasks.detection.offline import best_paths, offline_tubes
from tests.tasks.detection.linking_cases import Floats, linking, rows


def value(path: tuple[int, ...], boxes: list[Floats], scores: list[Floats], weight: float) -> float:
    return sum(
        float(scores[t][a] + scores[t + 1][b] + weight * box_iou(boxes[t][a], boxes[t + 1][b]))
        for t, (a, b) in enumerate(pairwise(path))
    )


@given(st.integers(0, 999), st.sampled_from([0.0, 1.0, 5.0]))
@settings(max_examples=60)
def test_no_path_is_better(seed: int, weight: float) -> None:
    generator = np.random.default_rng(seed)
    counts = generator.integers(1, 4, size=generator.integers(2, 6))
    corner = [generator.random((count, 2)) * 10 for count in counts]
    boxes: list[Floats] = [np.concatenate([one, one + 10], axis=1) for one in corner]
    scores: list[Floats] = [generator.random(count) for count in counts]
    paths = best_paths(boxes, scores, overlap_weight=weight)
    assert len(paths) == counts.min()
    left = [set(range(count)) for count in counts]
    for path in paths:
        best = max(value(other, boxes, scores, weight) for other in product(*left))
        assert value(tuple(path.tolist()), boxes, scores, weight) == pytest.approx(best)
        for own, taken in zip(left, path.tolist(), strict=True):
            own.remove(taken)


def test_the_authors_own_paths() -> None:
    # wei-tim/YOWO at 9d202c1694dfa883e67fd8c5455a2b7ad779684f: core/eval_results.py, link_bbxes_between_frames with the
    # weights 1, 1 and 0 (without the product of the scores), which stops after three; the first class, in float64
    official = [
        "333571666007777000888811166622244440055573335557716660277770",
        "000243333322444455333354433335777766222226622222433333511111",
        "661115555556666662666777000000111113777711111611155555444446",
    ]
    frames = linking()
    paths = best_paths([boxes for boxes, _ in frames], [scores[:, 0] for _, scores in frames], most=3)
    assert ["".join(map(str, path)) for path in paths] == official


def test_one_frame_and_no_overlap_asked_for() -> None:
    boxes, scores = np.array([[0.0, 0, 1, 1], [5, 5, 6, 6]]), np.array([0.2, 0.9])
    assert [path.tolist() for path in best_paths([boxes], [scores])] == [[1], [0]]


def test_frames_without_boxes_part_the_tubes() -> None:
    box, nothing = np.array([[0.0, 0, 10, 10]]), np.zeros((0, 4))
    boxes = [box, box, nothing, box, box, box]
    action = [np.zeros(len(one), np.int64) for one in boxes]
    score = [np.full(len(one), 0.9) for one in boxes]
    tubes = offline_tubes(boxes, action, score, switch_cost=None, least_frames=1)
    assert [(tube.first, len(tube.boxes)) for tube in tubes] == [(0, 2), (3, 3)]
    assert [(tube.first, len(tube.boxes)) for tube in offline_tubes(boxes, action, score, least_frames=3)] == [(3, 3)]
    assert offline_tubes([nothing], [np.zeros(0, np.int64)], [np.zeros(0)]) == []


def test_trimming_cuts_paths() -> None:
    box = np.array([[0.0, 0, 10, 10]])
    score = [0.9] * 6 + [0.05] * 8 + [0.9] * 6
    found = [box] * 20, [np.array([1])] * 20, [np.array([one]) for one in score]
    tubes = offline_tubes(*found, switch_cost=1.0, least_frames=5)
    assert [(tube.action, tube.first, len(tube.boxes), tube.number) for tube in tubes] == [(1, 0, 6, 0), (1, 14, 6, 0)]
    assert [len(tube.boxes) for tube in offline_tubes(*found, switch_cost=None)] == [20]


def test_every_class_is_linked_by_its_own_scores() -> None:
    found = [rows(*frame) for frame in linking()]
    tubes = offline_tubes(*zip(*found, strict=True), switch_cost=None)
    assert {tube.action for tube in tubes} == {0, 1, 2}
    best = [max((tube for tube in tubes if tube.action == action), key=lambda tube: tube.score) for action in range(3)]
    assert all(len(tube.boxes) == 60 for tube in best)
