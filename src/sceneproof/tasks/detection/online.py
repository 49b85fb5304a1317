"""Tubes from boxes, online: frame after frame, each tube given as soon as it has ended.

Singh et al., Online Real-Time Multiple Spatiotemporal Action Localisation and Prediction, ICCV 2017, and
their released code (incremental_linking.m).
"""

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sceneproof.metrics.boxes import box_iou
from sceneproof.tasks.detection.tubes import (
    BEST,
    LEAST_FRAMES,
    Boxes,
    Floats,
    Numbers,
    Trimmer,
    Tube,
    best_boxes,
    make_tube,
)


class OnlineTubes:
    """Builds tubes from one frame's boxes after the other's, for all classes.

    In each class, live paths take turns by their mean score; each takes the surest free box that overlaps its last one
    enough. Boxes that are left begin paths; a path without a box for `patience` frames ends. Frames between two boxes
    of a path get boxes on the straight way between them, and the lower of both scores (the released code repeats the
    later box; ACT's K frames bridge gaps).

    With a `switch_cost` paths are trimmed as they grow, so that nothing is kept but what may yet be part of a tube, and
    memory does not grow with the length of the video; without, a path is one tube, and is kept until it ends.

    Args:
        least_overlap: the intersection over union of a path's last box with its next. ACT's code takes .2, the released
            code .1.
        most: boxes of a class in a frame, the best after suppression.
        nms: the intersection over union above which the better box suppresses another of its class.
        patience: frames without a box after which a path ends: 5 in ACT's code, 3 in the released one.
        switch_cost: of trimming; None: no trimming, for clips that show the action from start to end.
        best: how many of its highest scores a tube's score is the mean of.
        least_frames: shorter tubes are left out.
        least_score: boxes below it are left out.
    """

    def __init__(
        self,
        *,
        least_overlap: float = 0.2,
        most: int = 10,
        nms: float = 0.45,
        patience: int = 5,
        switch_cost: float | None = 3.0,
        best: int = BEST,
        least_frames: int = LEAST_FRAMES,
        least_score: float = 0.001,
    ) -> None:
        self.least_overlap, self.most, self.nms, self.patience = least_overlap, most, nms, patience
        self.switch_cost, self.best = switch_cost, best
        self.least_frames, self.least_score = least_frames, least_score
        self.frame = 0
        self._live: dict[int, list[_Path]] = {}
        self._begun = 0

    def step(self, boxes: Boxes, action: Numbers, score: Boxes) -> list[Tube]:
        """Takes the next frame's boxes; returns the tubes that are now known to have ended.

        A frame that shows nothing, or that is missing, is a step with no boxes.

        Args:
            boxes: float (N, 4); N may be 0.
            action: int64 (N,).
            score: float (N,), 0 to 1.
        """
        sure = np.flatnonzero(score >= self.least_score)
        kept = sure[best_boxes(boxes[sure], action[sure], score[sure], most=self.most, nms=self.nms)]
        of = action[kept]
        ended: list[Tube] = []
        for number in sorted({*self._live, *of.tolist()}):
            ended += self._link(number, boxes[kept[of == number]], score[kept[of == number]])
        self.frame += 1
        return self._long(ended)

    def end(self) -> list[Tube]:
        """The tubes that are left when the video ends; nothing of it is kept."""
        left = [tube for paths in self._live.values() for path in paths for tube in path.end(self.best)]
        self._live, self.frame = {}, 0
        return self._long(left)

    def now(self) -> tuple[Floats, Numbers, NDArray[np.float64], Numbers]:
        """What the last frame shows, as far as is known: boxes (n, 4), actions, mean scores and path numbers (n,)."""
        shown = [path for paths in self._live.values() for path in paths if path.last == self.frame - 1 and path.on]
        return (
            np.array([path.box for path in shown], np.float32).reshape(-1, 4),
            np.array([path.action for path in shown], np.int64),
            np.array([path.mean for path in shown], np.float64),
            np.array([path.number for path in shown], np.int64),
        )

    def _link(self, action: int, boxes: Boxes, score: Boxes) -> list[Tube]:
        paths = sorted(self._live.get(action, []), key=lambda path: -path.mean)
        free, alive, ended = np.ones(len(boxes), np.bool_), [], []
        last = np.array([path.box for path in paths]).reshape(-1, 1, 4)
        for path, overlap in zip(paths, box_iou(last, boxes[None]), strict=True):
            fits = np.flatnonzero(free & (overlap >= self.least_overlap))
            if len(fits):
                taken = fits[score[fits].argmax()]
                free[taken] = False
                ended += path.add(self.frame, boxes[taken], float(score[taken]), self.best)
            if self.frame - path.last < self.patience:
                alive.append(path)
            else:
                ended += path.end(self.best)
        for new in np.flatnonzero(free):
            trimmer = None if self.switch_cost is None else Trimmer(self.switch_cost)
            path = _Path(self._begun, action, trimmer, self.frame)
            self._begun += 1
            ended += path.add(self.frame, boxes[new], float(score[new]), self.best)
            alive.append(path)
        self._live[action] = alive
        if not alive:
            del self._live[action]
        return ended

    def _long(self, tubes: list[Tube]) -> list[Tube]:
        return [tube for tube in tubes if len(tube.boxes) >= self.least_frames]


@dataclass(slots=True)
class _Path:
    """A live path: what of it may yet be part of a tube."""

    number: int
    action: int
    trimmer: Trimmer | None
    first: int  # the frame of the first box that is kept
    last: int = -1
    boxes: "array[float]" = field(default_factory=lambda: array("f"))
    scores: "array[float]" = field(default_factory=lambda: array("f"))
    box: tuple[float, ...] = ()
    known: int = 0  # how many of the frames kept, from the first on, are known to show the action
    total: float = 0.0
    count: int = 0
    score: float = 0.0

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def on(self) -> bool:
        return self.trimmer is None or self.trimmer.leads

    def add(self, frame: int, box: Boxes, score: float, best: int) -> list[Tube]:
        corners: tuple[float, ...] = tuple(box.tolist())
        ended: list[Tube] = []
        missed = frame - self.last - 1 if self.count else 0
        for nth in range(1, missed + 1):
            share = nth / (missed + 1)
            between = tuple(a + (b - a) * share for a, b in zip(self.box, corners, strict=True))
            ended += self._grow(frame - missed + nth - 1, between, min(self.score, score), best)
        ended += self._grow(frame, corners, score, best)
        self.last, self.box, self.score = frame, corners, score
        self.total += score
        self.count += 1
        return ended

    def end(self, best: int) -> list[Tube]:
        return self._tubes(len(self.scores) if self.on else self.known, best)

    def _grow(self, frame: int, corners: tuple[float, ...], score: float, best: int) -> list[Tube]:
        self.boxes.extend(corners)
        self.scores.append(score)
        label = None if self.trimmer is None else self.trimmer.step(score)
        if label is None:
            return []
        if label:
            self.known = len(self.scores)
            return []
        ended = self._tubes(self.known, best)
        self.boxes, self.scores = array("f"), array("f")
        self.known, self.first = 0, frame + 1
        return ended

    def _tubes(self, frames: int, best: int) -> list[Tube]:
        if not frames:
            return []
        boxes, scores = np.array(self.boxes[: 4 * frames]).reshape(-1, 4), np.array(self.scores[:frames])
        return [make_tube(self.number, self.action, self.first, boxes, scores, best=best)]
