"""How boxes become tubes in testing: one set of settings for both ways."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sceneproof.errors import InputError
from sceneproof.metrics.tubes import tube_nms
from sceneproof.tasks.detection.offline import offline_tubes
from sceneproof.tasks.detection.online import OnlineTubes
from sceneproof.tasks.detection.streaming import FrameBoxes
from sceneproof.tasks.detection.tubes import BEST, Tube, found_tubes


@dataclass(frozen=True)
class TubeSettings:
    """How boxes are linked to tubes.

    Args:
        way: 'online', frame after frame (Singh et al. 2017), or 'offline', the best path through the whole video.
        least_overlap: online: intersection over union of a tube's last box with its next.
        patience: online: frames without a box after which a tube ends.
        overlap_weight: offline: weight of the intersection over union beside the scores.
        most: boxes of an action in a frame that are linked, the best after suppression.
        nms: intersection over union above which a better box of its action suppresses another.
        switch_cost: of trimming a tube to when its action is done; null: no trimming, for videos that show the action
            from start to end, as J-HMDB's do.
        least_frames: shorter tubes are left out.
        least_score: boxes below it are left out.
        tube_nms: of two tubes of one action that overlap by more than this the worse goes.
    """

    way: Literal["online", "offline"] = "online"
    least_overlap: float = 0.2
    patience: int = 5
    overlap_weight: float = 1.0
    most: int = 10
    nms: float = 0.45
    switch_cost: float | None = 3.0
    least_frames: int = 10
    least_score: float = 0.001
    tube_nms: float = 0.3

    def __post_init__(self) -> None:
        """Refuses what nothing can be linked with."""
        for name in ("patience", "most", "least_frames"):
            if getattr(self, name) < 1:
                raise InputError(f"tubes.{name}: must be at least 1, not {getattr(self, name)}")
        for name in ("least_overlap", "nms", "least_score", "tube_nms"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"tubes.{name}: must be from 0 to 1, not {getattr(self, name)}")
        for name, value in (("overlap_weight", self.overlap_weight), ("switch_cost", self.switch_cost)):
            if value is not None and value < 0:
                raise InputError(f"tubes.{name}: must be at least 0, not {value}")

    def online(self) -> OnlineTubes:
        """What builds tubes as frames come."""
        return OnlineTubes(
            least_overlap=self.least_overlap,
            most=self.most,
            nms=self.nms,
            patience=self.patience,
            switch_cost=self.switch_cost,
            least_frames=self.least_frames,
            least_score=self.least_score,
        )


def link(frames: Iterable[FrameBoxes], settings: TubeSettings) -> list[Tube]:
    """The tubes of one video, the best first, less those that a better one of their action overlaps.

    Args:
        frames: of the video, in order, without a hole.
        settings: how they are linked. Frames of tubes are counted from the first of `frames`.
    """
    if settings.way == "online":
        builder = settings.online()
        tubes = [
            tube for frame in frames for tube in builder.step(frame.boxes, frame.action, frame.score)
        ] + builder.end()
    else:
        seen = list(frames)
        tubes = offline_tubes(
            [frame.boxes for frame in seen],
            [frame.action for frame in seen],
            [frame.score for frame in seen],
            overlap_weight=settings.overlap_weight,
            most=settings.most,
            nms=settings.nms,
            switch_cost=settings.switch_cost,
            best=BEST,
            least_frames=settings.least_frames,
            least_score=settings.least_score,
        )
    return best_tubes(tubes, settings.tube_nms)


def best_tubes(tubes: Sequence[Tube], nms: float) -> list[Tube]:
    """One video's tubes, the best first, less those that a better one of their action overlaps by more than `nms`."""
    kept = np.flatnonzero(tube_nms(found_tubes([tubes]), nms)).tolist()
    return sorted((tubes[place] for place in kept), key=lambda tube: -tube.score)
