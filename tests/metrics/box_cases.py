"""Boxes and tubes made by a formula: the same numbers here and where official evaluators were run on them."""

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from sceneproof.metrics.boxes import FoundBoxes, TrueBoxes
from sceneproof.metrics.matching import Numbers
from sceneproof.metrics.tubes import FoundTubes, TrueTubes, Tubes

VIDEOS, ACTIONS, TUBES, FOUND = 9, 4, 40, 240


def formula() -> tuple[TrueTubes, FoundTubes]:
    """Forty tubes and 240 detected ones of four classes in nine videos; no two scores are equal."""
    m = np.arange(TUBES)
    video, action = m * 5 % 8, m * 3 % 7 % ACTIONS  # the last video has no tube
    first, length = m * 7 % 11, 6 + m * 5 % 13
    truth = TrueTubes(video, action, moving(m, first, length, np.zeros((TUBES, 4))), VIDEOS, ACTIONS)
    n = np.arange(FOUND)
    near = n * 11 % TUBES
    shake = np.stack([np.sin(n * 1.3) * 6, np.cos(n * 2.1) * 6, np.sin(n * 0.7) * 8, np.cos(n * 1.1) * 8], axis=1)
    moved = np.maximum(first[near] + n * 3 % 5 - 2, 0)
    label = np.where(n % 13 == 0, (action[near] + 1) % ACTIONS, action[near])
    tubes = moving(near, moved, np.maximum(length[near] + n % 7 - 3, 1), shake)
    score = np.asarray((n * 0.6180339887 + 0.01) % 1, np.float64)
    return truth, FoundTubes(np.where(n % 9 == 0, n % VIDEOS, video[near]), label, tubes, score)


def moving(of: Numbers, first: Numbers, length: Numbers, shake: NDArray[np.float64]) -> Tubes:
    """Boxes that move as the formula's tube number `of` does; `shake` (N, 4) is added to their corners."""
    tube = np.repeat(np.arange(len(of)), length)
    frame = np.arange(len(tube)) - np.repeat(np.cumsum(length) - length, length) + first[tube]
    x, y = of[tube] * 17 % 40 + frame * 1.5, of[tube] * 23 % 30 + frame
    corners = np.stack([x, y, x + 40 + of[tube] % 5 * 3, y + 50 + frame * 0.5], axis=1)
    return Tubes(first, length, np.round(corners + shake[tube], 1))


def in_frames(truth: TrueTubes, found: FoundTubes) -> tuple[TrueBoxes, FoundBoxes]:
    """The same box by box; the score of a tube's box grows with the frame, and no two are equal."""
    (tube, frame), (which, when) = _rows(truth.tubes), _rows(found.tubes)
    score = (found.score[which] + (when * 0.7548776662) % 1) / 2
    return (
        TrueBoxes(truth.video[tube], frame, truth.action[tube], truth.tubes.boxes, truth.videos, truth.actions),
        FoundBoxes(found.video[which], when, found.action[which], found.tubes.boxes, score),
    )


def _rows(tubes: Tubes) -> tuple[Numbers, Numbers]:
    tube = np.repeat(np.arange(len(tubes)), tubes.length)
    return tube, np.arange(len(tube)) - np.repeat(tubes.starts - tubes.first, tubes.length)


def true_boxes(*rows: tuple[float, ...], videos: int | None = None, actions: int | None = None) -> TrueBoxes:
    """Rows of video, frame, action, x1, y1, x2, y2."""
    table = np.array(rows, np.float64).reshape(-1, 7)
    video, frame, action = table[:, :3].astype(np.int64).T
    return TrueBoxes(
        video, frame, action, table[:, 3:],
        int(video.max(initial=0)) + 1 if videos is None else videos,
        int(action.max(initial=0)) + 1 if actions is None else actions,
    )  # fmt: skip


def found_boxes(*rows: tuple[float, ...]) -> FoundBoxes:
    """Rows of video, frame, action, x1, y1, x2, y2, score."""
    table = np.array(rows, np.float64).reshape(-1, 8)
    video, frame, action = table[:, :3].astype(np.int64).T
    return FoundBoxes(video, frame, action, table[:, 3:7], table[:, 7])


@st.composite
def cases(draw: st.DrawFn) -> tuple[TrueBoxes, FoundBoxes]:
    """A few videos, frames and classes; no two scores are equal. Boxes are of few sizes, so that overlaps tie."""
    videos, actions = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    number = st.tuples(
        st.integers(0, videos - 1), st.integers(0, 1), st.integers(0, actions - 1), st.integers(0, 6), st.integers(1, 5)
    )
    rows, found = (
        [(*numbers, x, 0, x + width, 4) for *numbers, x, width in draw(st.lists(number, max_size=most))]
        for most in (8, 14)
    )
    ranks = draw(st.permutations(range(len(found))))
    return true_boxes(*rows, videos=videos, actions=actions), found_boxes(
        *((*row, rank / 100) for row, rank in zip(found, ranks, strict=True))
    )


def as_tubes(boxes: TrueBoxes | FoundBoxes) -> Tubes:
    """Each box as a tube of three frames, apart from those of other frames."""
    return Tubes.stacked((boxes.frame * 3).tolist(), list(np.repeat(boxes.boxes[:, None], 3, axis=1)))
