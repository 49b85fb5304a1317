"""Boxes of people in a video: who is who from frame to frame, and how boxes overlap, rival and leave the picture.

Boxes are rows of x1, y1, x2, y2 in pixels; x2 and y2 are exclusive.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.boxes import box_iou

Found = Sequence[NDArray[np.float32]]
Floats = NDArray[np.float32] | NDArray[np.float64]


def tracks(detections: Found, *, least_overlap: float = 0.3, gap: int = 1) -> list[NDArray[np.int64]]:
    """Gives each detection of one video the number of its track.

    A track's last box is matched with the boxes of the next frame looked at, one to one, so that the sum of their IoUs
    is as large as can be (Hungarian method). Boxes without a match begin tracks.

    Args:
        detections: for each frame looked at, in order, boxes (K, 4 or more columns).
        least_overlap: pairs with a smaller IoU are no match.
        gap: how many frames looked at a track may be missing from before it ends.

    Returns:
        For each frame looked at, int64 (K,): numbers from 0, in the order in which the tracks begin.
    """
    from scipy.optimize import linear_sum_assignment  # a fifth of a second, which commands without boxes do not need

    last: dict[int, tuple[int, NDArray[np.float32]]] = {}
    numbers: list[NDArray[np.int64]] = []
    begun = 0
    for place, boxes in enumerate(detections):
        last = {track: (seen, box) for track, (seen, box) in last.items() if place - seen <= gap + 1}
        given = np.full(len(boxes), -1, np.int64)
        if last and len(boxes):
            alive = list(last)
            overlap = intersection_over_union(np.stack([box for _, box in last.values()]), boxes[:, :4])
            # below the limit all pairs are alike: none may spoil a match for the sake of the sum
            overlap[overlap < least_overlap] = 0
            for old, new in zip(*linear_sum_assignment(overlap, maximize=True), strict=True):
                if overlap[old, new] > 0:
                    given[new] = alive[old]
        new = np.flatnonzero(given < 0)
        given[new] = begun + np.arange(len(new))
        begun += len(new)
        last |= {int(track): (place, box[:4]) for track, box in zip(given, boxes, strict=True)}
        numbers.append(given)
    return numbers


def between(
    frames: NDArray[np.int64], detections: Found, numbers: Sequence[NDArray[np.int64]]
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """The boxes of every frame: a track's own, and between them the linear way from one to the next.

    A box in between has the lower score of its two ends.

    Args:
        frames: (N,), the frames looked at, rising.
        detections: for each of them, boxes float32 (K, 5): x1, y1, x2, y2, score.
        numbers: for each of them, the boxes' tracks (K,).

    Returns:
        frames (R,), boxes float32 (R, 5) and tracks (R,), by frame and in it by track.
    """
    times = np.repeat(frames, [len(boxes) for boxes in detections])
    boxes = np.concatenate([np.zeros((0, 5), np.float32), *detections])
    of = np.concatenate([np.zeros(0, np.int64), *numbers])
    parts = [(np.full(0, 0), np.zeros((0, 5)), np.full(0, 0))]
    for track in np.unique(of):
        own, ends = times[of == track], boxes[of == track]
        all_frames = np.arange(own[0], own[-1] + 1)
        corners = [np.interp(all_frames, own, ends[:, column]) for column in range(4)]
        before, after = np.searchsorted(own, all_frames, "right") - 1, np.searchsorted(own, all_frames, "left")
        score = np.minimum(ends[before, 4], ends[after, 4])
        parts.append((all_frames, np.stack([*corners, score], 1), np.full(len(all_frames), track)))
    every, rows, track_of = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((track_of, every))
    return every[order], rows[order].astype(np.float32), track_of[order]


def intersection_over_union(first: Floats, second: Floats) -> NDArray[np.float64]:
    """IoU of each of A boxes (A, 4) with each of B boxes (B, 4): (A, B), 0 where neither has an area."""
    return box_iou(np.asarray(first)[:, None], np.asarray(second)[None])


def suppressed(found: NDArray[np.float32], overlap: float) -> NDArray[np.float32]:
    """Non-maximum suppression: the boxes of which no better one is left that they overlap by more than `overlap`.

    Args:
        found: (K, 5 or more columns): x1, y1, x2, y2, score.
        overlap: the IoU that two boxes may have.

    Returns:
        float32 (at most K, as many columns), the best score first; of equal ones, the first given.
    """
    waiting = found[np.argsort(-found[:, 4], kind="stable")]
    kept = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        waiting = waiting[intersection_over_union(best[None, :4], waiting[:, :4])[0] <= overlap]
    return np.stack(kept) if kept else found[:0]


def clipped(boxes: NDArray[np.float32], height: float, width: float) -> NDArray[np.float32]:
    """The parts of boxes (K, 4 or more columns) inside a picture; those without any area there are left out."""
    inside = boxes.copy()
    inside[:, :4] = boxes[:, :4].clip(0, (width, height, width, height))
    kept: NDArray[np.float32] = inside[(inside[:, 2] > inside[:, 0]) & (inside[:, 3] > inside[:, 1])]
    return kept
