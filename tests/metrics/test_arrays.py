"""The containers take what people have: integers, lists, tensors; and refuse what is no number."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from sceneproof.metrics.bootstrap import unpaired_interval
from sceneproof.metrics.boxes import FoundBoxes, TrueBoxes, box_nms
from sceneproof.metrics.temporal_segments import Detections, TrueSegments
from sceneproof.metrics.tubes import FoundTubes, TrueTubes, Tubes, tube_iou, tube_nms
from sceneproof.tasks.detection.tubes import best_boxes, make_tube

BOXES = [[0, 0, 10, 10], [0, 0, 10, 10]]
KINDS: dict[str, Callable[[Any], Any]] = {
    "lists": list,
    "integers": lambda values: np.asarray(values, np.int32),
    "bytes": lambda values: np.asarray(values, np.uint8),
    "float32": lambda values: np.asarray(values, np.float32),
    "tensors": torch.tensor,
    "tensors with gradients": lambda values: torch.tensor(values, dtype=torch.float32, requires_grad=True),
    "half tensors": lambda values: torch.tensor(values, dtype=torch.bfloat16),
}


@pytest.mark.parametrize("kind", KINDS)
def test_any_kind_of_number_will_do(kind: str) -> None:
    of, place = KINDS[kind], np.array([0])
    tubes, stacked = Tubes(of([0]), of([2]), of(BOXES)), Tubes.stacked([0], [of(BOXES)])
    assert tubes.boxes.dtype == np.float64
    assert tube_iou(tubes, place, stacked, place).tolist() == [1]
    assert tube_nms(FoundTubes(of([0]), of([0]), tubes, of([1]))).tolist() == [True]
    assert TrueTubes(of([0]), of([0]), tubes, 1, 1).video.dtype == np.int64
    found = FoundBoxes(of([0, 0]), of([0, 0]), of([0, 0]), of(BOXES), of([1, 0]))
    assert box_nms(found, 0.5).tolist() == [True, False]
    assert TrueBoxes(of([0, 0]), of([0, 1]), of([0, 0]), of(BOXES), 1, 1).boxes.shape == (2, 4)
    assert TrueSegments(of([0]), of([0]), of([[0, 2]]), 1, 1).times.dtype == np.float64
    assert Detections(of([0]), of([0]), of([[0, 2]]), of([1])).score.tolist() == [1]


def test_detections_own_tubes_take_integers_too() -> None:
    assert make_tube(0, 0, 0, BOXES, [1, 0]).score == 0.5
    assert best_boxes(np.array(BOXES), np.array([0, 0]), np.array([1, 0]), most=2, nms=0.5).tolist() == [0]


@pytest.mark.parametrize(
    ("first", "text"), [([0.5], r"whole numbers, not 0\.5"), ([np.nan], "whole numbers"), (["a"], "must hold numbers"),
                        ([-1], "from frame -1 on")],
)  # fmt: skip
def test_what_is_no_frame_is_refused(first: list[Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Tubes(first, [2], BOXES)  # type: ignore[arg-type]


def test_differences_on_different_videos() -> None:
    inside, outside = np.ones((2, 50)), np.zeros((2, 80))
    found = unpaired_interval(inside, outside)
    assert (found.value, found.low, found.high) == (1, 1, 1)
    mixed = np.tile([0.0, 1.0], (2, 20))
    found = unpaired_interval(mixed, mixed[:, :30])
    assert found.value == 0
    assert found.low < -0.1
    assert found.high > 0.1
    # seeds are drawn together: what one seed loses everywhere is lost in every resample
    apart = unpaired_interval([[1.0] * 9, [0.5] * 9], [[0.5] * 9, [0.0] * 9])
    assert (apart.low, apart.high) == (0.5, 0.5)
    with pytest.raises(ValueError, match="need the same seeds"):
        unpaired_interval(inside, outside[:1])
