"""Late fusion of localizers: scores of the same segments averaged, as TAL-Net does it (Chao et al., CVPR 2018)."""

from collections.abc import Sequence

from sceneproof.figures import tested_settings
from sceneproof.metrics.temporal_segments import temporal_iou
from sceneproof.run import Run
from sceneproof.task import Tested
from sceneproof.tasks.joining import joined, said, same_truth
from sceneproof.tasks.localization.detecting import COLUMNS
from sceneproof.tasks.localization.scoring import THRESHOLDS, TRUTH
from sceneproof.tasks.localization.testing import split_figures


def fuse_localizers(runs: Sequence[Run], shares: Sequence[float]) -> Tested:
    """Mean scores of segments that overlap by half or more; their times are the first run's that has them.

    TAL-Net's streams score the same proposals; those of two networks are matched. Suppression by the evaluated tIoU
    follows where any of the runs wants it, and the tIoUs are the first run's.

    Raises:
        InputError: runs that were not tested, of other actions, or on other videos.
    """
    tables = [said(run, "predictions", "detections", COLUMNS) for run in runs]
    truths = [said(run, "truth", "truth", (*TRUTH, "problem"))[0] for run in runs]
    truth = same_truth(runs, truths, ("split", "video", "action"), ("start", "end", "duration"))
    detections = joined([rows for rows, _ in tables], shares, truth, ("action",), ("start", "end"), temporal_iou)
    wants = any(bool(about.get("nms_by_threshold", False)) for _, about in tables)
    thresholds = tested_settings(runs[0].path).get("thresholds", THRESHOLDS)
    splits = {
        str(split): split_figures(
            part, detections[detections["split"] == split], runs[0].actions, thresholds, nms_by_threshold=wants
        )
        for split, part in truth.groupby("split", sort=False)
    }
    made = {"predictions": ("detections", detections), "truth": ("truth", truth)}
    return Tested(splits, made, metadata={"nms_by_threshold": wants})
