import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sceneproof.metrics.tubes import FoundTubes
from sceneproof.tasks.detection.online import OnlineTubes
from sceneproof.tasks.detection.tubes import Tube, best_boxes, found_tubes, trimmed_tubes
from tests.tasks.detection.linking_cases import ACTIONS, Floats, linking, rows

Found = tuple[Floats, NDArray[np.int64], Floats]
NOTHING = np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0)


def at(*places: tuple[float, float], action: int = 0) -> Found:
    """Boxes 10 wide and high, at these x, with these scores."""
    x = np.array([place for place, _ in places])
    boxes = np.stack([x, x * 0, x + 10, x * 0 + 10], axis=1)
    return boxes, np.full(len(x), action), np.array([score for _, score in places])


def plain(**options: float) -> OnlineTubes:
    return OnlineTubes(**{"switch_cost": None, "least_frames": 1, **options})  # type: ignore[arg-type]


def test_the_surer_path_chooses_first() -> None:
    # both paths overlap the one box of the second frame; the path of .9 takes it, the other ends
    builder = plain(patience=1, nms=1.0)
    assert builder.step(*at((0, 0.5), (2, 0.9))) == []
    (ended,) = builder.step(*at((1, 0.7)))
    assert (ended.first, ended.boxes.tolist(), ended.score) == (0, [[0, 0, 10, 10]], 0.5)
    (left,) = builder.end()
    assert (left.first, left.boxes[:, 0].tolist(), left.scores.tolist()) == (0, [2, 1], pytest.approx([0.9, 0.7]))
    assert left.score == pytest.approx(0.8)


def test_the_surest_box_that_overlaps_enough_is_taken() -> None:
    # at 8 the overlap is 2 of 18; at 6, 4 of 16; at 1, 9 of 11
    builder = plain(nms=1.0)
    builder.step(*at((0, 0.9)))
    builder.step(*at((8, 0.8), (6, 0.7), (1, 0.6)))
    tubes = sorted(builder.end(), key=lambda tube: -len(tube.boxes))
    assert [tube.boxes[:, 0].tolist() for tube in tubes] == [[0, 6], [8], [1]]
    assert len({tube.number for tube in tubes}) == 3


def test_a_path_bridges_fewer_frames_than_its_patience() -> None:
    builder = plain(patience=3)
    builder.step(*at((0, 0.9)))
    builder.step(*NOTHING)
    builder.step(*NOTHING)
    builder.step(*at((6, 0.6)))
    (tube,) = builder.end()
    assert tube.boxes[:, 0].tolist() == pytest.approx([0, 2, 4, 6])
    assert tube.scores.tolist() == pytest.approx([0.9, 0.6, 0.6, 0.6])
    ended = [*builder.step(*at((0, 0.9))), *builder.step(*NOTHING), *builder.step(*NOTHING)]
    assert ended == []
    (tube,) = builder.step(*NOTHING)
    assert (tube.first, len(tube.boxes)) == (0, 1)  # nothing is added behind its last box
    assert builder.end() == []


def test_classes_are_apart() -> None:
    builder = plain()
    for _ in range(2):
        boxes = [np.concatenate(both) for both in zip(at((0, 0.9)), at((0, 0.4), action=2), strict=True)]
        builder.step(*boxes)
    tubes = builder.end()
    assert [tube.action for tube in tubes] == [0, 2]
    assert [tube.score for tube in tubes] == pytest.approx([0.9, 0.4])


def test_which_boxes_of_a_frame_are_linked() -> None:
    boxes, action, score = at((0, 0.5), (1, 0.9), (30, 0.3), (60, 0.4))
    # the first overlaps a better one, 9 of 11
    assert best_boxes(boxes, action, score, most=10, nms=0.45).tolist() == [1, 3, 2]
    assert best_boxes(boxes, action, score, most=2, nms=0.45).tolist() == [1, 3]
    assert best_boxes(boxes, np.array([0, 1, 0, 1]), score, most=1, nms=0.45).tolist() == [0, 1]
    assert best_boxes(*NOTHING, most=1, nms=0.45).tolist() == []


def test_the_authors_own_tubes() -> None:
    # vkalogeiton/caffe, branch act-detector, at a43146162faec548b0efc852291460ba6839245f: BuildTubes of
    # act-detector-scripts/ACT.py with K = 1 and x2 - 1, y2 - 1 under Python 3 (by 2to3): first frame and length of each
    # tube; and mean score and sum of all corners of those that have a box in each frame
    official = [
        [(0, 16), (0, 60, 0.6455, 24507.2), (0, 60, 0.67769, 15316.6), (4, 41), (17, 17),
         (27, 33, 0.5287727272727278, 2805.6), (29, 29), (30, 15, 0.4931, 5370.2), (45, 15, 0.54608, 1328.4)],
        [(0, 18), (0, 60), (0, 60, 0.65264, 24372.0), (1, 33), (18, 27, 0.5644333333333333, 799.0), (27, 28),
         (27, 31, 0.6085225806451625, 3258.6), (28, 17)],
        [(0, 60, 0.64835, 13575.8), (0, 60, 0.67007, 24735.0), (6, 39), (18, 16, 0.4251875, 429.8), (19, 26), (27, 27),
         (27, 33, 0.5707727272727273, 3453.0)],
    ]  # fmt: skip
    builder = OnlineTubes(nms=0.3, switch_cost=None, best=1000, least_frames=15, least_score=0)
    tubes = [tube for frame in linking() for tube in builder.step(*rows(*frame))] + builder.end()
    for action, theirs in enumerate(official):
        ours = [tube for tube in tubes if tube.action == action]
        spans = sorted((tube.first, len(tube.boxes)) for tube in ours)
        assert spans == [known[:2] for known in theirs]
        facts = [(tube.first, len(tube.boxes), tube.score, tube.boxes.sum(dtype=float)) for tube in ours]
        for whole in (known for known in theirs if len(known) == 4):
            assert any(fact == pytest.approx(whole, abs=1e-4) for fact in facts)


@given(st.integers(0, 99), st.sampled_from([0.3, 1.0, 3.0]))
@settings(max_examples=25)
def test_trimming_as_frames_come_is_trimming_at_the_end(seed: int, cost: float) -> None:
    generator = np.random.default_rng(seed)
    now, later = (OnlineTubes(switch_cost=one, least_frames=1, patience=3) for one in (cost, None))
    trimmed: list[Tube] = []
    whole: list[Tube] = []
    for _ in range(60):
        count = generator.integers(0, 4)
        boxes, _, _ = at(*((float(place), 0.0) for place in generator.integers(0, 30, count)))
        found = boxes, generator.integers(0, 2, len(boxes)), generator.random(len(boxes))
        trimmed += now.step(*found)
        whole += later.step(*found)
    trimmed += now.end()
    cut = [part for tube in whole + later.end() for part in trimmed_tubes(tube, cost)]

    def facts(tubes: list[Tube]) -> list[tuple[object, ...]]:
        return sorted((one.number, one.first, one.action, one.score, one.boxes.tolist()) for one in tubes)

    assert facts(trimmed) == facts(cut)


def test_what_is_shown_now() -> None:
    builder = OnlineTubes(switch_cost=1.0)
    builder.step(*at((0, 0.9), (50, 0.2)))
    builder.step(*at((1, 0.7), (50, 0.2)))
    boxes, action, score, number = builder.now()
    assert (boxes[:, 0].tolist(), action.tolist(), score.tolist(), number.tolist()) == ([1], [0], [0.8], [0])
    builder.step(*NOTHING)
    assert len(builder.now()[0]) == 0


def test_short_tubes_and_unsure_boxes_are_left_out() -> None:
    builder = OnlineTubes(switch_cost=None, least_frames=3, least_score=0.1)
    for score in (0.9, 0.05, 0.9, 0.9):
        builder.step(*at((0, score), (50, 0.05)))
    builder.step(*at((0, 0.9), (90, 0.9)))
    assert [(tube.first, len(tube.boxes)) for tube in builder.end()] == [(0, 5)]


def two(frame: int) -> Found:
    """Someone who acts every other hundred frames, and someone who never does."""
    return at((frame % 7, 0.9 if frame // 100 % 2 else 0.1), (60 + frame % 5, 0.05))


def test_what_is_kept_does_not_grow_with_the_video() -> None:
    builder = OnlineTubes()
    given_back, sizes = 0, []
    for frame in range(10_000):
        given_back += len(builder.step(*two(frame)))
        if frame % 10 == 0:
            sizes.append(len(pickle.dumps(builder)))
    assert given_back + len(builder.end()) == 50
    assert max(sizes[100:]) < max(sizes[:100]) * 1.05
    # of a path that is not trimmed everything is kept
    whole = OnlineTubes(switch_cost=None)
    for frame in range(200):
        whole.step(*two(frame))
    assert len(pickle.dumps(whole)) > 2 * max(sizes)


def test_tubes_for_the_metrics() -> None:
    builder = plain()
    builder.step(*at((0, 0.9)))
    one = builder.end()
    found = found_tubes([[], one, one + one])
    assert isinstance(found, FoundTubes)
    assert found.video.tolist() == [1, 2, 2]
    assert found.tubes.length.tolist() == [1, 1, 1]
    assert len(found_tubes([[], []])) == 0


def test_all_classes_of_the_formula_are_linked() -> None:
    builder = plain()
    tubes = [tube for frame in linking() for tube in builder.step(*rows(*frame))] + builder.end()
    assert {tube.action for tube in tubes} == set(range(ACTIONS))
