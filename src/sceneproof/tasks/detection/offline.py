"""Tubes from boxes, offline: the best path through a whole clip, again and again."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.boxes import box_iou
from sceneproof.tasks.detection.tubes import (
    BEST,
    LEAST_FRAMES,
    Boxes,
    Numbers,
    Tube,
    best_boxes,
    make_tube,
    trimmed_tubes,
)


def best_paths(
    boxes: Sequence[Boxes], scores: Sequence[Boxes], *, overlap_weight: float = 1.0, most: int | None = None
) -> list[Numbers]:
    """Paths of one class through T frames, one box in each, the best first: int64 (T,) each, places in their frames.

    A path's value is the sum over consecutive frames of both boxes' scores and `overlap_weight` times their
    intersection over union (Gkioxari and Malik, Finding Action Tubes, CVPR 2015; Saha et al. 2016 count
    each score once). The best path is found by the Viterbi algorithm, its boxes are taken away, and so on until a frame
    has none left; boxes that are then left in other frames are in no path, as in both papers.

    Args:
        boxes: T arrays (K, 4), K from frame to frame another; none may be empty.
        scores: T arrays (K,).
        overlap_weight: of the intersection over union.
        most: how many paths at most; None for as many as there are.
    """
    left = [np.arange(len(frame)) for frame in scores]
    paths: list[Numbers] = []
    count = min(len(frame) for frame in scores)
    edges = [
        scores[t][:, None] + scores[t + 1] + overlap_weight * box_iou(boxes[t][:, None], boxes[t + 1][None])
        for t in range(len(scores) - 1)
    ]
    alone = np.asarray(scores[0], np.float64)
    for _ in range(count if most is None else min(most, count)):
        value = alone[left[0]] if len(left) == 1 else np.zeros(len(left[0]))
        came: list[Numbers] = []
        for t, edge in enumerate(edges):
            through = value[:, None] + edge[np.ix_(left[t], left[t + 1])]
            came.append(through.argmax(axis=0))
            value = through.max(axis=0)
        at = [int(value.argmax())]
        for back in reversed(came):
            at.append(int(back[at[-1]]))
        at.reverse()
        paths.append(np.array([own[place] for own, place in zip(left, at, strict=True)], np.int64))
        left = [np.delete(own, place) for own, place in zip(left, at, strict=True)]
    return paths


def offline_tubes(
    boxes: Sequence[Boxes],
    action: Sequence[Numbers],
    score: Sequence[Boxes],
    *,
    overlap_weight: float = 1.0,
    most: int = 10,
    nms: float = 0.45,
    switch_cost: float | None = 3.0,
    best: int = BEST,
    least_frames: int = LEAST_FRAMES,
    least_score: float = 0.001,
) -> list[Tube]:
    """The tubes of a whole clip of T frames, all classes, by `best_paths` and, where asked for, trimming.

    A path needs a box in every frame, so frames without a box of a class end its paths: each stretch between such
    frames is linked by itself.

    Args:
        boxes: T arrays (N, 4).
        action: T arrays int64 (N,).
        score: T arrays (N,), 0 to 1.
        overlap_weight: of the intersection over union, beside the scores.
        most: boxes of a class in a frame, the best after suppression.
        nms: the intersection over union above which the better box suppresses another of its class.
        switch_cost: of trimming (Saha et al. 2016); None: no trimming.
        best: how many of its highest scores a tube's score is the mean of.
        least_frames: shorter tubes are left out.
        least_score: boxes below it are left out.
    """
    kept: list[NDArray[np.int64]] = []
    for t in range(len(boxes)):
        sure = np.flatnonzero(score[t] >= least_score)
        kept.append(sure[best_boxes(boxes[t][sure], action[t][sure], score[t][sure], most=most, nms=nms)])
    tubes: list[Tube] = []
    for number in np.unique(
        np.concatenate([np.zeros(0, np.int64), *(of[own] for of, own in zip(action, kept, strict=True))])
    ):
        own = [places[of[places] == number] for of, places in zip(action, kept, strict=True)]
        for start, end in _stretches([len(places) > 0 for places in own]):
            frames = range(start, end)
            in_frame = [boxes[t][own[t]] for t in frames], [score[t][own[t]] for t in frames]
            for path in best_paths(*in_frame, overlap_weight=overlap_weight):
                corners, scores = (np.array([x[at] for x, at in zip(of, path, strict=True)]) for of in in_frame)
                tubes.append(make_tube(len(tubes), int(number), start, corners, scores, best=best))
    if switch_cost is not None:
        tubes = [part for tube in tubes for part in trimmed_tubes(tube, switch_cost, best=best)]
    return [tube for tube in tubes if len(tube.boxes) >= least_frames]


def _stretches(flags: Sequence[bool]) -> list[tuple[int, int]]:
    """Start and end of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
