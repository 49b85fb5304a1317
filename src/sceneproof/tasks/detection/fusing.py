"""Late fusion of detectors: mean confidences, with the first run's boxes.

ACT's "RGB boxes + mean" (Kalogeiton et al., ICCV 2017) averages what both streams say of the same anchor;
here the boxes of two networks are matched.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.human_tables import CORNERS
from sceneproof.metrics.boxes import box_iou
from sceneproof.run import Run
from sceneproof.task import Tested
from sceneproof.tasks.detection.detecting import empty, tube_table
from sceneproof.tasks.detection.linking import TubeSettings, link
from sceneproof.tasks.detection.scoring import BOXES, TRUTH, TUBES
from sceneproof.tasks.detection.streaming import FrameBoxes
from sceneproof.tasks.detection.testing import split_figures
from sceneproof.tasks.joining import joined, said, same_truth


def fuse_detectors(runs: Sequence[Run], shares: Sequence[float], tubes: TubeSettings) -> Tested:
    """Mean scores of boxes of one action that overlap by half or more in a frame; tubes are linked anew of these.

    Args:
        runs: the first one's boxes stay where they are.
        shares: how much each counts.
        tubes: how boxes are linked.

    Raises:
        InputError: runs that were not tested, of other actions, on other videos, or on frames of another size.
    """
    truths = [said(run, "truth", "true boxes", (*TRUTH, "problem"))[0] for run in runs]
    truth = same_truth(runs, truths, ("split", "video", "track", "frame", "action"), CORNERS)
    found = [said(run, "predictions", "found boxes", BOXES)[0] for run in runs]
    boxes = joined(found, shares, truth, ("frame", "action"), CORNERS, box_iou)
    actions = runs[0].actions
    of_videos = dict(list(boxes.groupby(["split", "video"], sort=False)))
    linked = [empty(TUBES)]
    for split, video in truth[["split", "video"]].drop_duplicates().itertuples(index=False, name=None):
        if (split, video) in of_videos:
            frames = list(_frames(of_videos[split, video], actions))
            linked.append(tube_table(link(frames, tubes), frames[0].frame, video, split, actions))
    every = pd.concat(linked, ignore_index=True)
    splits = {
        str(split): split_figures(part, boxes[boxes["split"] == split], every[every["split"] == split], actions)
        for split, part in truth.groupby("split", sort=False)
    }
    made = {"predictions": ("found boxes", boxes), "tubes": ("found tubes", every), "truth": ("true boxes", truth)}
    return Tested(splits, made)


def _frames(rows: pd.DataFrame, actions: Sequence[str]) -> Iterator[FrameBoxes]:
    """One video's boxes, frame after frame without a hole, from the first frame that has any to the last."""
    number = rows["frame"].to_numpy(np.int64)
    boxes: NDArray[np.float64] = rows[list(CORNERS)].to_numpy(np.float64)
    action = pd.Index(actions).get_indexer(pd.Index(rows["action"].astype(str))).astype(np.int64)
    score = rows["score"].to_numpy(np.float64)
    for frame in range(int(number[0]), int(number[-1]) + 1):
        own = slice(*np.searchsorted(number, [frame, frame + 1]))
        yield FrameBoxes(frame, boxes[own], action[own], score[own])
