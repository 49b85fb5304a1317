"""Who finds what: what the matchings of segments, of boxes and of tubes share.

Letters: V videos, A actions, N detections, K thresholds, P pairs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Area = Literal["steps", "envelope", "trapezoids"]
"""How the area under the curve of precision over recall is summed: see `average_precision`."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Detections by class, in each class the best first, with what became of them at each of K thresholds.

    Attributes:
        order: int64 (N,), their places in what was matched.
        video: int64 (N,).
        action: int64 (N,), ascending.
        right: bool (K, N), which found something true.
        counted: bool (K, N), which are right or false; the others were suppressed or do not count.
        positives: int64 (V, A), how much there is to find.
        area: how the evaluator whose reading this is sums average precision.
    """

    order: Numbers
    video: Numbers
    action: Numbers
    right: NDArray[np.bool_]
    counted: NDArray[np.bool_]
    positives: Numbers
    area: Area


def whole_numbers(values: Any, name: str) -> Numbers:
    """What is called `name` as int64: an array of any kind of number, a list or a tensor.

    Raises:
        ValueError: it holds something that is no whole number.
    """
    numbers = _array(values, name)
    wrong = numbers[~np.isfinite(numbers) | (numbers % 1 != 0)] if numbers.dtype.kind == "f" else numbers[:0]
    if wrong.size:
        raise ValueError(f"{name} must hold whole numbers, not {wrong.flat[0]:g}")
    return numbers.astype(np.int64, copy=False)


def real_numbers(values: Any, name: str) -> NDArray[np.float64]:
    """What is called `name` as float64: an array of any kind of number, a list or a tensor.

    Raises:
        ValueError: it holds no numbers.
    """
    return _array(values, name).astype(np.float64, copy=False)


def take_numbers(container: object, *, whole: Sequence[str] = (), real: Sequence[str] = ()) -> None:
    """Makes attributes of a frozen container, as they were given, the arrays that they are said to be.

    Args:
        container: an instance of a frozen dataclass, in its `__post_init__`.
        whole: attributes that become int64.
        real: attributes that become float64.

    Raises:
        ValueError: no numbers, or no whole ones; names the attribute.
    """
    for names, kind in ((whole, whole_numbers), (real, real_numbers)):
        for name in names:
            object.__setattr__(container, name, kind(getattr(container, name), name))


def _array(values: Any, name: str) -> NDArray[Any]:
    if hasattr(values, "detach"):  # a tensor, wherever it is
        values = values.detach().cpu()
        values = values.float() if values.is_floating_point() and values.element_size() < 4 else values
    array = np.asarray(values)
    if array.dtype.kind not in "iubf":
        raise ValueError(f"{name} must hold numbers, not {array.dtype}")
    return array


def check_fit(numbers: NDArray[np.int64] | NDArray[np.float64], rows: NDArray[Any], name: str, of: str) -> None:
    """Raises ValueError unless `numbers`, (N,), called `name`, has one number for each of the `rows` called `of`."""
    if rows.ndim not in (1, 2) or numbers.shape != rows.shape[:1]:
        raise ValueError(f"{name} has the shape {numbers.shape} where {of} has {rows.shape}: not one for each")


def check_known(numbers: Numbers, known: int, name: str) -> None:
    """Raises ValueError where one of `numbers`, (N,), called `name`, is not from 0 to known - 1."""
    if len(numbers) and (numbers.min() < 0 or numbers.max() >= known):
        raise ValueError(f"{name} numbers from {numbers.min()} to {numbers.max()}, where 0 to {known - 1} are known")


class Annotations:
    """What annotations of every kind know: the videos and the actions that detections may name.

    Attributes:
        videos: V, how many there are.
        actions: A, how many there are.
    """

    __slots__ = ()
    videos: int
    actions: int

    def check(self, video: Numbers, action: Numbers | None = None) -> None:
        """Raises ValueError where a number of a video or an action is not one that is known here."""
        check_known(video, self.videos, "video")
        if action is not None:
            check_known(action, self.actions, "action")


def check_scores(score: NDArray[np.float64]) -> None:
    """Raises ValueError where a score is not a number."""
    if np.isnan(score).any():
        raise ValueError(f"the score of detection {int(np.isnan(score).argmax())} is not a number")


def pairs(a: Numbers, b: Numbers) -> tuple[Numbers, Numbers]:
    """All pairs of equal keys: places in a (N,) and in b (M,), int64 (P,) each, by place in a, then by place in b."""
    order = np.argsort(b, kind="stable")
    keys = b[order]
    first, last = np.searchsorted(keys, a, "left"), np.searchsorted(keys, a, "right")
    counts = last - first
    nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(np.arange(len(a)), counts), order[np.repeat(first, counts) + nth]


def finders(
    detection: Numbers,
    truth: Numbers,
    overlap: NDArray[np.float64],
    thresholds: Sequence[float],
    *,
    detections: int,
    truths: int,
    above: bool = False,
) -> NDArray[np.bool_]:
    """Which detections find something when each in turn takes the free true one that it overlaps most.

    Of true ones that it overlaps alike it takes the first.

    Args:
        detection: int64 (P,), one side of the pairs that may match, by rank: 0 has the first turn.
        truth: int64 (P,), the other side.
        overlap: float64 (P,), their intersection over union.
        thresholds: K values that the overlap must reach.
        detections: N.
        truths: how many true ones there are.
        above: whether the overlap must be above the threshold.

    Returns:
        bool (K, N), by rank.
    """
    by_turn = np.lexsort((truth, -overlap, detection))
    detection, truth, overlap = detection[by_turn], truth[by_turn], overlap[by_turn]
    right = np.zeros((len(thresholds), detections), np.bool_)
    for k, threshold in enumerate(thresholds):
        close = overlap > threshold if above else overlap >= threshold
        taker = takers(detection[close], truth[close], truths)
        right[k, taker[taker >= 0]] = True
    return right


def takers(turn: Numbers, wanted: Numbers, size: int) -> Numbers:
    """Who takes what when, in order of `turn`, each takes the first free one of those that it wants.

    All propose at once and each wanted one keeps the earliest turn, until nobody is turned away who still wants
    something (Gale and Shapley 1962): since all agree on whose turn is first, this ends where taking turns does.

    Args:
        turn: int64 (P,), ascending; one's pairs stand in the order of one's preference.
        wanted: int64 (P,), from 0 to size - 1.
        size: how many there are to take.

    Returns:
        The turn that took each, int64 (size,), or -1.
    """
    nobody = np.iinfo(np.int64).max
    holder = np.full(size, nobody)
    heads = np.flatnonzero(np.diff(turn, prepend=-1))
    ends = np.append(heads[1:], len(turn))
    at = heads.copy()  # the pair that each proposer is at
    active = np.arange(len(heads))
    while len(active):
        asked = wanted[at[active]]
        before = np.unique(asked)
        dropped = holder[before]
        np.minimum.at(holder, asked, turn[at[active]])
        refused = active[holder[asked] != turn[at[active]]]
        dropped = dropped[(dropped != nobody) & (holder[before] != dropped)]
        refused = np.concatenate([refused, np.searchsorted(turn[heads], dropped)])
        at[refused] += 1
        active = refused[at[refused] < ends[refused]]
    return np.where(holder == nobody, -1, holder)


Overlap = Callable[[Numbers, Numbers], NDArray[np.float64]]
"""The intersection over union, float64 (P,), of things with these places and things with those, int64 (P,) each."""


def kept_in_groups(
    overlap: Overlap, scores: NDArray[np.float64], groups: Numbers, threshold: float
) -> NDArray[np.bool_]:
    """Which of N things stay: bool (N,).

    Greedy, in each group: the best stays and drops all whose overlap with it is *above* the threshold, then the best of
    the rest. Among equal scores the last comes first, as in the code of Girshick's nms.m, from which most others stem.

    Args:
        overlap: of pairs of them.
        scores: float64 (N,).
        groups: int64 (N,), which group each belongs to, such as one class in one video.
        threshold: on the overlap, from 0.
    """
    kept = np.zeros(len(scores), np.bool_)
    left = np.lexsort((-np.arange(len(scores)), -scores, groups))
    while len(left):  # one round keeps the best that is left of each group
        heads = np.flatnonzero(np.diff(groups[left], prepend=groups[left[0]] - 1))
        best = left[heads]
        kept[best] = True
        over = overlap(left, np.repeat(best, np.diff(heads, append=len(left)))) > threshold
        over[heads] = True
        left = left[~over]
    return kept
