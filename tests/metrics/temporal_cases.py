"""Segments and detections made by a formula: the same numbers here and where official evaluators were run on them."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from sceneproof.metrics.temporal_segments import Detections, TrueSegments

VIDEOS, ACTIONS, SEGMENTS, FOUND = 7, 4, 60, 400


def formula() -> tuple[TrueSegments, Detections]:
    """Sixty segments and 400 detections of four classes in seven videos; no two scores are equal."""
    m = np.arange(SEGMENTS)
    start = np.round(m * 7.31 % 53, 1)
    video, action = m * 5 % 6, m * 3 % 7 % ACTIONS  # the last video has no segment
    truth = TrueSegments(
        video, action, np.stack([start, start + 2 + np.round(m * 1.7 % 6, 1)], axis=1), VIDEOS, ACTIONS
    )
    n = np.arange(FOUND)
    near = n * 11 % SEGMENTS
    shift, stretch = np.sin(n * 1.3) * 1.5, np.cos(n * 2.1)
    times: NDArray[np.float64] = truth.times[near] + np.stack([shift - stretch, shift + stretch], axis=1)
    strays = n % 9 == 0
    label = np.where(n % 13 == 0, (action[near] + 1) % ACTIONS, action[near])
    detections = Detections(
        np.where(strays, n % VIDEOS, video[near]),
        label,
        np.sort(np.round(times, 2), axis=1),
        np.asarray((n * 0.6180339887 + 0.01) % 1, np.float64),
    )
    return truth, detections


def segments(
    *rows: tuple[int, int, float, float],
    videos: int | None = None,
    actions: int | None = None,
    ambiguous: Sequence[tuple[int, float, float]] = (),
) -> TrueSegments:
    """Rows of video, action, start, end; and of video, start, end."""
    table, apart = np.array(rows, dtype=np.float64).reshape(-1, 4), np.array(ambiguous, dtype=np.float64).reshape(-1, 3)
    video, action = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    return TrueSegments(
        video,
        action,
        table[:, 2:],
        int(video.max(initial=0)) + 1 if videos is None else videos,
        int(action.max(initial=0)) + 1 if actions is None else actions,
        apart[:, 0].astype(np.int64),
        apart[:, 1:],
    )


def detections(*rows: tuple[int, int, float, float, float]) -> Detections:
    """Rows of video, action, start, end, score."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    return Detections(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2:4], table[:, 4])


@st.composite
def cases(draw: st.DrawFn) -> tuple[TrueSegments, Detections]:
    """A few videos and classes; no two scores are equal. Times are of few values, so that overlaps happen and tie."""
    videos, actions = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    number = st.tuples(st.integers(0, videos - 1), st.integers(0, actions - 1), st.integers(0, 12), st.integers(1, 8))
    rows = [
        (video, action, start, start + length) for video, action, start, length in draw(st.lists(number, max_size=8))
    ]
    found = [
        (video, action, start, start + length) for video, action, start, length in draw(st.lists(number, max_size=14))
    ]
    ranks = draw(st.permutations(range(len(found))))
    truth = segments(*rows, videos=videos, actions=actions, ambiguous=draw(st.sampled_from([(), ((0, 3, 5),)])))
    return truth, detections(*((*row, rank / 100) for row, rank in zip(found, ranks, strict=True)))
